//! Tokio tasks under semaphores, spread over a few single-threaded runtimes.
//!
//! On small bodies, runtimes that share only the two channels beat one work-stealing runtime by
//! half. A connection, its request and its body stay on one core. With one core there is one shard,
//! on the engine's own runtime, and no thread at all.

use std::sync::Arc;
use std::thread;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::worker_pool::{Inbox, Jobs, WorkerPool, join};
use super::{Backend, BackendError, Returned, RunContext, run_job};
use crate::fetch::{FetchSpec, Fetcher};
use crate::model::{Job, Needs};
use crate::policy::limits::descriptors::{IDLE, RUNTIME};

/// More shards than this only split the connections further.
const MOST_SHARDS: usize = 8;

pub(super) struct Tasks {
    cores: usize,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { cores: thread::available_parallelism().map_or(1, usize::from) }
    }

    /// One core is left to the sinks, the source and the kernel. On two cores a second shard was measured to cost
    /// half as much time again: it only adds waiting and waking. A crawl reads every page, which takes longer than to
    /// fetch it, so it uses all cores. A shard needs some fetches of its own to be worth a thread.
    fn shards(&self, fetches: u64, reads_links: bool) -> usize {
        let most = if reads_links { self.cores } else { self.cores - 1 }.clamp(1, MOST_SHARDS);
        usize::try_from(fetches.div_ceil(4)).map_or(most, |wanted| most.min(wanted)).max(1)
    }
}

/// Those of the fetches, and of the shards.
pub(super) fn descriptors(fetches: u64, each: u64) -> u64 {
    fetches * each + Tasks::new().shards(fetches, true) as u64 * (RUNTIME + IDLE)
}

impl Backend for Tasks {
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        // A fetcher of the caller stays on the caller's runtime, whose clock it shares.
        let shards = match ctx.spec {
            FetchSpec::Custom(_) => 1,
            FetchSpec::Http { ref config, .. } => {
                self.shards(u64::from(ctx.concurrency), config.needs.contains(Needs::LINKS))
            }
        };
        let jobs = Arc::new(Mutex::new(jobs));
        let shard = move |i: usize| Shard {
            most: share(ctx.concurrency as usize, shards, i),
            jobs: jobs.clone(),
            returned: returned.clone(),
            ctx: ctx.clone(),
        };
        Box::pin(async move {
            if shards == 1 {
                return shard(0).run().await;
            }
            let threads: Vec<_> = (1..shards).map(|i| on_thread(i, shard(i))).collect();
            let here = shard(0);
            // The channel of what is returned closes when the last shard ends.
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

/// Returns the permits of shard `i` of `shards`. The shares add up to `all`. No permit is idle
/// while a job waits, because a shard takes jobs only as it has permits. For the same reason, a
/// shard never holds more connections than its share.
fn share(all: usize, shards: usize, i: usize) -> usize {
    all / shards + usize::from(i < all % shards)
}

type ShardThread = (thread::JoinHandle<()>, oneshot::Receiver<Result<(), BackendError>>);

fn on_thread(i: usize, shard: Shard) -> Result<ShardThread, BackendError> {
    let (tell, ended) = oneshot::channel();
    let thread = thread::Builder::new()
        .name(format!("shard-{i}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let result = match runtime {
                Ok(runtime) => {
                    let result = runtime.block_on(shard.run());
                    // A drop would wait for writes whose results are no longer needed.
                    runtime.shutdown_background();
                    result
                }
                Err(e) => Err(BackendError(format!("cannot start a runtime: {e}"))),
            };
            // Err: the run was dropped, and the receiver with it.
            let _ = tell.send(result);
        })
        .map_err(|e| BackendError(format!("cannot start a thread: {e}")))?;
    Ok((thread, ended))
}

/// A part of the run on one runtime.
struct Shard {
    most: usize,
    jobs: Jobs,
    returned: mpsc::Sender<Returned>,
    ctx: RunContext,
}

impl Shard {
    async fn run(self) -> Result<(), BackendError> {
        let Shard { most, jobs, returned, ctx } = self;
        let pool = Arc::new(WorkerPool::of(most, jobs, returned, ctx));
        let fetcher = match pool.ctx.spec.build(&pool.ctx.meter) {
            Ok(fetcher) => fetcher,
            Err(e) => {
                pool.return_all().await;
                return Err(BackendError(e.to_string()));
            }
        };
        let mut tasks = JoinSet::new();
        let result = pool
            .dispatch(|number, inbox| {
                tasks.spawn(work(number, inbox, fetcher.clone(), pool.clone()));
                Ok(())
            })
            .await;
        result.and(join(tasks).await)
    }
}

/// Does one job after the other: for a URL no task is made.
async fn work(number: usize, mut inbox: Inbox, fetcher: Arc<dyn Fetcher>, pool: Arc<WorkerPool>) {
    let mut next = inbox.recv().await;
    while let Some(job) = next {
        let back = run_job(&*fetcher, job, &pool.ctx).await;
        next = pool.next(number, &mut inbox, back).await;
    }
}
