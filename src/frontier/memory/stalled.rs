//! Fetches at hosts that are not known to answer: since when they are under way, and beside which of
//! them another one runs.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Answered, JobId};

/// A fetch that is out.
struct Out {
    /// How many were handed out before it.
    number: u64,
    id: JobId,
    host: usize,
    /// When it was seen to have begun.
    since: Option<Instant>,
    answered: Answered,
}

/// What is out at such hosts.
pub(super) struct Stalled {
    /// The most fetches beside which another one may run.
    most: u32,
    /// The most that this ever is.
    allowed: u32,
    /// In the order in which they were handed out and begin, and so by their time.
    out: VecDeque<Out>,
    /// Those beside which another one runs, with the hosts that they wait for.
    lent: Vec<(JobId, Option<usize>)>,
}

impl Stalled {
    pub(super) fn new(most: u32) -> Self {
        Self { most, allowed: most, out: VecDeque::new(), lent: Vec::new() }
    }

    /// Another one may run beside so many, if it might at first.
    pub(super) fn limit(&mut self, most: u32) {
        self.most = most.min(self.allowed);
    }

    /// Beside how many another one runs.
    pub(super) fn lent(&self) -> u32 {
        self.lent.len() as u32
    }

    /// One is handed out; what is to be told of its answer.
    pub(super) fn handed_out(&mut self, number: u64, id: JobId, host: usize) -> Answered {
        if self.allowed == 0 {
            return Answered::default();
        }
        let answered = Answered::awaited();
        self.out.push_back(Out { number, id, host, since: None, answered: answered.clone() });
        answered
    }

    /// Its host has answered, and it goes on elsewhere; what runs beside it still does. That host, where
    /// it waited for it in vain.
    pub(super) fn goes_elsewhere(&mut self, id: JobId) -> Option<usize> {
        match self.lent.iter_mut().find(|(lent, _)| *lent == id) {
            Some((_, host)) => host.take(),
            None => self.ended(id),
        }
    }

    /// One goes on at this host: it has begun.
    pub(super) fn goes_on(&mut self, id: JobId, host: usize, now: &dyn Fn() -> Instant) -> Answered {
        if self.allowed == 0 || self.is_lent(id) {
            return Answered::default();
        }
        let (answered, since) = (Answered::awaited(), Some(now()));
        let at = self.out.partition_point(|out| out.since.is_some());
        let number = at.checked_sub(1).and_then(|before| self.out.get(before)).map_or(0, |before| before.number);
        self.out.insert(at, Out { number, id, host, since, answered: answered.clone() });
        answered
    }

    /// All that were handed out before this number have begun.
    pub(super) fn begun(&mut self, number: u64, now: &dyn Fn() -> Instant) {
        if self.out.back().is_none_or(|last| last.since.is_some()) {
            return;
        }
        let first = self.out.partition_point(|out| out.since.is_some());
        let end = self.out.partition_point(|out| out.number < number);
        if first < end {
            let now = now();
            self.out.range_mut(first..end).for_each(|out| out.since = Some(now));
        }
    }

    /// When the oldest will be out for so long; `None` where it makes no difference.
    pub(super) fn due(&self, patience: Duration) -> Option<Instant> {
        if self.lent() >= self.most {
            return None;
        }
        Some(self.out.front()?.since? + patience)
    }

    /// The oldest, its host, and whether that has answered.
    pub(super) fn first(&self) -> Option<(JobId, usize, bool)> {
        self.out.front().map(|out| (out.id, out.host, out.answered.is_told()))
    }

    pub(super) fn forget_first(&mut self) {
        self.out.pop_front();
    }

    /// Another one runs beside the oldest.
    pub(super) fn lend_first(&mut self) {
        self.lent.extend(self.out.pop_front().map(|out| (out.id, Some(out.host))));
    }

    /// Whether another one runs beside it.
    pub(super) fn is_lent(&self, id: JobId) -> bool {
        self.lent.iter().any(|(lent, _)| *lent == id)
    }

    /// It is out no longer; its host, where another one ran beside it.
    pub(super) fn ended(&mut self, id: JobId) -> Option<usize> {
        if let Some(at) = self.lent.iter().position(|(lent, _)| *lent == id) {
            return self.lent.swap_remove(at).1;
        }
        // Most end in about the order in which they began.
        let at = self.out.iter().position(|out| out.id == id)?;
        self.out.remove(at);
        None
    }
}
