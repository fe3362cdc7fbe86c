//! Slots that are lent: a fetch that waits in vain for its host leaves its slot to another one.
//!
//! The engine says of which fetch, once; until it ends there is one slot more. Who ran it gives no
//! slot back then, for that is the other one's now.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::model::JobId;

/// The slots that are lent in a run.
#[derive(Debug)]
pub struct Lent {
    /// How many there are, so that a run without any takes no lock.
    count: AtomicU32,
    state: Mutex<State>,
    /// Those that nobody has taken yet.
    slots: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    of: Vec<JobId>,
    /// Slots of fetches that had ended when they were lent: the next that is free goes for each.
    owed: u32,
    closed: bool,
}

impl Default for Lent {
    fn default() -> Self {
        Self { count: AtomicU32::new(0), state: Mutex::default(), slots: Semaphore::new(0) }
    }
}

impl Lent {
    /// Lends the slot of this fetch.
    pub fn lend(&self, id: JobId) {
        let mut state = self.lock();
        if !state.closed {
            state.of.push(id);
            self.count(&state);
            self.slots.add_permits(1);
        }
    }

    /// How many are lent.
    pub fn many(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// The outcome of this fetch has come. Where whoever ran it did not know that its slot was lent,
    /// one that is free goes for it, or the next that becomes so.
    pub fn settled(&self, id: JobId) {
        if self.many() == 0 {
            return;
        }
        let mut state = self.lock();
        if let Some(at) = state.of.iter().position(|lent| *lent == id) {
            state.of.swap_remove(at);
            match self.slots.try_acquire() {
                Ok(slot) => slot.forget(),
                Err(_) => state.owed += 1,
            }
            self.count(&state);
        }
    }

    /// A fetch has ended: whether its slot is no longer there.
    pub(super) fn ended(&self, id: JobId) -> bool {
        if self.many() == 0 {
            return false;
        }
        let mut state = self.lock();
        if let Some(at) = state.of.iter().position(|lent| *lent == id) {
            state.of.swap_remove(at);
        } else if state.owed > 0 {
            state.owed -= 1;
        } else {
            return false;
        }
        self.count(&state);
        true
    }

    /// Waits for a slot that is lent, and takes it.
    pub(super) async fn slot(&self) {
        match self.slots.acquire().await {
            Ok(slot) => slot.forget(),
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// There are fewer workers than slots: nothing is lent any more, and what is lent is given back as
    /// any other. `most` slots were there without those that are lent, and one of all is in the hand of
    /// whoever found no worker for it. Takes those that are too many, as far as nobody has taken them;
    /// how many are still to be taken elsewhere.
    pub(super) fn close(&self, most: usize, workers: usize) -> usize {
        let mut state = self.lock();
        // There may be workers for slots that were lent.
        let all = (most + state.of.len() + state.owed as usize).saturating_sub(workers + 1);
        *state = State { closed: true, ..State::default() };
        self.count(&state);
        all - self.slots.forget_permits(all)
    }

    fn count(&self, state: &State) {
        self.count.store(state.of.len() as u32 + state.owed, Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn free(lent: &Lent) -> usize {
        lent.slots.available_permits()
    }

    #[test]
    fn a_slot_is_there_from_the_lending_to_the_end_of_the_fetch() {
        let lent = Lent::default();
        assert!(!lent.ended(JobId(1)) && lent.slot().now_or_never().is_none());
        lent.lend(JobId(1));
        assert_eq!((lent.many(), lent.slot().now_or_never()), (1, Some(())));
        assert!(!lent.ended(JobId(2)), "another one keeps its own");
        assert!(lent.ended(JobId(1)) && !lent.ended(JobId(1)));
        lent.settled(JobId(1));
        assert_eq!((lent.many(), free(&lent)), (0, 0));
    }

    #[test]
    fn a_slot_that_was_lent_too_late_is_taken_back_once() {
        let lent = Lent::default();
        lent.lend(JobId(1));
        lent.settled(JobId(1));
        assert_eq!((lent.many(), free(&lent), lent.ended(JobId(2))), (0, 0, false), "nobody had taken it");
        lent.lend(JobId(3));
        lent.slot().now_or_never().unwrap();
        lent.settled(JobId(3));
        assert_eq!(lent.many(), 1);
        assert!(lent.ended(JobId(4)), "the next one goes for it");
        assert!(!lent.ended(JobId(5)) && lent.many() == 0);
    }

    #[test]
    fn without_enough_workers_nothing_is_lent() {
        let lent = Lent::default();
        lent.lend(JobId(1));
        lent.lend(JobId(2));
        lent.slot().now_or_never().unwrap();
        assert_eq!(lent.close(6, 2), 4, "one was free");
        lent.lend(JobId(3));
        assert!(!lent.ended(JobId(1)) && free(&lent) == 0 && lent.many() == 0);
    }

    #[test]
    fn a_worker_that_is_missing_for_a_slot_that_was_lent_costs_only_that_slot() {
        let lent = Lent::default();
        lent.lend(JobId(1));
        lent.slot().now_or_never().unwrap();
        assert_eq!(lent.close(2, 2), 0, "it is in the hand of the one who asks");
        assert!(!lent.ended(JobId(1)) && lent.many() == 0);
    }
}
