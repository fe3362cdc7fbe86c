//! Questions and commands of people: `fetchall queue`.

use std::io;

use redis::Value;

use super::beat::WorkerInfo;
use super::servers::{Call, CallError, Servers};
use super::status::{HostStatus, ListStatus, QueueStatus, WorkerStatus};
use super::{JOB, SCRIPTS, VERSION, parsed};
use crate::config::QueueAddress;
use crate::queue::QueueError;

/// Records that one call reads.
const RECORDS: usize = 1_000;

/// The count of a SCAN.
const SCANNED: usize = 1_000;

/// A job as people see it.
pub struct QueueAdmin {
    servers: Servers,
    name: String,
    job: String,
    partitions: Vec<String>,
}

impl QueueAdmin {
    /// Opens a job.
    ///
    /// # Errors
    /// The server cannot be reached, or has no such job.
    pub fn open(address: &QueueAddress) -> Result<Self, QueueError> {
        let name = address.job.clone();
        let job = format!("fetchall:{{{name}}}");
        let mut admin = Self { servers: Servers::new(address.clone()), name, job, partitions: Vec::new() };
        let mut call = Call::plain("HMGET", JOB);
        call.arg(&admin.job).arg("version").arg("partitions");
        let (version, partitions): (Option<u32>, Option<usize>) = parsed(admin.one(call).map(Some)?)?;
        let name = &admin.name;
        match version {
            None => Err(QueueError(format!("no job {name} in this server; job=NAME in the address names another"))),
            Some(VERSION) => {
                let partitions = 0..partitions.unwrap_or_default();
                admin.partitions = partitions.map(|number| format!("fetchall:{{{name}:{number}}}")).collect();
                Ok(admin)
            }
            Some(_) => Err(QueueError(format!("the job {name} was made by another version of fetchall; use that one"))),
        }
    }

