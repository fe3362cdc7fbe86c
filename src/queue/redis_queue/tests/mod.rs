//! Tests of the queue with a Redis server of their own.

mod server;
mod workers;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use server::RedisServer;

use super::*;

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
