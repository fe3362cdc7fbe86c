//! Jobs whose time has not come.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::time::Instant;

use super::Waiting;
use crate::model::Job;

/// A job and its time; of one time, first come first served.
struct Due {
    at: Instant,
    turn: u64,
    job: Box<Job>,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

/// Jobs by their time.
#[derive(Default)]
pub(super) struct Later {
    jobs: BinaryHeap<Reverse<Due>>,
    turn: u64,
}

impl Later {
    pub(super) fn push(&mut self, at: Instant, job: Box<Job>) {
        self.turn += 1;
        self.jobs.push(Reverse(Due { at, turn: self.turn, job }));
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.jobs.peek().map(|Reverse(due)| due.at)
    }

    /// Those whose time has come, in that order.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Waiting> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            due.extend(self.jobs.pop().map(|Reverse(due)| Waiting::Again(due.job)));
        }
        due
    }

    /// The first.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.jobs.pop().map(|Reverse(due)| Waiting::Again(due.job))
    }

    /// Those that are chosen, in the order of their time.
    pub(super) fn take_where(&mut self, chosen: impl Fn(&Job) -> bool) -> Vec<Waiting> {
        let all = std::mem::take(&mut self.jobs);
        let (taken, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|Reverse(due)| chosen(&due.job));
        self.jobs = left.into();
        Self { jobs: taken.into(), turn: 0 }.into_waiting().collect()
    }

    /// All, in the order of their time.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        self.jobs.into_sorted_vec().into_iter().rev().map(|Reverse(due)| Waiting::Again(due.job))
    }
}
