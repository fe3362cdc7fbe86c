//! Whose turn it is.

use tokio::time::Instant;

use super::host::{Place, Turn};
use super::{Early, MemoryFrontier};
use crate::policy::politeness::{TURNS, for_troubled};

/// How many that need no request are given back before another one is handed out.
const REFUSED: usize = 32;

impl MemoryFrontier {
    /// The host whose turn it is.
    pub(super) fn next_host(&self) -> Option<usize> {
        self.next_beside(self.out)
    }

    /// The host whose turn it would be were so many out.
    pub(super) fn next_beside(&self, out: u32) -> Option<usize> {
        // What needs no request goes first, but nobody waits for a million of these.
        let refused = self.refused.first_key_value().map(|(_, at)| *at);
        match refused {
            Some(_) if self.refused_in_a_row < REFUSED => refused,
            _ => self.next_to_ask(out).or(refused),
        }
    }

    pub(super) fn next_to_ask(&self, out: u32) -> Option<usize> {
        // What starts at its time must not wait for a slot.
        if self.pacer.is_some() && (self.next.is_some() || out >= self.concurrency + self.stalled.lent()) {
            return None;
        }
        let (turn, at, is_alone) = self.next_of_both()?;
        let host = &self.hosts[at];
        // What is beyond the concurrency is for those that answer.
        if self.stalled.lent() > 0 && self.ready_to_answer == 0 && !turn.answers && out >= self.concurrency {
            return None;
        }
        // Alone it may have all. While others have something under way more of theirs may be read any
        // moment: it gets one more for each of its fetches that ended since it is the only one.
        let (only, ended) = self.only;
        let more = if only == at { ended } else { 0 };
        let is_early = matches!(self.early, Early::Until(_)) && !host.window.answers();
        let alone = || {
            let free = host.out == self.out && !is_early;
            is_alone && (free || host.out < host.window.beside_others().saturating_add(more))
        };
        // Slots that nobody can come to need are not kept for anybody.
        let all_fit = self.complete && self.waiting as u64 + u64::from(out) <= u64::from(self.at_once);
        (!turn.has_its_share || all_fit || alone()).then_some(at)
    }

    /// The first of those that are ready and of those in trouble, which have their few slots and turns
    /// beside the others; and whether nobody else could be next.
    pub(super) fn next_of_both(&self) -> Option<(Turn, usize, bool)> {
        let ready = self.ready.first_key_value().map(|(turn, at)| (*turn, *at));
        let troubled = self.troubled.first_key_value().map(|(turn, at)| (*turn, *at));
        let (Some(first), Some(other)) = (ready, troubled) else {
            let alone = self.ready.len() + self.troubled.len() == 1;
            return ready.or(troubled).map(|(turn, at)| (turn, at, alone));
        };
        let may = self.turns_of_others >= TURNS && self.troubled_out < for_troubled(self.at_once);
        let (turn, at) = if may { first.min(other) } else { first };
        Some((turn, at, !may && self.ready.len() == 1))
    }

    /// When a fetch is out for so long that another one could run beside it, where one would.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        let due = self.stalled.due(self.usual.patience())?;
        (self.ready_to_answer > 0 && self.next_beside(0).is_some()).then_some(due)
    }

    /// Whether a host beside this one could be handed out.
    pub(super) fn others_are_ready(&self, at: usize) -> bool {
        let own = matches!(self.hosts[at].place, Place::Ready(_) | Place::Troubled(_));
        self.ready.len() + self.troubled.len() > usize::from(own)
    }
}
