//! One fetch at a time, on the engine's own runtime: the measure of the others, and the gentlest.

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Backend, BackendError, Done, Next, Returned, RunContext, give_back, run_job};
use crate::model::Job;
use crate::policy::descriptors::IDLE;

pub(super) struct Sequential;

/// Those of one fetch, however many are asked for.
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
            let mut next = jobs.recv().await;
            while let Some(job) = next {
                let done = match &fetcher {
                    Ok(fetcher) if !ctx.drain.is_cancelled() => run_job(&**fetcher, job, &ctx).await,
                    _ => Done::Back(Returned::NotBegun(job)),
                };
                next = match give_back(&returned, done).await {
                    Next::Job(job) => Some(job),
                    Next::Any => jobs.recv().await,
                    Next::Nothing => break,
                };
            }
            fetcher.map(|_| ()).map_err(|e| BackendError(e.to_string()))
        })
    }
}
