//! Outcomes on their way to the sinks.

use std::collections::VecDeque;

use super::super::order::InputOrder;
use crate::model::{FoundUrl, LeaseId, LeftOut, Outcome, ReturnedUrl, ScopeNote, StoredRobots, ToQueue};
use crate::sink::ToSinks;

/// The most outcomes taken from the channel at once, and so the size of a batch for the sinks.
pub(super) const OUTCOMES: usize = 256;

/// Above so many waiting outcomes, or bytes of them, no more are taken.
const PENDING: usize = 4 * OUTCOMES;
const PENDING_BYTES: usize = 8 * 1024 * 1024;

/// The most bytes of a batch, unless a single outcome is longer.
const BATCH_BYTES: usize = 1024 * 1024;

/// The outcomes that the sinks have not got yet.
#[derive(Default)]
pub(super) struct Outbox {
    pending: Vec<Outcome>,
    bytes: usize,
    /// Messages of a crawl beside outcomes.
    others: VecDeque<ToSinks>,
    /// Messages to the queue of a fleet, and how many outcomes go before each.
    behind: VecDeque<(u64, ToQueue)>,
    /// How many outcomes the sinks were given, and how many of them they keep.
    given: u64,
    kept: u64,
    /// Outcomes whose turn has not come, if records keep the order of the input.
    pub(super) order: Option<InputOrder>,
}

impl Outbox {
    pub(super) fn new(order: Option<InputOrder>) -> Self {
        Self { order, ..Self::default() }
    }

    pub(super) fn put(&mut self, outcome: Outcome) {
        let before = self.pending.len();
        match &mut self.order {
            None => self.pending.push(outcome),
            Some(order) => order.put(outcome, &mut self.pending),
        }
        self.bytes += self.pending[before..].iter().map(Outcome::size).sum::<usize>();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.others.is_empty() && self.behind.is_empty()
    }

    /// Adds links that the crawl does not follow.
    pub(super) fn put_left_out(&mut self, links: Vec<LeftOut>) {
        if !links.is_empty() {
            self.bytes += left_out_bytes(&links);
            self.others.push_back(ToSinks::LeftOut(links));
        }
    }

    /// Adds the answers of an origin to requests for its robots.txt.
    pub(super) fn put_robots(&mut self, origin: Box<str>, robots: StoredRobots) {
        self.others.push_back(ToSinks::Robots(origin, Box::new(robots)));
    }

    /// Adds the links of a page. They go before its outcome.
    pub(super) fn put_urls(&mut self, urls: Vec<FoundUrl>) {
        if !urls.is_empty() {
            self.bytes += urls.iter().map(found_bytes).sum::<usize>();
            self.others.push_back(ToSinks::Queue(ToQueue::Urls(urls)));
        }
    }

    /// Adds a change of the scope. It goes before the links that it lets in.
    pub(super) fn put_scope(&mut self, note: ScopeNote) {
        self.others.push_back(ToSinks::Queue(ToQueue::Scope(note)));
    }

    /// Adds a message to the queue. It goes behind all outcomes so far.
    pub(super) fn put_behind(&mut self, message: ToQueue) {
        let before = self.given + self.pending.len() as u64;
        self.behind.push_back((before, message));
    }

    /// Gives a leased URL back.
    pub(super) fn give_back(&mut self, returned: ReturnedUrl) {
        match self.behind.back_mut() {
            Some((_, ToQueue::GiveBack(all))) if all.len() < OUTCOMES => all.push(returned),
            _ => self.put_behind(ToQueue::GiveBack(vec![returned])),
        }
    }

    /// Notes that a leased URL is done and has no record.
    pub(super) fn put_unrecorded(&mut self, lease: LeaseId) {
        self.put_behind(ToQueue::Unrecorded(vec![lease]));
    }

    /// Takes a message for the sinks.
    pub(super) fn take_message(&mut self) -> ToSinks {
        if let Some(message) = self.others.pop_front() {
            match &message {
                ToSinks::LeftOut(links) => self.bytes -= left_out_bytes(links),
                ToSinks::Queue(ToQueue::Urls(urls)) => self.bytes -= urls.iter().map(found_bytes).sum::<usize>(),
                _ => {}
            }
            return message;
        }
        if let Some((_, message)) = self.behind.pop_front_if(|(before, _)| *before <= self.given) {
            return ToSinks::Queue(message);
        }
        let outcomes = self.take_batch();
        self.given += outcomes.len() as u64;
        ToSinks::Outcomes(outcomes)
    }

    /// Notes how many outcomes the sinks keep.
    pub(super) fn set_kept(&mut self, kept: u64) {
        self.kept = kept;
    }

    /// How many outcomes would be lost with the process.
    pub(super) fn unkept(&self) -> u64 {
        self.pending.len() as u64 + self.given.saturating_sub(self.kept)
    }

    /// Whether the sinks keep up.
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < PENDING
            && self.others.len() < OUTCOMES
            && self.behind.len() < PENDING
            && self.bytes < PENDING_BYTES
    }

    /// Drops everything: the sinks are gone.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.others.clear();
        self.behind.clear();
        self.bytes = 0;
    }

    /// Takes a batch for the sinks. The next batch will be about as long, and outcomes are too large to
    /// be moved each time that a list grows.
    fn take_batch(&mut self) -> Vec<Outcome> {
        let room = self.pending.len();
        if self.bytes <= BATCH_BYTES {
            self.bytes = 0;
            return std::mem::replace(&mut self.pending, Vec::with_capacity(room));
        }
        let mut taken = 0;
        let fits = |outcome: &&Outcome| {
            let fits = taken < BATCH_BYTES;
            taken += if fits { outcome.size() } else { 0 };
            fits
        };
        let many = self.pending.iter().take_while(fits).count();
        self.bytes -= taken;
        self.pending.drain(..many).collect()
    }

    /// Takes what still waits for its turn, in order.
    pub(super) fn take_rest(&mut self) -> Vec<Outcome> {
        self.order.iter_mut().flat_map(InputOrder::rest).collect()
    }
}

/// The memory of some links.
fn left_out_bytes(links: &[LeftOut]) -> usize {
    links.iter().map(|link| size_of::<LeftOut>() + link.url.len()).sum()
}

/// The memory of a link for the queue.
fn found_bytes(found: &FoundUrl) -> usize {
    size_of::<FoundUrl>() + found.seed.url.as_str().len()
}
