//! The engine with a scripted fetcher and a paused clock. For any list, failures and moment of a
//! stop, the accounting rule and the cap hold, and the run ends.

mod auto;
mod politeness;
mod retry;
mod waiting;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::{Plan, RunEnd, RunFault, Stop, StopConditions, StopLevel, run};
use crate::backend::{BACKENDS, Backend, BackendError, Returned, RunContext};
use crate::config::{Order, Until};
use crate::fetch::FetchSpec;
use crate::fetch::script::{Script, Step};
use crate::model::{
    BadLine, Batch, ChildProgram, Entry, ErrorKind, Event, FetchError, Job, JobId, Outcome, RunInfo, Seed, SourcePos,
    StopCause, Summary, Verdict, Via,
};
use crate::policy::limits::pacer::AllHostLimits;
use crate::policy::retry::Limits;
use crate::report::Reporter;
use crate::schedule::Rules;
use crate::sink::{Sink, SinkError};
use crate::source::{Interrupt, Source, SourceError};

/// Lines in batches of any size, then perhaps an error.
struct Lines {
    entries: Vec<Entry>,
    at: usize,
    batch: usize,
    fails: bool,
    /// Whether it dies at its end, on the thread of a source that may block.
    panics: bool,
}

fn origin(line: usize) -> SourcePos {
    SourcePos { list: Arc::from("list"), line: line as u64 }
}

impl Source for Lines {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        let end = (self.at + self.batch.clamp(1, Batch::MAX)).min(self.entries.len());
        let entries = self.entries[self.at..end].to_vec();
        self.at = end;
        if entries.is_empty() {
            assert!(!self.panics, "a defect of the source");
            let source = std::io::Error::other("the disk is gone");
            return if self.fails { Err(SourceError { list: "list".to_owned(), source }) } else { Ok(None) };
        }
        Ok(Some(Batch { entries, next: self.position(), notes: Vec::new(), leased: None }))
    }

    fn position(&self) -> SourcePos {
        origin(self.at + 1)
    }

    fn may_block(&self) -> bool {
        self.panics
    }

    fn interrupt(&self) -> Interrupt {
        Arc::new(|| {})
    }
}

#[derive(Clone, Default)]
struct Collect(Arc<Mutex<Vec<Outcome>>>);

impl Sink for Collect {
    fn may_block(&self) -> bool {
        false
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.0.lock().unwrap().push(outcome.clone());
        Ok(ControlFlow::Continue(()))
    }
}

fn seed(path: &str, priority: i32, line: usize) -> Entry {
    let url = url::Url::parse(&format!("http://h.test/{path}")).unwrap();
    Entry::Seed(Seed { priority, ..Seed::new(url, Via::List(origin(line))) })
}

fn bad(line: usize) -> Entry {
    let error = FetchError::new(ErrorKind::InvalidUrl, "no scheme");
    Entry::Bad(BadLine { id: JobId::default(), text: "h.test/x".to_owned(), via: Via::List(origin(line)), error })
}

struct Case {
    source: Lines,
    script: Script,
    order: Order,
    ends: StopConditions,
    backend: Option<Box<dyn Backend>>,
    auto: bool,
    schedule: Rules,
    skip_duplicates: bool,
    sinks: Vec<Box<dyn Sink>>,
    reporters: Vec<Box<dyn Reporter>>,
    grace: Duration,
}

impl Case {
    fn of(entries: Vec<Entry>) -> Self {
        Self {
            source: Lines { entries, at: 0, batch: 7, fails: false, panics: false },
            script: Script { paths: HashMap::new(), otherwise: (Duration::from_millis(10), Step::Ok(5)) },
            order: Order::Completed,
            ends: StopConditions::default(),
            backend: None,
            auto: false,
            skip_duplicates: true,
            schedule: Rules {
                concurrency: 4,
                first_moments: Duration::ZERO,
                host_limits: AllHostLimits::default(),
                pacer: None,
                retry: Limits::default(),
                jitter: 1,
            },
            sinks: Vec::new(),
            reporters: Vec::new(),
            grace: Duration::from_secs(5),
        }
    }

    fn urls(n: usize) -> Self {
        Self::of((1..=n).map(|i| seed(&i.to_string(), 0, i)).collect())
    }

