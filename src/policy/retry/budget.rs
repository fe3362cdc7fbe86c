//! How many retries a host is worth, so that an outage does not double the load.

use std::fmt;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// What a retry costs; a first try earns 1. So retries are at most a fifth of the first tries.
const COST: u32 = 5;

/// What a host has from the beginning: ten retries.
const ALLOWANCE: u32 = 10 * COST;

/// The most that a host saves up: a hundred retries.
const MOST: u32 = 100 * COST;

/// Of so many hosts the budget is kept. Beyond, all begin anew: sixteen bytes a host are small, but
/// a list may name millions.
const HOSTS: usize = 1 << 16;

/// The budgets of all hosts, each known by 64 hash bits. That two share one now and then does no
/// harm.
#[derive(Default)]
pub struct Budgets {
    left: HashTable<(u64, u32)>,
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("hosts", &self.left.len()).finish()
    }
}

impl Budgets {
    /// A first try at this host is over.
    pub fn earn(&mut self, host: &str) {
        let left = self.of(host);
        *left = (*left + 1).min(MOST);
    }

    /// A retry got an answer, so the host is alive and the retry was no waste.
    pub fn give_back(&mut self, host: &str) {
        let left = self.of(host);
        *left = (*left + COST).min(MOST);
    }

    /// Takes a retry, if there is one left.
    pub fn take(&mut self, host: &str) -> bool {
        let left = self.of(host);
        match left.checked_sub(COST) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }

    fn of(&mut self, host: &str) -> &mut u32 {
        let hash = xxh3_64(host.as_bytes());
        if self.left.len() >= HOSTS && self.left.find(hash, |(other, _)| *other == hash).is_none() {
            self.left.clear();
        }
        let entry = self.left.entry(hash, |(other, _)| *other == hash, |(other, _)| *other);
        &mut entry.or_insert((hash, ALLOWANCE)).into_mut().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_ten_retries_and_one_more_for_every_five_first_tries() {
        let mut budgets = Budgets::default();
        assert_eq!((0..50).filter(|_| budgets.take("a.test")).count(), 10);
        (0..49).for_each(|_| budgets.earn("a.test"));
        assert_eq!((0..50).filter(|_| budgets.take("a.test")).count(), 9);
        assert!(budgets.take("b.test"), "another host has its own");
    }

    #[test]
    fn what_got_an_answer_costs_nothing_and_nobody_saves_for_ever() {
        let mut budgets = Budgets::default();
        for _ in 0..1000 {
            assert!(budgets.take("a.test"));
            budgets.give_back("a.test");
        }
        (0..100_000).for_each(|_| budgets.earn("a.test"));
        assert_eq!((0..1000).filter(|_| budgets.take("a.test")).count(), 100);
    }

    #[test]
    fn the_hosts_that_are_known_are_bounded() {
        let mut budgets = Budgets::default();
        (0..3 * HOSTS).for_each(|n| budgets.earn(&n.to_string()));
        assert!(budgets.left.len() <= HOSTS);
        assert!(budgets.left.capacity() <= 2 * HOSTS);
    }
}
