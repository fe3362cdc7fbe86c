//! Hosts that are left alone for a while, each with a queue of what came up meanwhile.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::super::HoldUntil;
use super::Waiting;
use crate::policy::origin;

/// One host.
struct Hold {
    until: HoldUntil,
    kept: VecDeque<Waiting>,
}

/// The hosts that are held. While there is none, nothing is looked up.
#[derive(Default)]
pub(super) struct Holds {
    hosts: HashMap<Arc<str>, Hold>,
    /// The holds that end, by their end.
    ends: BTreeSet<(Instant, Arc<str>)>,
}

/// What becomes of something whose turn has come.
pub(super) enum Held {
    /// Its host is not held.
    Free(Waiting),
    /// It waits here.
    Kept,
    /// Its host is held for good.
    Refused(Waiting),
}

impl Holds {
    /// Keeps what is for a held host.
    pub(super) fn keep(&mut self, waiting: Waiting) -> Held {
        if self.hosts.is_empty() {
            return Held::Free(waiting);
        }
        match self.hosts.get_mut(origin::host(&waiting.seed().url)) {
            None => Held::Free(waiting),
            Some(Hold { until: HoldUntil::ForGood, .. }) => Held::Refused(waiting),
            Some(hold) => {
                hold.kept.push_back(waiting);
                Held::Kept
            }
        }
    }

    /// Holds a host; a hold is never shortened. What is no longer kept is given back.
    pub(super) fn hold(&mut self, host: &str, until: HoldUntil) -> VecDeque<Waiting> {
        let host: Arc<str> = Arc::from(host);
        let hold = match self.hosts.entry(host.clone()) {
            Entry::Vacant(entry) => entry.insert(Hold { until, kept: VecDeque::new() }),
            Entry::Occupied(entry) if entry.get().until >= until => return VecDeque::new(),
            Entry::Occupied(entry) => {
                let hold = entry.into_mut();
                if let HoldUntil::Time(end) = hold.until {
                    self.ends.remove(&(end, host.clone()));
                }
                hold.until = until;
                hold
            }
        };
        match until {
            HoldUntil::Time(end) => {
                self.ends.insert((end, host));
                VecDeque::new()
            }
            HoldUntil::ForGood => std::mem::take(&mut hold.kept),
        }
    }

    /// When the next hold ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// What the hosts kept whose hold has ended.
    pub(super) fn take_ended(&mut self, now: Instant) -> VecDeque<Waiting> {
        let mut free = VecDeque::new();
        while self.next_end().is_some_and(|end| end <= now) {
            let host = self.ends.pop_first().and_then(|(_, host)| self.hosts.remove(&host));
            free.extend(host.into_iter().flat_map(|hold| hold.kept));
        }
        free
    }

    /// All that is kept.
    pub(super) fn into_kept(self) -> impl Iterator<Item = Waiting> {
        self.hosts.into_values().flat_map(|hold| hold.kept)
    }
}
