//! Which URL is fetched next, and when.
//!
//! The engine's loop owns one [`Scheduler`]. The scheduler has no lock and reads no clock: the time is an
//! argument. Jobs wait with their host in `ActiveHosts`, the one place that knows about hosts: slots, holds,
//! retry budgets, and hosts that are given up.
//!
//! The jobs that wait are in memory. Those of slow hosts go to a queue in a temporary file when memory is full
//! (`spill.rs`). Nothing else in this module knows the queue.

mod delayed;
mod drain;
mod given_up;
mod host;
mod host_queue;
mod host_states;
mod hosts;
mod leased_hosts;
mod line_runs;
mod report;
mod returned_bytes;
mod scheduler;
mod spill;
mod spilled_jobs;
#[cfg(test)]
mod tests;
mod turns;
mod waits;

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{BadLine, FetchError, Job};
use crate::policy::limits::pacer::{AllHostLimits, SharedPacer};
use crate::policy::refusal::LinkRefusal;
use crate::policy::retry::Limits;

pub use report::{AttemptEnd, BackOff, Effects, Report};
pub use scheduler::Scheduler;

/// The rules of a scheduler.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The most fetches in flight.
    pub concurrency: u32,
    /// For how long after the first job the only host has one slot: a longer list may follow it.
    pub first_moments: Duration,
    /// The limits of hosts.
    pub host_limits: AllHostLimits,
    /// Keeps the starts of requests apart; `None` if no rate and no delay was asked for.
    pub pacer: Option<SharedPacer>,
    /// Which fetches are tried again.
    pub retry: Limits,
    /// The seed of the jitter of retries.
    pub jitter: u64,
}

/// Refuses jobs before they are handed out.
pub type Gate<'g> = dyn FnMut(&Job) -> Option<LinkRefusal<'static>> + 'g;

/// A job to fetch, or a line that ends without a request.
#[derive(Debug)]
pub enum NextJob {
    /// Fetch this job.
    Fetch(Box<Job>),
    /// The host of this job is given up, so the job ends without a request.
    Refused(Box<Job>, GivenUp),
    /// A rule of the crawl refuses this job.
    Disallowed(Box<Job>, LinkRefusal<'static>),
    /// This line was in the temporary file and cannot be read back.
    Lost(Box<BadLine>),
}

/// Why a host gets no more requests in this run.
#[derive(Debug, Clone)]
pub enum GivenUp {
    /// It asked for a longer wait than the run grants. `None`: the time is beyond the clock.
    HeldUntil(Option<Instant>),
    /// It is dead. This is the error of the last fetch.
    Dead(FetchError),
    /// Another worker gave it up, for this reason.
    Elsewhere(Box<str>),
    /// One of very many: an earlier record tells why.
    Forgotten,
}
