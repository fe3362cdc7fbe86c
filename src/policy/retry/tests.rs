//! The decision as a table, and what holds of it for all values.

use proptest::prelude::*;

use super::*;
use crate::model::{ErrorKind, FetchError, ProxyAnswer, RetryCause, Validators};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn limits() -> Limits {
    Limits { retries: 3, max_wait: secs(60), ..Limits::default() }
}

fn answer(status: u16, asked: Option<u64>) -> (Verdict, Facts) {
    let facts = Facts { status: Some(status), retry_after: asked.map(secs), ..Facts::default() };
    (Verdict::HttpError, facts)
}

fn failure(kind: ErrorKind) -> (Verdict, Facts) {
    (Verdict::Failed(FetchError::new(kind, "why")), Facts::default())
}

fn refused(status: u16, asked: Option<u64>) -> (Verdict, Facts) {
    let answer = ProxyAnswer { status, retry_after: asked.map(secs) };
    let error = FetchError { proxy: Some(Box::new(answer)), ..FetchError::new(ErrorKind::Proxy, "why") };
    (Verdict::Failed(error), Facts::default())
}

fn decided(limits: &Limits, attempt: u32, (verdict, facts): &(Verdict, Facts), random: f64) -> Decision {
    decide(limits, Try { attempt, verdict, facts }, random, || true)
}

#[test]
fn only_transient_failures_are_retried() {
    let again = |tried: &(Verdict, Facts)| decided(&limits(), 1, tried, 0.5).again.is_some();
    for kind in ErrorKind::ALL {
        let wanted = matches!(kind, ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Reset | ErrorKind::Truncated);
        assert_eq!(again(&failure(*kind)), wanted, "{kind}");
    }
    for status in 400..=600 {
        let wanted = matches!(status, 408 | 425 | 429 | 500 | 502..=504);
        assert_eq!(again(&answer(status, None)), wanted, "{status}");
    }
    for verdict in [Verdict::Ok, Verdict::Cancelled] {
        assert!(!again(&(verdict, Facts { status: Some(503), ..Facts::default() })));
    }
}

#[test]
fn a_refusal_of_a_proxy_counts_by_its_status() {
    let decided = |status, asked| decided(&limits(), 1, &refused(status, asked), 0.5);
    for status in [302, 400, 403, 404, 407, 501] {
        assert_eq!(decided(status, None).again, None, "{status}");
    }
    for status in [502, 503, 504] {
        assert!(decided(status, None).again.is_some_and(|wait| wait <= BASE), "{status}");
        let named = decided(status, Some(20));
        assert!(named.again.is_some_and(|wait| wait >= secs(20) && wait <= secs(21)), "{named:?}");
        assert_eq!(named.hold, None, "the server has said nothing");
        assert_eq!(decided(status, Some(61)).again, None, "{status}");
    }
    let on = Limits { on: RetryOn(vec![RetryCause::Kind(ErrorKind::Proxy)]), ..limits() };
    let (verdict, facts) = refused(403, None);
    let tried = Try { attempt: 1, verdict: &verdict, facts: &facts };
    assert!(decide(&on, tried, 0.5, || true).again.is_some(), "whoever asks for the kind");
}

#[test]
fn classes_stand_for_all_of_their_statuses() {
    let on = |cause| Limits { on: RetryOn(vec![cause]), ..limits() };
    for (cause, status, wanted) in [
        (RetryCause::Class(5), 500, true),
        (RetryCause::Class(5), 599, true),
        (RetryCause::Class(5), 900, true),
        (RetryCause::Class(5), 499, false),
        (RetryCause::Class(4), 404, true),
        (RetryCause::Class(4), 503, false),
        (RetryCause::Status(404), 404, true),
        (RetryCause::Kind(ErrorKind::Dns), 404, false),
    ] {
        assert_eq!(decided(&on(cause), 1, &answer(status, None), 0.0).again.is_some(), wanted, "{cause:?} {status}");
    }
    assert!(decided(&on(RetryCause::Kind(ErrorKind::Dns)), 1, &failure(ErrorKind::Dns), 0.0).again.is_some());
}

#[test]
fn waits_double_up_to_a_limit_and_end_with_the_retries() {
    let limits = Limits { retries: 8, ..limits() };
    let waits: Vec<_> = (1..=9).map(|n| decided(&limits, n, &failure(ErrorKind::Reset), 0.5).again).collect();
    let expected = [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000].map(|ms| Some(Duration::from_millis(ms)));
    assert_eq!(waits, [&expected[..], &[None]].concat());
    let limits = Limits { retries: u32::MAX, ..limits };
    assert!(decided(&limits, u32::MAX, &failure(ErrorKind::Reset), 0.9).again.is_some_and(|wait| wait <= LONGEST));
}

