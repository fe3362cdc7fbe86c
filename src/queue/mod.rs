//! URLs that wait and have no room in the scheduler.
//!
//! A [`UrlQueue`] stores URLs and gives them out as leases. The scheduler decides which URL is next; the
//! queue only holds what waits. A list run uses the [`SqliteQueue`] in a temporary file. Every queue keeps
//! one contract, which `tests.rs` runs over all of them:
//!
//! - A lease is on a URL until it is completed or released. No other lease has that URL.
//! - A host gives its URLs by priority, then in the order of addition. Hosts take turns.
//! - A released URL returns to its place among the URLs of its host.
//! - An error changes nothing.
//!
//! A queue may block. One that must outlive the process waits for the disk, so it needs a thread of its own. The
//! temporary one does not, and the scheduler calls it on the engine's thread, with few URLs at once.

mod memory;
mod redis_queue;
mod shared;
mod sqlite;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use thiserror::Error;
use url::Url;

use crate::model::{Claimed, JobId, Kind, Via};
use crate::policy::credentials::origin;
use crate::policy::text::fingerprint::Fingerprint;

pub use crate::model::{HostPace, LeaseId, ReturnedUrl};
pub use memory::MemoryQueue;
pub use redis_queue::{HostStatus, ListStatus, QueueAdmin, QueueStatus, RedisQueue, RedisQueueOptions, WorkerStatus};
pub use shared::{
    Committed, LEASE, LeasedUrl, ListClaim, MOST_EXPIRED, RefusedLine, Renewal, SharedLeases, SharedQueue,
    SharedRequest, SharedRest,
};
pub use sqlite::SqliteQueue;

/// A store of URLs that wait.
pub trait UrlQueue: Send {
    /// Adds URLs and drops those whose key was added before.
    ///
    /// # Errors
    /// The store is full or broken. It has none of the URLs then.
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError>;

    /// Leases URLs that wait.
    ///
    /// # Errors
    /// The store cannot be read. No URL is leased then.
    fn lease(&mut self, wanted: &LeaseRequest<'_>) -> Result<Leases, QueueError>;

    /// Removes leased URLs: they are done. A crawl calls it after the sinks have the outcome.
    ///
    /// # Errors
    /// The store cannot be written. The URLs stay leased.
    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError>;

    /// Returns leased URLs to the queue: they are not done.
    ///
    /// # Errors
    /// The store cannot be written. The URLs stay leased.
    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError>;
}

/// A URL that waits. It has no overrides, which may be secrets, and no facts of an earlier run: a queue may be a
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The number of its job, if the run has assigned one.
    pub id: JobId,
    /// The URL.
    pub url: Url,
    /// Its way into the run.
    pub via: Via,
    /// The number of links from a seed of a list to this URL.
    pub depth: u32,
    /// The purpose of the fetch.
    pub kind: Kind,
    /// The priority.
    pub priority: i32,
    /// The claimed file name.
    pub save_as: Option<Claimed>,
    /// The key in the set of URLs seen. `None`: the caller knows that the URL is new, and the set is not asked.
    pub key: Option<Fingerprint>,
}

impl Queued {
    /// The host whose turn the URL waits for.
    pub fn host(&self) -> &str {
        origin::host(&self.url)
    }
}

/// The result of an addition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// URLs that wait now.
    pub new: usize,
    /// URLs that were dropped, because their key was added before.
    pub seen: usize,
}

/// A request for URLs.
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest<'a> {
    /// The most URLs.
    pub most: usize,
    /// The most URLs of one host.
    pub per_host: usize,
    /// The hosts that may give some.
    pub hosts: Hosts<'a>,
}

/// A selection of hosts.
#[derive(Debug, Clone, Copy)]
pub enum Hosts<'a> {
    /// This host alone. Its turn stays where it is.
    Only(&'a str),
    /// All hosts but these, which are full.
    AllBut(&'a HashSet<Arc<str>>),
}

/// Leased URLs.
#[derive(Debug)]
pub struct Leases {
    /// The URLs and their leases.
    pub urls: Vec<(LeaseId, Queued)>,
    /// The state of the queue after the lease.
    pub rest: Rest,
}

/// The state of a queue after a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The hosts of the request have more.
    More,
    /// The hosts of the request have no more now. Other hosts do, or leases are open that may be released.
    Waits,
    /// Nothing waits and nothing is leased.
    Drained,
}

impl Rest {
    fn of(has_more: bool, is_drained: bool) -> Self {
        match (has_more, is_drained) {
            (true, _) => Self::More,
            (false, true) => Self::Drained,
            (false, false) => Self::Waits,
        }
    }
}

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct QueueError(pub String);
