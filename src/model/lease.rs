//! Leases of hosts and URLs from a queue that several workers share.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::StoredRobots;

/// Identifies a lease of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

/// The lease of a seed that comes from a shared queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedLease {
    /// Identifies it.
    pub id: LeaseId,
    /// How many attempts other workers have made.
    pub attempts: u32,
}

/// The pace of a host, which goes with its lease.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostPace {
    /// The host.
    pub host: Box<str>,
    /// No request may start for so long.
    pub due_in: Duration,
    /// Its requests in flight at once, if it has shown that it bears no more.
    pub slots: Option<u32>,
    /// Fetches in a row that failed for the host's sake.
    pub failures: u32,
    /// Why it gets no more requests.
    pub given_up: Option<Box<str>>,
    /// The robots.txt of its origins, as far as it is known.
    pub robots: Vec<(Box<str>, StoredRobots)>,
}

/// A change of the scope of a crawl that every worker has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeNote {
    /// A start page.
    pub start: Url,
    /// The target of its redirect.
    pub led_to: Option<Url>,
}

/// The news that came with the leased seeds of a batch.
#[derive(Debug, Clone, Default)]
pub struct LeaseNews {
    /// The hosts that this worker has from now on.
    pub hosts: Vec<HostPace>,
    /// The scope of the crawl, as far as it is new.
    pub scope: Vec<ScopeNote>,
    /// Whether the queue may have forgotten its last second: links that were added may be new again.
    pub may_have_forgotten: bool,
}

/// A leased URL that goes back to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnedUrl {
    /// The lease.
    pub lease: LeaseId,
    /// How many attempts were made.
    pub attempts: u32,
}
