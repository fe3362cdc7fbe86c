//! Long lists: what goes to the file and comes back, beside a model that keeps all in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::frontier::{Claim, Frontier, HoldUntil, Rules, Settled};
use crate::model::{Job, Origin, PerSeed, Seed, Subject};
use crate::policy::pacer::AllManners;
use crate::policy::politeness::Sign;

fn frontier(room: usize, room_parked: usize) -> MemoryFrontier {
    let rules = Rules {
        dedup: false,
        concurrency: 16,
        first_moments: std::time::Duration::ZERO,
        manners: AllManners::default(),
        pacer: None,
    };
    MemoryFrontier { room: (room, room_parked), ..MemoryFrontier::new(rules) }
}

fn seed(host: &str, number: u64, priority: i32, plain: bool) -> Seed {
    let url = url::Url::parse(&format!("http://{host}/{number}")).unwrap();
    let wants = (!plain).then(|| Box::new(PerSeed { sha256: Some([1; 32]), ..PerSeed::default() }));
    Seed { url, priority, origin: Origin { list: Arc::from("l"), line: number + 1 }, number, wants, known: None }
}

fn hold(f: &mut MemoryFrontier, host: &str, now: Time) {
    f.hold_host(host, HoldUntil::Time(now + Duration::from_secs(3600)));
}

/// Reads on for as long as there is room, as the loop does; how many lines were read.
fn read(f: &mut MemoryFrontier, lines: &mut impl Iterator<Item = Seed>, now: Time) -> usize {
    let mut read = 0;
    loop {
        if f.next_due().is_some_and(|due| due <= now) {
            f.wake(now);
        }
        if !f.has_room() {
            return read;
        }
        let batch: Vec<_> = lines.take(Batch::MAX).collect();
        if batch.is_empty() {
            return read;
        }
        read += batch.len();
        batch.into_iter().for_each(|seed| f.push(seed, None));
    }
}

fn job(f: &mut MemoryFrontier) -> Option<Box<Job>> {
    match f.claim() {
        Claim::Job(job) => Some(job),
        _ => None,
    }
}

#[test]
fn however_many_wait_for_a_held_host_those_behind_it_are_read() {
    let now = Time::now();
    let mut f = frontier(10_000, 20_000);
    hold(&mut f, "held.test", now);
    let held = (0..60_000).map(|n| seed("held.test", n, 0, true));
    let mut lines = held.chain((60_000..61_000).map(|n| seed("good.test", n, 0, true)));
    assert_eq!(read(&mut f, &mut lines, now + Duration::from_secs(60)), 61_000);
    assert!(f.waiting - f.overflow.lines() < 20_000 && f.waiting_bytes < 1 << 20, "{} bytes", f.waiting_bytes);
    let good: Vec<_> = std::iter::from_fn(|| job(&mut f)).collect();
    assert_eq!(good.len(), 1_000);
    good.iter().for_each(|job| f.settle(Settled::Done(&job.seed.url)));
    f.wake(now + Duration::from_secs(3600));
    for n in 0..30_000 {
        assert_eq!(job(&mut f).unwrap().seed.number, n);
    }
    let rest: Vec<_> = f.drain(usize::MAX).iter().map(Subject::number).collect();
    assert_eq!(rest, (30_000..60_000).collect::<Vec<_>>());
    assert_eq!((f.overflow.lines(), f.waiting, f.waiting_bytes, f.parked, f.of_quick), (0, 0, 0, 0, 0));
    assert!(f.is_empty());
}

#[test]
fn a_slow_host_is_put_aside_and_a_quick_one_is_not() {
    let now = Time::now();
    let mut f = frontier(10_000, 20_000);
    let lines = |host: &'static str, from: u64, n: u64| (from..from + n).map(move |n| seed(host, n, 0, true));
    let mut list = lines("slow.test", 0, 50_000).chain(lines("good.test", 50_000, 500));
    assert!(read(&mut f, &mut list, now) < 10_000);
    assert_eq!(f.overflow.lines(), 0, "nobody knows yet that it is slow");
    read(&mut f, &mut list, now + Duration::from_secs(5));
    assert_eq!(f.overflow.lines(), 0);
    read(&mut f, &mut list, now + SLOW + Duration::from_secs(1));
    assert!(f.overflow.lines() > 49_000, "{}", f.overflow.lines());
    assert_eq!(list.next().map(|seed| seed.number), None, "all was read");
    // It is quick all at once: what is in the file counts then, and no more is read for the sake of others.
    for _ in 0..8 * CHUNK {
        let job = job(&mut f).unwrap();
        f.heard("slow.test", Sign::Well(None), &Time::now);
        f.settle(Settled::Done(&job.seed.url));
    }
    assert!(!f.has_room() && f.of_quick > 40_000);
}

