//! The one loop that owns all state of a run.
//!
//! [`run`] takes a [`Plan`], every part of which was chosen and opened by `app`, and ends with a
//! [`Summary`] whatever happened: an `Err` of a part is kept beside it, never instead of it.

mod auto;
mod dispatch;
mod order;
mod reading;
mod run_stats;
mod shutdown;
mod stop_conditions;
#[cfg(test)]
mod tests;
mod unfetched;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use crate::backend::Backend;
use crate::config::Order;
use crate::fetch::FetchSpec;
use crate::model::Summary;
use crate::policy::naming::Claims;
use crate::report::Reporter;
use crate::schedule::Rules;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};

pub use shutdown::{Stop, StopLevel};
pub use stop_conditions::StopConditions;

/// Everything a run needs.
pub struct Plan {
    /// Where seeds come from.
    pub source: Box<dyn Source>,
    /// The rules of the scheduler, with the most fetches in flight.
    pub schedule: Rules,
    /// Whether a URL that was read before is skipped.
    pub skip_duplicates: bool,
    /// How fetches run at once.
    pub backend: Box<dyn Backend>,
    /// What fetchers are built from.
    pub spec: FetchSpec,
    /// Names for saved bodies, when bodies are saved under names of their own.
    pub names: Option<Claims>,
    /// Lossless outputs.
    pub sinks: Vec<Box<dyn Sink>>,
    /// What people see.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// The order of the outcomes that sinks see.
    pub order: Order,
    /// What ends it before its input does.
    pub ends: StopConditions,
    /// Whether fewer are, where more bring nothing.
    pub auto: bool,
    /// What to tell whoever watches before it begins.
    pub warnings: Vec<String>,
    /// What to tell once the list turns out to have more than one origin.
    pub beyond_one_origin: Option<String>,
    /// The program that a backend of processes starts.
    pub worker_program: PathBuf,
    /// How long fetches under way may go on after a stop.
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

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// The account, complete under every circumstance.
    pub summary: Summary,
    /// What broke, if anything did; the first thing, when several did.
    pub fault: Option<RunFault>,
}

/// Runs a plan to its end. Must be called on a tokio runtime with time and I/O enabled.
pub async fn run(plan: Plan) -> RunEnd {
    dispatch::run(plan).await
}
