//! URLs on their way into the queue, out of it and back, and the paces of their hosts.

use xxhash_rust::xxh3::Xxh3Default;

use super::scripts::Script;
use super::{RedisQueue, SCRIPTS, micros, pace, parsed};
use crate::queue::{Added, HostPace, LeaseId, QueueError, Queued, ReturnedUrl, stored};

/// An outcome to commit.
pub(super) struct DoneUrl<'a> {
    pub(super) lease: LeaseId,
    /// Its kind; nothing if there is no record.
    pub(super) verdict: &'static str,
    pub(super) record: &'a [u8],
}

impl RedisQueue {
    pub(super) fn add_urls(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        let mut urls = Vec::with_capacity(batch.len());
        let mut digest = Xxh3Default::new();
        for (place, url) in batch.iter().enumerate() {
            let mut payload = Vec::new();
            stored::encode(url, &mut payload)?;
            // 64 bits are enough for the URLs of one partition.
            let key = url.key.map(|key| (key.0 as i64).to_string()).unwrap_or_default();
            digest.update(&payload);
            urls.push((Box::from(url.host()), (place, url.priority, key, payload)));
        }
        let groups = self.by_partition(urls);
        let call = self.number_of(self.unanswered.add, digest.digest());
        self.unanswered.add = Some(call);
        let values = self.call(|queue| {
            let calls = groups.iter().map(|(at, hosts)| {
                let mut script = queue.partition_call(&SCRIPTS.add, *at);
                script.arg(&queue.worker).arg(call.number);
                for (host, urls) in hosts {
                    script.arg(&**host).arg(urls.len());
                    for (place, priority, key, payload) in urls {
                        script.arg(place).arg(priority).arg(key).arg(payload);
                    }
                }
                script
            });
            calls.collect()
        })?;
        self.unanswered.add = None;
        let mut added = Added::default();
        for value in values {
            let (new, seen): (usize, usize) = parsed(Some(value))?;
            added.new += new;
            added.seen += seen;
        }
        Ok(added)
    }

    /// Commits outcomes. Returns those whose lease this worker has no more.
    pub(super) fn complete_urls(&mut self, done: &[DoneUrl<'_>]) -> Result<Vec<LeaseId>, QueueError> {
        let mut stale = Vec::new();
        let mut urls = Vec::with_capacity(done.len());
        let mut digest = Xxh3Default::new();
        for one in done {
            digest.update(&one.lease.0.to_le_bytes());
            match self.leased.url(one.lease) {
                Some(url) => urls.push((Box::from(&*url.host), (url.id, one))),
                None => stale.push(one.lease),
            }
        }
        let groups = self.by_partition(urls);
        let call = self.number_of(self.unanswered.complete, digest.digest());
        self.unanswered.complete = Some(call);
        let values = self.call(|queue| {
            let calls = groups.iter().map(|(at, hosts)| {
                let mut script = queue.session_call(&SCRIPTS.complete, *at);
                script.arg(call.number);
                for (host, urls) in hosts {
                    script.arg(&**host).arg(urls.len());
                    for (id, one) in urls {
                        let verdict = if one.record.is_empty() { "" } else { one.verdict };
                        script.arg(id).arg(verdict).arg(one.record);
                    }
                }
                script
            });
            calls.collect()
        })?;
        self.unanswered.complete = None;
        for value in values {
            let urls: Vec<(String, u64)> = parsed(Some(value))?;
            stale.extend(urls.iter().filter_map(|(host, id)| self.leased.lease_of(host, *id)));
        }
        done.iter().for_each(|one| self.leased.remove_url(one.lease));
        Ok(stale)
    }

    pub(super) fn release_urls(&mut self, back: &[ReturnedUrl]) -> Result<(), QueueError> {
        let leased = |one: &ReturnedUrl| {
            let url = self.leased.url(one.lease)?;
            Some((Box::from(&*url.host), (url.id, one.attempts)))
        };
        let urls: Vec<(Box<str>, _)> = back.iter().filter_map(leased).collect();
        let groups = self.by_partition(urls);
        self.call(|queue| {
            let calls = groups.iter().map(|(at, hosts)| {
                let mut call = queue.session_call(&SCRIPTS.release, *at);
                for (host, ids) in hosts {
                    call.arg(&**host).arg(ids.len());
                    ids.iter().for_each(|(id, attempts)| {
                        call.arg(id).arg(attempts);
                    });
                }
                call
            });
            calls.collect()
        })?;
        back.iter().for_each(|one| self.leased.remove_url(one.lease));
        Ok(())
    }

    /// Sends the paces of hosts to a script.
    pub(super) fn send_paces(&mut self, script: &'static Script, paces: &[HostPace]) -> Result<(), QueueError> {
        let mut hosts = Vec::with_capacity(paces.len());
        for pace in paces.iter().filter(|pace| self.leased.has_host(&pace.host)) {
            hosts.push((pace.host.clone(), (micros(pace.due_in), pace::encode(pace)?)));
        }
        let groups = self.by_partition(hosts);
        self.call(|queue| {
            let calls = groups.iter().map(|(at, hosts)| {
                let mut call = queue.session_call(script, *at);
                for (host, paces) in hosts {
                    for (due_in, bytes) in paces {
                        call.arg(&**host).arg(due_in).arg(bytes);
                    }
                }
                call
            });
            calls.collect()
        })?;
        Ok(())
    }
}
