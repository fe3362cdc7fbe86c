//! A queue in a Redis server, which several workers share. `docs/design/fleet.md` describes its keys and scripts.

mod admin;
mod beat;
mod calls;
mod dead;
mod fitness;
mod lease;
mod leases;
mod pace;
mod plain;
mod scripts;
mod servers;
mod sessions;
mod shared;
mod status;
#[cfg(test)]
mod tests;
mod urls;
pub use admin::QueueAdmin;
pub use status::{HostStatus, ListStatus, QueueStatus, WorkerStatus};
#[cfg(test)]
pub use tests::{is_testable, new_queue};

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use beat::Beat;
use leases::LeaseTable;
use redis::Value;
use scripts::SCRIPTS;
use servers::{Call, CallError, Servers};
use sessions::Session;
use xxhash_rust::xxh3::xxh3_64;

use super::{LEASE, QueueError};
use crate::config::QueueAddress;

/// The version of the keys.
const VERSION: u32 = 1;

/// The partitions of a new job.
const PARTITIONS: u16 = 16;

/// The place of the keys of the job. Those of the partitions are behind it.
const JOB: usize = 0;

/// How long a call waits for a server that is away.
const PATIENCE: Duration = Duration::from_secs(120);

/// The choices of a worker.
#[derive(Debug, Clone)]
pub struct RedisQueueOptions {
    /// The name of the worker, as people see it.
    pub worker: String,
    /// The settings of the run that shape the job, by name. A worker with others is refused.
    pub settings: Vec<(String, String)>,
    /// The time for which a lease holds without a renewal.
    pub lease: Duration,
    /// How long a call waits for a server that is away.
    pub patience: Duration,
    /// Whether this worker makes the job if there is none. One without URLs of its own cannot.
    pub may_create: bool,
    /// The partitions, if this worker makes the job.
    pub partitions: u16,
    /// Ends a wait for a server that is away.
    pub stop: Arc<AtomicBool>,
}

impl Default for RedisQueueOptions {
    fn default() -> Self {
        Self {
            worker: String::new(),
            settings: Vec::new(),
            lease: LEASE,
            patience: PATIENCE,
            may_create: true,
            partitions: PARTITIONS,
            stop: Arc::default(),
        }
    }
}

/// A worker's end of a queue in a Redis server.
pub struct RedisQueue {
    servers: Servers,
    /// The address as messages show it.
    address: String,
    warnings: Vec<String>,
    options: RedisQueueOptions,
    /// The name of the job as people see it.
    name: String,
    /// The name of the hash of the job, and of those of the partitions.
    job: String,
    partitions: Vec<String>,
    sessions: Vec<Session>,
    /// When the job was made, in the server's words: another job may get its name.
    created: String,
    /// Whether the server has lost the job, or people have removed it.
    is_gone: bool,
    /// A name that no other worker has.
    worker: String,
    leased: LeaseTable,
    /// Hosts that were lost since the last renewal.
    lost: Vec<Box<str>>,
    /// Whether a call has failed since the sessions began: calls may arrive late.
    must_adopt: bool,
    /// Whether that has happened since the last renewal.
    has_reconnected: bool,
    /// The number of the last call that changes something and may be repeated.
    call: u64,
    /// The partition that is asked first.
    turn: usize,
    beat: Beat,
    /// How many notes of the job this worker has been given.
    notes: usize,
    /// Calls that had no answer, as they may have been executed.
    unanswered: Unanswered,
    /// The names of the lists that this worker loads, by digest.
    loading: HashMap<String, String>,
    /// The name of the list of the URL that was read last.
    list: Arc<str>,
}

/// The version, the partitions, the settings and the time of a job; nothing if there is no such job.
type JoinAnswer = (Option<u32>, Option<usize>, Option<String>, Option<String>);

/// Calls that had no answer.
#[derive(Default)]
struct Unanswered {
    add: Option<NumberedCall>,
    complete: Option<NumberedCall>,
}

/// The number of a call, which the server executes once.
#[derive(Clone, Copy)]
struct NumberedCall {
    number: u64,
    digest: u64,
}

impl RedisQueue {
    /// Joins a job, which is made if there is none.
    ///
    /// # Errors
    /// The server cannot be reached or is not fit, or the job has other settings.
    pub fn open(address: &QueueAddress, options: RedisQueueOptions) -> Result<Self, QueueError> {
        let job = format!("fetchall:{{{}}}", address.job);
        let worker = format!("{:016x}", fastrand::u64(..));
        let mut queue = Self {
            servers: Servers::new(address.clone()),
            address: address.to_string(),
            warnings: Vec::new(),
            options,
            name: address.job.clone(),
            job,
            partitions: Vec::new(),
            sessions: Vec::new(),
            created: String::new(),
            is_gone: false,
            worker,
            leased: LeaseTable::default(),
            lost: Vec::new(),
            must_adopt: false,
            has_reconnected: false,
            call: 0,
            turn: 0,
            beat: Beat::default(),
            notes: 0,
            unanswered: Unanswered::default(),
            loading: HashMap::new(),
            list: Arc::default(),
        };
        queue.warnings = fitness::check(&mut queue)?;
        queue.join(&address.job)?;
        // Now the node of each partition is known, and each partition is there.
        queue.call(|queue| (0..queue.partitions.len()).map(|at| queue.partition_begins(at)).collect())?;
        let counts = queue.call(|queue| (0..queue.partitions.len()).map(|at| queue.count_call(at)).collect())?;
        queue.beat()?;
        let warning = queue.is_done(counts)?.map(|done| {
            let name = &address.job;
            format!("the job {name} is done ({done} URLs), and fetches no URL again; another job=NAME, or `fetchall queue clear`, begins anew")
        });
        queue.warnings.extend(warning);
        Ok(queue)
    }