    /// The state of the job.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn status(&mut self) -> Result<QueueStatus, QueueError> {
        let mut status = QueueStatus { partitions: self.partitions.len(), ..QueueStatus::default() };
        for value in self.of_partitions("HMGET", "", |call| {
            for name in ["waiting", "leased", "ok", "http_error", "failed", "skipped"] {
                call.arg(name);
            }
        })? {
            let counts: [Option<u64>; 6] = parsed(Some(value))?;
            let into = [
                &mut status.waiting,
                &mut status.leased,
                &mut status.ok,
                &mut status.http_error,
                &mut status.failed,
                &mut status.skipped,
            ];
            into.into_iter().zip(counts).for_each(|(sum, count)| *sum += count.unwrap_or(0));
        }
        status.added = status.waiting + status.leased + status.done();
        for value in self.of_partitions("HLEN", ":dead:urls", |_| {})? {
            status.retryable += parsed::<u64>(Some(value))?;
        }
        let (paused, settings): (Option<u8>, Option<String>) = self.of_job("HMGET", "", &["paused", "options"])?;
        status.paused = paused.is_some();
        status.settings = settings.unwrap_or_default().lines().map(str::to_owned).collect();
        status.workers = self.workers()?.into_iter().map(|(_, worker)| worker).collect();
        let lists: Vec<(String, String)> = self.of_job("HGETALL", ":lists", &[])?;
        let list = |(_, state): (String, String)| {
            let (worker, name) = state.split_once(' ').unwrap_or((&state, ""));
            ListStatus { name: name.to_owned(), loaded: worker == "loaded" }
        };
        status.lists = lists.into_iter().map(list).collect();
        status.job.clone_from(&self.name);
        Ok(status)
    }

    /// The workers by id, those that live first.
    fn workers(&mut self) -> Result<Vec<(String, WorkerStatus)>, QueueError> {
        let all: Vec<(String, String)> = self.of_job("HGETALL", ":workers", &[])?;
        let (seconds, micros): (u64, u64) = self.of_server("TIME")?;
        let now = format!("{}", seconds * 1_000_000 + micros);
        let alive: Vec<String> = self.of_job("ZRANGEBYSCORE", ":alive", &[&now, "+inf"])?;
        let worker = |(id, info): (String, String)| {
            let info: WorkerInfo = serde_json::from_str(&info).ok()?;
            let alive = alive.contains(&id);
            let WorkerInfo { name, mut hosts, mut urls, .. } = info;
            // Others get what a dead one had.
            if !alive {
                (hosts, urls) = (0, 0);
            }
            Some((id, WorkerStatus { name, alive, hosts, urls }))
        };
        let mut workers: Vec<_> = all.into_iter().filter_map(worker).collect();
        workers.sort_by(|(_, a), (_, b)| (!a.alive, &a.name).cmp(&(!b.alive, &b.name)));
        Ok(workers)
    }

    /// The hosts of the job, one by one, in no order.
    ///
    /// # Errors
    /// The server cannot be reached, or `each` has failed.
    pub fn hosts(&mut self, mut each: impl FnMut(HostStatus) -> io::Result<()>) -> Result<(), QueueError> {
        let workers = self.workers()?;
        let (seconds, micros): (u64, u64) = self.of_server("TIME")?;
        let now = seconds * 1_000_000 + micros;
        let pattern = format!("fetchall:{{{}:*}}:host:*", self.name);
        self.scan(&pattern, |admin, node, keys| {
            let mut calls = Vec::with_capacity(2 * keys.len());
            for key in keys {
                let mut host = Call::plain("HMGET", JOB);
                host.arg(key).arg("waiting").arg("owner").arg("due");
                let mut leased = Call::plain("HLEN", JOB);
                leased.arg(key.replacen(":host:", ":leased:", 1));
                calls.extend([host, leased]);
            }
            let mut values = admin.servers.run_on(node, &calls).map_err(refusal)?.into_iter().flatten();
            for key in keys {
                let (waiting, owner, due): (Option<u64>, Option<String>, Option<u64>) = parsed(values.next())?;
                let leased: u64 = parsed(values.next())?;
                let is_owner = |(id, _): &&(String, WorkerStatus)| {
                    owner.as_deref().and_then(|owner| owner.split('.').next()) == Some(id)
                };
                let worker = workers.iter().find(is_owner).map(|(_, worker)| worker.name.clone());
                let due_in = due.unwrap_or(0).saturating_sub(now) as f64 / 1e6;
                let host = key.split_once(":host:").map_or("", |(_, host)| host).to_owned();
                each(HostStatus { host, waiting: waiting.unwrap_or(0), leased, worker, due_in }).map_err(output)?;
            }
            Ok(())
        })
    }

    /// All committed records, one by one: lines of JSON without their newlines.
    ///
    /// # Errors
    /// The server cannot be reached, or `each` has failed.
    pub fn export(&mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), QueueError> {
        for at in 0..self.partitions.len() {
            let mut from = 0;
            loop {
                let mut call = Call::plain("LRANGE", at + 1);
                call.arg(format!("{}:outcomes", self.partitions[at])).arg(from).arg(from + RECORDS - 1);
                let records: Vec<Vec<u8>> = parsed(Some(self.one(call)?))?;
                records.iter().try_for_each(|record| each(record)).map_err(output)?;
                if records.is_empty() {
                    break;
                }
                from += records.len();
            }
        }
        self.records_of(":bad", &mut each)?;
        self.failed(each)
    }

    /// The records of the dead letters, one by one.
    ///
    /// # Errors
    /// The server cannot be reached, or `each` has failed.
    pub fn failed(&mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), QueueError> {
        self.records_of(":dead:records", &mut each)
    }

    /// The records of a hash of each partition.
    fn records_of(&mut self, name: &str, each: &mut impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), QueueError> {
        for at in 0..self.partitions.len() {
            let key = format!("{}{name}", self.partitions[at]);
            let mut call = Call::plain("HKEYS", at + 1);
            call.arg(&key);
            // HSCAN could give one twice.
            let fields: Vec<String> = parsed(Some(self.one(call)?))?;
            for fields in fields.chunks(RECORDS) {
                let mut call = Call::plain("HMGET", at + 1);
                call.arg(&key).arg(fields);
                let records: Vec<Option<Vec<u8>>> = parsed(Some(self.one(call)?))?;
                records.iter().flatten().try_for_each(|record| each(record)).map_err(output)?;
            }
        }
        Ok(())
    }

    /// Puts the dead letters back to the URLs that wait. Returns how many.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn retry(&mut self) -> Result<u64, QueueError> {
        let mut revived = 0;
        for at in 0..self.partitions.len() {
            loop {
                let mut call = Call::script(&SCRIPTS.revive, at + 1, &self.partitions[at]);
                call.arg(RECORDS);
                let some: u64 = parsed(Some(self.one(call)?))?;
                revived += some;
                if some == 0 {
                    break;
                }
            }
        }
        Ok(revived)
    }

    /// Pauses the job, or lets it go on. Workers know it within some seconds.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn pause(&mut self, is_paused: bool) -> Result<(), QueueError> {
        let mut call = Call::plain(if is_paused { "HSET" } else { "HDEL" }, JOB);
        call.arg(&self.job).arg("paused");
        if is_paused {
            call.arg(1);
        }
        self.one(call).map(drop)
    }

    /// Removes all keys of the job. Returns how many.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn clear(&mut self) -> Result<u64, QueueError> {
        // All nodes are known after it.
        self.status()?;
        // Workers that live change nothing any more after this, so nothing stays.
        let mut removed = self.remove_hashes()?;
        let pattern = format!("fetchall:{{{}[:}}]*", self.name);
        self.scan(&pattern, |admin, node, keys| {
            let unlink = |key: &String| {
                let mut call = Call::plain("UNLINK", JOB);
                call.arg(key);
                call
            };
            let calls: Vec<_> = keys.iter().map(unlink).collect();
            admin.servers.run_on(node, &calls).map_err(refusal)?;
            removed += keys.len() as u64;
            Ok(())
        })?;
        Ok(removed)
    }

    /// Removes the hashes of the job and of its partitions, without which no script does anything.
    fn remove_hashes(&mut self) -> Result<u64, QueueError> {
        let mut call = Call::plain("UNLINK", JOB);
        call.arg(&self.job);
        let mut removed = parsed::<u64>(Some(self.one(call)?))?;
        for value in self.of_partitions("UNLINK", "", |_| {})? {
            removed += parsed::<u64>(Some(value))?;
        }
        Ok(removed)
    }

    /// Finds keys on all nodes, some at a time.
    fn scan(
        &mut self,
        pattern: &str,
        mut each: impl FnMut(&mut Self, usize, &[String]) -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        self.of_partitions("EXISTS", "", |_| {})?;
        for node in 0..self.servers.nodes() {
            let mut cursor = 0_u64;
            loop {
                let mut call = Call::plain("SCAN", JOB);
                call.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCANNED);
                let value = self.servers.run_on(node, &[call]).map_err(refusal)?.pop().flatten();
                let (next, keys): (u64, Vec<String>) = parsed(value)?;
                if !keys.is_empty() {
                    each(self, node, &keys)?;
                }
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }

    fn of_partitions(
        &mut self,
        command: &str,
        key: &str,
        arguments: impl Fn(&mut Call),
    ) -> Result<Vec<Value>, QueueError> {
        let calls = self.partitions.iter().enumerate().map(|(at, partition)| {
            let mut call = Call::plain(command, at + 1);
            call.arg(format!("{partition}{key}"));
            arguments(&mut call);
            call
        });
        let calls: Vec<_> = calls.collect();
        self.servers.run(&calls).map_err(refusal)
    }

    fn of_job<T: redis::FromRedisValue>(
        &mut self,
        command: &str,
        key: &str,
        arguments: &[&str],
    ) -> Result<T, QueueError> {
        let mut call = Call::plain(command, JOB);
        call.arg(format!("{}{key}", self.job)).arg(arguments);
        parsed(Some(self.one(call)?))
    }

    fn of_server<T: redis::FromRedisValue>(&mut self, command: &str) -> Result<T, QueueError> {
        parsed(Some(self.one(Call::plain(command, JOB))?))
    }

    fn one(&mut self, call: Call) -> Result<Value, QueueError> {
        self.servers.run(&[call]).map_err(refusal)?.pop().map_or_else(|| parsed(None), Ok)
    }
}

fn refusal(error: CallError) -> QueueError {
    match error {
        CallError::Away(text) | CallError::Refused(text) => QueueError(text),
        CallError::Gone => QueueError("the job is no longer in this server".to_owned()),
    }
}

fn output(error: io::Error) -> QueueError {
    QueueError(format!("cannot write: {error}"))
}
