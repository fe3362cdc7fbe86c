//! The slots of a host, and what is read from the end of a fetch.

use proptest::prelude::*;

use super::*;
use crate::model::{FetchError, Hop};

fn failed(kind: ErrorKind) -> Verdict {
    Verdict::Failed(FetchError::new(kind, "x"))
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn signs_are_read_from_what_became_of_a_fetch() {
    let status = |status| Facts { status: Some(status), ..Facts::default() };
    let took = Some(ms(7));
    let well = Some(HostSignal::Well(took));
    for (verdict, facts, expected) in [
        (Verdict::Ok, status(200), well),
        (Verdict::HttpError, status(404), well),
        (Verdict::HttpError, status(500), well),
        (Verdict::HttpError, status(429), Some(HostSignal::Busy)),
        (Verdict::HttpError, status(503), Some(HostSignal::Busy)),
        (Verdict::Skipped(SkipReason::NotModified), status(304), well),
        (Verdict::Skipped(SkipReason::Exists), Facts::default(), None),
        (Verdict::Cancelled, status(200), None),
        (failed(ErrorKind::Connect), Facts::default(), Some(HostSignal::Silent(None))),
        (failed(ErrorKind::Dns), Facts::default(), Some(HostSignal::Silent(None))),
        (failed(ErrorKind::Timeout), Facts::default(), Some(HostSignal::Silent(None))),
        (failed(ErrorKind::Timeout), status(200), Some(HostSignal::Busy)),
        (failed(ErrorKind::Timeout), status(302), Some(HostSignal::Silent(None))),
        (failed(ErrorKind::Reset), Facts::default(), Some(HostSignal::Busy)),
        (failed(ErrorKind::Tls), Facts::default(), Some(HostSignal::Well(None))),
        (failed(ErrorKind::Checksum), status(200), Some(HostSignal::Well(None))),
        (failed(ErrorKind::Io), status(200), None),
        (failed(ErrorKind::Internal), Facts::default(), None),
    ] {
        assert_eq!(host_signal(&verdict, &facts, took, None), expected, "{verdict:?}");
    }
    let url = url::Url::parse("http://a.test/").unwrap();
    let redirected = Facts { status: Some(302), redirects: vec![Hop::new(302, url.as_str())], ..Facts::default() };
    assert_eq!(host_signal(&failed(ErrorKind::Connect), &redirected, took, None), Some(HostSignal::Silent(None)));
}

#[test]
fn errors_halve_the_window_once_a_second_and_successes_add_one() {
    let start = Instant::now();
    let mut window = HostWindow::new();
    assert_eq!((window.slots(), window.beside_others()), (u32::MAX, 1));
    for (after, slots) in [(0, 16), (10, 16), (999, 16), (1000, 8), (2000, 4), (3000, 2), (4000, 1), (9000, 1)] {
        assert_eq!(window.trouble(None, 32, start + ms(after)), AfterTrouble::GoOn);
        assert_eq!(window.slots(), slots, "after {after} ms");
    }
    for expected in [2, 2, 3, 3, 3, 4] {
        window.well(false, 100);
        assert_eq!(window.slots(), expected);
    }
    (0..10_000).for_each(|_| window.well(false, 100));
    assert_eq!((window.slots(), window.is_marked()), (u32::MAX, false), "all is well again");
}

#[test]
fn a_slow_host_beside_others_gets_few_slots_and_a_good_one_all() {
    let mut window = HostWindow::new();
    assert_eq!(window.beside_others(), 1);
    (0..3).for_each(|_| window.well(false, 40));
    assert_eq!(window.beside_others(), 4);
    (0..3).for_each(|_| window.well(true, 40));
    assert_eq!((window.beside_others(), window.slots()), (1, u32::MAX), "alone it may have all");
    (0..99).for_each(|_| window.well(false, 40));
    assert_eq!(window.beside_others(), 40);
}

#[test]
fn slow_is_what_takes_much_longer_than_usual() {
    let mut usual = LatencyEstimate::default();
    assert!(!usual.is_slow(ms(9000)), "there is nothing to compare it with");
    for _ in 0..200 {
        assert!(!usual.is_slow(ms(20)));
    }
    assert!(!usual.is_slow(ms(900)), "less than a second is never slow");
    assert!(usual.is_slow(ms(1100)));
    let slow = (0..200).filter(|_| usual.is_slow(ms(10_000))).count();
    assert!((50..100).contains(&slow), "where all are slow, none is: {slow}");
}

#[test]
fn a_silent_host_is_probed_ever_more_rarely_and_then_given_up() {
    let mut now = Instant::now();
    let mut window = HostWindow::new();
    for _ in 1..SILENT {
        assert_eq!(window.trouble(Some(now), 10, now), AfterTrouble::GoOn);
    }
    for wait in PROBES {
        assert_eq!(window.trouble(Some(now), 1, now), AfterTrouble::ProbeAt(now + wait));
        assert_eq!(window.slots(), 1);
        assert_eq!(window.trouble(Some(now + wait / 2), 9, now + wait / 2), AfterTrouble::GoOn, "it had begun before");
        assert_eq!(
            window.trouble(Some(now), 9, now + 2 * wait),
            AfterTrouble::GoOn,
            "and lasted for longer than the rest"
        );
        now += wait;
    }
    let mut alive = window.clone();
    assert_eq!(window.trouble(Some(now), 1, now), AfterTrouble::GiveUp);
    alive.well(false, 10);
    assert_eq!((alive.slots(), alive.trouble(Some(now), 1, now)), (2, AfterTrouble::GoOn), "an answer counts for more");
}

proptest! {
    #[test]
    fn a_host_has_a_slot_always_and_never_more_beside_others(
        signs in prop::collection::vec((0_u8..4, 0_u64..3000, 1_u32..200), 0..200),
        concurrency in 1_u32..300,
    ) {
        let mut now = Instant::now();
        let mut window = HostWindow::new();
        for (sign, later, out) in signs {
            now += ms(later);
            let before = window.slots();
            match sign {
                0 => window.well(false, concurrency),
                1 => window.well(true, concurrency),
                n => {
                    window.trouble((n == 2).then_some(now), out, now);
                    prop_assert!(window.slots() <= before);
                }
            }
            prop_assert!(window.slots() >= 1 && window.beside_others() >= 1);
            prop_assert!(window.beside_others() <= window.slots());
        }
    }
}
