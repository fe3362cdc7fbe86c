//! Retries: when they come, which fetches go on meanwhile, and that each URL has one record.

use super::*;
use crate::model::{RetryCause, RetryOn, Subject, Via};

pub(super) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn three() -> Limits {
    Limits { retries: 3, max_wait: secs(60), ..Limits::default() }
}

/// URLs, in this order.
pub(super) fn case(urls: &[&str]) -> Case {
    let entry = |(i, text): (usize, &&str)| {
        let url = url::Url::parse(text).unwrap();
        Entry::Seed(Seed::new(url, Via::List(origin(i + 1))))
    };
    let mut case = Case::of(urls.iter().enumerate().map(entry).collect());
    case.schedule.retry = three();
    case
}

/// `n` URLs of one host, `http://a.test/1` and so on.
pub(super) fn of_host(host: &str, n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("http://{host}/{i}")).collect()
}

pub(super) fn busy(tries: u32, status: u16, wait: Option<u64>) -> Step {
    Step::Busy { tries, status, wait: wait.map(secs) }
}

/// The times of dispatches and of retry events.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<(Told, String, tokio::time::Instant)>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    HandedOut(u32),
    Retrying(Duration),
    Done,
}

impl Reporter for Log {
    fn watches_jobs(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        let (told, url) = match event {
            Event::HandedOut(job) => (Told::HandedOut(job.attempt), job.seed.url.to_string()),
            Event::Retrying { outcome, after } => (Told::Retrying(*after), outcome.subject.url().to_owned()),
            Event::Done(outcome) => (Told::Done, outcome.subject.url().to_owned()),
            _ => return,
        };
        self.0.lock().unwrap().push((told, url, tokio::time::Instant::now()));
    }
}

/// The log of a case, its end, and its duration on its own clock.
pub(super) struct Ran {
    pub(super) log: Vec<(Told, String, Duration)>,
    pub(super) end: RunEnd,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) took: Duration,
}

pub(super) fn ran(mut case: Case, stop_after: Option<Duration>) -> Ran {
    let log = Log::default();
    case.reporters.push(Box::new(log.clone()));
    let stop = Stop::default();
    paused(async {
        let started = tokio::time::Instant::now();
        let stopper = stop.clone();
        let stops = async move {
            if let Some(after) = stop_after {
                tokio::time::sleep(after).await;
                stopper.escalate();
            }
        };
        let timed = async { (case.run(stop).await, started.elapsed()) };
        let (((end, outcomes), took), ()) = tokio::join!(timed, stops);
        assert_accounted(&end.summary, &outcomes);
        let log = log.0.lock().unwrap().iter().map(|(told, url, at)| (*told, url.clone(), *at - started)).collect();
        Ran { log, end, outcomes, took }
    })
}

impl Ran {
    /// When URLs that begin so were handed out, with their tries.
    pub(super) fn handed_out(&self, start: &str) -> Vec<(u32, Duration)> {
        let tries = self.log.iter().filter(|(_, url, _)| url.starts_with(start));
        tries.filter_map(|(told, _, at)| if let Told::HandedOut(n) = told { Some((*n, *at)) } else { None }).collect()
    }

    fn attempt(&self, at: usize) -> u32 {
        let Subject::Job(job) = &self.outcomes[at].subject else { panic!("no job") };
        job.attempt
    }
}

