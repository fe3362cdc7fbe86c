//! Outcomes in the order of the input, each as soon as its turn has come.

use std::collections::VecDeque;

use crate::model::Outcome;

/// The number of lines that may be read past the oldest unfinished URL. Finished outcomes that wait
/// for their turn use memory, so this bounds it.
pub(super) const WINDOW: usize = 10_000;

/// The most bytes of outcomes that may wait for their turn. Beyond that, only the line whose turn it is may begin.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Holds back outcomes whose turn has not come.
#[derive(Debug, Default)]
pub(super) struct InputOrder {
    /// The number whose turn it is.
    next: u64,
    /// From that number on; boxed, because most places are empty for most of the time.
    held: VecDeque<Option<Box<Outcome>>>,
    /// The memory of those outcomes.
    bytes: usize,
}

impl InputOrder {
    /// The line that holds up so much that nothing else may begin.
    pub(super) fn waits_for(&self) -> Option<u64> {
        (self.bytes >= MOST_BYTES).then_some(self.next)
    }

    /// How many more lines may be read, of which `read` have been.
    pub(super) fn room(&self, read: u64) -> usize {
        if self.waits_for().is_some() {
            return 0;
        }
        let ahead = usize::try_from(read.saturating_sub(self.next)).unwrap_or(usize::MAX);
        WINDOW.saturating_sub(ahead)
    }

    /// Takes an outcome, and gives back those whose turn has come.
    pub(super) fn put(&mut self, outcome: Outcome, out: &mut Vec<Outcome>) {
        let Some(place) = outcome.subject.id().0.checked_sub(self.next).and_then(|p| usize::try_from(p).ok()) else {
            // Its turn is over, which only a number given twice can bring about.
            return out.push(outcome);
        };
        if place == 0 && self.held.len() <= 1 {
            self.held.clear();
            self.next += 1;
            return out.push(outcome);
        }
        if self.held.len() <= place {
            self.held.resize_with(place + 1, || None);
        }
        self.bytes += outcome.size();
        self.held[place] = Some(Box::new(outcome));
        while let Some(Some(_)) = self.held.front() {
            let due = self.held.pop_front().flatten();
            self.bytes -= due.as_ref().map_or(0, |outcome| outcome.size());
            out.extend(due.map(|outcome| *outcome));
            self.next += 1;
        }
    }

    /// Gives back what is held, in order, whatever is missing before it.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = Outcome> + '_ {
        self.held.drain(..).flatten().map(|outcome| *outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{BadLine, ErrorKind, FetchError, JobId, SourcePos, Via};

    fn outcome(number: u64) -> Outcome {
        let origin = SourcePos { list: Arc::from("l"), line: number + 1 };
        let error = FetchError::new(ErrorKind::InvalidUrl, "none");
        Outcome::bad_line(BadLine { id: JobId(number), text: String::new(), via: Via::List(origin), error })
    }

    proptest! {
        #[test]
        fn every_outcome_comes_out_once_in_order_and_as_early_as_it_can(
            numbers in Just((0..60_u64).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let (mut order, mut out) = (InputOrder::default(), Vec::new());
            let mut done = std::collections::BTreeSet::new();
            for number in numbers {
                order.put(outcome(number), &mut out);
                done.insert(number);
                let due = (0..).take_while(|n| done.contains(n)).count();
                let told: Vec<_> = out.iter().map(|o| o.subject.id().0).collect();
                prop_assert_eq!(told, (0..due as u64).collect::<Vec<_>>());
                prop_assert_eq!(order.room(60), WINDOW - (60 - due));
            }
            prop_assert_eq!(order.rest().count(), 0);
        }
    }

    #[test]
    fn many_bytes_held_let_only_the_line_they_wait_for_begin() {
        let (mut order, mut out) = (InputOrder::default(), Vec::new());
        let long = |number| {
            let mut outcome = outcome(number);
            outcome.facts.path = Some("x".repeat(60_000));
            outcome
        };
        let full = (1..WINDOW as u64).find(|number| {
            order.put(long(*number), &mut out);
            order.waits_for().is_some()
        });
        let held = full.expect("a bound");
        assert!((500..700).contains(&held), "{held} of 60 kB each");
        assert_eq!((order.waits_for(), order.room(held + 1)), (Some(0), 0));
        order.put(long(0), &mut out);
        assert_eq!((out.len() as u64, order.waits_for()), (held + 1, None));
        assert_eq!(order.room(held + 1), WINDOW);
    }

    #[test]
    fn held_records_are_flushed_when_an_earlier_one_never_comes() {
        let (mut order, mut out) = (InputOrder::default(), Vec::new());
        for number in [3, 1] {
            order.put(outcome(number), &mut out);
        }
        assert!(out.is_empty());
        assert_eq!(order.rest().map(|o| o.subject.id().0).collect::<Vec<_>>(), [1, 3]);
    }
}