    /// Warnings about the server, for the user.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A failed call as an error that names the server.
    fn refusal(&self, error: CallError) -> QueueError {
        match error {
            CallError::Away(text) | CallError::Refused(text) => QueueError(format!("{}: {text}", self.address)),
            CallError::Gone => {
                let Self { address, name, .. } = self;
                QueueError(format!("{address}: the job {name} is no longer in this server; run again with the list"))
            }
        }
    }

    fn join(&mut self, job: &str) -> Result<(), QueueError> {
        let settings: String =
            self.options.settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let partitions = self.options.partitions.max(1);
        let values = self.call(|queue| {
            let mut call = queue.job_call(&SCRIPTS.job_join);
            call.arg(VERSION).arg(partitions).arg(&settings).arg(u8::from(queue.options.may_create));
            vec![call]
        })?;
        let answer = values.into_iter().next();
        let (Some(version), ..): JoinAnswer = parsed(answer.clone())? else {
            let text = format!("no job {job}; give a list, or check job=NAME");
            return Err(self.refusal(CallError::Refused(text)));
        };
        if version != VERSION {
            let text = "the job was made by another version of fetchall; use that one, or another job=NAME".to_owned();
            return Err(self.refusal(CallError::Refused(text)));
        }
        let (_, partitions, theirs, created): (u32, usize, String, String) = parsed(answer)?;
        self.created = created;
        if let Some(text) = difference(&theirs, &settings) {
            let text = format!("the job has other settings: {text}; use them, or another job=NAME");
            return Err(self.refusal(CallError::Refused(text)));
        }
        self.partitions = (0..partitions).map(|number| format!("fetchall:{{{job}:{number}}}")).collect();
        self.sessions = (0..partitions).map(|_| Session::default()).collect();
        self.beat.busy = vec![0; partitions];
        Ok(())
    }

    fn partition_begins(&self, at: usize) -> Call {
        let mut call = Call::plain("HSETNX", at + 1);
        call.arg(&self.partitions[at]).arg("created").arg(&self.created);
        call
    }

    fn count_call(&self, at: usize) -> Call {
        let mut call = Call::plain("HMGET", at + 1);
        call.arg(&self.partitions[at]);
        ["waiting", "leased", "ok", "http_error", "failed", "skipped"].iter().for_each(|name| {
            call.arg(*name);
        });
        call
    }

    /// The number of outcomes, if the job has some and no worker has anything to do.
    fn is_done(&self, counts: Vec<Value>) -> Result<Option<u64>, QueueError> {
        let (mut open, mut done) = (0, 0);
        for counts in counts {
            let counts: Vec<Option<u64>> = parsed(Some(counts))?;
            let (left, outcomes) = counts.split_at(2.min(counts.len()));
            open += left.iter().flatten().sum::<u64>();
            done += outcomes.iter().flatten().sum::<u64>();
        }
        let is_over = open == 0 && done > 0 && self.beat.others.is_empty() && !self.beat.is_loading;
        Ok(is_over.then_some(done))
    }

    fn partition_of(&self, host: &str) -> usize {
        // The remainder is less than the number of partitions.
        (xxh3_64(host.as_bytes()) % self.partitions.len() as u64) as usize
    }

    /// The number of a call: that of the last call of its kind, if it had no answer and was the same.
    fn number_of(&mut self, last: Option<NumberedCall>, digest: u64) -> NumberedCall {
        if let Some(last) = last.filter(|last| last.digest == digest) {
            return last;
        }
        self.call += 1;
        NumberedCall { number: self.call, digest }
    }

    fn lease_micros(&self) -> u64 {
        micros(self.options.lease)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The first lines in which settings differ.
fn difference(theirs: &str, ours: &str) -> Option<String> {
    let missing = |of: &str, other: &str| {
        let lines: Vec<_> = of.lines().filter(|line| !other.lines().any(|l| l == *line)).take(3).collect();
        if lines.is_empty() { "nothing else".to_owned() } else { lines.join(", ") }
    };
    (theirs != ours).then(|| format!("{} there, {} here", missing(theirs, ours), missing(ours, theirs)))
}

/// Reads an answer of a script.
fn parsed<T: redis::FromRedisValue>(value: Option<Value>) -> Result<T, QueueError> {
    let damaged = || QueueError("the queue has keys of another form; it is not of this version of fetchall".to_owned());
    redis::from_redis_value(value.ok_or_else(damaged)?).map_err(|_| damaged())
}
