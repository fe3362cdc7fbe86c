//! A child process for each fetch under way: what happens to one cannot happen to another.
//!
//! Children are this program again, each with one end of two pipes. The parent keeps every job. A
//! child receives a job and answers with its result, see [`super::frames`]. One task for each child
//! serves its pipes on the engine's own runtime. A URL needs no task of its own and wakes only the
//! child and the loop. A child ends with its standard input, so none outlives a parent that was
//! killed.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::child::{Child, PATIENCE};
use super::frames::{ChildSetup, FrameError, FromWorker, ToWorker, append};
use super::worker_pool::{Inbox, WorkerPool, join};
use super::{Backend, BackendError, Returned, RunContext, failed, finished, or_failed, queued, redirected, returned};
use crate::fetch::{
    BodyStream, FetchConfig, FetchServices, FetchSpec, Fetched, FinishedBody, MemoryLease, Reply, SharedWriter,
};
use crate::model::{ErrorKind, FetchError, Job, Timing, Verdict};
use crate::policy::limits::descriptors::RENAME;

/// Per child: two pipes, the handle for its exit, and the rename of its body. Descriptors that the
/// child opens itself do not count here.
pub(super) fn descriptors(fetches: u64, _each: u64) -> u64 {
    fetches * (3 + RENAME)
}

/// The limit for one URL is the child's to keep; one that is later than this cannot.
const SLACK: Duration = Duration::from_secs(2);

pub(super) struct Processes;

impl Backend for Processes {
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        let pool = Arc::new(WorkerPool::new(jobs, returned, ctx));
        Box::pin(async move {
            let setup = match ForChildren::of(&pool.ctx.spec) {
                Ok(setup) => Arc::new(setup),
                Err(why) => {
                    pool.return_all().await;
                    return Err(BackendError(format!("cannot tell a worker process what to do: {why}")));
                }
            };
            let mut tasks = JoinSet::new();
            let result = pool
                .dispatch(|number, inbox| {
                    let child = Child::start(&pool.ctx.worker_program, &setup.frame)?;
                    let keeper = Keeper { child: Some(child), pool: pool.clone(), setup: setup.clone() };
                    tasks.spawn(keeper.work(number, inbox));
                    Ok(())
                })
                .await;
            result.and(join(tasks).await)
        })
    }
}

/// The settings and services of all children of a run.
struct ForChildren {
    config: Arc<FetchConfig>,
    services: FetchServices,
    /// The first frame to each child.
    frame: Vec<u8>,
}

impl ForChildren {
    fn of(spec: &FetchSpec) -> Result<Self, String> {
        let FetchSpec::Http { config, services } = spec else {
            return Err("a fetcher of the caller cannot cross a pipe".to_owned());
        };
        let mut frame = Vec::new();
        append(&ToWorker::Setup(Box::new(ChildSetup::new(config, services))), &mut frame).map_err(|e| e.to_string())?;
        Ok(Self { config: config.clone(), services: services.clone(), frame })
    }

    /// The writer of the body, if the parent writes it.
    fn writer(&self) -> Option<&SharedWriter> {
        self.services.stream.as_ref().map(BodyStream::writer)
    }
}

/// The owner of one child; it replaces a dead child by another one.
struct Keeper {
    child: Option<Child>,
    pool: Arc<WorkerPool>,
    setup: Arc<ForChildren>,
}

/// Why there is no answer.
enum Lost {
    /// The child is gone or raves; another may do better.
    Child(String),
    /// Another one would do no better.
    Job(ErrorKind, String),
}

impl Keeper {
    async fn work(mut self, number: usize, mut inbox: Inbox) {
        let mut next = inbox.recv().await;
        while let Some(job) = next {
            let back = self.run(job).await;
            next = self.pool.next(number, &mut inbox, back).await;
        }
        if let Some(child) = self.child.take() {
            child.dismiss().await;
        }
    }

    /// One job, given to a second child when the first one dies of it.
    async fn run(&mut self, mut job: Box<Job>) -> Returned {
        let pool = self.pool.clone();
        if pool.ctx.holds.covers(&job) {
            return Returned::NotStarted(job);
        }
        let _under_way = pool.ctx.meter.begin(job.seed.id);
        let ended = or_failed(self.run_to_its_end(&mut job, &pool.ctx), Some).await;
        returned(job, ended)
    }

