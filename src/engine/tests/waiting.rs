//! Every way to wait for a run: for all, for the first, in order, for a time.

use super::*;
use crate::model::Progress;

/// URL `n` of `1..=n` takes `n` seconds.
fn ever_slower(n: usize) -> Case {
    let mut case = Case::urls(n);
    case.schedule.concurrency = n as u32;
    for i in 1..=n {
        case.script.paths.insert(format!("/{i}"), (Duration::from_secs(i as u64), Step::Ok(1)));
    }
    case
}

fn until(until: Until) -> StopConditions {
    StopConditions { until, ..StopConditions::default() }
}

/// Returns the duration of a case on its own clock, and its end.
fn timed(case: Case) -> (Duration, RunEnd, Vec<Outcome>) {
    paused(async {
        let started = tokio::time::Instant::now();
        let (end, outcomes) = case.run(Stop::default()).await;
        (started.elapsed(), end, outcomes)
    })
}

/// When each outcome reached the sink, in seconds.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<(u64, u64)>>>, Option<tokio::time::Instant>);

impl Sink for Arrivals {
    fn may_block(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &RunInfo) -> Result<(), SinkError> {
        self.1 = Some(tokio::time::Instant::now());
        Ok(())
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let at = self.1.unwrap().elapsed().as_secs();
        self.0.lock().unwrap().push((outcome.subject.id().0, at));
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn ordered_records_are_written_as_soon_as_their_turn_comes() {
    let mut case = ever_slower(5);
    // The second holds the others back; the first does not wait for it.
    case.script.paths.insert("/2".to_owned(), (Duration::from_secs(4), Step::Ok(1)));
    case.order = Order::Input;
    let arrivals = Arrivals::default();
    case.sinks.push(Box::new(arrivals.clone()));
    timed(case);
    assert_eq!(*arrivals.0.lock().unwrap(), [(0, 1), (1, 4), (2, 4), (3, 4), (4, 5)]);
}

#[test]
fn as_completed_no_record_waits_for_another() {
    let mut case = ever_slower(3);
    case.script.paths.insert("/1".to_owned(), (Duration::from_secs(9), Step::Ok(1)));
    let arrivals = Arrivals::default();
    case.sinks.push(Box::new(arrivals.clone()));
    timed(case);
    assert_eq!(*arrivals.0.lock().unwrap(), [(1, 2), (2, 3), (0, 9)]);
}

#[test]
fn ordered_runs_read_at_most_one_window_past_the_oldest() {
    let mut case = Case::urls(30_000);
    case.order = Order::Input;
    case.schedule.concurrency = 50;
    case.source.batch = 256;
    case.script.otherwise = (Duration::ZERO, Step::Ok(1));
    case.script.paths.insert("/1".to_owned(), (Duration::ZERO, Step::Hang));
    let stop = Stop::default();
    let (end, outcomes) = paused(async {
        let stopper = stop.clone();
        let stops = async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stopper.raise(StopLevel::Abort);
        };
        tokio::join!(case.run(stop), stops).0
    });
    assert_accounted(&end.summary, &outcomes);
    // Outcomes behind the oldest URL are held in memory, so they must be bounded.
    let read = end.summary.counts.read;
    assert!((9_000..=10_000).contains(&read), "{read} lines were read");
    assert_eq!(end.summary.counts.ok, read - 1);
    assert!(outcomes.is_sorted_by_key(|o| o.subject.id().0));
}

#[test]
fn until_first_stops_the_run_at_once_and_cancels_the_rest() {
    let cases = [
        (Until::FirstCompleted, 1, StopCause::FirstCompleted, "failed"),
        (Until::FirstSuccess, 3, StopCause::FirstSuccess, "ok"),
        (Until::FirstError, 1, StopCause::FirstError, "failed"),
    ];
    for (wanted, seconds, cause, last) in cases {
        let mut case = ever_slower(6);
        case.ends = until(wanted);
        case.script.paths.insert("/1".to_owned(), (Duration::from_secs(1), Step::Fail(ErrorKind::Reset)));
        case.script.paths.insert("/2".to_owned(), (Duration::from_secs(2), Step::Status(404)));
        let (took, end, outcomes) = timed(case);
        assert_eq!(took.as_secs(), seconds, "{wanted:?}: nobody waits for the others, nor for the grace time");
        assert_accounted(&end.summary, &outcomes);
        assert_eq!(end.summary.stopped, Some(cause));
        let done: Vec<_> = outcomes.iter().filter(|o| o.verdict != Verdict::Cancelled).collect();
        assert_eq!((done.len() as u64, done.last().unwrap().verdict.as_str()), (seconds, last), "{wanted:?}");
    }
}

#[test]
fn a_run_that_waits_for_what_never_comes_does_all() {
    let mut case = ever_slower(3);
    case.ends = until(Until::FirstError);
    let (_, end, _) = timed(case);
    assert_eq!((end.summary.counts.ok, end.summary.stopped), (3, None));
}

#[test]
fn so_many_failures_and_no_more() {
    let mut case = Case::urls(100);
    case.schedule.concurrency = 1;
    case.script.otherwise.1 = Step::Status(500);
    case.ends.max_failures = NonZeroU32::new(7);
    let (_, end, outcomes) = timed(case);
    assert_accounted(&end.summary, &outcomes);
    assert_eq!((end.summary.counts.http_error, end.summary.stopped), (7, Some(StopCause::MaxFailures)));
}

#[test]
fn max_duration_separates_finished_from_pending_jobs() {
    let mut case = ever_slower(10);
    case.ends.max_duration = Some(Duration::from_millis(4500));
    let (took, end, outcomes) = timed(case);
    assert_eq!(took, Duration::from_millis(4500));
    assert_accounted(&end.summary, &outcomes);
    let counts = end.summary.counts;
    assert_eq!((counts.ok, counts.cancelled, end.summary.stopped), (4, 6, Some(StopCause::MaxDuration)));
}

#[test]
fn bad_lines_do_not_count_towards_the_limits() {
    let lines = || (1..=40).map(|n| if n % 2 == 0 { bad(n) } else { seed(&n.to_string(), 0, n) }).collect();
    let few = StopConditions { max_failures: NonZeroU32::new(2), ..StopConditions::default() };
    for ends in [until(Until::FirstError), until(Until::FirstCompleted), few] {
        let mut case = Case::of(lines());
        case.source.batch = 40;
        case.ends = ends;
        case.schedule.concurrency = 1;
        case.script.paths.insert("/1".to_owned(), (Duration::ZERO, Step::Status(404)));
        let is_limit = ends.max_failures.is_some();
        let (_, end, outcomes) = timed(case);
        assert_accounted(&end.summary, &outcomes);
        assert_eq!(end.summary.errors[&ErrorKind::InvalidUrl], 20, "each bad line is a record");
        let counts = end.summary.counts;
        // One failure is less than two, however many lines are bad.
        let expected = if is_limit { (19, 0, None) } else { (0, 19, end.summary.stopped) };
        assert_eq!((counts.ok, counts.cancelled, end.summary.stopped), expected, "{ends:?}");
        assert_eq!(end.summary.stopped.is_some(), !is_limit, "{ends:?}");
        assert_eq!(counts.http_error, 1);
    }
}

/// Keeps the progress of each tick.
#[derive(Clone, Default)]
struct Ticks(Arc<Mutex<Vec<Progress>>>);

impl Reporter for Ticks {
    fn watches_jobs(&self) -> bool {
        true
    }

    fn watches_progress(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Event::Tick(p) = event {
            self.0.lock().unwrap().push((*p).clone());
        }
    }
}

#[test]
fn the_slowest_are_in_flight_and_aged_from_their_request() {
    let mut case = Case::urls(8);
    case.schedule.concurrency = 2;
    case.script.otherwise = (Duration::from_secs(2), Step::Ok(1));
    let ticks = Ticks::default();
    case.reporters.push(Box::new(ticks.clone()));
    timed(case);
    let ticks = ticks.0.lock().unwrap();
    assert!(ticks.iter().any(|p| p.in_flight == 2));
    for p in &*ticks {
        assert_eq!(p.slowest.len(), p.in_flight as usize, "{p:?}");
        assert!(p.slowest.iter().all(|slow| slow.age <= Duration::from_secs(2)), "{p:?}");
    }
}
