//! Tests of the queue with a Redis server of their own.

mod faults;
mod gone;
mod leases;
mod server;
mod workers;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use server::RedisServer;
use url::Url;

use super::*;
use crate::model::{JobId, Kind, SourcePos, Via};
use crate::policy::text::fingerprint::Fingerprint;
use crate::queue::{Committed, LeasedUrl, Queued, SharedLeases, SharedQueue, SharedRequest};

thread_local! {
    /// The server of the contract tests of this thread. It ends with the thread.
    static SERVER: RefCell<Option<RedisServer>> = const { RefCell::new(None) };
}

/// Whether this machine has a Redis server.
pub fn is_testable() -> bool {
    server::is_installed()
}

/// An empty queue with one partition.
pub fn new_queue() -> RedisQueue {
    static JOBS: AtomicU32 = AtomicU32::new(0);
    let job = format!("contract-{}", JOBS.fetch_add(1, Ordering::Relaxed));
    let address = SERVER.with_borrow_mut(|server| server.get_or_insert_with(RedisServer::start).address(&job));
    RedisQueue::open(&address, RedisQueueOptions { partitions: 1, ..options() }).unwrap()
}

/// The options of a worker that waits some seconds at most.
fn options() -> RedisQueueOptions {
    RedisQueueOptions { partitions: 4, patience: Duration::from_secs(8), ..RedisQueueOptions::default() }
}

/// A short lease, for tests of what happens after it.
fn short_lease() -> RedisQueueOptions {
    RedisQueueOptions { lease: Duration::from_millis(500), ..options() }
}

/// A worker at the job of all tests of one server.
fn worker(server: &RedisServer, options: RedisQueueOptions) -> RedisQueue {
    RedisQueue::open(&server.address("j"), options).unwrap()
}

/// A URL of a list, such as `a.test/1`.
fn url(text: &str) -> Queued {
    Queued {
        id: JobId(0),
        url: Url::parse(&format!("http://{text}")).unwrap(),
        via: Via::List(SourcePos { list: Arc::from("l"), line: 1 }),
        depth: 0,
        kind: Kind::Page,
        priority: 0,
        save_as: None,
        key: Some(Fingerprint::of(text)),
    }
}

fn add(queue: &mut RedisQueue, urls: &str) -> usize {
    let urls: Vec<_> = urls.split_whitespace().map(url).collect();
    SharedQueue::add(queue, &urls).unwrap().new
}

/// A request for more than there is.
const ALL: SharedRequest = SharedRequest { most: 100, per_host: 100, hosts: 100 };

fn lease(queue: &mut RedisQueue) -> SharedLeases {
    SharedQueue::lease(queue, &ALL).unwrap()
}

/// The leased URLs as a sorted text, without `http://`.
fn names(leases: &SharedLeases) -> String {
    let mut names: Vec<_> = leases.urls.iter().map(|url| url.url.url.as_str()[7..].to_owned()).collect();
    names.sort();
    names.join(" ")
}

/// An outcome whose record is the URL.
fn outcome(url: &LeasedUrl) -> Committed {
    Committed { lease: url.lease, verdict: "ok", record: url.url.url.as_str().as_bytes()[7..].to_vec() }
}

fn complete(queue: &mut RedisQueue, leases: &SharedLeases) -> usize {
    let outcomes: Vec<_> = leases.urls.iter().map(outcome).collect();
    SharedQueue::complete(queue, &outcomes).unwrap().len()
}

/// The committed records, sorted.
fn exported(server: &RedisServer) -> String {
    let mut records = Vec::new();
    let mut admin = QueueAdmin::open(&server.address("j")).unwrap();
    admin
        .export(|record| {
            records.push(String::from_utf8(record.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
    records.sort();
    records.join(" ")
}

/// Repeats a step until it gives something.
fn until<T>(mut step: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = step() {
            return found;
        }
        assert!(Instant::now() < end, "it does not happen");
        std::thread::yield_now();
    }
}
