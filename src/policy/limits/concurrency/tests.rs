//! Tests the tuner against simulated servers: a model gives the duration of a fetch from the fetches under way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

/// The seconds of a fetch that begins at this moment with this many fetches under way.
type Model<'a> = &'a dyn Fn(u32, f64) -> f64;

/// Runs this many fetches at the tuner's limits. Returns the seconds they took and the limits.
fn simulate(
    model: Model<'_>,
    fetches: u32,
    mut limit: impl FnMut(Option<(FetchSample, Duration)>) -> u32,
) -> (f64, Vec<u32>) {
    let mut under_way: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
    let (mut now, mut left, mut limits) = (0.0_f64, fetches, vec![limit(None)]);
    let nanos = |seconds: f64| (seconds * 1e9) as u64;
    loop {
        let most = *limits.last().unwrap();
        while left > 0 && under_way.len() < most as usize {
            let took = model(under_way.len() as u32 + 1, now);
            under_way.push(Reverse((nanos(now + took), nanos(took))));
            left -= 1;
        }
        let Some(Reverse((end, took))) = under_way.pop() else { return (now, limits) };
        now = end as f64 / 1e9;
        let busy = under_way.len() + 1 >= most as usize && left > 0;
        let ended = FetchSample { took: Duration::from_nanos(took), turned_away: false, busy };
        limits.push(limit(Some((ended, Duration::from_nanos(end)))));
    }
}

fn found(model: Model<'_>, fetches: u32) -> (ConcurrencyTuner, Vec<u32>) {
    let mut tuner = ConcurrencyTuner::new(512);
    let (_, limits) = simulate(model, fetches, |ended| {
        if let Some((fetch, now)) = ended {
            tuner.ended(fetch, now);
        }
        tuner.limit()
    });
    (tuner, limits)
}

/// Fetches a second at a fixed limit.
fn rate(model: Model<'_>, limit: u32) -> f64 {
    let fetches = (limit * 20).max(2000);
    f64::from(fetches) / simulate(model, fetches, |_| limit).0
}

/// Within a tenth of the best that a sweep finds.
fn assert_near_the_best(name: &str, model: Model<'_>) {
    let sweep = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
    let best = sweep.into_iter().map(|limit| rate(model, limit)).fold(0.0, f64::max);
    let (tuner, _) = found(model, 40_000);
    let chosen = tuner.chosen();
    let reached = rate(model, chosen.limit);
    assert!(reached >= 0.9 * best, "{name}: {reached:.0} of {best:.0} a second at {chosen:?}");
}

#[test]
fn it_comes_within_a_tenth_of_the_best_fixed_value() {
    // The models: latency independent of load, a queue behind some workers, and latency that grows with each
    // fetch. The last server thrashes beyond its best.
    assert_near_the_best("constant", &|_, _| 0.05);
    for workers in [1, 3, 10, 40, 150] {
        let workers = f64::from(workers);
        assert_near_the_best("queue", &move |n, _| 0.02 * (f64::from(n) / workers).max(1.0));
    }
    for tuner in [5.0, 30.0, 100.0] {
        assert_near_the_best("growing", &move |n, _| 0.02 * (1.0 + f64::from(n) / tuner));
    }
    for tuner in [12.0, 24.0, 50.0] {
        assert_near_the_best("thrashing", &move |n, _| 0.02 * (f64::from(n) / tuner).max(1.0).powi(2));
    }
}

#[test]
fn beyond_the_knee_of_a_queue_it_takes_no_more_than_it_needs() {
    let (tuner, _) = found(&|n, _| 0.02 * (f64::from(n) / 20.0).max(1.0), 40_000);
    let chosen = tuner.chosen();
    assert!((18..=40).contains(&chosen.limit), "{chosen:?}");
    assert!(chosen.why.starts_with("more brought no more: "), "{}", chosen.why);
}

#[test]
fn a_latency_that_doubles_makes_it_back_off() {
    // After twenty seconds the server has half of its workers.
    let model = |n: u32, now: f64| {
        let workers = if now < 20.0 { 40.0 } else { 10.0 };
        0.02 * (f64::from(n) / workers).max(1.0)
    };
    let (tuner, limits) = found(&model, 60_000);
    let before = limits[35_000];
    assert!(before >= 36, "{before}");
    let chosen = tuner.chosen();
    assert!(chosen.limit <= before / 2, "{before}, then {chosen:?}");
    assert_eq!(chosen.why, "lowered, latency doubled");
}

#[test]
fn refusals_halve_the_concurrency() {
    let mut tuner = ConcurrencyTuner::new(512);
    let (_, limits) = simulate(&|_, _| 0.05, 20_000, |ended| {
        if let Some((fetch, now)) = ended {
            tuner.ended(FetchSample { turned_away: tuner.limit() > 50, ..fetch }, now);
        }
        tuner.limit()
    });
    assert_eq!(limits.iter().max(), Some(&64));
    let chosen = tuner.chosen();
    assert!((16..=50).contains(&chosen.limit), "{chosen:?}");
    assert_eq!(chosen.why, "lowered, servers turned fetches away");
}

#[test]
fn too_little_to_do_says_nothing() {
    let mut tuner = ConcurrencyTuner::new(512);
    for n in 0..10_000_u64 {
        let fetch = FetchSample { took: Duration::from_millis(50), turned_away: false, busy: false };
        tuner.ended(fetch, Duration::from_millis(10 * n));
    }
    assert_eq!(tuner.limit(), FIRST);
    assert_eq!(tuner.chosen().why, "there was too little to do to find out more");
}

proptest! {
    #[test]
    fn it_stays_within_its_bounds(
        most in 0u32..600,
        fetches in prop::collection::vec((0u64..1_000_000, any::<bool>(), any::<bool>(), 0u64..100_000), 0..3000),
    ) {
        let mut tuner = ConcurrencyTuner::new(most);
        let mut now = Duration::ZERO;
        for (took, turned_away, busy, later) in fetches {
            now += Duration::from_micros(later);
            tuner.ended(FetchSample { took: Duration::from_micros(took), turned_away, busy }, now);
            prop_assert!((1..=most.max(1)).contains(&tuner.limit()));
            prop_assert!((1..=most.max(1)).contains(&tuner.chosen().limit));
        }
    }
}
