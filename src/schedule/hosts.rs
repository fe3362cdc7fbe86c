//! The table of hosts: the one place that knows the state of each.
//!
//! A host is on the list where the scheduler looks for it: ready, in trouble, waiting for a time, or
//! given up. A host without a free slot is on no list until a fetch ends. An idle host is forgotten,
//! unless it had trouble.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use tokio::time::Instant;

use super::given_up::GivenUpHosts;
use super::host::{Host, HostCounts, HostRank, HostState, Listed};
use crate::policy::limits::pacer::{AllHostLimits, HostLimits};

/// How many idle hosts are remembered for the trouble they had.
const REMEMBERED: usize = 4096;

/// All hosts that have something to do, and idle ones that had trouble.
pub(super) struct ActiveHosts {
    hosts: Vec<Host>,
    index: HashMap<Arc<str>, usize>,
    /// Free places in `hosts`.
    unused: Vec<usize>,
    /// The host that was looked up last: neighbours in a list are often of one host.
    last: usize,
    limits: AllHostLimits,
    /// Idle hosts that are given up.
    idle_given_up: GivenUpHosts,
    /// Idle hosts that had trouble, the longest idle first.
    remembered: BTreeMap<u64, usize>,
    ready: BTreeMap<HostRank, usize>,
    troubled: BTreeMap<HostRank, usize>,
    given_up: BTreeMap<u64, usize>,
    timed: BTreeSet<(Instant, usize)>,
    turns: u64,
    /// New jobs are not handed out.
    only_returned: bool,
    sums: HostCounts,
}

impl Index<usize> for ActiveHosts {
    type Output = Host;

    fn index(&self, at: usize) -> &Host {
        &self.hosts[at]
    }
}

impl IndexMut<usize> for ActiveHosts {
    fn index_mut(&mut self, at: usize) -> &mut Host {
        &mut self.hosts[at]
    }
}

impl ActiveHosts {
    pub(super) fn new(limits: AllHostLimits) -> Self {
        Self {
            hosts: Vec::new(),
            index: HashMap::new(),
            unused: Vec::new(),
            last: 0,
            limits,
            idle_given_up: GivenUpHosts::default(),
            remembered: BTreeMap::new(),
            ready: BTreeMap::new(),
            troubled: BTreeMap::new(),
            given_up: BTreeMap::new(),
            timed: BTreeSet::new(),
            turns: 0,
            only_returned: false,
            sums: HostCounts::default(),
        }
    }

