//! A queue in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Added, Hosts, LeaseId, LeaseRequest, Leases, QueueError, Queued, Rest, UrlQueue};
use crate::policy::text::fingerprint::FingerprintSet;

/// The position of a URL among those of its host.
type QueuePosition = (Reverse<i32>, LeaseId);

/// A queue that ends with the process.
#[derive(Default)]
pub struct MemoryQueue {
    seen: FingerprintSet,
    /// The URLs that wait, by host. No host is empty.
    waiting: HashMap<Arc<str>, BTreeMap<QueuePosition, Queued>>,
    /// The hosts of `waiting` in the order of their turns.
    turns: VecDeque<Arc<str>>,
    leased: HashMap<LeaseId, Queued>,
    added: i64,
}

impl MemoryQueue {
    fn put(&mut self, id: LeaseId, url: Queued) {
        let position = (Reverse(url.priority), id);
        if let Some(urls) = self.waiting.get_mut(url.host()) {
            urls.insert(position, url);
            return;
        }
        let host: Arc<str> = Arc::from(url.host());
        self.turns.push_back(host.clone());
        self.waiting.insert(host, BTreeMap::from([(position, url)]));
    }

    /// Leases up to `most` URLs of a host. Returns whether it has more.
    fn lease_of(&mut self, host: &str, most: usize, urls: &mut Vec<(LeaseId, Queued)>) -> bool {
        let Some(waiting) = self.waiting.get_mut(host) else { return false };
        let end = urls.len() + most;
        while urls.len() < end
            && let Some(((_, id), url)) = waiting.pop_first()
        {
            self.leased.insert(id, url.clone());
            urls.push((id, url));
        }
        let has_more = !waiting.is_empty();
        if !has_more {
            self.waiting.remove(host);
        }
        has_more
    }

    fn lease_in_turn(
        &mut self,
        wanted: &LeaseRequest<'_>,
        full: &HashSet<Arc<str>>,
        urls: &mut Vec<(LeaseId, Queued)>,
    ) {
        for _ in 0..self.turns.len() {
            if urls.len() == wanted.most {
                break;
            }
            self.turns.rotate_left(1);
            let Some(host) = self.turns.back().filter(|host| !full.contains(*host)).cloned() else { continue };
            if !self.lease_of(&host, wanted.per_host.min(wanted.most - urls.len()), urls) {
                self.turns.pop_back();
            }
        }
    }
}

impl UrlQueue for MemoryQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        let mut added = Added::default();
        for url in batch {
            if url.key.is_some_and(|key| !self.seen.insert_fingerprint(key)) {
                added.seen += 1;
                continue;
            }
            added.new += 1;
            self.put(LeaseId(self.added), url.clone());
            self.added += 1;
        }
        Ok(added)
    }

    fn lease(&mut self, wanted: &LeaseRequest<'_>) -> Result<Leases, QueueError> {
        let mut urls = Vec::new();
        let has_more = match wanted.hosts {
            Hosts::Only(host) => {
                let has_more = self.lease_of(host, wanted.per_host.min(wanted.most), &mut urls);
                if !has_more {
                    self.turns.retain(|other| **other != *host);
                }
                has_more
            }
            Hosts::AllBut(full) => {
                self.lease_in_turn(wanted, full, &mut urls);
                self.turns.iter().any(|host| !full.contains(host))
            }
        };
        let rest = Rest::of(has_more, self.turns.is_empty() && self.leased.is_empty());
        Ok(Leases { urls, rest })
    }

    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        for id in leases {
            self.leased.remove(id);
        }
        Ok(())
    }

    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        for id in leases {
            if let Some(url) = self.leased.remove(id) {
                self.put(*id, url);
            }
        }
        Ok(())
    }
}
