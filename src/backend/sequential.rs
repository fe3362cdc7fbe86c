//! One fetch at a time, on the engine's own runtime: the measure of the others, and the gentlest.

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Backend, BackendError, RunContext, cancelled, run_job};
use crate::model::{Job, Outcome};
use crate::policy::descriptors::IDLE;

pub(super) struct Sequential;

/// Those of one fetch, however many are asked for.
pub(super) fn descriptors(_fetches: u64, each: u64) -> u64 {
    each + IDLE
}

impl Backend for Sequential {
    fn run(
        self: Box<Self>,
        mut jobs: mpsc::Receiver<Job>,
        outcomes: mpsc::Sender<Outcome>,
        ctx: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let fetcher = ctx.spec.build(&ctx.meter);
            if fetcher.is_err() {
                jobs.close();
            }
            while let Some(job) = jobs.recv().await {
                let outcome = match &fetcher {
                    Ok(fetcher) if !ctx.drain.is_cancelled() => run_job(&**fetcher, job, &ctx).await,
                    _ => cancelled(job),
                };
                if outcomes.send(outcome).await.is_err() {
                    // The engine is gone, and with it whoever wanted an outcome.
                    break;
                }
            }
            fetcher.map(|_| ()).map_err(|e| BackendError(e.to_string()))
        })
    }
}
