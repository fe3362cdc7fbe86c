//! Worker processes, and what their job has committed.

use std::collections::BTreeMap;

use fetchall::config::QueueAddress;
use fetchall::queue::QueueAdmin;
use serde_json::Value;

use crate::support::cli::{Fetchall, Running};
use crate::support::redis::Redis;

/// How long the leases of the tests hold.
pub const LEASE: &str = "3s";

/// A worker of a job. `arguments` are those before and behind its own.
pub fn worker(redis: &Redis, job: &str, name: &str, arguments: &[&str]) -> Fetchall {
    let (command, rest) = match arguments {
        ["crawl", rest @ ..] => (vec!["crawl"], rest),
        rest => (Vec::new(), rest),
    };
    let (queue, field) = (redis.job(job), format!("X-Worker: {name}"));
    Fetchall::new()
        .args(command)
        .args(["--json", "--queue", &queue, "--worker-name", name, "--lease", LEASE, "-H", &field])
        .args(rest)
}

/// The committed outcomes of a job, by URL: each once.
pub fn exported(redis: &Redis, job: &str) -> BTreeMap<String, Value> {
    let mut queue = QueueAdmin::open(&QueueAddress::parse(&redis.job(job)).unwrap()).unwrap();
    let mut records: Vec<Value> = Vec::new();
    let exported = queue.export(|line| {
        records.push(serde_json::from_slice(line)?);
        Ok(())
    });
    exported.unwrap();
    let count = records.len();
    let by_url: BTreeMap<_, _> =
        records.into_iter().map(|record| (record["url"].as_str().unwrap().to_owned(), record)).collect();
    assert_eq!(by_url.len(), count, "each URL has one outcome");
    by_url
}

/// Waits for workers that come to their own end. Their exit codes are 0.
pub fn all_end(workers: Vec<Running>) {
    for running in workers {
        let finished = running.wait();
        assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    }
}
