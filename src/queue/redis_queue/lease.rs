//! Leases of URLs, from one partition after the other.

use std::time::Duration;

use redis::Value;

use super::servers::Call;
use super::{JOB, RedisQueue, SCRIPTS, pace, parsed};
use crate::queue::{HostPace, LeasedUrl, QueueError, stored};

/// The most URLs that one call asks a partition for.
const MOST: usize = 4_096;

/// The selection of a lease.
pub(super) struct HostSelection<'a> {
    pub(super) per_host: usize,
    /// Whether URLs that are leased already count for `per_host`.
    pub(super) counts_leased: bool,
    /// The only host.
    pub(super) only: Option<&'a str>,
    /// Hosts that give nothing.
    pub(super) full: Vec<&'a str>,
}

/// The request to one partition.
#[derive(Clone, Copy)]
pub(super) struct PartitionShare {
    pub(super) partition: usize,
    pub(super) most: usize,
    pub(super) new_hosts: usize,
}

/// The answers of some partitions.
#[derive(Default)]
pub(super) struct Leased {
    pub(super) hosts: Vec<HostPace>,
    pub(super) urls: Vec<LeasedUrl>,
    /// The counts of each partition that was asked.
    pub(super) counts: Vec<PartitionCounts>,
    pub(super) dying: Vec<Dying>,
    /// New notes for all workers.
    pub(super) notes: Vec<String>,
}

/// The counts of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartitionCounts {
    pub(super) partition: usize,
    pub(super) waiting: u64,
    pub(super) leased: u64,
    pub(super) added: u64,
    /// Whether it would have given more.
    pub(super) has_more: bool,
}

impl PartitionCounts {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0 && self.leased == 0
    }
}

/// A URL whose lease expired too often: its partition, its field in the hash of such URLs, and its bytes.
pub(super) struct Dying {
    pub(super) partition: usize,
    pub(super) field: String,
    pub(super) payload: Vec<u8>,
}

type LeaseAnswer = (u64, u64, u64, u8, Vec<Value>, Vec<Value>, Vec<Value>);

impl RedisQueue {
    /// Leases from some partitions, in one round trip. A session that has ended is begun anew.
    pub(super) fn lease_shares(
        &mut self,
        shares: &[PartitionShare],
        selection: &HostSelection<'_>,
        leased: &mut Leased,
    ) -> Result<(), QueueError> {
        let mut shares = shares.to_vec();
        while !shares.is_empty() {
            let mut values = self.call(|queue| {
                let mut calls: Vec<_> = shares.iter().map(|share| queue.lease_call(*share, selection)).collect();
                if !queue.servers.is_cluster() {
                    calls.push(queue.notes_call());
                }
                calls
            })?;
            // A URL comes with the notes that were there before it, so they are read after the leases.
            let notes = if self.servers.is_cluster() {
                self.call(|queue| vec![queue.notes_call()])?.pop()
            } else {
                values.pop()
            };
            let notes: Vec<String> = parsed(notes)?;
            self.notes += notes.len();
            leased.notes.extend(notes);
            let mut again = Vec::new();
            for (share, value) in shares.iter().zip(values) {
                let (state, rest) = state_of(Some(value))?;
                if state == "lost" {
                    self.lose_session(share.partition);
                    again.push(*share);
                    continue;
                }
                self.sessions[share.partition].is_accepted();
                self.read_leases(share.partition, parsed(Some(Value::Array(rest)))?, leased)?;
            }
            shares = again;
        }
        Ok(())
    }

    fn notes_call(&self) -> Call {
        let mut call = Call::plain("LRANGE", JOB);
        call.arg(format!("{}:notes", self.job)).arg(self.notes).arg(-1);
        call
    }

    pub(super) fn lease_call(&mut self, share: PartitionShare, selection: &HostSelection<'_>) -> Call {
        let is_new = !self.sessions[share.partition].is_known();
        let lease = self.lease_micros();
        let mut call = self.session_call(&SCRIPTS.lease, share.partition);
        call.arg(lease).arg(u8::from(is_new)).arg(share.most.min(MOST)).arg(selection.per_host.min(MOST));
        call.arg(u8::from(selection.counts_leased)).arg(share.new_hosts).arg(selection.only.unwrap_or_default());
        for host in &selection.full {
            call.arg(host);
        }
        call
    }

    fn read_leases(&mut self, partition: usize, answer: LeaseAnswer, leased: &mut Leased) -> Result<(), QueueError> {
        let (waiting, in_lease, added, has_more, hosts, urls, dying) = answer;
        leased.counts.push(PartitionCounts { partition, waiting, leased: in_lease, added, has_more: has_more == 1 });
        let mut hosts = hosts.into_iter();
        while let Some(host) = hosts.next() {
            let (host, due_in, bytes): (String, u64, Vec<u8>) =
                (parsed(Some(host))?, parsed(hosts.next())?, parsed(hosts.next())?);
            self.leased.add_host(&host, partition);
            leased.hosts.push(pace::decode(&host, Duration::from_micros(due_in), &bytes)?);
        }
        let mut urls = urls.into_iter();
        while let Some(host) = urls.next() {
            let (host, count): (String, usize) = (parsed(Some(host))?, parsed(urls.next())?);
            let host = self.leased.add_host(&host, partition);
            for _ in 0..count {
                let (id, attempts, payload): (u64, u32, Vec<u8>) =
                    (parsed(urls.next())?, parsed(urls.next())?, parsed(urls.next())?);
                let lease = self.leased.add_url(&host, id);
                let url = stored::decode(&payload, &mut self.list)?;
                leased.urls.push(LeasedUrl { lease, attempts, url });
            }
        }
        leased.dying.extend(read_dying(partition, dying)?);
        Ok(())
    }
}

/// The first word of an answer, and the rest of it.
pub(super) fn state_of(value: Option<Value>) -> Result<(String, Vec<Value>), QueueError> {
    let mut all: Vec<Value> = parsed(value)?;
    if all.is_empty() {
        return parsed(None);
    }
    let rest = all.split_off(1);
    Ok((parsed(all.pop())?, rest))
}

/// Reads the URLs that wait for their record.
pub(super) fn read_dying(partition: usize, values: Vec<Value>) -> Result<Vec<Dying>, QueueError> {
    let mut values = values.into_iter();
    let mut dying = Vec::new();
    while let Some(field) = values.next() {
        let (field, bytes): (String, Vec<u8>) = (parsed(Some(field))?, parsed(values.next())?);
        // Its priority is in front.
        let at = bytes.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
        dying.push(Dying { partition, field, payload: bytes[at..].to_vec() });
    }
    Ok(dying)
}

/// Divides an amount into parts of nearly equal size.
pub(super) fn divided(amount: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| amount / parts + usize::from(part < amount % parts))
}