    async fn run(mut self, stop: Stop) -> (RunEnd, Vec<Outcome>) {
        let collect = Collect::default();
        self.sinks.push(Box::new(collect.clone()));
        let plan = Plan {
            source: Box::new(self.source),
            schedule: self.schedule,
            crawl: None,
            fleet: None,
            skip_duplicates: self.skip_duplicates,
            backend: self.backend.unwrap_or_else(|| (BACKENDS[0].make)()),
            backend_limit: u32::MAX,
            warnings: Vec::new(),
            beyond_one_origin: None,
            worker_program: ChildProgram::default(),
            spec: FetchSpec::Custom(Arc::new(self.script)),
            names: None,
            sinks: self.sinks,
            reporters: self.reporters,
            order: self.order,
            ends: self.ends,
            auto: self.auto,
            grace: self.grace,
            stop,
        };
        let end = tokio::time::timeout(Duration::from_secs(36_000), run(plan)).await.expect("the run hangs");
        let outcomes = std::mem::take(&mut *collect.0.lock().unwrap());
        (end, outcomes)
    }
}

fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(test)
}

fn assert_accounted(summary: &Summary, outcomes: &[Outcome]) {
    assert!(summary.counts.add_up(), "{:?}", summary.counts);
    assert_eq!(summary.counts.read, outcomes.len() as u64);
    let mut lines: Vec<_> = outcomes.iter().map(|o| o.subject.origin().line).collect();
    lines.sort_unstable();
    let all: Vec<_> = (1..=outcomes.len() as u64).collect();
    assert_eq!(lines, all, "each line that was read has one outcome, and no line was jumped");
}

#[test]
fn every_line_ends_in_one_outcome() {
    let entries = vec![seed("a", 0, 1), bad(2), seed("a", 0, 3), seed("broken", 0, 4), seed("gone", 0, 5)];
    let mut case = Case::of(entries);
    case.script.paths.insert("/broken".to_owned(), (Duration::ZERO, Step::Panic));
    case.script.paths.insert("/gone".to_owned(), (Duration::ZERO, Step::Status(404)));
    let (end, outcomes) = paused(case.run(Stop::default()));
    assert!(end.fault.is_none());
    assert_accounted(&end.summary, &outcomes);
    let c = end.summary.counts;
    assert_eq!((c.ok, c.http_error, c.failed, c.skipped, c.cancelled), (1, 1, 2, 1, 0));
    assert!(end.summary.input_complete);
    assert_eq!(end.summary.errors[&ErrorKind::Internal], 1, "a defect costs its own URL only");
}

#[test]
fn runs_as_many_at_once_as_it_may_and_no_more() {
    let mut case = Case::urls(200);
    case.schedule.concurrency = 16;
    let (end, _) = paused(async {
        let started = tokio::time::Instant::now();
        let ended = case.run(Stop::default()).await;
        assert!(started.elapsed() < Duration::from_millis(200 * 10 / 16 * 2), "{:?}", started.elapsed());
        ended
    });
    assert_eq!(end.summary.peak_concurrency, 16);
}

#[test]
fn hands_out_by_priority_once_lines_wait() {
    let entries = (1..=20).map(|i| seed(&i.to_string(), if i == 20 { 5 } else { 0 }, i)).collect();
    let mut case = Case::of(entries);
    case.schedule.concurrency = 1;
    case.source.batch = 20;
    let (_, outcomes) = paused(case.run(Stop::default()));
    assert!(outcomes[..2].iter().any(|o| o.subject.origin().line == 20), "the most urgent line goes first");
}

#[test]
fn a_drained_run_finishes_active_jobs_and_cancels_the_rest() {
    let mut case = Case::urls(100);
    case.script.otherwise.0 = Duration::from_secs(2);
    let stop = Stop::default();
    let (end, outcomes) = paused(async {
        let stopper = stop.clone();
        let stops = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stopper.escalate();
        };
        tokio::join!(case.run(stop), stops).0
    });
    assert_accounted(&end.summary, &outcomes);
    assert_eq!(end.summary.counts.ok, 4, "those under way had the grace time");
    assert_eq!(end.summary.stopped, Some(StopCause::Interrupt));
}

