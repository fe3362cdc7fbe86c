//! A thread for each fetch under way: the model that most people know.
//!
//! Each has its own runtime and its own fetcher and blocks on one request at a time; nothing is
//! shared but the two channels and the meter.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::crew::{Crew, Inbox};
use super::{Backend, BackendError, Returned, RunContext, run_job, unfit};
use crate::model::Job;
use crate::policy::descriptors::{IDLE, RUNTIME};

/// A large body is written on a thread that may block; another may still be at what was given up.
const BLOCKING: usize = 2;

pub(super) struct Threads;

/// Each thread has a runtime and clients of its own.
pub(super) fn descriptors(fetches: u64, each: u64) -> u64 {
    fetches * (each + RUNTIME + IDLE)
}

type Started = (thread::JoinHandle<()>, oneshot::Receiver<()>);

impl Backend for Threads {
    fn run(
        self: Box<Self>,
        jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        let crew = Arc::new(Crew::new(jobs, returned, ctx));
        Box::pin(async move {
            let mut threads: Vec<Started> = Vec::new();
            let mut result = crew
                .lead(|number, inbox| {
                    threads.push(start(number, inbox, &crew)?);
                    Ok(())
                })
                .await;
            for (thread, ended) in threads {
                // It has told its end or died: joining does not wait.
                let told = ended.await;
                if thread.join().is_err() || told.is_err() {
                    result = result.and(Err(BackendError("a thread of the backend died".to_owned())));
                }
            }
            result
        })
    }
}

fn start(number: usize, mut inbox: Inbox, crew: &Arc<Crew>) -> Result<Started, String> {
    // Here, so that a thread that is started can work.
    let runtime = Idle(Some(runtime().map_err(|e| format!("cannot start a runtime: {e}"))?));
    let (tell, ended) = oneshot::channel();
    let crew = crew.clone();
    let thread = thread::Builder::new()
        .name(format!("fetch-{number}"))
        .spawn(move || {
            if let Some(runtime) = &runtime.0 {
                runtime.block_on(work(number, &mut inbox, &crew));
            }
            drop(runtime);
            // Err: the run was dropped and nobody asks any more.
            let _ = tell.send(());
        })
        .map_err(|e| format!("cannot start a thread: {e}"))?;
    Ok((thread, ended))
}

/// A runtime that ends at once. Dropped by itself it would wait for writes that nobody waits for any
/// more; and where no thread can be started for it, it is dropped on the engine's own
/// runtime, which must not wait.
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

async fn work(number: usize, inbox: &mut Inbox, crew: &Crew) {
    let fetcher = crew.ctx.spec.build(&crew.ctx.meter);
    let mut next = inbox.recv().await;
    while let Some(job) = next {
        let done = match &fetcher {
            Ok(fetcher) => run_job(&**fetcher, job, &crew.ctx).await,
            Err(e) => unfit(job, &e.to_string()),
        };
        next = crew.next(number, inbox, done).await;
    }
}
