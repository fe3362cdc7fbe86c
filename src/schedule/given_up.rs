//! Hosts that are given up and have nothing to do. All of them are remembered, because each must be left
//! alone until the end of the run, and so with a few bytes each.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::GivenUp;

/// For so many hosts the reason is remembered too.
const REASONS: usize = 1 << 16;

/// A set of hosts, each known by 64 hash bits. The hash has a secret seed, so no server can choose a name
/// that is taken for another one.
#[derive(Default)]
pub(super) struct GivenUpHosts {
    hosts: HashMap<u64, Option<Box<GivenUp>>>,
    reasons: usize,
    hasher: RandomState,
}

impl GivenUpHosts {
    pub(super) fn insert(&mut self, host: &str, why: GivenUp) {
        let why = (self.reasons < REASONS).then(|| Box::new(why));
        let is_new = why.is_some();
        let before = self.hosts.insert(self.hasher.hash_one(host), why);
        self.reasons = self.reasons + usize::from(is_new) - usize::from(before.flatten().is_some());
    }

    pub(super) fn remove(&mut self, host: &str) {
        if let Some(Some(_)) = self.hosts.remove(&self.hasher.hash_one(host)) {
            self.reasons -= 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Why this host is given up, if it is.
    pub(super) fn get(&self, host: &str) -> Option<GivenUp> {
        if self.hosts.is_empty() {
            return None;
        }
        let why = self.hosts.get(&self.hasher.hash_one(host))?;
        Some(why.as_deref().cloned().unwrap_or(GivenUp::Forgotten))
    }
}