#[test]
fn jobs_that_outlive_the_grace_time_are_aborted() {
    let mut case = Case::urls(10);
    case.script.otherwise = (Duration::ZERO, Step::Hang);
    let stop = Stop::default();
    stop.escalate();
    let (end, outcomes) = paused(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        case.run(stop).await
    });
    assert_accounted(&end.summary, &outcomes);
    assert_eq!(end.summary.counts.cancelled, end.summary.counts.read);
}

#[test]
fn a_list_that_breaks_off_loses_nothing_of_what_was_read() {
    let mut case = Case::urls(30);
    case.source.fails = true;
    let (end, outcomes) = paused(case.run(Stop::default()));
    assert!(matches!(end.fault, Some(RunFault::Source(_))));
    assert_accounted(&end.summary, &outcomes);
    assert_eq!(end.summary.counts.ok, 30);
    assert!(!end.summary.input_complete);
    assert_eq!(end.summary.next_line, Some(origin(31)));
}

#[test]
fn a_source_that_dies_is_no_list_read_to_its_end() {
    let mut case = Case::urls(30);
    case.source.panics = true;
    // Its thread needs the real clock.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (end, outcomes) = runtime.block_on(case.run(Stop::default()));
    assert!(matches!(end.fault, Some(RunFault::Source(_))), "{:?}", end.fault);
    assert_accounted(&end.summary, &outcomes);
    assert_eq!((end.summary.counts.ok, end.summary.input_complete), (30, false));
    assert_eq!(end.summary.next_line, Some(origin(31)));
}

/// Takes some jobs and dies of them.
struct Dies;

impl Backend for Dies {
    fn run(
        self: Box<Self>,
        mut jobs: mpsc::Receiver<Box<Job>>,
        _: mpsc::Sender<Returned>,
        _: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            for _ in 0..3 {
                jobs.recv().await;
            }
            panic!("a defect of the backend");
        })
    }
}

#[test]
fn a_backend_that_dies_takes_no_record_with_it() {
    let mut case = Case::urls(30);
    case.backend = Some(Box::new(Dies));
    let (end, outcomes) = paused(case.run(Stop::default()));
    assert!(matches!(end.fault, Some(RunFault::Backend(_))), "{:?}", end.fault);
    assert_accounted(&end.summary, &outcomes);
    let internal = outcomes.iter().filter(|o| o.verdict.error_kind() == Some(ErrorKind::Internal)).count();
    assert!((3..=8).contains(&internal), "{internal} were out");
}

/// Notes how many were said to be under way at the stop.
struct StopWatch(Arc<Mutex<Option<u32>>>);

impl Reporter for StopWatch {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Stopping { in_flight, .. } = event {
            *self.0.lock().unwrap() = Some(*in_flight);
        }
    }
}

#[test]
fn a_stop_reports_active_jobs_but_not_waiting_ones() {
    let mut case = Case::urls(100);
    case.schedule.concurrency = 16;
    case.script.otherwise = (Duration::ZERO, Step::Hang);
    let told = Arc::default();
    case.reporters.push(Box::new(StopWatch(Arc::clone(&told))));
    let stop = Stop::default();
    paused(async {
        let stopper = stop.clone();
        let stops = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stopper.escalate();
        };
        tokio::join!(case.run(stop), stops).0
    });
    assert_eq!(*told.lock().unwrap(), Some(16));
}

/// Takes `most` outcomes, then fails or is closed.
struct Limited {
    most: usize,
    fails: bool,
}

impl Sink for Limited {
    fn may_block(&self) -> bool {
        false
    }

    fn outcome(&mut self, _: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        if self.most > 0 {
            self.most -= 1;
            return Ok(ControlFlow::Continue(()));
        }
        let error = SinkError { target: "out".to_owned(), source: std::io::Error::other("disk full") };
        if self.fails { Err(error) } else { Ok(ControlFlow::Break(())) }
    }

