//! One fetch at a time, on the engine's own runtime: the measure of the others, and the gentlest.

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Backend, BackendError, Returned, RunContext, run_job};
use crate::model::Job;
use crate::policy::limits::descriptors::IDLE;

pub(super) struct Sequential;

/// The descriptors of one fetch, whatever the concurrency.
pub(super) fn descriptors(_fetches: u64, each: u64) -> u64 {
    each + IDLE
}

impl Backend for Sequential {
    fn run(
        self: Box<Self>,
        mut jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let fetcher = ctx.spec.build(&ctx.meter);
            if fetcher.is_err() {
                jobs.close();
            }
            while let Some(job) = jobs.recv().await {
                let back = match &fetcher {
                    Ok(fetcher) if !ctx.drain.is_cancelled() => run_job(&**fetcher, job, &ctx).await,
                    _ => Returned::NotStarted(job),
                };
                // Err: the engine is gone.
                if returned.send(back).await.is_err() {
                    break;
                }
            }
            fetcher.map(|_| ()).map_err(|e| BackendError(e.to_string()))
        })
    }
}