    async fn run_to_its_end(&mut self, job: &mut Job, ctx: &RunContext) -> Option<Fetched> {
        let queued = queued(job);
        let mut deaths = job.redirect.as_ref().map_or(0, |redirect| redirect.deaths);
        let started = Instant::now();
        let mut fetched = loop {
            // Output written to a stream cannot be taken back.
            let mut written = false;
            let why = match self.fetch(job, &mut written).await {
                Ok(Reply::Finished(fetched)) => break fetched,
                Ok(Reply::Redirected(mut redirect)) => {
                    redirect.deaths = deaths;
                    return redirected(job, redirect, queued, ctx);
                }
                Err(Lost::Child(_)) if ctx.drain.is_cancelled() => break cancelled(started),
                Err(Lost::Child(why)) if deaths == 0 && !written => why,
                Err(Lost::Child(why)) => {
                    break failed(ErrorKind::Internal, format!("the worker process of this URL died: {why}"));
                }
                Err(Lost::Job(kind, why)) => break failed(kind, why),
            };
            tracing::warn!(url = %crate::policy::text::printable::printable(job.seed.url.as_str()), why, "a worker process died; trying again");
            job.attempt += 1;
            deaths += 1;
        };
        if let Some(finished_body) = fetched.finished_body.take()
            && let Err(error) = give_name(self.setup.config.clone(), finished_body).await
        {
            fetched.facts.path = None;
            fetched.verdict = Verdict::Failed(error);
        }
        Some(finished(job, fetched, queued, ctx))
    }

    async fn fetch(&mut self, job: &Job, written: &mut bool) -> Result<Reply, Lost> {
        let ctx = &self.pool.ctx;
        let mut child = match self.child.take() {
            Some(child) => child,
            None => {
                Child::start(&ctx.worker_program, &self.setup.frame).map_err(|why| Lost::Job(ErrorKind::Io, why))?
            }
        };
        let started = Instant::now();
        let exchange = ChildExchange { child: &mut child, ctx, setup: &self.setup, written };
        match exchange.run(job).await {
            Ok(Some(reply)) => {
                self.child = Some(child);
                Ok(reply)
            }
            Ok(None) => {
                child.kill().await;
                self.setup.config.clear_part(job);
                Ok(Reply::Finished(cancelled(started)))
            }
            Err(Silent::Late(limit)) => {
                child.kill().await;
                self.setup.config.clear_part(job);
                let why =
                    format!("not done within {limit:?}, the limit for one URL, and its worker process does not answer");
                Err(Lost::Job(ErrorKind::Timeout, why))
            }
            Err(Silent::TooLong) => {
                self.child = Some(child);
                Err(Lost::Job(ErrorKind::Internal, "what the list asks for this URL is too long".to_owned()))
            }
            Err(Silent::Broken(e)) => {
                let end = child.kill().await;
                self.setup.config.clear_part(job);
                Err(Lost::Child(format!("{e} ({end})")))
            }
            Err(Silent::Stopped) => {
                child.kill().await;
                self.setup.config.clear_part(job);
                Err(Lost::Child("it does not answer".to_owned()))
            }
        }
    }
}

/// Why an exchange has no answer.
enum Silent {
    Broken(FrameError),
    /// The job is longer than a frame may be; the child has not had it.
    TooLong,
    /// The limit of the URL is over, by far.
    Late(Duration),
    /// The child does not respond, not even to a ping: a signal has stopped it.
    Stopped,
}

impl From<FrameError> for Silent {
    fn from(e: FrameError) -> Self {
        Silent::Broken(e)
    }
}

/// A fetch that had begun, of which nothing more is known.
fn cancelled(started: Instant) -> Fetched {
    let timing = Timing { total: Some(started.elapsed()), ..Timing::default() };
    Fetched { facts: Box::default(), timing, verdict: Verdict::Cancelled, finished_body: None }
}

/// One job at one child.
struct ChildExchange<'a> {
    child: &'a mut Child,
    ctx: &'a RunContext,
    setup: &'a ForChildren,
    written: &'a mut bool,
}

