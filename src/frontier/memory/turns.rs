//! Whose turn it is.

use super::host::{Place, Turn};
use super::{Early, MemoryFrontier};
use crate::policy::politeness::{TURNS, for_troubled};

/// How many that need no request are given back before another one is handed out.
const REFUSED: usize = 32;

impl MemoryFrontier {
    /// The host whose turn it is.
    pub(super) fn next_host(&self) -> Option<usize> {
        // What needs no request goes first, but nobody waits for a million of these.
        let refused = self.refused.first_key_value().map(|(_, at)| *at);
        match refused {
            Some(_) if self.refused_in_a_row < REFUSED => refused,
            _ => self.next_to_ask().or(refused),
        }
    }

    fn next_to_ask(&self) -> Option<usize> {
        // What starts at its time must not wait for a slot.
        if self.pacer.is_some() && (self.next.is_some() || self.out >= self.concurrency) {
            return None;
        }
        let (turn, at, is_alone) = self.next_of_both()?;
        let host = &self.hosts[at];
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
        let all_fit = self.complete && self.waiting as u64 + u64::from(self.out) <= u64::from(self.at_once);
        (!turn.has_its_share || all_fit || alone()).then_some(at)
    }

    /// The first of those that are ready and of those in trouble, which have their few slots and turns
    /// beside the others; and whether nobody else could be next.
    fn next_of_both(&self) -> Option<(Turn, usize, bool)> {
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

    /// Whether a host beside this one could be handed out.
    pub(super) fn others_are_ready(&self, at: usize) -> bool {
        let own = matches!(self.hosts[at].place, Place::Ready(_) | Place::Troubled(_));
        self.ready.len() + self.troubled.len() > usize::from(own)
    }
}
