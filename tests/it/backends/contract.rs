//! The contract of every backend, over HTTP. Each job ends in one outcome. The limit holds and is
//! reached. A drain returns the jobs that have not begun, and an abort ends the rest.

use std::io::Cursor;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fetchall::app::{self, CheckedFiles, Document, RunIo, TextStyle};
use fetchall::backend::{BACKENDS, BackendEntry, BackendError, Returned, RunContext};
use fetchall::config::Config;
use fetchall::engine::Stop;
use fetchall::fetch::{FetchSpec, Meter};
use fetchall::model::{ChildProgram, ErrorKind, Job, JobId, Seed, SourcePos, Subject, Verdict, Via};
use fetchall::policy::network::address::AddressClasses;
use fetchall::source::Input;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::support::PATIENCE;
use crate::support::mock::Mocks;

/// A backend at work.
struct Run {
    jobs: mpsc::Sender<Box<Job>>,
    returned: mpsc::Receiver<Returned>,
    ended: JoinHandle<Result<(), BackendError>>,
    meter: Arc<Meter>,
    drain: CancellationToken,
    abort: CancellationToken,
}

/// The specification of a run with default settings.
fn spec() -> FetchSpec {
    let surroundings = RunIo {
        records: None,
        check_report: None,
        style: TextStyle::default(),
        files: CheckedFiles::default(),
        sinks: Vec::new(),
        worker_program: ChildProgram::default(),
        reporters: Vec::new(),
        address_classes: AddressClasses::default(),
        on_link: None,
    };
    let input = Input::Reader("list".to_owned(), Box::new(Cursor::new("")));
    app::plan(&Config::default(), vec![input], Document::None, surroundings, Stop::default()).unwrap().spec
}

fn start(entry: &BackendEntry, concurrency: u32, program: &str) -> Run {
    let (jobs, inbox) = mpsc::channel(64);
    let (outbox, returned) = mpsc::channel(64);
    let ctx = RunContext {
        spec: spec(),
        concurrency,
        meter: Arc::default(),
        holds: Arc::default(),
        drain: CancellationToken::new(),
        abort: CancellationToken::new(),
        worker_program: PathBuf::from(program).into(),
    };
    let (meter, drain, abort) = (ctx.meter.clone(), ctx.drain.clone(), ctx.abort.clone());
    Run { jobs, returned, ended: tokio::spawn((entry.make)().run(inbox, outbox, ctx)), meter, drain, abort }
}

/// Returns the verdict of a job; a job that did not begin is cancelled.
fn told(back: Returned) -> (JobId, Verdict) {
    match back {
        Returned::Finished(outcome) => match outcome.subject {
            Subject::Job(job) => (job.seed.id, outcome.verdict),
            other => panic!("an outcome of no job: {other:?}"),
        },
        Returned::NotStarted(job) => (job.seed.id, Verdict::Cancelled),
        Returned::Redirected(job) => panic!("nobody redirects: {job:?}"),
    }
}

fn job(number: u64, url: &str) -> Box<Job> {
    let url = url::Url::parse(url).unwrap();
    let origin = SourcePos { list: Arc::from("list"), line: number + 1 };
    let seed = Seed { id: JobId(number), ..Seed::new(url, Via::List(origin)) };
    Box::new(Job::new(seed, None, Instant::now()))
}

impl Run {
    async fn give(&self, urls: &[String]) {
        for (number, url) in (0..).zip(urls) {
            self.jobs.send(job(number, url)).await.unwrap();
        }
    }

