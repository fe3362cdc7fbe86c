//! Which host is next.

use super::host::HostRank;
use super::scheduler::{Early, Scheduler};
use crate::policy::limits::politeness::{TURNS, for_troubled};

/// How many jobs of given-up hosts are refused in a row before another host has its turn.
const REFUSED: usize = 32;

impl Scheduler {
    /// The host that is next.
    pub(super) fn next_host(&self) -> Option<usize> {
        // Refusals need no request, so they go first, but not a million of them.
        let refused = self.hosts.first_given_up();
        match refused {
            Some(_) if self.refused_in_a_row < REFUSED => refused,
            _ => self.next_to_fetch().or(refused),
        }
    }

    fn next_to_fetch(&self) -> Option<usize> {
        // A job that starts at its time must not wait for a slot.
        if self.pacer.is_some() && (self.next_start.is_some() || self.in_flight() >= self.concurrency) {
            return None;
        }
        let (rank, at, is_alone) = self.first_of_both()?;
        // Slots that no job can need are not reserved.
        let all_fit = self.input_ended && self.waiting as u64 + u64::from(self.in_flight()) <= u64::from(self.limit);
        (!rank.has_its_share || all_fit || is_alone && self.may_exceed_its_share(at)).then_some(at)
    }

    /// Whether the only ready host may have more than its share. It may have every slot if no other host
    /// has one. If others have some, each fetch that ends gives it one more: jobs of the others may be read
    /// at any moment.
    fn may_exceed_its_share(&self, at: usize) -> bool {
        let host = &self.hosts[at];
        let is_early = matches!(self.early, Early::Until(_)) && !host.window.answers();
        let more = if self.last_host.host == at { self.last_host.ended } else { 0 };
        host.in_flight == self.in_flight() && !is_early
            || host.in_flight < host.window.beside_others().saturating_add(more)
    }

    /// The first ready host or the first in trouble, and whether no other host could be next. Hosts in
    /// trouble share a few slots and turns while others are ready.
    fn first_of_both(&self) -> Option<(HostRank, usize, bool)> {
        let (ready, troubled) = (self.hosts.first_ready(), self.hosts.first_troubled());
        let (in_health, in_trouble) = self.hosts.ready_counts();
        let (Some(first), Some(other)) = (ready, troubled) else {
            return ready.or(troubled).map(|(rank, at)| (rank, at, in_health + in_trouble == 1));
        };
        let may = self.turns_of_others >= TURNS && self.hosts.sums().troubled < for_troubled(self.limit);
        let (rank, at) = if may { first.min(other) } else { first };
        Some((rank, at, !may && in_health == 1))
    }
}
