//! Calls that survive a server which is away for some time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use redis::Value;

use super::scripts::Script;
use super::servers::{Call, CallError};
use super::{JOB, RedisQueue, SCRIPTS, parsed};
use crate::queue::QueueError;

/// The first pause before a call is repeated, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How often a pause looks whether it has to end.
const LOOK: Duration = Duration::from_millis(50);

impl RedisQueue {
    /// Executes calls. While the server is away they are made again, with the sessions of that moment.
    pub(super) fn call(&mut self, make: impl Fn(&mut Self) -> Vec<Call>) -> Result<Vec<Value>, QueueError> {
        let end = Instant::now() + self.options.patience;
        let mut pause = PAUSES.0;
        loop {
            let error = match self.adopt_and_run(&make) {
                Ok(values) => return Ok(values),
                Err(CallError::Gone) => {
                    self.is_gone = true;
                    return Err(self.refusal(CallError::Gone));
                }
                Err(error @ CallError::Refused(_)) => return Err(self.refusal(error)),
                Err(error @ CallError::Away(_)) => error,
            };
            self.must_adopt = true;
            if Instant::now() + pause > end || !self.wait(pause) {
                return Err(self.refusal(error));
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn adopt_and_run(&mut self, make: &impl Fn(&mut Self) -> Vec<Call>) -> Result<Vec<Value>, CallError> {
        if self.must_adopt {
            self.adopt()?;
            self.must_adopt = false;
            self.has_reconnected = true;
        }
        let calls = make(self);
        self.servers.run(&calls)
    }

    /// Waits. Returns whether the wait may go on.
    #[expect(clippy::disallowed_methods, reason = "a queue that several workers share has a thread of its own")]
    fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.options.stop.load(Ordering::Relaxed) {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return true;
            }
            thread::sleep(rest.min(LOOK));
        }
        false
    }

    /// Moves all hosts of this worker to new sessions.
    fn adopt(&mut self) -> Result<(), CallError> {
        let used: Vec<usize> = (0..self.sessions.len()).filter(|at| self.sessions[*at].may_own()).collect();
        let mut calls = Vec::with_capacity(used.len());
        for at in &used {
            self.sessions[*at].begin_next();
            let mut call = self.partition_call(&SCRIPTS.adopt, *at);
            let old = self.sessions[*at].old_names(&self.worker);
            call.arg(self.sessions[*at].name(&self.worker)).arg(self.lease_micros()).arg(old.len()).arg(old);
            for (host, leased) in self.leased.hosts_of(*at) {
                call.arg(&**host).arg(leased.urls.len()).arg(leased.urls.keys().collect::<Vec<_>>());
            }
            calls.push(call);
        }
        // A server that was killed may have lost some notes, so that others have their places.
        self.notes = 0;
        let values = self.servers.run(&calls)?;
        for (at, value) in used.into_iter().zip(values) {
            let kept: HashSet<String> = parsed(Some(value)).map_err(|error| CallError::Refused(error.0))?;
            self.sessions[at].adopted(!kept.is_empty());
            let lost = |host: &&Arc<str>| !kept.contains(&***host);
            let lost: Vec<_> = self.leased.hosts_of(at).map(|(host, _)| host).filter(lost).cloned().collect();
            lost.iter().for_each(|host| self.lose_host(host));
        }
        Ok(())
    }

    /// Forgets the hosts of a session that the server has ended.
    pub(super) fn lose_session(&mut self, at: usize) {
        self.sessions[at].lost();
        let lost: Vec<_> = self.leased.hosts_of(at).map(|(host, _)| host.clone()).collect();
        lost.iter().for_each(|host| self.lose_host(host));
    }

    fn lose_host(&mut self, host: &str) {
        self.leased.remove_host(host);
        self.lost.push(Box::from(host));
    }

    /// A call of a script of a partition.
    pub(super) fn partition_call(&self, script: &'static Script, at: usize) -> Call {
        Call::script(script, at + 1, &self.partitions[at])
    }

    /// A call of a script of the job.
    pub(super) fn job_call(&self, script: &'static Script) -> Call {
        Call::script(script, JOB, &self.job)
    }

    /// A call of a script of a partition that names the session of this worker first.
    pub(super) fn session_call(&mut self, script: &'static Script, at: usize) -> Call {
        self.sessions[at].use_it();
        let mut call = self.partition_call(script, at);
        call.arg(self.sessions[at].name(&self.worker));
        call
    }

    /// Groups things by partition and host, in a stable order.
    pub(super) fn by_partition<T>(&self, all: impl IntoIterator<Item = (Box<str>, T)>) -> Vec<(usize, HostGroups<T>)> {
        let mut groups: Vec<(usize, HostGroups<T>)> = Vec::new();
        let mut places: HashMap<Box<str>, (usize, usize)> = HashMap::new();
        for (host, one) in all {
            let (group, place) = match places.get(&host) {
                Some(place) => *place,
                None => {
                    let at = self.partition_of(&host);
                    let group = groups.iter().position(|(other, _)| *other == at).unwrap_or_else(|| {
                        groups.push((at, Vec::new()));
                        groups.len() - 1
                    });
                    groups[group].1.push((host.clone(), Vec::new()));
                    let place = (group, groups[group].1.len() - 1);
                    places.insert(host, place);
                    place
                }
            };
            groups[group].1[place].1.push(one);
        }
        groups
    }
}

/// Things by host.
pub(super) type HostGroups<T> = Vec<(Box<str>, Vec<T>)>;