#[test]
fn a_url_that_recovers_has_one_ok_record() {
    let mut case = case(&["http://a.test/x"]);
    case.script.otherwise.1 = busy(3, 500, None);
    let ran = ran(case, None);
    assert_eq!((ran.outcomes[0].verdict.as_str(), ran.attempt(0), ran.end.summary.retries), ("ok", 4, 3));
    assert_eq!(ran.handed_out("http").iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(ran.log.iter().filter(|(told, ..)| *told == Told::Done).count(), 1);
    assert!(ran.took < secs(1 + 2 + 4 + 1), "{:?}", ran.took);
}

#[test]
fn the_record_describes_the_last_attempt() {
    for (step, verdict, attempts) in [
        (busy(9, 503, None), "http_error", 4),
        (Step::Fail(ErrorKind::Reset), "failed", 4),
        (Step::Status(404), "http_error", 1),
        (Step::Fail(ErrorKind::Checksum), "failed", 1),
    ] {
        let mut case = case(&["http://a.test/x"]);
        case.script.otherwise.1 = step;
        case.ends.max_failures = NonZeroU32::new(2);
        let ran = ran(case, None);
        assert_eq!((ran.outcomes[0].verdict.as_str(), ran.attempt(0)), (verdict, attempts), "{step:?}");
        assert_eq!(ran.end.summary.stopped, None, "a try that is followed by another is no failure");
    }
}

#[test]
fn no_try_comes_before_its_time() {
    let mut case = case(&["http://a.test/1", "http://b.test/2"]);
    case.script.paths.insert("/1".to_owned(), (Duration::ZERO, busy(2, 429, Some(40))));
    case.script.paths.insert("/2".to_owned(), (Duration::ZERO, Step::Fail(ErrorKind::Connect)));
    let ran = ran(case, None);
    let mut waits = 0;
    for (i, (told, url, at)) in ran.log.iter().enumerate() {
        if let Told::Retrying(wait) = told {
            let next = ran.log[i..].iter().find(|(told, other, _)| other == url && matches!(told, Told::HandedOut(_)));
            let (_, _, next) = next.expect("it was told that it is tried again");
            assert!(*next >= *at + *wait, "{url} {next:?} {at:?} {wait:?}");
            assert!(*next < *at + *wait + Duration::from_millis(5), "and not much later");
            assert!(url.contains("b.test") || *wait >= secs(40));
            waits += 1;
        }
    }
    assert_eq!(waits, 2 + 3);
}

#[test]
fn waiting_costs_no_slot() {
    let mut urls = vec!["http://a.test/broken".to_owned()];
    urls.extend(of_host("b.test", 100));
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.schedule.concurrency = 1;
    case.script.paths.insert("/broken".to_owned(), (Duration::ZERO, busy(1, 429, Some(5))));
    let ran = ran(case, None);
    assert_eq!(ran.end.summary.counts.ok, 101);
    // Each takes 10 ms, one after another; the wait of the first one fits beside them.
    assert!(ran.handed_out("http://b.test").iter().all(|(_, at)| *at < Duration::from_millis(1100)));
    assert!(ran.took < secs(6), "{:?}", ran.took);
}

#[test]
fn a_host_that_asks_for_it_is_left_alone_and_the_others_go_on() {
    for entry in BACKENDS.iter().filter(|entry| matches!(entry.name, "async" | "sequential")) {
        let urls: Vec<_> = of_host("a.test", 50).into_iter().zip(of_host("b.test", 50)).collect();
        let urls: Vec<_> = urls.iter().flat_map(|(a, b)| [a.as_str(), b.as_str()]).collect();
        let mut case = case(&urls);
        case.backend = Some((entry.make)());
        case.schedule.concurrency = 40;
        case.script.paths.insert("/1".to_owned(), (Duration::ZERO, busy(1, 429, Some(30))));
        for (i, url) in case.source.entries.iter_mut().enumerate() {
            // The others have no path in common with the one that answers so.
            if let (1, Entry::Seed(seed)) = (i, url) {
                seed.url.set_path("/other");
            }
        }
        let ran = ran(case, None);
        assert_eq!(ran.end.summary.counts.ok, 100, "{}", entry.name);
        assert_eq!(ran.end.summary.retries, 1, "only one was asked too early");
        let begun = |host: &str| {
            let timings = ran.outcomes.iter().filter(|o| o.subject.url().contains(host)).count();
            assert_eq!(timings, 50);
            ran.handed_out(host)
        };
        let early = begun("http://b.test").iter().filter(|(_, at)| *at < secs(30)).count();
        assert_eq!(early, 50, "{}", entry.name);
        let done = ran.log.iter().filter(|(told, url, _)| *told == Told::Done && url.contains("a.test"));
        let early = done.filter(|(_, _, at)| *at < secs(30)).count();
        // Fetches under way at that response finish; no other fetch begins.
        assert!(early <= 20, "{}: {early}", entry.name);
    }
}

#[test]
fn a_dispatched_job_does_not_start_while_its_host_is_held() {
    let mut case = case(&["http://a.test/1", "http://a.test/2", "http://a.test/3"]);
    case.schedule.concurrency = 1;
    case.script.paths.insert("/1".to_owned(), (Duration::from_millis(10), busy(1, 503, Some(20))));
    let ran = ran(case, None);
    assert_eq!((ran.end.summary.counts.ok, ran.end.summary.retries), (3, 1));
    let done = ran.log.iter().filter(|(told, ..)| *told == Told::Done);
    assert!(done.clone().all(|(_, _, at)| *at >= secs(20)), "{:?}", ran.log);
    assert!((0..3).all(|i| ran.attempt(i) == 1 + u32::from(ran.outcomes[i].subject.url().ends_with('1'))));
}

#[test]
fn a_host_held_for_the_run_fails_fast_with_a_record_per_url() {
    let mut urls = of_host("a.test", 30);
    urls.extend(of_host("b.test", 5));
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.schedule.concurrency = 2;
    case.script.paths.insert("/3".to_owned(), (Duration::ZERO, busy(9, 503, Some(3600))));
    let b3 = case.source.entries.iter_mut().filter_map(|e| if let Entry::Seed(s) = e { Some(s) } else { None });
    b3.filter(|s| s.url.as_str() == "http://b.test/3").for_each(|s| s.url.set_path("/ok"));
    let ran = ran(case, None);
    assert!(ran.took < secs(1), "nobody waits: {:?}", ran.took);
    let asked = ran.outcomes.iter().find(|o| o.subject.url() == "http://a.test/3").unwrap();
    assert_eq!((asked.verdict.as_str(), asked.facts.status), ("http_error", Some(503)));
    let blocked: Vec<_> = ran.outcomes.iter().filter(|o| o.verdict.error_kind() == Some(ErrorKind::Blocked)).collect();
    assert!((24..=28).contains(&blocked.len()), "{}", blocked.len());
    for outcome in blocked {
        let Verdict::Failed(error) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
        let message = &error.message;
        assert!(message.starts_with("not asked: a.test wants to be left alone until 20"), "{message}");
        assert!(message.contains("raise --retry-max-wait (1m)"), "{message}");
        assert!(!matches!(&outcome.subject, Subject::Job(job) if job.attempt > 0));
    }
    let others = ran.outcomes.iter().filter(|o| o.subject.url().contains("b.test"));
    assert!(others.clone().count() == 5 && others.clone().all(|o| o.verdict == Verdict::Ok));
}

#[test]
fn jobs_in_backoff_of_a_failed_host_report_their_last_response() {
    let mut case = case(&["http://a.test/1", "http://a.test/2"]);
    case.schedule.concurrency = 2;
    case.script.paths.insert("/1".to_owned(), (Duration::ZERO, busy(9, 500, Some(50))));
    case.script.paths.insert("/2".to_owned(), (secs(1), busy(9, 429, Some(5000))));
    let ran = ran(case, None);
    assert!(ran.took < secs(2), "{:?}", ran.took);
    let first = ran.outcomes.iter().position(|o| o.subject.url().ends_with('1')).unwrap();
    assert_eq!((ran.outcomes[first].facts.status, ran.attempt(first)), (Some(500), 1));
    assert_eq!(ran.outcomes[first].verdict, Verdict::HttpError);
}

#[test]
fn an_outage_costs_a_fifth_more_and_no_doubled_load() {
    for step in [Step::Fail(ErrorKind::Reset), busy(99, 503, None), busy(99, 503, Some(0))] {
        let urls = of_host("a.test", 1000);
        let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
        case.script.otherwise = (Duration::from_millis(1), step);
        let ran = ran(case, None);
        let asked = ran.handed_out("http").len();
        assert!((1100..=1210).contains(&asked), "{asked} for {step:?}");
        assert_eq!(ran.end.summary.retries, asked as u64 - 1000);
    }
}

#[test]
fn a_shaky_host_keeps_its_budget() {
    let urls = of_host("a.test", 300);
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.script.otherwise.1 = busy(1, 502, None);
    let ran = ran(case, None);
    assert!(ran.end.summary.counts.ok > 50, "{:?}", ran.end.summary.counts);
    let lone = ran_alone(100);
    assert_eq!(lone.end.summary.counts.ok, 100, "one after another each gets its retry");
}

/// So many URLs, one under way at a time, and each needs a second try.
fn ran_alone(n: usize) -> Ran {
    let urls = of_host("a.test", n);
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.schedule.concurrency = 1;
    // Slower than the longest first wait, so that few wait at once.
    case.script.otherwise = (secs(2), busy(1, 502, None));
    ran(case, None)
}

#[test]
fn a_stop_ends_all_waiting_at_once_with_what_is_known() {
    let mut urls = of_host("a.test", 20);
    urls.extend(of_host("b.test", 20));
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.script.otherwise = (Duration::from_millis(10), busy(9, 503, Some(50)));
    let ran = ran(case, Some(secs(3)));
    assert!(ran.took >= secs(3) && ran.took < Duration::from_millis(3100), "{:?}", ran.took);
    let counts = ran.end.summary.counts;
    assert_eq!((counts.cancelled, counts.read), (40, 40));
    let tried: Vec<_> = ran.outcomes.iter().filter(|o| o.facts.status == Some(503)).collect();
    assert!(tried.len() >= 2, "those that were tried tell of it: {}", tried.len());
    for outcome in &ran.outcomes {
        let attempt = if let Subject::Job(job) = &outcome.subject { job.attempt } else { 0 };
        assert_eq!(attempt, u32::from(outcome.facts.status.is_some()), "{outcome:?}");
    }
    assert_eq!(ran.end.summary.retries, 0);
}

#[test]
fn in_input_order_a_retry_holds_its_place() {
    let urls = of_host("a.test", 20);
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.order = Order::Input;
    case.script.paths.insert("/2".to_owned(), (Duration::ZERO, busy(2, 500, None)));
    let ran = ran(case, None);
    assert!(ran.outcomes.is_sorted_by_key(|o| o.subject.id().0));
    assert_eq!((ran.end.summary.counts.ok, ran.attempt(1)), (20, 3));
}

#[test]
fn without_retries_a_failure_is_final_and_the_hold_still_counts() {
    let mut case = case(&["http://a.test/1", "http://a.test/2"]);
    case.schedule.retry.retries = 0;
    case.schedule.concurrency = 1;
    case.script.paths.insert("/1".to_owned(), (Duration::ZERO, busy(1, 429, Some(9))));
    let ran = ran(case, None);
    assert_eq!((ran.end.summary.counts.http_error, ran.end.summary.counts.ok), (1, 1));
    assert!(ran.took >= secs(9), "{:?}", ran.took);
}

#[test]
fn only_what_was_asked_for_is_tried_again() {
    let mut case = case(&["http://a.test/1", "http://a.test/2"]);
    case.schedule.retry.on = RetryOn(vec![RetryCause::Status(404)]);
    case.script.paths.insert("/1".to_owned(), (Duration::ZERO, busy(1, 404, None)));
    case.script.paths.insert("/2".to_owned(), (Duration::ZERO, busy(1, 503, None)));
    let ran = ran(case, None);
    assert_eq!((ran.end.summary.counts.ok, ran.end.summary.counts.http_error), (1, 1));
}
