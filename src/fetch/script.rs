//! A fetcher for tests that follows a script: no network, exact, as fast as the engine can go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Fetched, Fetcher, FetcherFactory, Meter, Reply};
use crate::model::{ErrorKind, Facts, FetchError, Job, Timing, Verdict};

/// The scripted result of one URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 200 with this many bytes.
    Ok(u64),
    /// This 4xx or 5xx status.
    Status(u16),
    /// This kind of failure.
    Fail(ErrorKind),
    /// This status and how long to wait, so many times, then 200 with one byte.
    Busy {
        /// The number of tries of each URL with this response.
        tries: u32,
        /// The status.
        status: u16,
        /// The Retry-After of the server.
        wait: Option<Duration>,
    },
    /// A defect: the fetcher panics.
    Panic,
    /// Never answers; ends only when aborted.
    Hang,
}

/// Answers by URL path.
#[derive(Debug, Clone)]
pub struct Script {
    /// Delay and answer of a path such as `/a`.
    pub paths: HashMap<String, (Duration, Step)>,
    /// Delay and answer of every other path.
    pub otherwise: (Duration, Step),
}

impl FetcherFactory for Script {
    fn build(&self, meter: &Arc<Meter>) -> Arc<dyn Fetcher> {
        Arc::new(ScriptedFetcher { script: self.clone(), meter: meter.clone() })
    }
}

struct ScriptedFetcher {
    script: Script,
    meter: Arc<Meter>,
}

impl ScriptedFetcher {
    async fn play(&self, job: &Job) -> (Facts, Verdict) {
        let (delay, step) = self.script.paths.get(job.seed.url.path()).copied().unwrap_or(self.script.otherwise);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut facts = Facts::default();
        let step = match step {
            Step::Busy { tries, status, wait } if job.attempt <= tries => {
                facts.retry_after = wait;
                Step::Status(status)
            }
            Step::Busy { .. } => Step::Ok(1),
            step => step,
        };
        let verdict = match step {
            Step::Ok(bytes) => {
                self.meter.received(job.seed.id, bytes);
                facts.status = Some(200);
                facts.bytes = Some(bytes);
                facts.wire_bytes = Some(bytes);
                Verdict::Ok
            }
            Step::Status(status) | Step::Busy { status, .. } => {
                facts.status = Some(status);
                Verdict::HttpError
            }
            Step::Fail(kind) => Verdict::Failed(FetchError::new(kind, "scripted")),
            Step::Hang => std::future::pending().await,
            #[allow(clippy::panic, reason = "the script asks for a defect, to show that one costs one URL only")]
            Step::Panic => panic!("scripted defect"),
        };
        (facts, verdict)
    }
}

impl Fetcher for ScriptedFetcher {
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let started = tokio::time::Instant::now();
            let (facts, verdict) = tokio::select! {
                biased;
                played = self.play(job) => played,
                () = abort.cancelled() => (Facts::default(), Verdict::Cancelled),
            };
            let first_byte = facts.status.map(|_| started.elapsed());
            let timing = Timing { first_byte, total: Some(started.elapsed()), ..Timing::default() };
            Reply::Finished(Fetched { facts: Box::new(facts), timing, verdict, finished_body: None })
        })
    }
}
