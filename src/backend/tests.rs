//! A defect of the program costs one job.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use url::Url;

use super::worker_pool::join;
use super::*;
use crate::fetch::FetcherFactory;
use crate::model::{Facts, Hop, JobId, Seed, SourcePos, Via};

/// Every response is a redirect.
#[derive(Debug)]
struct Redirects;

impl Fetcher for Redirects {
    fn fetch<'a>(&'a self, job: &'a Job, _: &'a CancellationToken) -> BoxFuture<'a, Reply> {
        let url = job.seed.url.clone();
        let hop = Hop { url: url.as_str().into(), status: 302 };
        let facts = Facts { final_url: Some(url), redirects: vec![hop], ..Facts::default() };
        std::future::ready(Reply::Redirected(Box::new(chain(facts)))).boxed()
    }
}

impl FetcherFactory for Redirects {
    fn build(&self, _: &Arc<Meter>) -> Arc<dyn Fetcher> {
        Arc::new(Redirects)
    }
}

fn chain(facts: Facts) -> RedirectState {
    RedirectState {
        facts: Box::new(facts),
        timing: Timing::default(),
        took: Duration::ZERO,
        wait: Duration::ZERO,
        from: None,
        cookies: Vec::new(),
        deaths: 0,
        hop_bytes: 0,
    }
}

fn job() -> Box<Job> {
    let via = Via::List(SourcePos { list: Arc::from("l"), line: 1 });
    let seed = Seed { id: JobId(7), ..Seed::new(Url::parse("http://h.test/").unwrap(), via) };
    Box::new(Job::new(seed, None, Instant::now()))
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn defect_after_a_response_is_a_failure_of_its_job() {
    let ctx = RunContext {
        spec: FetchSpec::Custom(Arc::new(Redirects)),
        concurrency: 1,
        meter: Arc::default(),
        holds: Arc::default(),
        drain: CancellationToken::new(),
        abort: CancellationToken::new(),
        worker_program: ChildProgram::default(),
    };
    assert!(matches!(run_job(&Redirects, job(), &ctx).await, Returned::Redirected(_)));
    // The chain is too long to be counted.
    let mut long = job();
    long.redirect = Some(Box::new(RedirectState { hop_bytes: usize::MAX, ..chain(Facts::default()) }));
    let Returned::Finished(Outcome { subject: Subject::Job(job), verdict, .. }) = run_job(&Redirects, long, &ctx).await
    else {
        panic!("it is no outcome")
    };
    assert_eq!((job.seed.id, verdict.error_kind()), (JobId(7), Some(ErrorKind::Internal)));
}

#[tokio::test]
async fn task_that_died_is_an_error_of_the_backend() {
    let mut tasks = JoinSet::new();
    tasks.spawn(async {});
    assert!(join(tasks).await.is_ok());
    let mut tasks = JoinSet::new();
    tasks.spawn(async { panic!("a defect") });
    tasks.spawn(async {});
    assert!(join(tasks).await.unwrap_err().to_string().starts_with("a task of the backend died"));
}
