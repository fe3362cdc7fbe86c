//! The frontier of a list run: in memory, bounded.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{Claim, Frontier, Settled};
use crate::model::{Claimed, Job, JobId, Seed};
use crate::policy::fingerprint::FingerprintSet;

/// How many seeds may wait. The source is pulled only while there is room, so this, not the
/// length of the list, bounds the memory of a run.
const ROOM: usize = 10_000;

/// How many bytes of text the seeds that wait may hold together: URLs may be long.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

struct Waiting {
    seed: Seed,
    save_as: Option<Claimed>,
    admitted: Instant,
}

/// Queues by priority, oldest first within one.
pub struct MemoryFrontier {
    seen: Option<FingerprintSet>,
    queues: BTreeMap<Reverse<i32>, VecDeque<Waiting>>,
    waiting: usize,
    waiting_bytes: usize,
    out: usize,
    next_id: u64,
}

impl MemoryFrontier {
    /// An empty frontier; `dedup` says whether it notices URLs that it has seen.
    pub fn new(dedup: bool) -> Self {
        Self {
            seen: dedup.then(FingerprintSet::new),
            queues: BTreeMap::new(),
            waiting: 0,
            waiting_bytes: 0,
            out: 0,
            next_id: 0,
        }
    }
}

impl Frontier for MemoryFrontier {
    fn seen(&mut self, url: &str) -> bool {
        self.seen.as_mut().is_some_and(|seen| !seen.insert(url))
    }

    fn push(&mut self, seed: Seed, save_as: Option<Claimed>) {
        self.waiting_bytes += text_of(&seed);
        let queue = self.queues.entry(Reverse(seed.priority)).or_default();
        queue.push_back(Waiting { seed, save_as, admitted: Instant::now() });
        self.waiting += 1;
    }

    fn room(&self) -> usize {
        if self.waiting_bytes >= ROOM_BYTES { 0 } else { ROOM.saturating_sub(self.waiting) }
    }

    fn has_ready(&self) -> bool {
        self.waiting > 0
    }

    fn claim(&mut self) -> Claim {
        let Some(mut first) = self.queues.first_entry() else {
            return if self.out > 0 { Claim::Waiting } else { Claim::Empty };
        };
        let next = first.get_mut().pop_front();
        // The queue of priority 0 is kept: nearly every list has that one alone.
        if first.get().is_empty() && first.key().0 != 0 {
            first.remove();
        }
        let Some(Waiting { seed, save_as, admitted }) = next else {
            return self.claim_below();
        };
        self.waiting -= 1;
        self.waiting_bytes -= text_of(&seed);
        self.out += 1;
        let id = JobId(self.next_id);
        self.next_id += 1;
        Claim::Job(Box::new(Job { id, seed, attempt: 1, save_as, admitted }))
    }

    fn settle(&mut self, _job: JobId, how: Settled) {
        match how {
            Settled::Done => self.out = self.out.saturating_sub(1),
        }
    }

    fn drain(&mut self) -> Vec<Seed> {
        self.waiting = 0;
        self.waiting_bytes = 0;
        std::mem::take(&mut self.queues).into_values().flatten().map(|w| w.seed).collect()
    }
}

impl MemoryFrontier {
    /// The kept queue of priority 0 was empty: removes it and looks further down.
    fn claim_below(&mut self) -> Claim {
        self.queues.retain(|_, queue| !queue.is_empty());
        if self.queues.is_empty() {
            return if self.out > 0 { Claim::Waiting } else { Claim::Empty };
        }
        self.claim()
    }
}

/// The bytes of a seed's own text.
fn text_of(seed: &Seed) -> usize {
    let wants = seed.wants.as_deref().map_or(0, |wants| {
        let fields = wants.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        wants.out.as_ref().map_or(0, String::len) + fields.sum::<usize>()
    });
    seed.url.as_str().len() + wants
}
