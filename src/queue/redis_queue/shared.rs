//! The queue as that of several workers.

use std::time::{Duration, Instant};

use redis::Value;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::lease::{Dying, Leased, PartitionCounts, Selection, Share, divided, read_dying, state_of};
use super::servers::Call;
use super::{JOB, OtherWorker, RedisQueue, SCRIPTS, micros, pace, parsed};
use crate::queue::{
    Added, Committed, HostPace, LeaseId, ListClaim, QueueError, Queued, Renewed, Returned, SharedLeases, SharedQueue,
    SharedRequest, SharedRest, stored,
};

/// The partitions that a lease asks first.
const FIRST: usize = 4;

/// How often a lease asks partitions that have more.
const ROUNDS: usize = 3;

/// An idle worker asks others for hosts at most so often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// An outcome to commit.
pub(super) struct Done<'a> {
    pub(super) lease: LeaseId,
    /// Its kind; nothing if there is no record.
    pub(super) verdict: &'static str,
    pub(super) record: &'a [u8],
}

/// What a worker says of itself.
#[derive(Serialize, Deserialize)]
pub(super) struct WorkerInfo {
    /// The name that people gave it.
    pub(super) name: String,
    /// The hosts and URLs that it has leased.
    pub(super) hosts: usize,
    pub(super) urls: usize,
    /// Of each partition: its hosts that have URLs.
    pub(super) busy: Vec<usize>,
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
    pub(super) fn complete_urls(&mut self, done: &[Done<'_>]) -> Result<Vec<LeaseId>, QueueError> {
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

    pub(super) fn release_urls(&mut self, back: &[Returned]) -> Result<(), QueueError> {
        let leased = |one: &Returned| {
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
    fn send_paces(&mut self, script: &'static super::scripts::Script, paces: &[HostPace]) -> Result<(), QueueError> {
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

    fn lease_more(
        &mut self,
        partitions: &[usize],
        request: &SharedRequest,
        leased: &mut Leased,
    ) -> Result<(), QueueError> {
        let selection = Selection { per_host: request.per_host, counts_leased: true, only: None, full: Vec::new() };
        let most = request.most.saturating_sub(leased.urls.len());
        let hosts = request.hosts.saturating_sub(self.leased.hosts());
        let parts = divided(most, partitions.len()).zip(divided(hosts, partitions.len()));
        let shares = partitions.iter().zip(parts);
        let shares: Vec<_> =
            shares.map(|(partition, (most, new_hosts))| Share { partition: *partition, most, new_hosts }).collect();
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
        if self.beat.is_loading || self.must_adopt {
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

    /// Asks the busiest worker for some of its hosts.
    fn ask_for_hosts(&mut self) -> Result<(), QueueError> {
        let now = Instant::now();
        if self.beat.asked.is_some_and(|asked| now.duration_since(asked) < ASK_AGAIN) {
            return Ok(());
        }
        self.beat.asked = Some(now);
        self.beat()?;
        let total = |worker: &OtherWorker| worker.busy.iter().sum::<usize>();
        let idle = 1 + self.beat.others.iter().filter(|other| total(other) == 0).count();
        let Some(busiest) = self.beat.others.iter().max_by_key(|other| total(other)) else { return Ok(()) };
        let mut wanted = total(busiest) / (1 + idle);
        let (id, mut busy) = (busiest.id.clone(), busiest.busy.clone());
        busy.resize(self.partitions.len(), 0);
        let mut shares = vec![0; busy.len()];
        while wanted > 0
            && let Some(at) = (0..busy.len()).max_by_key(|at| busy[*at] - shares[*at])
            && busy[at] > shares[at]
        {
            shares[at] += 1;
            wanted -= 1;
        }
        self.call(|queue| {
            let asked = shares.iter().enumerate().filter(|(_, share)| **share > 0);
            let calls = asked.map(|(at, share)| {
                let mut call = queue.partition_call(&SCRIPTS.want, at);
                call.arg(&queue.worker).arg(&id).arg(*share);
                call
            });
            calls.collect()
        })?;
        Ok(())
    }

    /// Says that this worker lives, and reads what the job says.
    pub(super) fn beat(&mut self) -> Result<(), QueueError> {
        let info = WorkerInfo {
            name: self.options.worker.clone(),
            hosts: self.leased.hosts(),
            urls: self.leased.urls(),
            busy: self.beat.busy.clone(),
        };
        let info = serde_json::to_string(&info).map_err(|e| QueueError(e.to_string()))?;
        let values = self.call(|queue| vec![queue.beat_call(&info)])?;
        self.read_beat(values.into_iter().next())
    }

    fn beat_call(&self, info: &str) -> Call {
        let mut call = self.job_call(&SCRIPTS.job_beat);
        call.arg(&self.worker).arg(self.lease_micros()).arg(info);
        call
    }

    fn read_beat(&mut self, value: Option<Value>) -> Result<(), QueueError> {
        let (paused, loading, others): (u8, u8, Vec<(String, String)>) = parsed(value)?;
        self.beat.is_paused = paused == 1;
        self.beat.is_loading = loading == 1;
        let read = |(id, info): (String, String)| {
            let info: WorkerInfo = serde_json::from_str(&info).ok()?;
            Some(OtherWorker { id, busy: info.busy })
        };
        self.beat.others = others.into_iter().filter_map(read).collect();
        Ok(())
    }
}

impl SharedQueue for RedisQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        self.add_urls(batch)
    }

    fn lease(&mut self, request: &SharedRequest) -> Result<SharedLeases, QueueError> {
        if self.beat.is_paused {
            return Ok(SharedLeases { rest: SharedRest::Paused, ..SharedLeases::default() });
        }
        let count = self.partitions.len();
        let order: Vec<usize> = (0..count).map(|at| (self.turn + at) % count).collect();
        self.turn = (self.turn + 1) % count;
        let (first, others) = order.split_at(FIRST.min(count));
        let mut leased = Leased::default();
        self.lease_more(first, request, &mut leased)?;
        if leased.urls.len() < request.most && !others.is_empty() {
            self.lease_more(others, request, &mut leased)?;
        }
        for _ in 0..ROUNDS {
            let more: Vec<_> =
                leased.counts.iter().filter(|counts| counts.has_more).map(|counts| counts.partition).collect();
            if leased.urls.len() >= request.most || more.is_empty() {
                break;
            }
            leased.counts.retain(|counts| !counts.has_more);
            self.lease_more(&more, request, &mut leased)?;
        }
        self.bury(std::mem::take(&mut leased.dying))?;
        let rest = if !leased.urls.is_empty() {
            if leased.urls.len() >= request.most { SharedRest::More } else { SharedRest::Waits }
        } else if self.is_drained(&leased.counts)? {
            SharedRest::Drained
        } else {
            if self.leased.urls() == 0 {
                self.ask_for_hosts()?;
            }
            SharedRest::Waits
        };
        let notes = leased.notes.into_iter().map(String::into_boxed_str).collect();
        Ok(SharedLeases { hosts: leased.hosts, urls: leased.urls, notes, rest })
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
            done.iter().map(|one| Done { lease: one.lease, verdict: one.verdict, record: &one.record }).collect();
        self.complete_urls(&done)
    }

    fn release(&mut self, back: &[Returned]) -> Result<(), QueueError> {
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

    fn renew(&mut self) -> Result<Renewed, QueueError> {
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
        let mut renewed = Renewed::default();
        let mut dying: Vec<Dying> = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            let (state, wanted, dead, busy): (String, Vec<String>, Vec<Value>, usize) = parsed(Some(value))?;
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
        Ok(renewed)
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
        Ok(match state.as_str() {
            "load" => ListClaim::Load,
            "loading" => ListClaim::Loading,
            _ => ListClaim::Loaded,
        })
    }

    fn list_loaded(&mut self, digest: &str) -> Result<(), QueueError> {
        self.call(|queue| {
            let mut call = Call::plain("HSET", JOB);
            call.arg(format!("{}:lists", queue.job)).arg(digest).arg("loaded");
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
