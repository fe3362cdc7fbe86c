//! The queue as that of several workers.

use std::time::Duration;

use redis::Value;

use super::lease::{Dying, HostSelection, Leased, PartitionCounts, PartitionShare, divided, read_dying, state_of};
use super::urls::DoneUrl;
use super::{RedisQueue, SCRIPTS, pace, parsed};
use crate::queue::{
    Added, Committed, HostPace, LeaseId, ListClaim, QueueError, Queued, RefusedLine, Renewal, ReturnedUrl,
    SharedLeases, SharedQueue, SharedRequest, SharedRest,
};

/// A lease asks so many partitions first that each gives some URLs.
const SHARE: usize = 8;

impl RedisQueue {
    fn lease_more(
        &mut self,
        partitions: &[usize],
        request: &SharedRequest,
        leased: &mut Leased,
    ) -> Result<(), QueueError> {
        let selection = HostSelection { per_host: request.per_host, counts_leased: true, only: None, full: Vec::new() };
        let most = request.most.saturating_sub(leased.urls.len());
        let hosts = request.hosts.saturating_sub(self.leased.hosts());
        let parts = divided(most, partitions.len()).zip(divided(hosts, partitions.len()));
        let shares = partitions.iter().zip(parts);
        let shares: Vec<_> = shares
            .map(|(partition, (most, new_hosts))| PartitionShare { partition: *partition, most, new_hosts })
            .collect();
        self.lease_shares(&shares, &selection, leased)
    }

    /// Whether nothing waits, nothing is leased and no list is loaded anywhere.
    ///
    /// Two passes over all partitions have seen nothing, and no partition got URLs between its two. So there was a
    /// moment between the passes at which all partitions were empty.
    fn is_drained(&mut self, counts: &[PartitionCounts]) -> Result<bool, QueueError> {
        if counts.len() < self.partitions.len() || !counts.iter().all(PartitionCounts::is_empty) {
            return Ok(false);
        }
        self.beat()?;
        if self.beat.is_loading {
            return Ok(false);
        }
        let all: Vec<_> = counts.iter().map(|counts| counts.partition).collect();
        let mut again = Leased::default();
        self.lease_more(&all, &SharedRequest { most: 0, per_host: 0, hosts: 0 }, &mut again)?;
        let same = |old: &PartitionCounts| {
            again.counts.iter().any(|new| new.partition == old.partition && new.is_empty() && new.added == old.added)
        };
        Ok(counts.iter().all(same))
    }
}

