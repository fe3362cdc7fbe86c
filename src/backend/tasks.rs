//! Tokio tasks under semaphores, spread over a few single-threaded runtimes.
//!
//! On small bodies, runtimes that share nothing but the two channels beat one
//! work-stealing runtime by half: a connection, its request and its body stay on one core. With
//! one core there is one shard, on the engine's own runtime, and no thread at all.

use std::sync::Arc;
use std::thread;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Backend, BackendError, RunContext, run_job};
use crate::fetch::Fetcher;
use crate::model::{Job, Outcome, Subject, Verdict};
use crate::policy::descriptors::{IDLE, RUNTIME};

/// More shards than this only split the connections further.
const MOST_SHARDS: usize = 8;

pub(super) struct Tasks {
    shards: usize,
}

impl Tasks {
    pub(super) fn new() -> Self {
        // One core is left to the sinks, the source and the kernel. On two cores a second shard
        // was measured to cost half as much time again: it only adds waiting and waking.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { shards: (cores - 1).clamp(1, MOST_SHARDS) }
    }

    /// A shard needs some fetches of its own to be worth a thread.
    fn shards(&self, fetches: u64) -> usize {
        usize::try_from(fetches.div_ceil(4)).map_or(self.shards, |most| self.shards.min(most)).max(1)
    }
}

/// Those of the fetches, and of the shards.
pub(super) fn descriptors(fetches: u64, each: u64) -> u64 {
    fetches * each + Tasks::new().shards(fetches) as u64 * (RUNTIME + IDLE)
}

impl Backend for Tasks {
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Job>,
        outcomes: mpsc::Sender<Outcome>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        // A scripted fetcher stays on the caller's runtime, whose clock it shares.
        let shards = match ctx.spec {
            crate::fetch::FetchSpec::Scripted(_) => 1,
            crate::fetch::FetchSpec::Http(_) => self.shards(u64::from(ctx.concurrency)),
        };
        let (jobs, ctx) = (Arc::new(Mutex::new(jobs)), Arc::new(ctx));
        let shard = move |i: usize| Shard {
            jobs: jobs.clone(),
            outcomes: outcomes.clone(),
            permits: Arc::new(Semaphore::new(share(ctx.concurrency as usize, shards, i))),
            ctx: ctx.clone(),
        };
        Box::pin(async move {
            if shards == 1 {
                return shard(0).run().await;
            }
            let threads: Vec<_> = (1..shards).map(|i| on_thread(i, shard(i))).collect();
            let here = shard(0);
            // The outcomes channel closes when the last shard ends.
            drop(shard);
            let mut result = here.run().await;
            for started in threads {
                let ended = match started {
                    Ok((thread, ended)) => {
                        let ended = ended.await;
                        // It has sent its result or died: joining does not wait.
                        let joined = thread.join();
                        match (ended, joined) {
                            (Ok(ended), Ok(())) => ended,
                            _ => Err(BackendError("a shard of the async backend died".to_owned())),
                        }
                    }
                    Err(e) => Err(e),
                };
                result = result.and(ended);
            }
            result
        })
    }
}

/// What shard `i` of `shards` may have under way. The shares add up to `all`, and none is ever
/// idle while a job waits, for a shard takes jobs only as it has permits; and so a shard never
/// holds more connections than its share, but for slots that are lent, which any shard may take.
fn share(all: usize, shards: usize, i: usize) -> usize {
    all / shards + usize::from(i < all % shards)
}

type Started = (thread::JoinHandle<()>, oneshot::Receiver<Result<(), BackendError>>);

fn on_thread(i: usize, shard: Shard) -> Result<Started, BackendError> {
    let (tell, ended) = oneshot::channel();
    let thread = thread::Builder::new()
        .name(format!("shard-{i}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let result = match runtime {
                Ok(runtime) => {
                    let result = runtime.block_on(shard.run());
                    // Dropped, it would wait for writes that nobody waits for any more.
                    runtime.shutdown_background();
                    result
                }
                Err(e) => Err(BackendError(format!("cannot start a runtime: {e}"))),
            };
            // Err: the run was dropped and nobody asks any more.
            let _ = tell.send(result);
        })
        .map_err(|e| BackendError(format!("cannot start a thread: {e}")))?;
    Ok((thread, ended))
}

struct Shard {
    jobs: Jobs,
    outcomes: mpsc::Sender<Outcome>,
    permits: Arc<Semaphore>,
    ctx: Arc<RunContext>,
}

type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

impl Shard {
    async fn run(self) -> Result<(), BackendError> {
        let fetcher = match self.ctx.spec.build(&self.ctx.meter) {
            Ok(fetcher) => fetcher,
            Err(e) => {
                self.give_up().await;
                return Err(BackendError(e.to_string()));
            }
        };
        let mut tasks = JoinSet::new();
        // The permit first, then the job: a job that left the channel is on its way.
        while let Some((permit, job)) = self.next().await {
            match permit {
                Some(permit) => {
                    let worker = Worker {
                        fetcher: fetcher.clone(),
                        jobs: self.jobs.clone(),
                        outcomes: self.outcomes.clone(),
                        ctx: self.ctx.clone(),
                        permit,
                    };
                    tasks.spawn(worker.run(job));
                }
                None => self.cancel(job).await,
            }
            while tasks.try_join_next().is_some() {}
        }
        while tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// The next job, with the permit to run it; without one when the run is draining.
    async fn next(&self) -> Option<(Option<OwnedSemaphorePermit>, Job)> {
        let permit = tokio::select! {
            biased;
            () = self.ctx.drain.cancelled() => None,
            permit = self.permits.clone().acquire_owned() => permit.ok(),
            () = self.ctx.lent.slot() => {
                self.permits.add_permits(1);
                self.permits.clone().acquire_owned().await.ok()
            }
        };
        let job = self.jobs.lock().await.recv().await?;
        Some((permit.filter(|_| !self.ctx.drain.is_cancelled()), job))
    }

    /// This shard cannot work: what would have been its jobs become cancelled outcomes.
    async fn give_up(&self) {
        self.jobs.lock().await.close();
        loop {
            let job = self.jobs.lock().await.recv().await;
            let Some(job) = job else { return };
            self.cancel(job).await;
        }
    }

    async fn cancel(&self, job: Job) {
        // Err: the engine is gone, and with it whoever wanted an outcome.
        let _ = self.outcomes.send(Outcome::unfetched(Subject::Job(job), Verdict::Cancelled)).await;
    }
}

/// A permit at work.
struct Worker {
    fetcher: Arc<dyn Fetcher>,
    jobs: Jobs,
    outcomes: mpsc::Sender<Outcome>,
    ctx: Arc<RunContext>,
    permit: OwnedSemaphorePermit,
}

impl Worker {
    /// Does a job, and the next one as long as one is waiting: under load no task is made, and no
    /// loop woken, for a URL.
    async fn run(self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            let id = job.id;
            let outcome = run_job(&*self.fetcher, job, &self.ctx).await;
            // Err: the engine is gone. The permit is kept until the outcome is taken: a slow sink
            // holds fetches back.
            if self.outcomes.send(outcome).await.is_err() {
                return;
            }
            if self.ctx.lent.ended(id) {
                return self.permit.forget();
            }
            next = self.waiting_job();
        }
    }

    fn waiting_job(&self) -> Option<Job> {
        if self.ctx.drain.is_cancelled() {
            return None;
        }
        // Locked: a shard is waiting there already, so none is left over.
        self.jobs.try_lock().ok()?.try_recv().ok()
    }
}
