//! The ways to run N fetches at once.

mod child;
mod frames;
mod host_holds;
mod processes;
mod sequential;
mod tasks;
#[cfg(test)]
mod tests;
mod threads;
mod worker;
mod worker_pool;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fetch::{FetchSpec, Fetched, Fetcher, Meter, Reply};
use crate::model::{ChildProgram, ErrorKind, FetchError, Job, Outcome, RedirectState, Subject, Timing, Verdict};

pub use host_holds::HostHolds;
pub use worker::{WorkerError, serve};

/// The context that a backend receives for a run.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The specification of fetchers: one for each runtime.
    pub spec: FetchSpec,
    /// The most fetches under way at once. The backend is the one owner of this limit.
    pub concurrency: u32,
    /// Figures for those who watch.
    pub meter: Arc<Meter>,
    /// Holds that responses have just requested: jobs of these hosts come back before they start.
    pub holds: Arc<HostHolds>,
    /// Start nothing more: jobs that have not begun come back.
    pub drain: CancellationToken,
    /// End what is under way.
    pub abort: CancellationToken,
    /// The program that a backend of processes starts, with the one argument `worker`.
    pub worker_program: ChildProgram,
}

/// A backend broke. Jobs that it held have their outcomes all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// A job that comes back from a backend.
#[derive(Debug)]
pub enum Returned {
    /// The job has its outcome.
    Finished(Outcome),
    /// The answer was a redirect, see [`Job::redirect`].
    Redirected(Box<Job>),
    /// The job did not start: the run is stopping, or the host is held.
    NotStarted(Box<Job>),
}

/// Runs jobs.
///
/// Every job received is returned exactly once, even after an error of the backend. The future ends
/// when the jobs channel is closed and empty and no fetch is under way.
pub trait Backend: Send {
    /// Runs until the jobs channel is closed.
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// A kind of backend.
#[derive(Debug, Clone, Copy)]
pub struct BackendEntry {
    /// The name on the command line.
    pub name: &'static str,
    /// A short description.
    pub summary: &'static str,
    /// Returns the file descriptors for a number of fetches, given the number for each fetch.
    pub descriptors: fn(u64, u64) -> u64,
    /// The most fetches at once where a run finds out by itself how many are good.
    pub most_auto: u32,
    /// Makes one.
    pub make: fn() -> Box<dyn Backend>,
}

/// Every backend; the first is the default.
pub const BACKENDS: &[BackendEntry] = &[
    BackendEntry {
        name: "async",
        summary: "tokio tasks under a semaphore, on one runtime for each core",
        descriptors: tasks::descriptors,
        most_auto: 512,
        make: || Box::new(tasks::Tasks::new()),
    },
    BackendEntry {
        name: "threads",
        summary: "a thread for each fetch under way",
        descriptors: threads::descriptors,
        most_auto: 128,
        make: || Box::new(threads::Threads),
    },
    BackendEntry {
        name: "processes",
        summary: "a child process for each fetch under way",
        descriptors: processes::descriptors,
        most_auto: 32,
        make: || Box::new(processes::Processes),
    },
    BackendEntry {
        name: "sequential",
        summary: "one fetch at a time, whatever the concurrency",
        descriptors: sequential::descriptors,
        most_auto: 1,
        make: || Box::new(sequential::Sequential),
    },
];

/// Runs one job under a fetcher. A panic in it costs that job alone and becomes its record.
async fn run_job(fetcher: &dyn Fetcher, mut job: Box<Job>, ctx: &RunContext) -> Returned {
    if ctx.holds.covers(&job) {
        return Returned::NotStarted(job);
    }
    let _in_flight = ctx.meter.begin(job.seed.id);
    let fetching = async {
        let queued = queued(&job);
        match fetcher.fetch(&job, &ctx.abort).await {
            Reply::Finished(fetched) => Some(finished(&mut job, fetched, queued, ctx)),
            Reply::Redirected(redirect) => redirected(&mut job, redirect, queued, ctx),
        }
    };
    let ended = or_failed(fetching, Some).await;
    returned(job, ended)
}

/// The time that a job waited before its first request.
fn queued(job: &Job) -> Duration {
    let before = job.redirect.as_ref().and_then(|redirect| redirect.timing.queued);
    before.unwrap_or_else(|| job.admitted.elapsed())
}

/// Completes the result of a job that has ended.
fn finished(job: &mut Job, mut fetched: Fetched, queued: Duration, ctx: &RunContext) -> Fetched {
    let Fetched { facts, timing, verdict, .. } = &mut fetched;
    facts.redirects = job.with_hops(std::mem::take(&mut facts.redirects));
    ctx.holds.note(job, verdict, facts);
    timing.queued = Some(queued);
    fetched
}

/// Moves a job to the target of a redirect. Returns its result if these were too many.
fn redirected(job: &mut Job, mut redirect: Box<RedirectState>, queued: Duration, ctx: &RunContext) -> Option<Fetched> {
    redirect.timing.queued = Some(queued);
    let last = job.follow(redirect);
    let chain = job.redirect.as_mut()?;
    let error = ctx.spec.too_many_redirects(chain)?;
    // The chain ends at the URL of the last request; `None` if that is the seed's own.
    chain.facts.final_url = last;
    let hops = std::mem::take(&mut chain.facts.redirects);
    let (facts, timing) = (chain.facts.clone(), chain.timing);
    chain.facts.redirects = hops;
    let fetched = Fetched { facts, timing, verdict: Verdict::Failed(error), finished_body: None };
    Some(finished(job, fetched, queued, ctx))
}

/// A job that comes back with its result; `None`: it has a redirect to follow.
fn returned(job: Box<Job>, ended: Option<Fetched>) -> Returned {
    match ended {
        Some(Fetched { facts, timing, verdict, finished_body: _ }) => {
            Returned::Finished(Outcome { subject: Subject::Job(job), facts, timing, verdict })
        }
        None => Returned::Redirected(job),
    }
}

/// Runs a part of a job; a panic in it becomes a failure.
async fn or_failed<T>(part: impl Future<Output = T>, failure: impl FnOnce(Fetched) -> T) -> T {
    use futures::FutureExt;
    match std::panic::AssertUnwindSafe(part).catch_unwind().await {
        Ok(done) => done,
        Err(panic) => {
            let what = panic_text(&*panic);
            failure(failed(ErrorKind::Internal, format!("a defect of fetchall, please report it: {what}")))
        }
    }
}

/// Builds the result of a fetch that failed outside of its fetcher.
fn failed(kind: ErrorKind, what: String) -> Fetched {
    let verdict = Verdict::Failed(FetchError::new(kind, what));
    Fetched { facts: Box::default(), timing: Timing::default(), verdict, finished_body: None }
}

/// The outcome of a job whose worker has no fetcher.
fn without_fetcher(job: Box<Job>, why: &str) -> Returned {
    let verdict = failed(ErrorKind::Internal, why.to_owned()).verdict;
    Returned::Finished(Outcome::unfetched(Subject::Job(job), verdict))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
