//! The events that a run sends to reporters.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CrawlSummary, FailureCause, HostStates, Job, Outcome, SkipReason, StopCause, Summary};

/// The facts of a run before its first URL.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// The most URLs in flight at once.
    pub concurrency: u32,
    /// The number of input lines, if known without reading the input.
    pub expected: Option<u64>,
}

/// A URL that is being fetched.
#[derive(Debug, Clone)]
pub struct InFlight {
    /// The URL.
    pub url: String,
    /// The time since its fetch began, without the wait for a slot.
    pub age: Duration,
    /// Body bytes so far.
    pub received: u64,
    /// The length of its body, if the server has told it.
    pub length: Option<u64>,
}

/// A host that gets fewer requests after trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostWait {
    /// Its name and port.
    pub name: String,
    /// The trouble.
    pub cause: Option<FailureCause>,
    /// The time until its next request, if it gets none now.
    pub wait: Option<Duration>,
}

/// The reasons why URLs wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    /// The most fetches at once.
    pub limit: u32,
    /// URLs that wait for the time of their next request.
    pub retries: usize,
    /// The time until the first of these requests.
    pub next_retry: Option<Duration>,
    /// The host in trouble for which the most URLs wait.
    pub host: Option<HostWait>,
    /// The flags that hold URLs back, and what else does.
    pub limits: Vec<&'static str>,
    /// The least time that the waiting URLs take: by the first retry, by `--rate`, or by `--delay` of the host with
    /// the most to wait for.
    pub least_left: Duration,
}

/// The state of a run at one moment.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Lines read so far, and the links that wait behind them.
    pub read: u64,
    /// Whether the input was read to its end, so that `read` is the total of a list.
    pub input_complete: bool,
    /// Whether links may add to `read`.
    pub grows: bool,
    /// Outcomes so far.
    pub done: u64,
    /// Outcomes that are ok, http_error or failed.
    pub fetched: u64,
    /// Outcomes that are http_error or failed.
    pub failed: u64,
    /// The same by cause.
    pub failures: BTreeMap<FailureCause, u64>,
    /// Skipped outcomes by reason.
    pub skips: BTreeMap<SkipReason, u64>,
    /// The account of a crawl so far; `None` for a list.
    pub crawl: Option<CrawlSummary>,
    /// Body bytes received, of finished and running fetches.
    pub wire_bytes: u64,
    /// Fetches under way.
    pub in_flight: u32,
    /// The time since the start of the run.
    pub elapsed: Duration,
    /// The reasons why the others wait.
    pub waits: Waits,
    /// While the run stops: the time that fetches under way still have.
    pub stopping: Option<Duration>,
    /// The URLs that have been under way longest, oldest first, at most three.
    pub slowest: Vec<InFlight>,
}

impl Progress {
    /// Whether `read` is the total of the run.
    pub fn has_total(&self) -> bool {
        self.input_complete && !self.grows
    }
}

/// An event that may interest a person or a program. Reporters see every event. They cannot fail or slow the
/// run down.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    RunStarted(&'a RunInfo),
    /// The run deviates from its settings but goes on.
    Warning(&'a str),
    /// A job was handed to the backend.
    HandedOut(&'a Job),
    /// A try failed; the URL is tried again.
    Retrying {
        /// The outcome of the try.
        outcome: &'a Outcome,
        /// The wait before the next one.
        after: Duration,
    },
    /// An outcome was reached.
    Done(&'a Outcome),
    /// A progress report, several times a second.
    Tick(&'a Progress),
    /// The states of hosts, once a second, for a reporter that shows them.
    Hosts(&'a HostStates),
    /// The run starts no more URLs; those under way have a grace period.
    Stopping {
        /// Why.
        cause: StopCause,
        /// The grace period of those under way.
        grace: Duration,
        /// The number of fetches under way.
        in_flight: u32,
    },
    /// The run is over.
    RunFinished(&'a Summary),
}