impl SharedQueue for RedisQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        self.add_urls(batch)
    }

    fn add_refused(&mut self, lines: &[RefusedLine]) -> Result<(), QueueError> {
        self.call(|queue| {
            let calls = lines.iter().map(|line| {
                let mut call = queue.partition_call(&SCRIPTS.refuse, queue.partition_of(&line.place));
                call.arg(&line.place).arg(&line.record);
                call
            });
            calls.collect()
        })?;
        Ok(())
    }

    fn lease(&mut self, request: &SharedRequest) -> Result<SharedLeases, QueueError> {
        if self.beat.is_paused {
            return Ok(SharedLeases { rest: SharedRest::Paused, ..SharedLeases::default() });
        }
        let count = self.partitions.len();
        let order: Vec<usize> = (0..count).map(|at| (self.turn + at) % count).collect();
        self.turn = (self.turn + 1) % count;
        let (first, others) = order.split_at((request.most / SHARE).clamp(1, count));
        let mut leased = Leased::default();
        self.lease_more(first, request, &mut leased)?;
        if leased.urls.len() < request.most && !others.is_empty() {
            self.lease_more(others, request, &mut leased)?;
        }
        let has_more = |counts: &&PartitionCounts| counts.has_more;
        let more: Vec<_> = leased.counts.iter().filter(has_more).map(|counts| counts.partition).collect();
        if leased.urls.len() < request.most && !more.is_empty() {
            leased.counts.retain(|counts| !counts.has_more);
            self.lease_more(&more, request, &mut leased)?;
        }
        self.bury(std::mem::take(&mut leased.dying))?;
        let rest = if !leased.urls.is_empty() {
            let has_more = leased.urls.len() >= request.most || leased.counts.iter().any(|counts| counts.has_more);
            if has_more { SharedRest::More } else { SharedRest::Waits }
        } else if self.is_drained(&leased.counts)? {
            SharedRest::Drained
        } else {
            // It could have three times as many.
            if self.leased.urls() <= request.most / 3 {
                self.ask_for_hosts()?;
            }
            SharedRest::Waits
        };
        let notes = leased.notes.into_iter().map(String::into_boxed_str).collect();
        let has_reconnected = std::mem::take(&mut self.has_reconnected);
        Ok(SharedLeases { hosts: leased.hosts, urls: leased.urls, notes, has_reconnected, rest })
    }

    fn lease_host(&mut self, host: &str) -> Result<Option<HostPace>, QueueError> {
        let at = self.partition_of(host);
        loop {
            let values = self.call(|queue| {
                let is_new = !queue.sessions[at].is_known();
                let lease = queue.lease_micros();
                let mut call = queue.session_call(&SCRIPTS.lease_host, at);
                call.arg(lease).arg(u8::from(is_new)).arg(host);
                vec![call]
            })?;
            let (state, rest) = state_of(values.into_iter().next())?;
            if state == "lost" {
                self.lose_session(at);
                continue;
            }
            self.sessions[at].is_accepted();
            if state == "busy" {
                return Ok(None);
            }
            let (due_in, bytes): (u64, Vec<u8>) = parsed(Some(Value::Array(rest)))?;
            self.leased.add_host(host, at);
            return pace::decode(host, Duration::from_micros(due_in), &bytes).map(Some);
        }
    }

    fn complete(&mut self, done: &[Committed]) -> Result<Vec<LeaseId>, QueueError> {
        let done: Vec<_> =
            done.iter().map(|one| DoneUrl { lease: one.lease, verdict: one.verdict, record: &one.record }).collect();
        self.complete_urls(&done)
    }

    fn release(&mut self, back: &[ReturnedUrl]) -> Result<(), QueueError> {
        self.release_urls(back)
    }

    fn release_hosts(&mut self, paces: &[HostPace]) -> Result<(), QueueError> {
        self.send_paces(&SCRIPTS.release_host, paces)?;
        for pace in paces {
            self.leased.remove_host(&pace.host);
        }
        Ok(())
    }

    fn store_pace(&mut self, paces: &[HostPace]) -> Result<(), QueueError> {
        self.send_paces(&SCRIPTS.store_pace, paces)
    }

    fn renew(&mut self) -> Result<Renewal, QueueError> {
        let count = self.partitions.len();
        let values = self.call(|queue| {
            let calls = (0..count).map(|at| {
                let mut call = queue.partition_call(&SCRIPTS.renew, at);
                let is_known = queue.sessions[at].is_known();
                call.arg(if is_known { queue.sessions[at].name(&queue.worker) } else { String::new() });
                call.arg(queue.lease_micros());
                call
            });
            calls.collect()
        })?;
        let mut renewed = Renewal::default();
        let mut dying: Vec<Dying> = Vec::new();
        let in_lease = self.leased.busy_hosts(count);
        for (at, value) in values.into_iter().enumerate() {
            let (state, wanted, dead, busy): (String, Vec<String>, Vec<Value>, usize) = parsed(Some(value))?;
            let busy = busy.max(in_lease[at]);
            if state == "lost" && self.sessions[at].is_known() {
                self.lose_session(at);
            }
            renewed.wanted.extend(wanted.into_iter().map(String::into_boxed_str));
            self.beat.busy[at] = busy;
            dying.extend(read_dying(at, dead)?);
        }
        self.beat()?;
        self.bury(dying)?;
        renewed.wanted.retain(|host| self.leased.has_host(host));
        renewed.lost = std::mem::take(&mut self.lost);
        renewed.is_paused = self.beat.is_paused;
        renewed.has_reconnected = std::mem::take(&mut self.has_reconnected);
        Ok(renewed)
    }

    fn is_gone(&self) -> bool {
        self.is_gone
    }

    fn tell_all(&mut self, notes: &[Box<str>]) -> Result<(), QueueError> {
        self.call(|queue| {
            let mut call = queue.job_call(&SCRIPTS.job_tell);
            notes.iter().for_each(|note| {
                call.arg(&**note);
            });
            vec![call]
        })?;
        Ok(())
    }

    fn claim_list(&mut self, name: &str, digest: &str) -> Result<ListClaim, QueueError> {
        let values = self.call(|queue| {
            let mut call = queue.job_call(&SCRIPTS.job_list);
            call.arg(&queue.worker).arg(queue.lease_micros()).arg(digest).arg(name);
            vec![call]
        })?;
        let state: String = parsed(values.into_iter().next())?;
        if state == "load" {
            self.loading.insert(digest.to_owned(), name.to_owned());
        }
        Ok(match state.as_str() {
            "load" => ListClaim::Load,
            "loading" => ListClaim::Loading,
            _ => ListClaim::Loaded,
        })
    }

    fn list_loaded(&mut self, digest: &str) -> Result<(), QueueError> {
        let state = format!("loaded {}", self.loading.get(digest).map_or("", String::as_str));
        self.call(|queue| {
            let mut call = queue.job_call(&SCRIPTS.job_loaded);
            call.arg(digest).arg(&state);
            vec![call]
        })?;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), QueueError> {
        let mut left: Vec<usize> = (0..self.partitions.len()).filter(|at| self.sessions[*at].may_own()).collect();
        while !left.is_empty() {
            let values = self.call(|queue| {
                let calls = left.iter().map(|at| {
                    let mut call = queue.partition_call(&SCRIPTS.leave, *at);
                    call.arg(queue.sessions[*at].name(&queue.worker));
                    call.arg(queue.sessions[*at].old_names(&queue.worker));
                    call
                });
                calls.collect()
            })?;
            let mut more = Vec::new();
            for (at, value) in left.into_iter().zip(values) {
                if parsed::<u8>(Some(value))? == 1 {
                    more.push(at);
                }
            }
            left = more;
        }
        self.leased = super::LeaseTable::default();
        self.call(|queue| {
            let mut call = queue.job_call(&SCRIPTS.job_leave);
            call.arg(&queue.worker);
            vec![call]
        })?;
        Ok(())
    }
}
