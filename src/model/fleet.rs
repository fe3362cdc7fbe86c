//! Messages between a run and a queue that it shares with other workers.

use super::{HostPace, LeaseId, ReturnedUrl, ScopeNote, Seed};

/// A URL for the queue, and its key in the set of URLs seen.
#[derive(Debug, Clone)]
pub struct FoundUrl {
    /// The URL and its way into the run.
    pub seed: Seed,
    /// 128 hash bits of its canonical form.
    pub key: u128,
}

/// A message of the run to a shared queue. A sink passes it on, so it keeps its place among the outcomes.
#[derive(Debug, Clone)]
pub enum ToQueue {
    /// Add these URLs.
    Urls(Vec<FoundUrl>),
    /// Let all workers know the scope.
    Scope(ScopeNote),
    /// Lease this host: a redirect leads there.
    LeaseHost(Box<str>),
    /// These URLs are not done.
    GiveBack(Vec<ReturnedUrl>),
    /// These URLs are done and have no record.
    Unrecorded(Vec<LeaseId>),
    /// Store the pace of these hosts, which this worker keeps.
    StorePace(Vec<HostPace>),
    /// Release these hosts. Their URLs are done or given back.
    ReleaseHosts(Vec<HostPace>),
}

/// A message of a shared queue to the run.
#[derive(Debug, Clone, PartialEq)]
pub enum FromQueue {
    /// The host of a redirect is leased.
    Host(Box<HostPace>),
    /// No URL of these hosts waits in the queue or is leased: let go of them, unless there is other work.
    Idle(Vec<Box<str>>),
    /// Another worker needs these hosts.
    Wanted(Vec<Box<str>>),
    /// These hosts are lost, with the leases of their URLs.
    Lost(Vec<Box<str>>),
    /// The queue may have forgotten its last second: links that were added may be new again.
    Forgot,
    /// People have paused or resumed the job.
    Paused(bool),
    /// For the user.
    Warning(String),
    /// The queue cannot be used any more, for this reason.
    Failed(String),
}
