//! A thread for each fetch under way: the model that most people know.
//!
//! Each thread has its own runtime and its own fetcher and blocks on one request at a time. The
//! threads share only the two channels and the meter.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::worker_pool::{Inbox, WorkerPool};
use super::{Backend, BackendError, Returned, RunContext, run_job, without_fetcher};
use crate::model::Job;
use crate::policy::limits::descriptors::{IDLE, RUNTIME};

/// A large body is written on a thread that may block; another may still be at what was given up.
const BLOCKING: usize = 2;

pub(super) struct Threads;

/// Each thread has a runtime and clients of its own.
pub(super) fn descriptors(fetches: u64, each: u64) -> u64 {
    fetches * (each + RUNTIME + IDLE)
}

type FetchThread = (thread::JoinHandle<()>, oneshot::Receiver<()>);

impl Backend for Threads {
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        let pool = Arc::new(WorkerPool::new(jobs, returned, ctx));
        Box::pin(async move {
            let mut threads: Vec<FetchThread> = Vec::new();
            let mut result = pool
                .dispatch(|number, inbox| {
                    threads.push(start(number, inbox, &pool)?);
                    Ok(())
                })
                .await;
            for (thread, ended) in threads {
                // The thread has reported its end or died: joining does not wait.
                let told = ended.await;
                if thread.join().is_err() || told.is_err() {
                    result = result.and(Err(BackendError("a thread of the backend died".to_owned())));
                }
            }
            result
        })
    }
}

fn start(number: usize, mut inbox: Inbox, pool: &Arc<WorkerPool>) -> Result<FetchThread, String> {
    // Here, so that a thread that is started can work.
    let runtime = Idle(Some(runtime().map_err(|e| format!("cannot start a runtime: {e}"))?));
    let (tell, ended) = oneshot::channel();
    let pool = pool.clone();
    let thread = thread::Builder::new()
        .name(format!("fetch-{number}"))
        .spawn(move || {
            if let Some(runtime) = &runtime.0 {
                runtime.block_on(work(number, &mut inbox, &pool));
            }
            drop(runtime);
            // Err: the run was dropped, and the receiver with it.
            let _ = tell.send(());
        })
        .map_err(|e| format!("cannot start a thread: {e}"))?;
    Ok((thread, ended))
}

/// A runtime that ends at once. A plain drop would wait for writes whose results are no longer
/// needed. If no thread can be started for the drop, it happens on the engine's own runtime, which
/// must not wait.
struct Idle(Option<Runtime>);

impl Drop for Idle {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_keep_alive(Duration::from_secs(1))
        .build()
}

async fn work(number: usize, inbox: &mut Inbox, pool: &WorkerPool) {
    let fetcher = pool.ctx.spec.build(&pool.ctx.meter);
    let mut next = inbox.recv().await;
    while let Some(job) = next {
        let back = match &fetcher {
            Ok(fetcher) => run_job(&**fetcher, job, &pool.ctx).await,
            Err(e) => without_fetcher(job, &e.to_string()),
        };
        next = pool.next(number, inbox, back).await;
    }
}