    fn begin(&mut self, _: &RunInfo) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_sink_that_ends_stops_the_run_and_other_sinks_get_all() {
    for fails in [false, true] {
        let mut case = Case::urls(5000);
        case.sinks.push(Box::new(Limited { most: 3, fails }));
        let (end, outcomes) = paused(case.run(Stop::default()));
        assert_accounted(&end.summary, &outcomes);
        assert!(end.summary.counts.ok < 5000, "the run was ended early");
        assert_eq!(end.fault.is_some(), fails);
        let cause = if fails { StopCause::Broken } else { StopCause::OutputClosed };
        assert_eq!(end.summary.stopped, Some(cause));
    }
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        6 => (0u64..5000).prop_map(Step::Ok),
        2 => prop_oneof![Just(404u16), Just(503)].prop_map(Step::Status),
        2 => (0u32..6, prop_oneof![Just(429u16), Just(500), Just(503)], prop::option::of(0u64..100))
            .prop_map(|(tries, status, wait)| Step::Busy { tries, status, wait: wait.map(Duration::from_secs) }),
        2 => prop::sample::select(ErrorKind::ALL).prop_map(Step::Fail),
        1 => Just(Step::Hang),
    ];
    (prop_oneof![Just(0u64), 1u64..400, Just(60_000)], step)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_counts_add_up_the_cap_holds_and_nothing_deadlocks(
        lines in prop::collection::vec((0u8..40, -2i32..3, prop::bool::weighted(0.1)), 0..300),
        steps in prop::collection::vec(step(), 40),
        concurrency in 1u32..40,
        batch in 1usize..300,
        dedup: bool,
        fails: bool,
        stops in prop::collection::vec(0u64..3000, 0..3),
        grace in 0u64..3000,
        in_order: bool,
        until in prop::sample::select(&[Until::All, Until::All, Until::FirstSuccess, Until::FirstError][..]),
        max_failures in 0u32..40,
        max_seconds in 0u64..200,
        retries in 0u32..4,
    ) {
        let hangs = steps.iter().any(|(_, s)| *s == Step::Hang);
        let entries = lines.iter().enumerate().map(|(i, &(path, priority, is_bad))| {
            if is_bad { bad(i + 1) } else { seed(&path.to_string(), priority, i + 1) }
        });
        let mut case = Case::of(entries.collect());
        case.source.batch = batch;
        case.source.fails = fails;
        case.schedule.concurrency = concurrency;
        case.skip_duplicates = dedup;
        case.grace = Duration::from_millis(grace);
        case.order = if in_order { Order::Input } else { Order::Completed };
        let max_duration = (max_seconds < 60).then(|| Duration::from_secs(max_seconds + 1));
        case.ends = StopConditions { until, max_failures: NonZeroU32::new(max_failures), max_duration, quota: None };
        case.schedule.retry = Limits { retries, max_wait: Duration::from_secs(60), ..Limits::default() };
        for (i, (ms, step)) in steps.into_iter().enumerate() {
            case.script.paths.insert(format!("/{i}"), (Duration::from_millis(ms), step));
        }
        let stop = Stop::default();
        let (end, outcomes) = paused(async {
            let stopper = stop.clone();
            let stopping = async move {
                for ms in &stops {
                    tokio::time::sleep(Duration::from_millis(*ms)).await;
                    stopper.escalate();
                }
                if hangs {
                    tokio::time::sleep(Duration::from_secs(3000)).await;
                    stopper.raise(StopLevel::Abort);
                }
            };
            tokio::join!(case.run(stop), stopping).0
        });
        let summary = &end.summary;
        let miscounted = matches!(end.fault, Some(RunFault::Accounting { .. }));
        prop_assert!(!miscounted);
        assert_accounted(summary, &outcomes);
        prop_assert!(summary.peak_concurrency <= concurrency);
        let read = summary.counts.read as usize;
        if summary.stopped.is_none() {
            prop_assert_eq!(read, lines.len());
            prop_assert_eq!(summary.counts.cancelled, 0);
        }
        if !summary.input_complete {
            prop_assert_eq!(summary.next_line.clone(), Some(origin(read + 1)));
        }
        if in_order {
            prop_assert!(outcomes.is_sorted_by_key(|o| o.subject.id().0));
        }
        let by_verdict = |v: &str| outcomes.iter().filter(|o| o.verdict.as_str() == v).count() as u64;
        prop_assert_eq!(by_verdict(Verdict::Ok.as_str()), summary.counts.ok);
    }
}
