//! Makes room for more jobs: most jobs of slow hosts go to a queue on disk and come back as they are needed.
//! So the hosts behind them in a long list need not wait.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use super::scheduler::Scheduler;
use super::spilled_jobs::{AT_ONCE, CHUNK};
use crate::model::{BadLine, Batch, Job};

/// A host is slow if its oldest job has waited for so long.
const SLOW: Duration = Duration::from_secs(10);

/// A host is fast again if a chunk lasted for less than this.
const FAST: Duration = Duration::from_millis(250);

/// When memory stays full, look for room again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Scheduler {
    pub(super) fn has_room(&self) -> bool {
        self.capacity() >= Batch::MAX
    }

    /// Moves jobs to the disk if there is no room for another batch.
    pub(super) fn look_for_room(&mut self, now: Instant) {
        self.room_due = None;
        if self.has_room() {
            return;
        }
        let enough = self.spill_queue.jobs() + AT_ONCE;
        for at in self.hosts.places() {
            if self.spill_queue.jobs() >= enough {
                break;
            }
            self.spill(at, now);
        }
        if !self.has_room() {
            // Later, a host may become slow, or the disk may have space again.
            let wrote_enough = self.spill_queue.jobs() >= enough;
            self.room_due = Some(if wrote_enough { now } else { now + LOOK_AGAIN });
        }
    }

    /// Moves jobs of a slow host to the disk, all but the first chunk.
    fn spill(&mut self, at: usize, now: Instant) {
        let slots_are_idle = self.in_flight() < self.concurrency;
        let host = &mut self.hosts[at];
        let spilled = match &mut host.spilled {
            Some(spilled) => spilled,
            None => {
                // The queue on disk keeps no leases, and leased jobs are few.
                let is_long = host.queue.len_of_default() >= 2 * CHUNK && !host.queue.is_leased();
                let capped = slots_are_idle && host.is_capped();
                let age = |oldest| now.into_std().saturating_duration_since(oldest);
                let slow = host.queue.oldest().is_some_and(|oldest| age(oldest) >= SLOW);
                if !is_long || !(host.is_parked() || capped || slow || host.is_unanswered(now)) {
                    return;
                }
                let spilled = host.spilled.insert(Box::default());
                spilled.append(host.queue.take_behind(CHUNK));
                spilled
            }
        };
        self.waiting_bytes -= spilled.write_on(&mut self.spill_queue);
        self.hosts.count(at);
    }

    /// Adds a job behind those of its host that are spilled.
    pub(super) fn push_spilled(&mut self, at: usize, job: Box<Job>) {
        if let Some(spilled) = &mut self.hosts[at].spilled {
            self.waiting_bytes -= spilled.push(job, &mut self.spill_queue);
            self.hosts.count(at);
        }
    }

    /// Takes a line that could not be read back. After the last one, reads on for its host.
    pub(super) fn take_lost(&mut self) -> Option<Box<BadLine>> {
        let line = self.lost.pop_front()?;
        self.waiting -= 1;
        if self.lost.is_empty() {
            self.refill(self.lost_host, None);
            self.hosts.list(self.lost_host);
        }
        Some(Box::new(line))
    }

    /// Reads a chunk of jobs of a host back before those in memory run out. Stops at lost lines: they are
    /// taken before any host has a turn, see [`Scheduler::take_lost`].
    pub(super) fn refill(&mut self, at: usize, now: Option<Instant>) {
        let host = &mut self.hosts[at];
        if host.queue.len_of_default() >= CHUNK / 2 {
            return;
        }
        if let (Some(spilled), Some(now)) = (&mut host.spilled, now) {
            spilled.note_need(now, FAST);
        }
        let mut restored = 0;
        while restored < CHUNK
            && self.lost.is_empty()
            && let Some(spilled) = &mut host.spilled
        {
            let Some(back) = spilled.take(&host.name, &mut self.spill_queue) else {
                host.spilled = None;
                break;
            };
            restored += back.jobs.len();
            self.waiting_bytes += back.bytes;
            (self.lost, self.lost_host) = (back.lost.into(), at);
            back.jobs.into_iter().for_each(|job| host.queue.push(job));
        }
    }
}
