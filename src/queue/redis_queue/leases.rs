//! The hosts and URLs that a worker has leased, in its memory.

use std::collections::HashMap;
use std::sync::Arc;

use crate::queue::LeaseId;

/// The hosts and URLs of a worker.
#[derive(Default)]
pub(super) struct LeaseTable {
    hosts: HashMap<Arc<str>, LeasedHost>,
    urls: HashMap<i64, UrlInLease>,
    last: i64,
}

/// A host of this worker.
pub(super) struct LeasedHost {
    pub(super) partition: usize,
    /// Its leased URLs: their ids in the partition.
    pub(super) urls: HashMap<u64, LeaseId>,
}

/// A leased URL.
pub(super) struct UrlInLease {
    pub(super) host: Arc<str>,
    pub(super) id: u64,
}

impl LeaseTable {
    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn urls(&self) -> usize {
        self.urls.len()
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    /// Of each partition: the hosts with leased URLs.
    pub(super) fn busy_hosts(&self, partitions: usize) -> Vec<usize> {
        let mut busy = vec![0; partitions];
        for host in self.hosts.values().filter(|host| !host.urls.is_empty()) {
            busy[host.partition] += 1;
        }
        busy
    }

    pub(super) fn hosts_of(&self, partition: usize) -> impl Iterator<Item = (&Arc<str>, &LeasedHost)> {
        self.hosts.iter().filter(move |(_, host)| host.partition == partition)
    }

    pub(super) fn add_host(&mut self, host: &str, partition: usize) -> Arc<str> {
        if let Some((host, _)) = self.hosts.get_key_value(host) {
            return host.clone();
        }
        let host: Arc<str> = Arc::from(host);
        self.hosts.insert(host.clone(), LeasedHost { partition, urls: HashMap::new() });
        host
    }

    pub(super) fn add_url(&mut self, host: &Arc<str>, id: u64) -> LeaseId {
        self.last += 1;
        let lease = LeaseId(self.last);
        if let Some(leased) = self.hosts.get_mut(host) {
            leased.urls.insert(id, lease);
        }
        self.urls.insert(lease.0, UrlInLease { host: host.clone(), id });
        lease
    }

    pub(super) fn url(&self, lease: LeaseId) -> Option<&UrlInLease> {
        self.urls.get(&lease.0)
    }

    /// The lease of a URL of this worker.
    pub(super) fn lease_of(&self, host: &str, id: u64) -> Option<LeaseId> {
        self.hosts.get(host)?.urls.get(&id).copied()
    }

    pub(super) fn remove_url(&mut self, lease: LeaseId) {
        if let Some(url) = self.urls.remove(&lease.0)
            && let Some(host) = self.hosts.get_mut(&url.host)
        {
            host.urls.remove(&url.id);
        }
    }

    /// Forgets a host and its URLs. Returns its partition.
    pub(super) fn remove_host(&mut self, host: &str) -> Option<usize> {
        let host = self.hosts.remove(host)?;
        for lease in host.urls.values() {
            self.urls.remove(&lease.0);
        }
        Some(host.partition)
    }
}
