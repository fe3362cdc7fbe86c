//! Hosts of which nothing more is asked: all of them, because each must be left alone until the end of the
//! run, and so with a few bytes each.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// A set of hosts, each known by 64 hash bits. The hash has a secret seed: no server can choose a name that
/// is taken for another one.
#[derive(Default)]
pub(super) struct GivenUpHosts {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl GivenUpHosts {
    pub(super) fn insert(&mut self, host: &str) {
        self.hashes.insert(self.hasher.hash_one(host));
    }

    pub(super) fn contains(&self, host: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&self.hasher.hash_one(host))
    }
}
