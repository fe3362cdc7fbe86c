//! The trait of fetchers, and their reply to a job.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::save::destination::FinishedBody;
use crate::model::{Facts, Job, RedirectState, Timing, Verdict};

/// The result of one fetch.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fetched {
    /// Facts about the response, also of a failed fetch.
    pub facts: Box<Facts>,
    /// The durations of the phases; the backend adds `queued`.
    pub timing: Timing,
    /// The verdict.
    pub verdict: Verdict,
    /// A complete body without its final name, see [`FinishedBody`].
    pub finished_body: Option<Box<FinishedBody>>,
}

/// The result of one request of a job.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The job has finished.
    Finished(Fetched),
    /// The response is a redirect. The scheduler decides when its target is requested.
    Redirected(Box<RedirectState>),
}

/// Executes jobs, one per call; calls may run concurrently.
pub trait Fetcher: Send + Sync {
    /// Requests [`Job::url`]. When `abort` is cancelled, ends soon with [`Verdict::Cancelled`] and leaves no file
    /// behind.
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply>;
}
