//! Room for more lines: where most of what waits is of hosts that are not done with it soon, their
//! lines go to the file of [`super::overflow`] and come back as they are needed.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::time::Instant as Time;

use super::overflow::{Behind, CHUNK};
use super::{MemoryFrontier, Waiting};
use crate::model::Batch;

/// A host is slow if what waits for it has waited for so long.
const SLOW: Duration = Duration::from_secs(10);

/// It is so no more if it was done with a chunk in so much less than that.
const QUICK: Duration = Duration::from_millis(250);

/// After this time it is looked again whether there can be room.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl MemoryFrontier {
    /// There may be no room for another batch: where that is so it is looked for.
    pub(super) fn look_for_room(&mut self, now: Time) {
        self.room_due = None;
        if self.has_room() {
            return;
        }
        for at in 0..self.hosts.len() {
            self.write_down(at, now.into_std());
        }
        // Somebody may become slow, or the disk may have room again.
        self.room_due = (!self.has_room()).then(|| now + LOOK_AGAIN);
    }

    pub(super) fn has_room(&self) -> bool {
        use super::Frontier;
        self.room() >= Batch::MAX
    }

    /// Writes what waits for a host but the first chunk, if it is not done with that soon.
    fn write_down(&mut self, at: usize, now: Instant) {
        let slots_are_idle = self.out < self.concurrency;
        let host = &mut self.hosts[at];
        let mut bytes = 0;
        match &mut host.behind {
            Some(behind) => bytes += behind.write_again(&mut self.overflow),
            None => {
                let is_long = host.queue.ordinary() >= 2 * CHUNK;
                let slow = || host.queue.oldest().is_some_and(|oldest| now.saturating_duration_since(oldest) >= SLOW);
                let capped = slots_are_idle && host.is_capped();
                if !is_long || !(host.is_parked() || capped || slow()) {
                    return;
                }
                let mut behind = Box::<Behind>::default();
                for waiting in host.queue.take_behind(CHUNK) {
                    bytes += behind.push(waiting, &mut self.overflow);
                }
                host.behind = Some(behind);
            }
        }
        self.waiting_bytes -= bytes;
        self.count_parked(at);
    }

    /// A line of a host of which some are in the file: it has to be behind those.
    pub(super) fn push_behind(&mut self, at: usize, waiting: Waiting) -> Option<Waiting> {
        let Some(behind) = &mut self.hosts[at].behind else { return Some(waiting) };
        self.waiting_bytes -= behind.push(waiting, &mut self.overflow);
        self.count_parked(at);
        None
    }

    /// Before what waits for a host in memory comes to its end, more of it is read back.
    pub(super) fn refill(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        while let Some(behind) = &mut host.behind
            && host.queue.ordinary() < CHUNK / 2
        {
            behind.was_needed(Instant::now(), QUICK);
            let Some(back) = behind.take(&host.name, &mut self.overflow) else {
                host.behind = None;
                break;
            };
            self.waiting_bytes += back.text;
            self.lost.extend(back.lost);
            back.waiting.into_iter().for_each(|waiting| host.queue.push_back(waiting));
        }
    }
}
