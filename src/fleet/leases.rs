//! The leases of this worker, as the queue thread knows them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{LeaseId, ReturnedUrl, SeedLease};

/// The hosts and URLs that are leased.
#[derive(Debug, Default)]
pub(super) struct OpenLeases {
    /// The host of each URL, and the attempts before.
    urls: HashMap<LeaseId, (Arc<str>, u32)>,
    hosts: HashMap<Arc<str>, usize>,
}

impl OpenLeases {
    /// How many URLs are leased.
    pub(super) fn urls(&self) -> usize {
        self.urls.len()
    }

    /// How many hosts are leased.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    pub(super) fn add_host(&mut self, host: &str) {
        if !self.has_host(host) {
            self.hosts.insert(host.into(), 0);
        }
    }

    pub(super) fn add_url(&mut self, SeedLease { id, attempts }: SeedLease, host: &str) {
        self.add_host(host);
        if let Some((host, _)) = self.hosts.get_key_value(host) {
            let host = host.clone();
            self.urls.insert(id, (host.clone(), attempts));
            *self.hosts.entry(host).or_default() += 1;
        }
    }

    /// A URL is done, or goes back. Returns whether it was leased.
    pub(super) fn end_url(&mut self, id: LeaseId) -> bool {
        let Some((host, _)) = self.urls.remove(&id) else { return false };
        if let Some(urls) = self.hosts.get_mut(&host) {
            *urls -= 1;
        }
        true
    }

    /// A host goes. Returns the URLs of it that are still leased.
    pub(super) fn end_host(&mut self, host: &str) -> Vec<ReturnedUrl> {
        match self.hosts.remove(host) {
            None | Some(0) => Vec::new(),
            Some(_) => self.urls.extract_if(|_, (of, _)| **of == *host).map(returned).collect(),
        }
    }

    /// Takes all URLs that are leased.
    pub(super) fn take_urls(&mut self) -> Vec<ReturnedUrl> {
        self.hosts.values_mut().for_each(|urls| *urls = 0);
        self.urls.drain().map(returned).collect()
    }

    /// Whether a host has so many URLs leased.
    pub(super) fn has_full_host(&self, urls: usize) -> bool {
        self.hosts.values().any(|leased| *leased >= urls)
    }

    /// The hosts without a leased URL.
    pub(super) fn idle(&self) -> Vec<Box<str>> {
        self.hosts.iter().filter(|(_, urls)| **urls == 0).map(|(host, _)| (**host).into()).collect()
    }
}

fn returned((lease, (_, attempts)): (LeaseId, (Arc<str>, u32))) -> ReturnedUrl {
    ReturnedUrl { lease, attempts }
}
