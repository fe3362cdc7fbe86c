//! How N fetches run at once.

mod child;
mod crew;
mod frames;
mod held;
mod processes;
mod sequential;
mod tasks;
mod threads;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::fetch::{FetchSpec, Fetched, Fetcher, Meter, Reply};
use crate::model::{ErrorKind, FetchError, Job, Onward, Outcome, Subject, Timing, Verdict};

pub use held::HeldHosts;
pub use worker::{WorkerError, serve};

/// What a backend is told.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// What to build fetchers from: one for each runtime.
    pub spec: FetchSpec,
    /// The most fetches under way at once. The backend is the one owner of this limit.
    pub concurrency: u32,
    /// Figures for those who watch.
    pub meter: Arc<Meter>,
    /// Jobs of these hosts that have not begun come back.
    pub held: Arc<HeldHosts>,
    /// Start nothing more: jobs that have not begun come back.
    pub drain: CancellationToken,
    /// End what is under way.
    pub abort: CancellationToken,
    /// The program that a backend of processes starts, with the one argument `worker`.
    pub worker_program: PathBuf,
}

/// A backend broke. Jobs that it held have their outcomes all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// What becomes of a job that a backend was given.
#[derive(Debug)]
pub enum Returned {
    /// It has ended.
    Ended(Outcome),
    /// It did not begin: the run is stopping, or its host wants to be left alone.
    NotBegun(Box<Job>),
    /// A redirect leads on, see [`Job::onward`]. Where that may be asked at once, whoever takes it gives
    /// it back; a sender that is dropped says that it waits for its turn.
    Onward(Box<Job>, oneshot::Sender<Box<Job>>),
}

/// Runs jobs.
///
/// Every job received is returned exactly once, whatever happens, an error of the backend included;
/// the future ends when the jobs channel is closed and empty and nothing is under way.
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
    /// What it is, in a few words.
    pub summary: &'static str,
    /// How many file descriptors so many fetches may need, each of which has so many of its own.
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
async fn run_job(fetcher: &dyn Fetcher, job: Box<Job>, ctx: &RunContext) -> Done {
    if ctx.held.keeps(&job) {
        return Done::Back(Returned::NotBegun(job));
    }
    let queued = queued(&job);
    let _under_way = ctx.meter.begin();
    match fetch(fetcher, &job, &ctx.abort).await {
        Reply::Ended(fetched) => Done::Back(Returned::Ended(ended(job, fetched, queued, ctx))),
        Reply::Onward(onward) => led_on(job, onward, queued, ctx),
    }
}

/// How long a job waited before its first request.
fn queued(job: &Job) -> Duration {
    let before = job.onward.as_ref().and_then(|onward| onward.timing.queued);
    before.unwrap_or_else(|| job.admitted.elapsed())
}

fn ended(mut job: Box<Job>, fetched: Fetched, queued: Duration, ctx: &RunContext) -> Outcome {
    let Fetched { mut facts, mut timing, verdict, ready: _ } = fetched;
    facts.redirects = job.with_hops(std::mem::take(&mut facts.redirects));
    ctx.held.note(&job, &verdict, &facts);
    timing.queued = Some(queued);
    Outcome { subject: Subject::Job(job), facts, timing, verdict }
}

fn led_on(mut job: Box<Job>, mut onward: Box<Onward>, queued: Duration, ctx: &RunContext) -> Done {
    onward.timing.queued = Some(queued);
    job.lead_on(onward);
    let Some(chain) = &mut job.onward else { return Done::LedOn(job) };
    let Some(error) = ctx.spec.too_many_redirects(chain) else { return Done::LedOn(job) };
    // The last that was asked is where it ends; of the first one nothing leads away.
    chain.facts.final_url = chain.asked.take();
    let hops = std::mem::take(&mut chain.facts.redirects);
    let (facts, timing) = (chain.facts.clone(), chain.timing);
    chain.facts.redirects = hops;
    let fetched = Fetched { facts, timing, verdict: Verdict::Failed(error), ready: None };
    Done::Back(Returned::Ended(ended(job, fetched, queued, ctx)))
}

/// What became of a job.
enum Done {
    Back(Returned),
    LedOn(Box<Job>),
}

/// What follows for who did a job.
enum Next {
    /// The same job, where a redirect leads.
    Job(Box<Job>),
    /// Any other.
    Any,
    /// The engine is gone, and with it whoever wanted anything.
    Nothing,
}

/// Gives a job back.
async fn give_back(to: &mpsc::Sender<Returned>, done: Done) -> Next {
    let job = match done {
        Done::Back(back) => return to.send(back).await.map_or(Next::Nothing, |()| Next::Any),
        Done::LedOn(job) => job,
    };
    let (again, given) = oneshot::channel();
    if to.send(Returned::Onward(job, again)).await.is_err() {
        return Next::Nothing;
    }
    // Err: it waits for its turn.
    given.await.map_or(Next::Any, Next::Job)
}

/// Fetches; a panic becomes a failure.
async fn fetch(fetcher: &dyn Fetcher, job: &Job, abort: &CancellationToken) -> Reply {
    use futures_util::FutureExt;
    let fetching = std::panic::AssertUnwindSafe(fetcher.fetch(job, abort)).catch_unwind();
    match fetching.await {
        Ok(reply) => reply,
        Err(panic) => {
            let what = panic_text(&*panic);
            Reply::Ended(failed(ErrorKind::Internal, format!("a defect of fetchall, please report it: {what}")))
        }
    }
}

/// What is known of a fetch that failed outside of its fetcher.
fn failed(kind: ErrorKind, what: String) -> Fetched {
    let verdict = Verdict::Failed(FetchError::new(kind, what));
    Fetched { facts: Box::default(), timing: Timing::default(), verdict, ready: None }
}

/// A job whose worker cannot work.
fn unfit(job: Box<Job>, why: &str) -> Done {
    let verdict = failed(ErrorKind::Internal, why.to_owned()).verdict;
    Done::Back(Returned::Ended(Outcome::unfetched(Subject::Job(job), verdict)))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
