//! The queue that workers on several machines share: URLs that wait, hosts that are leased, outcomes that are committed.
//!
//! A worker leases hosts, and the URLs of a host only with it. So one worker asks a host at a time, and the pace of a
//! host is the business of that worker's scheduler. The pace goes back with the host.
//!
//! A worker that dies or is cut off loses its hosts after [`LEASE`]. Its URLs wait again then, and what it says of them
//! later does not count. The order of calls loses nothing: the links of a page are added, then its outcome is
//! committed. A crash between the two repeats a fetch.
//!
//! The clock is that of the store. Times of this interface are counted from now.

use std::time::Duration;

use super::{Added, HostPace, LeaseId, QueueError, Queued, ReturnedUrl};

/// The time for which a lease holds without a renewal.
pub const LEASE: Duration = Duration::from_secs(30);

/// How often the lease of a URL may expire. After that the URL has failed.
pub const MOST_EXPIRED: u32 = 5;

/// A queue that several workers share. It blocks.
///
/// # Errors
/// Every call fails when the store cannot be reached or refuses. A call that failed may be repeated: it counts once.
pub trait SharedQueue: Send {
    /// Adds URLs and drops those whose key was added before.
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError>;

    /// Commits the records of lines that are no URLs. A line that was committed before does not count again.
    fn add_refused(&mut self, lines: &[RefusedLine]) -> Result<(), QueueError>;

    /// Leases URLs that wait, of hosts that this worker has and of hosts that are free.
    fn lease(&mut self, request: &SharedRequest) -> Result<SharedLeases, QueueError>;

    /// Leases a host to which a redirect leads. `None`: another worker has it, and is asked to let go of it.
    fn lease_host(&mut self, host: &str) -> Result<Option<HostPace>, QueueError>;

    /// Commits outcomes. Returns the leases that had expired: their outcomes do not count.
    fn complete(&mut self, done: &[Committed]) -> Result<Vec<LeaseId>, QueueError>;

    /// Returns leased URLs to the queue: they are not done. Their host stays leased.
    fn release(&mut self, back: &[ReturnedUrl]) -> Result<(), QueueError>;

    /// Lets go of hosts of which this worker has no URLs any more.
    fn release_hosts(&mut self, paces: &[HostPace]) -> Result<(), QueueError>;

    /// Stores the pace of hosts that this worker keeps, so that its death does not forget a hold.
    fn store_pace(&mut self, paces: &[HostPace]) -> Result<(), QueueError>;

    /// Whether the store has no such job any more, so that no call can succeed.
    fn is_gone(&self) -> bool {
        false
    }

    /// Renews the leases of this worker. It is called every second or two, so that other workers get hosts soon.
    fn renew(&mut self) -> Result<Renewal, QueueError>;

    /// Tells all workers these texts, each once. A worker knows them before it has a URL that was added later.
    fn tell_all(&mut self, notes: &[Box<str>]) -> Result<(), QueueError>;

    /// Claims a list, which one worker loads. The digest is that of its content.
    fn claim_list(&mut self, name: &str, digest: &str) -> Result<ListClaim, QueueError>;

    /// Notes that all URLs of a claimed list were added.
    fn list_loaded(&mut self, digest: &str) -> Result<(), QueueError>;

    /// Gives back all that this worker has. It is the last call.
    fn leave(&mut self) -> Result<(), QueueError>;
}

/// A line of a list that is no URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// The list and the number of the line.
    pub place: String,
    /// The record of its outcome: one line of JSON.
    pub record: Vec<u8>,
}

/// The answer to a claim of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListClaim {
    /// This worker has to load it.
    Load,
    /// Another worker loads it.
    Loading,
    /// All its URLs were added.
    Loaded,
}

/// A request for URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedRequest {
    /// The most URLs.
    pub most: usize,
    /// The most URLs of one host that this worker may have after it.
    pub per_host: usize,
    /// The most hosts that this worker may have after it.
    pub hosts: usize,
}

/// Leased hosts and URLs.
#[derive(Debug, Clone, Default)]
pub struct SharedLeases {
    /// The hosts that this worker did not have before, with their pace.
    pub hosts: Vec<HostPace>,
    /// The URLs and their leases.
    pub urls: Vec<LeasedUrl>,
    /// The notes for all workers that this one does not know yet, in order.
    pub notes: Vec<Box<str>>,
    /// As [`Renewal::has_reconnected`]. The first of the two calls says it.
    pub has_reconnected: bool,
    /// The state of the queue, as far as it concerns this worker.
    pub rest: SharedRest,
}

/// A leased URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedUrl {
    /// The lease.
    pub lease: LeaseId,
    /// How many attempts were made.
    pub attempts: u32,
    /// The URL.
    pub url: Queued,
}

/// The state of a shared queue after a lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SharedRest {
    /// There may be more at once.
    More,
    /// Nothing for this worker now: ask again.
    #[default]
    Waits,
    /// People have paused the job.
    Paused,
    /// No list is being loaded, nothing waits and nothing is leased anywhere.
    Drained,
}

/// An outcome to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The lease.
    pub lease: LeaseId,
    /// The kind for the counts: `ok`, `http_error`, `failed` or `skipped`.
    pub verdict: &'static str,
    /// The record, a line of JSON. An outcome without one counts nowhere.
    pub record: Vec<u8>,
}

/// The result of a renewal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Hosts that this worker has lost. Their URLs wait again or are leased to others.
    pub lost: Vec<Box<str>>,
    /// Hosts that another worker needs: one that is idle, or one whose redirect leads there.
    pub wanted: Vec<Box<str>>,
    /// Whether people have paused the job.
    pub is_paused: bool,
    /// Whether the store was away. It may have forgotten what came just before.
    pub has_reconnected: bool,
}
