//! The frontier of a list run: in memory, bounded.
//!
//! What waits is in one of three places: in the queues, ready to be handed out; among those whose
//! time has not come; or beside the queues with its host, which is held. As long as nothing is held
//! or tried again, only the queues are looked at.

mod holds;
mod later;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{Claim, Frontier, HoldUntil, Settled};
use crate::model::{Claimed, Job, JobId, Seed, Subject};
use crate::policy::fingerprint::FingerprintSet;
use crate::policy::origin;
use holds::{Held, Holds};
use later::Later;

/// How many seeds may wait. The source is pulled only while there is room, so this, not the
/// length of the list, bounds the memory of a run.
const ROOM: usize = 10_000;

/// How many bytes of text the seeds that wait may hold together: URLs may be long.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

/// Something that waits.
enum Waiting {
    New { seed: Seed, save_as: Option<Claimed>, admitted: Instant },
    Again(Box<Job>),
}

impl Waiting {
    fn seed(&self) -> &Seed {
        match self {
            Waiting::New { seed, .. } => seed,
            Waiting::Again(job) => &job.seed,
        }
    }

    fn into_subject(self) -> Subject {
        match self {
            Waiting::New { seed, .. } => Subject::Seed(seed),
            Waiting::Again(job) => Subject::Job(*job),
        }
    }
}

/// Queues by priority, oldest first within one.
pub struct MemoryFrontier {
    seen: Option<FingerprintSet>,
    queues: BTreeMap<Reverse<i32>, VecDeque<Waiting>>,
    later: Later,
    holds: Holds,
    /// How many are in the queues.
    ready: usize,
    /// How many wait, wherever.
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
            later: Later::default(),
            holds: Holds::default(),
            ready: 0,
            waiting: 0,
            waiting_bytes: 0,
            out: 0,
            next_id: 0,
        }
    }

    /// The first of the queues.
    fn pop(&mut self) -> Option<Waiting> {
        if self.ready == 0 {
            return None;
        }
        loop {
            let mut first = self.queues.first_entry()?;
            let next = first.get_mut().pop_front();
            // The queue of priority 0 is kept while nothing stands below it: nearly every list has
            // that one alone.
            if next.is_none() || (first.get().is_empty() && first.key().0 != 0) {
                first.remove();
            }
            if next.is_some() {
                self.ready -= 1;
                return next;
            }
        }
    }

    /// Before all others of its priority: what waited for its time has waited long enough.
    fn push_first(&mut self, waiting: Waiting) {
        self.queues.entry(Reverse(waiting.seed().priority)).or_default().push_front(waiting);
        self.ready += 1;
    }

    /// It waits no longer.
    fn leaves(&mut self, waiting: &Waiting) {
        self.waiting -= 1;
        self.waiting_bytes -= text_of(waiting.seed());
    }

    fn waits_again(&mut self, job: &Job) {
        self.waiting += 1;
        self.waiting_bytes += text_of(&job.seed);
    }

    fn hand_out(&mut self, waiting: Waiting) -> Claim {
        self.leaves(&waiting);
        self.out += 1;
        Claim::Job(match waiting {
            Waiting::New { seed, save_as, admitted } => {
                let id = JobId(self.next_id);
                self.next_id += 1;
                Box::new(Job { id, seed, attempt: 1, last: None, save_as, admitted })
            }
            Waiting::Again(mut job) => {
                job.attempt += 1;
                job
            }
        })
    }
}

impl Frontier for MemoryFrontier {
    fn seen(&mut self, url: &str) -> bool {
        self.seen.as_mut().is_some_and(|seen| !seen.insert(url))
    }

    fn push(&mut self, seed: Seed, save_as: Option<Claimed>) {
        self.waiting_bytes += text_of(&seed);
        let queue = self.queues.entry(Reverse(seed.priority)).or_default();
        queue.push_back(Waiting::New { seed, save_as, admitted: Instant::now() });
        self.waiting += 1;
        self.ready += 1;
    }

    fn room(&self) -> usize {
        if self.waiting_bytes >= ROOM_BYTES { 0 } else { ROOM.saturating_sub(self.waiting) }
    }

    fn has_ready(&self) -> bool {
        self.ready > 0
    }

    fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    fn next_due(&self) -> Option<tokio::time::Instant> {
        match (self.later.next(), self.holds.next_end()) {
            (Some(job), Some(host)) => Some(job.min(host)),
            (job, host) => job.or(host),
        }
    }

    fn wake(&mut self, now: tokio::time::Instant) {
        let due = self.later.take_due(now);
        due.into_iter().rev().for_each(|waiting| self.push_first(waiting));
        let free = self.holds.take_ended(now);
        free.into_iter().rev().for_each(|waiting| self.push_first(waiting));
    }

    fn claim(&mut self) -> Claim {
        while let Some(next) = self.pop() {
            match self.holds.keep(next) {
                Held::Free(next) => return self.hand_out(next),
                Held::Kept => {}
                Held::Refused(next) => {
                    self.leaves(&next);
                    return Claim::Refused(Box::new(next.into_subject()));
                }
            }
        }
        match self.next_due() {
            Some(due) if self.waiting > 0 => Claim::NotBefore(due),
            _ if self.out > 0 => Claim::Waiting,
            _ => Claim::Empty,
        }
    }

    fn settle(&mut self, _job: JobId, how: Settled) {
        self.out = self.out.saturating_sub(1);
        match how {
            Settled::Done => {}
            Settled::RetryAt(due, job) => {
                self.waits_again(&job);
                self.later.push(due, job);
            }
            Settled::Released(job) => {
                self.waits_again(&job);
                self.push_first(Waiting::Again(job));
            }
        }
    }

    fn hold_host(&mut self, host: &str, until: HoldUntil) {
        if let HoldUntil::ForGood = until {
            // Nobody need wait for what will not be asked again.
            let refused = self.later.take_where(|job| origin::host(&job.seed.url) == host);
            refused.into_iter().rev().for_each(|waiting| self.push_first(waiting));
        }
        let free = self.holds.hold(host, until);
        free.into_iter().rev().for_each(|waiting| self.push_first(waiting));
    }

    fn drain(&mut self) -> Vec<Subject> {
        (self.ready, self.waiting, self.waiting_bytes) = (0, 0, 0);
        let queued = std::mem::take(&mut self.queues).into_values().flatten();
        let kept = std::mem::take(&mut self.holds).into_kept();
        let later = std::mem::take(&mut self.later).into_waiting();
        queued.chain(kept).chain(later).map(Waiting::into_subject).collect()
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