impl ChildExchange<'_> {
    /// Sends the job to the child and reads frames until the job is done; `None` when the run was
    /// aborted and it does not end.
    async fn run(mut self, job: &Job) -> Result<Option<Reply>, Silent> {
        let abort = &self.ctx.abort;
        let (limit, quiet) = (self.setup.config.timeout, self.setup.config.read_timeout);
        let FetchServices { throttle, decoder_memory, cookies, .. } = &self.setup.services;
        let late_by = limit.map(|limit| Instant::now() + limit + SLACK);
        tokio::select! {
            biased;
            given = self.child.give(job, cookies.as_deref()) => match given {
                Err(FrameError::TooLong(_)) => return Err(Silent::TooLong),
                given => given?,
            },
            () = abort.cancelled() => return Ok(None),
            () = sleep_until(Instant::now() + quiet + SLACK) => return Err(Silent::Stopped),
        }
        // A server may be as silent as that; a live child answers a ping.
        let mut silent_by = Instant::now() + quiet;
        let mut is_asked = false;
        let mut ends_by = None;
        let mut unwritable = None;
        // The grants that the child waits for.
        let mut granting: Option<BoxFuture<'_, ()>> = None;
        let mut leasing: Option<BoxFuture<'_, MemoryLease>> = None;
        // The memory of its decoders.
        let mut lease = None;
        loop {
            while let Some(frame) = self.child.frames.next()? {
                match frame {
                    FromWorker::Received(bytes) => {
                        self.ctx.meter.received(job.seed.id, bytes);
                    }
                    FromWorker::Request(host) => {
                        granting = Some(throttle.grant_request(host.to_owned()));
                    }
                    FromWorker::Here => {}
                    FromWorker::Bytes(bytes) => granting = Some(throttle.grant_bytes(bytes)),
                    FromWorker::Memory(host, kib) => {
                        drop(lease.take());
                        leasing = Some(decoder_memory.lease(host.to_owned(), kib).boxed());
                    }
                    FromWorker::Body(_) if unwritable.is_some() => {}
                    FromWorker::Body(piece) => {
                        *self.written = true;
                        let piece = piece.to_vec();
                        tokio::select! {
                            biased;
                            wrote = write(self.setup.writer(), Some(piece)) => unwritable = wrote.err(),
                            () = abort.cancelled() => return Ok(None),
                        }
                        if unwritable.is_some() {
                            self.tell_abort().await?;
                        }
                    }
                    FromWorker::Cookies(set) => {
                        if let Some(jar) = cookies {
                            jar.put(set);
                        }
                    }
                    FromWorker::Done(done) => {
                        if done.id != job.seed.id {
                            return Err(FrameError::OutOfTurn.into());
                        }
                        self.ctx.meter.received(job.seed.id, done.received);
                        let mut fetched = match done.reply {
                            Reply::Finished(fetched) => fetched,
                            redirect => return Ok(Some(redirect)),
                        };
                        if fetched.verdict == Verdict::Ok && self.setup.writer().is_some() && unwritable.is_none() {
                            tokio::select! {
                                biased;
                                flushed = write(self.setup.writer(), None) => unwritable = flushed.err(),
                                () = abort.cancelled() => return Ok(None),
                            }
                        }
                        if let Some(error) = unwritable {
                            fetched.verdict = Verdict::Failed(error);
                        }
                        return Ok(Some(Reply::Finished(fetched)));
                    }
                }
            }
            tokio::select! {
                biased;
                filled = self.child.frames.fill() => {
                    filled?;
                    (silent_by, is_asked) = (Instant::now() + quiet, false);
                }
                () = sleep_until(silent_by), if is_asked => return Err(Silent::Stopped),
                () = sleep_until(silent_by) => {
                    (silent_by, is_asked) = (Instant::now() + SLACK, true);
                    self.child.say(&ToWorker::AreYouThere).await?;
                }
                () = granted(&mut granting), if granting.is_some() => {
                    granting = None;
                    self.child.say(&ToWorker::Granted).await?;
                }
                leased = granted(&mut leasing), if leasing.is_some() => {
                    leasing = None;
                    lease = Some(leased);
                    self.child.say(&ToWorker::Granted).await?;
                }
                () = abort.cancelled(), if ends_by.is_none() => {
                    ends_by = Some(Instant::now() + PATIENCE);
                    self.tell_abort().await?;
                }
                () = sleep_until(late_by.unwrap_or_else(Instant::now)), if late_by.is_some() => {
                    return Err(Silent::Late(limit.unwrap_or_default()));
                }
                () = sleep_until(ends_by.unwrap_or_else(Instant::now)), if ends_by.is_some() => return Ok(None),
            }
        }
    }

    async fn tell_abort(&mut self) -> Result<(), FrameError> {
        self.child.say(&ToWorker::Abort).await
    }
}

/// Gives a body its final name, on a thread that may block. Only the parent does so. If the parent
/// dies or the run is stopped, a body begun by a child never becomes a file without a record.
async fn give_name(config: Arc<FetchConfig>, body: Box<FinishedBody>) -> Result<(), FetchError> {
    let name = move || config.saving.folder().map_or(Ok(()), |folder| body.give_name(folder));
    let named = tokio::task::spawn_blocking(name).await;
    named.unwrap_or_else(|e| Err(FetchError::new(ErrorKind::Internal, e.to_string())))
}

/// Waits for the grant that the child waits for; never returns if there is none.
async fn granted<T>(granting: &mut Option<BoxFuture<'_, T>>) -> T {
    match granting {
        Some(granting) => granting.await,
        None => std::future::pending().await,
    }
}

/// Writes a piece of a body, or all that is still held back, on a thread that may block.
async fn write(writer: Option<&SharedWriter>, piece: Option<Vec<u8>>) -> Result<(), FetchError> {
    let Some(writer) = writer.cloned() else { return Ok(()) };
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        match piece {
            Some(piece) => writer.write_all(&piece),
            None => writer.flush(),
        }
    });
    let written = writing.await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
    written.map_err(|e| FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}")))
}