    /// How many hosts are known.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.index.len()
    }

    /// The limits of a host.
    pub(super) fn limits_of(&self, name: &str) -> &HostLimits {
        self.limits.of(name)
    }

    /// The places that may hold a host.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.hosts.len()
    }

    /// The hosts at their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| !host.name.is_empty())
    }

    /// How many idle hosts are given up. They are at no place.
    pub(super) fn idle_given_up(&self) -> usize {
        self.idle_given_up.len()
    }

    /// The sums over all hosts.
    pub(super) fn sums(&self) -> HostCounts {
        self.sums
    }

    /// The host with this name, if it is known.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        if self.hosts.get(self.last).is_some_and(|host| *host.name == *name) {
            return Some(self.last);
        }
        let at = *self.index.get(name)?;
        self.last = at;
        Some(at)
    }

    pub(super) fn find_or_add(&mut self, name: &str) -> usize {
        if let Some(at) = self.find(name) {
            return at;
        }
        let name: Arc<str> = Arc::from(name);
        let mut host = Host::new(name.clone(), self.limits.of(&name).per_host.unwrap_or(u32::MAX));
        if let Some(why) = self.idle_given_up.get(&name) {
            host.state = HostState::GivenUp(why);
        }
        let at = match self.unused.pop() {
            Some(at) => {
                // An empty queue keeps its memory.
                let old = std::mem::replace(&mut self.hosts[at], host);
                self.hosts[at].queue = old.queue;
                at
            }
            None => {
                self.hosts.push(host);
                self.hosts.len() - 1
            }
        };
        self.index.insert(name, at);
        self.last = at;
        at
    }

    /// Forgets whatever is known of a host without jobs.
    pub(super) fn reset(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let (name, queue) = (host.name.clone(), std::mem::take(&mut host.queue));
        let fresh = Host {
            queue,
            listed: host.listed,
            remembered: host.remembered,
            counted: host.counted,
            ..Host::new(name.clone(), host.most)
        };
        *host = fresh;
        self.list(at);
        self.idle_given_up.remove(&name);
    }

    /// Puts a host on the list where it belongs now. Forgets it if it has nothing to do.
    pub(super) fn list(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        match host.listed {
            Listed::Nowhere => {}
            Listed::Ready(rank) => drop(self.ready.remove(&rank)),
            Listed::Troubled(rank) => drop(self.troubled.remove(&rank)),
            Listed::Timed(time) => drop(self.timed.remove(&(time, at))),
            Listed::GivenUp(number) => drop(self.given_up.remove(&number)),
        }
        self.turns += 1;
        host.listed = host.belongs(self.turns, self.only_returned);
        match host.listed {
            Listed::Nowhere if host.is_given_up() && !host.has_jobs() => self.retire_given_up(at),
            Listed::Nowhere if host.is_idle() => self.retire(at),
            Listed::Nowhere => {}
            Listed::Ready(rank) => drop(self.ready.insert(rank, at)),
            Listed::Troubled(rank) => drop(self.troubled.insert(rank, at)),
            Listed::Timed(time) => drop(self.timed.insert((time, at))),
            Listed::GivenUp(number) => drop(self.given_up.insert(number, at)),
        }
        self.count(at);
    }

    /// Brings the sums up to date with one host.
    pub(super) fn count(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let now = host.count();
        let before = std::mem::replace(&mut host.counted, now);
        self.sums.troubled = self.sums.troubled - before.troubled + now.troubled;
        self.sums.parked = self.sums.parked - before.parked + now.parked;
        self.sums.fast_in_queue = self.sums.fast_in_queue - before.fast_in_queue + now.fast_in_queue;
    }

    /// Keeps no more of a host than that it is given up.
    fn retire_given_up(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        if let HostState::GivenUp(why) = std::mem::replace(&mut host.state, HostState::Open) {
            self.idle_given_up.insert(&host.name, why);
        }
        self.forget(at);
    }

    /// Remembers a host with nothing to do that had trouble, and forgets any other.
    fn retire(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        if !host.is_marked() {
            return self.forget(at);
        }
        // No other host has the number of this turn.
        if let Some(before) = host.remembered.replace(self.turns) {
            self.remembered.remove(&before);
        }
        self.remembered.insert(self.turns, at);
        while self.remembered.len() > REMEMBERED {
            let Some((_, oldest)) = self.remembered.pop_first() else { return };
            self.hosts[oldest].remembered = None;
            if self.hosts[oldest].is_idle() {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        self.index.remove(&host.name);
        if let Some(turn) = host.remembered.take() {
            self.remembered.remove(&turn);
        }
        host.name = Arc::default();
        self.unused.push(at);
    }

    /// Sets whether only returned jobs are handed out, and lists every host anew.
    pub(super) fn set_only_returned(&mut self, only_returned: bool) {
        self.only_returned = only_returned;
        for at in self.places() {
            if !self.hosts[at].name.is_empty() {
                self.list(at);
            }
        }
    }

    pub(super) fn is_only_returned(&self) -> bool {
        self.only_returned
    }

    /// The first ready host.
    pub(super) fn first_ready(&self) -> Option<(HostRank, usize)> {
        self.ready.first_key_value().map(|(rank, at)| (*rank, *at))
    }

    /// The first host that is ready but in trouble.
    pub(super) fn first_troubled(&self) -> Option<(HostRank, usize)> {
        self.troubled.first_key_value().map(|(rank, at)| (*rank, *at))
    }

    /// How many hosts are ready and in health, and how many are ready but in trouble.
    pub(super) fn ready_counts(&self) -> (usize, usize) {
        (self.ready.len(), self.troubled.len())
    }

    /// The first given-up host with jobs to refuse.
    pub(super) fn first_given_up(&self) -> Option<usize> {
        self.given_up.first_key_value().map(|(_, at)| *at)
    }

    /// When the first host that waits for a time is ready.
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.timed.first().map(|(time, _)| *time)
    }

    /// Opens the hosts whose time has come.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some((_, at)) = self.timed.first().copied().filter(|(time, _)| *time <= now) {
            self.hosts[at].wake(now);
            self.list(at);
        }
    }
}
