//! Messages between a run and a queue that it shares with other workers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StoredRobots;

/// Identifies a lease of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

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

/// A leased URL that goes back to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnedUrl {
    /// The lease.
    pub lease: LeaseId,
    /// How many attempts were made.
    pub attempts: u32,
}