#[test]
fn retry_after_holds_the_host_and_a_long_one_until_the_end() {
    for (status, asked, again, hold) in [
        (429, Some(5), Some(5), Some(Hold::For(secs(5)))),
        (503, Some(60), Some(60), Some(Hold::For(secs(60)))),
        (503, Some(61), None, Some(Hold::ForGood(secs(61)))),
        (429, Some(0), Some(0), None),
        // These say something of one URL only.
        (500, Some(5), Some(5), None),
        (500, Some(61), None, None),
        (404, Some(5), None, None),
    ] {
        let decision = decided(&limits(), 1, &answer(status, asked), 0.0);
        assert_eq!(decision, Decision { again: again.map(secs), hold }, "{status} {asked:?}");
    }
    let last = decided(&limits(), 4, &answer(503, Some(5)), 0.0);
    assert_eq!(last, Decision { again: None, hold: Some(Hold::For(secs(5))) }, "the last try holds the host too");
}

#[test]
fn an_empty_budget_forbids_retries_without_retry_after() {
    let broke = |(verdict, facts): (Verdict, Facts)| {
        decide(&limits(), Try { attempt: 1, verdict: &verdict, facts: &facts }, 0.5, || false).again
    };
    assert_eq!(broke(failure(ErrorKind::Reset)), None);
    assert_eq!(broke(answer(503, None)), None);
    assert_eq!(broke(answer(503, Some(0))), None);
    assert_eq!(broke(answer(500, Some(5))), None);
    assert!(broke(answer(503, Some(5))).is_some());
}

#[test]
fn the_budget_is_asked_only_for_what_is_tried_again() {
    let (verdict, facts) = answer(404, None);
    decide(&limits(), Try { attempt: 1, verdict: &verdict, facts: &facts }, 0.5, || panic!("asked"));
    let (verdict, facts) = answer(503, None);
    decide(&limits(), Try { attempt: 4, verdict: &verdict, facts: &facts }, 0.5, || panic!("asked"));
}

#[test]
fn a_body_that_was_streamed_is_not_retried() {
    let streams = Limits { streams: true, ..limits() };
    let (verdict, mut facts) = failure(ErrorKind::Truncated);
    assert!(decided(&streams, 1, &(verdict.clone(), facts.clone()), 0.5).again.is_some());
    facts.bytes = Some(1);
    assert_eq!(decided(&streams, 1, &(verdict.clone(), facts.clone()), 0.5).again, None);
    assert!(decided(&limits(), 1, &(verdict.clone(), facts.clone()), 0.5).again.is_some());
    for (tag, goes_on) in [("\"1\"", true), ("W/\"1\"", false)] {
        let validators = Validators { etag: Some(tag.as_bytes().into()), last_modified: None };
        facts.validators = Some(Box::new(validators));
        assert_eq!(decided(&streams, 1, &(verdict.clone(), facts.clone()), 0.5).again.is_some(), goes_on, "{tag}");
    }
}

proptest! {
    #[test]
    fn waits_lie_between_retry_after_and_the_longest_wait(
        attempt in 1u32..20, retries in 0u32..20, asked in prop::option::of(0u64..200_000), max in 0u64..100_000,
        random in 0.0..1.0f64, status in prop::sample::select(vec![429u16, 500, 503, 404]), budget: bool,
    ) {
        let limits = Limits { retries, max_wait: Duration::from_millis(max), ..Limits::default() };
        let (verdict, mut facts) = answer(status, None);
        facts.retry_after = asked.map(Duration::from_millis);
        let tried = Try { attempt, verdict: &verdict, facts: &facts };
        let Decision { again, hold } = decide(&limits, tried, random, || budget);
        if let Some(wait) = again {
            prop_assert!(attempt <= retries && status != 404);
            prop_assert!(wait >= facts.retry_after.unwrap_or_default());
            prop_assert!(wait <= limits.max_wait + SPREAD);
            prop_assert!(budget || hold.is_some());
        }
        match hold {
            Some(Hold::For(wait)) => prop_assert!(Some(wait) == facts.retry_after && wait <= limits.max_wait),
            Some(Hold::ForGood(wait)) => {
                prop_assert!(Some(wait) == facts.retry_after && wait > limits.max_wait && again.is_none());
            }
            None => {}
        }
    }
}

#[test]
fn only_a_wait_that_bounds_the_load_is_free() {
    for (wait, free) in [(Duration::from_millis(1), false), (Duration::from_secs(1), true)] {
        let (verdict, mut facts) = answer(503, None);
        facts.retry_after = Some(wait);
        let tried = Try { attempt: 1, verdict: &verdict, facts: &facts };
        assert_eq!(decide(&limits(), tried, 0.5, || false).again.is_some(), free, "{wait:?}");
    }
}
