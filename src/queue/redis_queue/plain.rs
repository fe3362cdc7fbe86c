//! The queue as that of one worker, which has all hosts.

use std::collections::HashSet;
use std::sync::Arc;

use super::RedisQueue;
use super::lease::{HostSelection, Leased, PartitionShare};
use super::urls::DoneUrl;
use crate::queue::{Added, Hosts, LeaseId, LeaseRequest, Leases, QueueError, Queued, Rest, ReturnedUrl, UrlQueue};

impl UrlQueue for RedisQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        self.add_urls(batch)
    }

    fn lease(&mut self, wanted: &LeaseRequest<'_>) -> Result<Leases, QueueError> {
        let nothing = HashSet::new();
        let (only, full): (_, &HashSet<Arc<str>>) = match wanted.hosts {
            Hosts::Only(host) => (Some(host), &nothing),
            Hosts::AllBut(full) => (None, full),
        };
        let full = full.iter().map(|host| &**host).collect();
        let selection = HostSelection { per_host: wanted.per_host, counts_leased: false, only, full };
        let mut leased = Leased::default();
        for at in 0..self.partitions.len() {
            let partition = (self.turn + at) % self.partitions.len();
            let share =
                PartitionShare { partition, most: wanted.most - leased.urls.len(), new_hosts: usize::MAX >> 12 };
            self.lease_shares(&[share], &selection, &mut leased)?;
        }
        self.turn = (self.turn + 1) % self.partitions.len();
        let has_more = leased.counts.iter().any(|counts| counts.has_more);
        let is_drained = leased.counts.iter().all(|counts| counts.is_empty());
        let urls = leased.urls.into_iter().map(|url| (url.lease, url.url)).collect();
        Ok(Leases { urls, rest: Rest::of(has_more, is_drained) })
    }

    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        let done: Vec<_> = leases.iter().map(|lease| DoneUrl { lease: *lease, verdict: "", record: &[] }).collect();
        self.complete_urls(&done).map(drop)
    }

    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        let back: Vec<_> = leases.iter().map(|lease| ReturnedUrl { lease: *lease, attempts: 0 }).collect();
        self.release_urls(&back)
    }
}