    /// Lets it end, and returns the verdicts in the order of the jobs, each of which has one.
    async fn finish(mut self) -> (Vec<Verdict>, Result<(), BackendError>, Arc<Meter>) {
        drop(self.jobs);
        let mut verdicts = std::collections::BTreeMap::new();
        let all = async {
            while let Some(back) = self.returned.recv().await {
                let (id, verdict) = told(back);
                assert!(verdicts.insert(id, verdict).is_none(), "returned twice");
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("it ends");
        (verdicts.into_values().collect(), self.ended.await.unwrap(), self.meter)
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Meter) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.meter) {
            assert!(Instant::now() < deadline, "waited in vain for {what}: {:?}", self.meter);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// `/a` has five bytes, `/slow` seven after a while, and everything else is not found.
fn server() -> Mocks {
    let answer = |at: &str, body: &str, delay| {
        Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_string(body).set_delay(delay))
    };
    Mocks::start([answer("/a", "12345", Duration::ZERO), answer("/slow", "1234567", Duration::from_millis(200))])
}

fn urls(server: &Mocks, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| server.url(path)).collect()
}

/// A server that never answers, as nothing accepts its connections, and its URL.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_fetchall");

fn each<F: Future<Output = ()>>(test: impl Fn(&'static BackendEntry) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for entry in BACKENDS {
        println!("backend {}", entry.name);
        runtime.block_on(test(entry));
    }
}

#[test]
fn tests_name_every_backend_of_the_registry() {
    assert!(BACKENDS.iter().map(|entry| entry.name).eq(crate::support::BACKENDS));
}

#[test]
fn every_job_ends_in_its_one_outcome() {
    let server = server();
    // Nothing listens there any more.
    let refused = silent().1;
    let paths = urls(&server, &["a", "status", "slow"]);
    let paths = vec![[&paths[..], &[refused]].concat(); 12].concat();
    each(|entry| {
        let paths = paths.clone();
        async move {
            let run = start(entry, 4, PROGRAM);
            run.give(&paths).await;
            let (verdicts, ended, meter) = run.finish().await;
            ended.unwrap();
            let kinds: Vec<_> = verdicts.iter().map(|v| v.error_kind().map_or("ok", ErrorKind::as_str)).collect();
            assert_eq!(kinds, ["ok", "http_status", "ok", "connect"].repeat(12));
            assert_eq!((meter.wire_bytes(), meter.in_flight()), (12 * (5 + 7), 0));
        }
    });
}

#[test]
fn the_limit_is_reached_and_never_exceeded() {
    let (_listener, url) = silent();
    each(|entry| {
        let urls = vec![url.clone(); 9];
        async move {
            let limit = if entry.name == "sequential" { 1 } else { 3 };
            let run = start(entry, 3, PROGRAM);
            run.give(&urls).await;
            run.until("the limit", |meter| meter.in_flight() == limit).await;
            run.drain.cancel();
            run.abort.cancel();
            let (verdicts, ended, meter) = run.finish().await;
            ended.unwrap();
            assert_eq!(verdicts, [const { Verdict::Cancelled }; 9]);
            assert_eq!((meter.peak(), meter.in_flight()), (limit, 0));
        }
    });
}

#[test]
fn a_drain_lets_what_is_under_way_finish() {
    let server = server();
    let urls = urls(&server, &["slow", "a", "a"]);
    each(|entry| {
        let urls = urls.clone();
        async move {
            let run = start(entry, 1, PROGRAM);
            run.give(&urls).await;
            run.until("the first", |meter| meter.in_flight() == 1).await;
            run.drain.cancel();
            let (verdicts, ended, _) = run.finish().await;
            ended.unwrap();
            assert_eq!(verdicts, [Verdict::Ok, Verdict::Cancelled, Verdict::Cancelled]);
        }
    });
}

#[test]
fn jobs_that_come_one_by_one_are_done_one_by_one() {
    let server = server();
    let url = server.url("a");
    each(|entry| {
        let url = url.clone();
        async move {
            let mut run = start(entry, 2, PROGRAM);
            for number in 0..20 {
                run.jobs.send(job(number, &url)).await.unwrap();
                let back = tokio::time::timeout(PATIENCE, run.returned.recv()).await.unwrap().unwrap();
                assert_eq!(told(back).1, Verdict::Ok);
            }
            run.finish().await.1.unwrap();
        }
    });
}

async fn with_program(program: &str) -> (Vec<Verdict>, Result<(), BackendError>) {
    let entry = BACKENDS.iter().find(|entry| entry.name == "processes").unwrap();
    let run = start(entry, 2, program);
    run.give(&vec![silent().1; 3]).await;
    let (verdicts, ended, _) = run.finish().await;
    (verdicts, ended)
}

#[tokio::test]
async fn without_a_single_worker_every_job_is_cancelled() {
    let (verdicts, ended) = with_program("/no/such/program").await;
    assert_eq!(verdicts, [const { Verdict::Cancelled }; 3]);
    assert!(ended.unwrap_err().to_string().contains("cannot start the worker process /no/such/program: "));
}

#[cfg(unix)]
#[test]
fn a_run_goes_on_with_the_workers_that_could_be_started() {
    let server = server();
    let (slow, quick) = (server.url("slow"), server.url("a"));
    let folder = tempfile::TempDir::new().unwrap();
    let program = folder.path().join("fetchall");
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    let entry = BACKENDS.iter().find(|entry| entry.name == "processes").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = start(entry, 3, program.to_str().unwrap());
        run.give(&[slow]).await;
        run.until("the first", |meter| meter.in_flight() == 1).await;
        std::fs::remove_file(&program).unwrap();
        for number in 1..6 {
            run.jobs.send(job(number, &quick)).await.unwrap();
        }
        let (verdicts, ended, meter) = run.finish().await;
        ended.unwrap();
        assert_eq!((verdicts, meter.peak()), (vec![Verdict::Ok; 6], 1));
    });
}

#[cfg(unix)]
#[tokio::test]
async fn another_program_is_an_error_of_each_child() {
    // They end at once, or say what is no frame, or say nothing and end with their input.
    for program in ["true", "echo", "yes"] {
        let (verdicts, ended) = with_program(program).await;
        ended.unwrap();
        let kinds: Vec<_> = verdicts.iter().map(Verdict::error_kind).collect();
        assert_eq!(kinds, [Some(ErrorKind::Internal); 3], "{program}: {verdicts:?}");
    }
}
