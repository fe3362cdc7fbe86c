//! How N fetches run at once.

mod tasks;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fetch::{FetchSpec, Fetched, Fetcher, Meter};
use crate::model::{ErrorKind, Facts, FetchError, Job, Outcome, Subject, Timing, Verdict};

/// What a backend is told.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// What to build fetchers from: one for each runtime.
    pub spec: FetchSpec,
    /// The most fetches under way at once. The backend is the one owner of this limit.
    pub concurrency: u32,
    /// Figures for those who watch.
    pub meter: Arc<Meter>,
    /// Start nothing more: jobs that have not begun become cancelled outcomes.
    pub drain: CancellationToken,
    /// End what is under way.
    pub abort: CancellationToken,
}

/// A backend broke. Jobs that it held have their outcomes all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// Runs jobs.
///
/// Every job received ends in exactly one outcome sent, whatever happens, an error of the backend
/// included; the future ends when the jobs channel is closed and empty and nothing is under way.
pub trait Backend: Send {
    /// Runs until the jobs channel is closed.
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Job>,
        outcomes: mpsc::Sender<Outcome>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// A kind of backend.
#[derive(Debug, Clone, Copy)]
pub struct BackendEntry {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Makes one.
    pub make: fn() -> Box<dyn Backend>,
}

/// Every backend; the first is the default.
pub const BACKENDS: &[BackendEntry] = &[BackendEntry {
    name: "async",
    summary: "tokio tasks under a semaphore, on one runtime for each core",
    make: || Box::new(tasks::Tasks::new()),
}];

/// Runs one job under a fetcher. A panic in it costs that job alone and becomes its record.
async fn run_job(fetcher: &dyn Fetcher, job: Job, ctx: &RunContext) -> Outcome {
    use futures_util::FutureExt;
    let queued = job.admitted.elapsed();
    let _under_way = ctx.meter.begin();
    let fetching = std::panic::AssertUnwindSafe(fetcher.fetch(&job, &ctx.abort)).catch_unwind();
    let Fetched { facts, mut timing, verdict } = match fetching.await {
        Ok(fetched) => fetched,
        Err(panic) => internal(&panic_text(&*panic)),
    };
    timing.queued = Some(queued);
    Outcome { subject: Subject::Job(job), facts, timing, verdict }
}

fn internal(what: &str) -> Fetched {
    let error = FetchError::new(ErrorKind::Internal, format!("a defect of fetchall, please report it: {what}"));
    Fetched { facts: Facts::default(), timing: Timing::default(), verdict: Verdict::Failed(error) }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
