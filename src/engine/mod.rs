//! The one loop that owns all state of a run.
//!
//! [`run`] takes a [`Plan`], every part of which was chosen and opened by `app`. It always ends
//! with a [`Summary`]: an `Err` of a part is kept beside it, never instead of it.

mod auto;
mod crawl;
mod dispatch;
mod leased_hosts;
mod order;
mod reading;
mod run_stats;
mod shutdown;
mod stop_conditions;
#[cfg(test)]
mod tests;
mod unfetched;
mod watch;

use std::time::Duration;

use crate::backend::Backend;
use crate::config::Order;
use crate::fetch::FetchSpec;
use crate::fleet::FleetLink;
use crate::model::{ChildProgram, Summary};
use crate::policy::naming::Claims;
use crate::report::Reporter;
use crate::schedule::Rules;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};

pub use crawl::{CrawlPlan, CrawlRules, KnownUrls, MakeQueue, OnLink, ROBOTS_AGENT, robots_answer};
pub use shutdown::{Stop, StopLevel};
pub use stop_conditions::StopConditions;

/// Everything a run needs.
pub struct Plan {
    /// The source of seeds.
    pub source: Box<dyn Source>,
    /// The rules of the scheduler, with the most fetches in flight.
    pub schedule: Rules,
    /// Whether a URL that was read before is skipped.
    pub skip_duplicates: bool,
    /// The rules of a crawl, if links are followed.
    pub crawl: Option<CrawlPlan>,
    /// The queue that the run shares with other workers: the source and the last sink are its other ends.
    pub fleet: Option<FleetLink>,
    /// The way to run fetches at once.
    pub backend: Box<dyn Backend>,
    /// The most fetches that it runs at once; jobs beyond them wait in its channel.
    pub backend_limit: u32,
    /// The specification of fetchers.
    pub spec: FetchSpec,
    /// Names for saved bodies, when bodies are saved under names of their own.
    pub names: Option<Claims>,
    /// Lossless outputs.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The reporters that people see.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// The order of the outcomes that sinks see.
    pub order: Order,
    /// The conditions that end the run before its input does.
    pub ends: StopConditions,
    /// Whether the run uses less concurrency if more brings no gain.
    pub auto: bool,
    /// Warnings for the reporters before the run begins.
    pub warnings: Vec<String>,
    /// A warning for a list that turns out to have more than one origin.
    pub beyond_one_origin: Option<String>,
    /// The program that a backend of processes starts.
    pub worker_program: ChildProgram,
    /// The time that fetches under way have after a stop.
    pub grace: Duration,
    /// Stops the run from outside.
    pub stop: Stop,
}

/// A part of the run broke.
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// A list could not be read on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An output could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The backend broke.
    #[error(transparent)]
    Backend(#[from] crate::backend::BackendError),
    /// The links that wait could not be stored or read back.
    #[error("the crawl cannot go on: {0}")]
    Links(String),
    /// The queue that several workers share could not be used any more.
    #[error("{0}")]
    Queue(String),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The five counts do not add up: a defect of fetchall.
    #[error("accounting: {done} outcomes for {read} lines read; this is a defect of fetchall, please report it")]
    Accounting {
        /// Lines read.
        read: u64,
        /// Outcomes.
        done: u64,
    },
}

/// The end of a run.
#[derive(Debug)]
pub struct RunEnd {
    /// The account, complete under every circumstance.
    pub summary: Summary,
    /// The first fault of the run, if any.
    pub fault: Option<RunFault>,
}

/// Runs a plan to its end. Must be called on a tokio runtime with time and I/O enabled.
pub async fn run(plan: Plan) -> RunEnd {
    dispatch::run(plan).await
}
