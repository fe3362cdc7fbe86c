//! Outcomes on their way to the sinks.

use super::super::order::InputOrder;
use crate::model::Outcome;

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
        self.pending.is_empty()
    }

    /// Whether the sinks keep up.
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < PENDING && self.bytes < PENDING_BYTES
    }

    /// Drops everything: the sinks are gone.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.bytes = 0;
    }

    /// Takes a batch for the sinks. The next batch will be about as long, and outcomes are too large to
    /// be moved each time that a list grows.
    pub(super) fn take_batch(&mut self) -> Vec<Outcome> {
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