#[test]
fn what_cannot_be_read_back_is_told_line_by_line() {
    let now = Time::now();
    let mut f = frontier(1_000, 2_000);
    hold(&mut f, "held.test", now);
    read(&mut f, &mut (0..5_000).map(|n| seed("held.test", n, 0, true)), now + Duration::from_secs(60));
    assert!(f.overflow.lines() > 3_000);
    f.overflow.truncate(100_000);
    f.wake(now + Duration::from_secs(3600));
    let mut told = vec![false; 5_000];
    let (mut jobs, mut lost) = (0, 0);
    while !f.is_empty() {
        assert!(f.has_ready());
        let number = match f.claim() {
            Claim::Job(job) => {
                jobs += 1;
                f.settle(Settled::Done(&job.seed.url));
                job.seed.number
            }
            Claim::Refused(subject) => {
                lost += 1;
                let Subject::Bad(bad) = *subject else { panic!("a URL that came back") };
                assert_eq!((bad.origin.line, bad.text.as_str()), (bad.number + 1, "a URL of held.test"));
                bad.number
            }
            other => panic!("{other:?}"),
        };
        assert!(!std::mem::replace(&mut told[number as usize], true), "{number} twice");
    }
    assert!(told.iter().all(|told| *told) && jobs > 500 && lost > 500, "{jobs} {lost}");
}

#[derive(Debug, Clone)]
enum Op {
    Push { host: usize, lines: usize, every: usize, priority: i32 },
    Claim(usize),
    Hold(usize),
    Wake(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let push =
        (0..3_usize, 1..900_usize, prop_oneof![Just(1000), 2..40_usize], prop_oneof![8 => Just(0), 1 => -1..2_i32]);
    prop_oneof![
        6 => push.prop_map(|(host, lines, every, priority)| Op::Push { host, lines, every, priority }),
        2 => (1..700_usize).prop_map(Op::Claim),
        1 => (0..3_usize).prop_map(Op::Hold),
        2 => (0..30_u64).prop_map(Op::Wake),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_host_has_its_lines_in_order_and_all_of_them(ops in prop::collection::vec(op(), 1..60)) {
        const HOSTS: [&str; 3] = ["a.test", "b.test", "c.test"];
        let mut now = Time::now();
        let mut f = frontier(1_000, 3_000);
        // What waits for each host: by priority, then by arrival.
        let mut model: [BTreeMap<i32, VecDeque<u64>>; 3] = Default::default();
        let (mut next, mut waits) = (0, 0_usize);
        for op in ops {
            match op {
                Op::Push { host, lines, every, priority } => {
                    for n in 0..lines {
                        if n % Batch::MAX == 0 {
                            f.wake(now);
                            if !f.has_room() {
                                break;
                            }
                        }
                        f.push(seed(HOSTS[host], next, priority, n % every != 1), None);
                        model[host].entry(priority).or_default().push_back(next);
                        (next, waits) = (next + 1, waits + 1);
                    }
                }
                Op::Claim(n) => for _ in 0..n {
                    let Some(job) = job(&mut f) else { break };
                    let host = HOSTS.iter().position(|host| job.seed.url.host_str() == Some(host)).unwrap();
                    let first = model[host].iter_mut().rev().find_map(|(_, queue)| queue.pop_front());
                    prop_assert_eq!(Some(job.seed.number), first);
                    waits -= 1;
                    f.settle(Settled::Done(&job.seed.url));
                },
                Op::Hold(host) => f.hold_host(HOSTS[host], HoldUntil::Time(now + Duration::from_secs(20))),
                Op::Wake(secs) => {
                    now += Duration::from_secs(secs);
                    f.wake(now);
                }
            }
            prop_assert_eq!((f.waiting, f.is_empty()), (waits, waits == 0));
            prop_assert!(f.waiting - f.overflow.lines() <= 3_000 + 2 * Batch::MAX);
        }
        let mut rest: [Vec<u64>; 3] = Default::default();
        for subject in f.drain(usize::MAX) {
            let host = HOSTS.iter().position(|host| subject.url().contains(host)).unwrap();
            rest[host].push(subject.number());
        }
        for (rest, queues) in rest.iter().zip(&model) {
            let expected: Vec<_> = queues.iter().rev().flat_map(|(_, queue)| queue.iter().copied()).collect();
            prop_assert_eq!(rest, &expected);
        }
        prop_assert_eq!((f.waiting, f.waiting_bytes, f.parked, f.of_quick, f.overflow.lines()), (0, 0, 0, 0, 0));
    }
}
