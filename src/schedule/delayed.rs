//! Jobs that wait for a time: retries and redirects with a wait.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::time::Instant;

use crate::model::Job;

/// A job and its time. Jobs of one time keep their order.
struct Delayed {
    due: Instant,
    number: u64,
    job: Box<Job>,
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

/// Jobs by their time.
#[derive(Default)]
pub(super) struct DelayedJobs {
    jobs: BinaryHeap<Reverse<Delayed>>,
    number: u64,
}

impl DelayedJobs {
    pub(super) fn push(&mut self, due: Instant, job: Box<Job>) {
        self.number += 1;
        self.jobs.push(Reverse(Delayed { due, number: self.number, job }));
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is such a job.
    pub(super) fn any(&self, mut is_wanted: impl FnMut(&Job) -> bool) -> bool {
        self.jobs.iter().any(|Reverse(delayed)| is_wanted(&delayed.job))
    }

    /// The jobs and their times, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Instant, &Job)> {
        self.jobs.iter().map(|Reverse(delayed)| (delayed.due, &*delayed.job))
    }

    /// The earliest time.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.jobs.peek().map(|Reverse(first)| first.due)
    }

    /// Takes the first job if its time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Box<Job>> {
        self.next_due().filter(|due| *due <= now).and_then(|_| self.pop())
    }

    /// Takes the first job.
    pub(super) fn pop(&mut self) -> Option<Box<Job>> {
        self.jobs.pop().map(|Reverse(first)| first.job)
    }

    /// Takes the jobs that `chosen` selects, in the order of their time.
    pub(super) fn take_where(&mut self, chosen: impl Fn(&Job) -> bool) -> Vec<Box<Job>> {
        let all = std::mem::take(&mut self.jobs);
        let (mut taken, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|Reverse(delayed)| chosen(&delayed.job));
        self.jobs = rest.into();
        taken.sort_by(|Reverse(a), Reverse(b)| a.cmp(b));
        taken.into_iter().map(|Reverse(delayed)| delayed.job).collect()
    }
}
