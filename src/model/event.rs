//! What reporters are told while a run goes on.

use std::time::Duration;

use super::{Job, Outcome, StopCause, Summary};

/// What is known before the first URL.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// The most URLs in flight at once.
    pub concurrency: u32,
    /// How many lines the input has, when that is known without reading it.
    pub expected: Option<u64>,
}

/// A URL that is being fetched.
#[derive(Debug, Clone)]
pub struct InFlight {
    /// The URL.
    pub url: String,
    /// How long it has been handed out.
    pub age: Duration,
}

/// The state of a run at one moment.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Lines read so far.
    pub read: u64,
    /// Whether the input was read to its end, so that `read` is the total.
    pub input_complete: bool,
    /// Outcomes so far.
    pub done: u64,
    /// Outcomes that are http_error or failed.
    pub failed: u64,
    /// Body bytes received, of finished and running fetches.
    pub wire_bytes: u64,
    /// Fetches under way.
    pub in_flight: u32,
    /// Since the start of the run.
    pub elapsed: Duration,
    /// The URLs that have been under way longest, oldest first, at most three.
    pub slowest: Vec<InFlight>,
}

/// Something a person or a program may want to see. Reporters see every event, cannot fail and
/// cannot slow the run down.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    RunStarted(&'a RunInfo),
    /// Something is not as it was asked for; the run goes on.
    Warning(&'a str),
    /// A job was handed to the backend.
    HandedOut(&'a Job),
    /// A try failed; the URL is tried again.
    Retrying {
        /// What came of the try.
        outcome: &'a Outcome,
        /// The wait before the next one.
        after: Duration,
    },
    /// An outcome was reached.
    Done(&'a Outcome),
    /// Several times a second.
    Tick(&'a Progress),
    /// No more URLs are started; those under way have this long.
    Stopping {
        /// Why.
        cause: StopCause,
        /// How long those under way may go on.
        grace: Duration,
        /// How many are under way.
        in_flight: u32,
    },
    /// The run is over.
    RunFinished(&'a Summary),
}
