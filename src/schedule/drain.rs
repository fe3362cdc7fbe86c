//! Takes jobs back when the run stops: none of them will be fetched.

use super::scheduler::{Early, Scheduler};
use crate::model::{Job, Subject};

impl Scheduler {
    /// Takes up to `most` waiting jobs: those of ready hosts in the order of their turns, then those of
    /// the other hosts, then delayed ones. Nothing may be handed out after that, and no room is needed.
    pub fn drain(&mut self, most: usize) -> Vec<Subject> {
        self.room_due = None;
        if self.hosts.is_only_returned() {
            self.hosts.set_only_returned(false);
        }
        std::iter::from_fn(|| self.drain_one()).take(most).collect()
    }

    fn drain_one(&mut self) -> Option<Subject> {
        if let Some(lost) = self.take_lost() {
            return Some(Subject::Bad(lost));
        }
        let ready = self.hosts.first_ready().or(self.hosts.first_troubled());
        let job = match ready {
            Some((_, at)) => {
                let job = self.pop(at, None);
                self.hosts.list(at);
                job
            }
            None => self.drain_other_hosts(),
        };
        let Some(job) = job.or_else(|| self.delayed.pop()) else {
            (self.next_start, self.early, self.drained) = (None, Early::Over, 0);
            return None;
        };
        self.leaves(&job);
        Some(job.into())
    }

    fn drain_other_hosts(&mut self) -> Option<Box<Job>> {
        while self.hosts.places().contains(&self.drained) {
            let at = self.drained;
            if let Some(job) = self.pop(at, None) {
                self.hosts.count(at);
                return Some(job);
            }
            self.drained += 1;
            if !self.hosts[at].name.is_empty() {
                // A hold stays: the next worker of a fleet gets it with the host.
                self.hosts.list(at);
            }
        }
        None
    }
}
