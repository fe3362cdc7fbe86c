//! Long lists: what goes to the disk and comes back, beside a model that keeps all in memory.

mod failures;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{JobId, RequestOverrides, Seed, SourcePos, Subject, Via};
use crate::policy::limits::pacer::AllHostLimits;
use crate::policy::retry::Limits;
use crate::schedule::{NextJob, Report, Rules};

fn scheduler(room: usize, room_parked: usize) -> Scheduler {
    let rules = Rules {
        concurrency: 16,
        first_moments: Duration::ZERO,
        host_limits: AllHostLimits::default(),
        pacer: None,
        retry: Limits::default(),
        jitter: 1,
    };
    let mut scheduler = Scheduler::new(rules);
    scheduler.room = (room, room_parked);
    scheduler
}

fn job(host: &str, number: u64, priority: i32, plain: bool, now: Instant) -> Box<Job> {
    let url = url::Url::parse(&format!("http://{host}/{number}")).unwrap();
    let overrides =
        (!plain).then(|| Box::new(RequestOverrides { sha256: Some([1; 32]), ..RequestOverrides::default() }));
    let origin = SourcePos { list: Arc::from("l"), line: number + 1 };
    let seed = Seed { id: JobId(number), priority, overrides, ..Seed::new(url, Via::List(origin)) };
    Box::new(Job::new(seed, None, now.into_std()))
}

fn jobs(host: &'static str, from: u64, n: u64, now: Instant) -> impl Iterator<Item = Box<Job>> {
    (from..from + n).map(move |n| job(host, n, 0, true, now))
}

fn hold(s: &mut Scheduler, host: &str, until: Instant) {
    let at = s.hosts.find_or_add(host);
    s.hosts[at].hold(until);
    s.hosts.list(at);
}

/// Reads on while there is room, as the loop does; how many jobs were read.
fn read(s: &mut Scheduler, jobs: &mut impl Iterator<Item = Box<Job>>, now: Instant) -> usize {
    let mut read = 0;
    loop {
        s.advance(now);
        if !s.has_room() {
            return read;
        }
        let batch: Vec<_> = jobs.take(Batch::MAX).collect();
        if batch.is_empty() {
            return read;
        }
        read += batch.len();
        batch.into_iter().for_each(|job| s.push(job));
    }
}

fn next(s: &mut Scheduler, now: Instant) -> Option<Box<Job>> {
    match s.next(now, &mut |_| None) {
        Some(NextJob::Fetch(job)) => Some(job),
        _ => None,
    }
}

fn done(s: &mut Scheduler, job: &Job, now: Instant) {
    s.finished(job.seed.id, Report::NotStarted, now);
}

#[test]
fn hosts_behind_a_held_host_are_read() {
    let now = Instant::now();
    let mut s = scheduler(10_000, 20_000);
    hold(&mut s, "held.test", now + Duration::from_secs(3600));
    let mut list = jobs("held.test", 0, 60_000, now).chain(jobs("good.test", 60_000, 1000, now));
    assert_eq!(read(&mut s, &mut list, now + Duration::from_secs(60)), 61_000);
    assert!(s.waiting - s.spill_queue.jobs() < 20_000 && s.waiting_bytes < 1 << 20, "{} bytes", s.waiting_bytes);
    let good: Vec<_> = std::iter::from_fn(|| next(&mut s, now)).collect();
    assert_eq!(good.len(), 1000);
    good.iter().for_each(|job| done(&mut s, job, now));
    s.advance(now + Duration::from_secs(3600));
    for n in 0..30_000 {
        assert_eq!(next(&mut s, now).unwrap().seed.id.0, n);
    }
    let rest: Vec<_> = s.drain(usize::MAX).iter().map(number_of).collect();
    assert_eq!(rest, (30_000..60_000).collect::<Vec<_>>());
    let sums = s.hosts.sums();
    assert_eq!((s.spill_queue.jobs(), s.waiting, s.waiting_bytes, sums.parked, sums.fast_in_queue), (0, 0, 0, 0, 0));
}

#[test]
fn slow_host_is_put_aside_and_a_fast_one_is_not() {
    let now = Instant::now();
    let mut s = scheduler(10_000, 20_000);
    let mut list = jobs("slow.test", 0, 50_000, now).chain(jobs("good.test", 50_000, 500, now));
    assert!(read(&mut s, &mut list, now) < 10_000);
    read(&mut s, &mut list, now + Duration::from_secs(5));
    assert_eq!(s.spill_queue.jobs(), 0, "it may be fast");
    read(&mut s, &mut list, now + SLOW + Duration::from_secs(1));
    assert!(s.spill_queue.jobs() > 49_000, "{}", s.spill_queue.jobs());
    assert!(list.next().is_none(), "all was read");
    // Once it is fast, its jobs on disk count, and no more is read for the sake of others.
    for _ in 0..8 * CHUNK {
        let job = next(&mut s, now).unwrap();
        s.finished(job.seed.id, Report::Redirected(Duration::from_millis(1)), now);
    }
    assert!(!s.has_room() && s.hosts.sums().fast_in_queue > 40_000);
}

#[test]
fn host_without_an_answer_for_a_second_is_put_aside() {
    let now = Instant::now();
    let mut s = scheduler(10_000, 20_000);
    let mut list = jobs("tarpit.test", 0, 50_000, now).chain(jobs("good.test", 50_000, 500, now));
    read(&mut s, &mut list, now);
    assert!(next(&mut s, now).is_some());
    read(&mut s, &mut list, now + Duration::from_millis(900));
    assert_eq!(s.spill_queue.jobs(), 0);
    read(&mut s, &mut list, now + Duration::from_secs(2));
    assert!(list.next().is_none() && s.spill_queue.jobs() > 49_000, "{}", s.spill_queue.jobs());
}

#[test]
fn slow_host_with_lines_that_stay_in_memory_is_not_fast() {
    let start = Instant::now();
    let mut s = scheduler(10_000, 20_000);
    let mut list = (0..20_000).map(|n| job("slow.test", n, 0, n % 2 == 0, start));
    read(&mut s, &mut list, start);
    s.advance(start + SLOW);
    assert!(s.spill_queue.jobs() > 0);
    for n in 0..2000 {
        let now = start + SLOW + Duration::from_millis(10 * n);
        let job = next(&mut s, now).unwrap();
        assert_eq!(job.seed.id.0, n);
        done(&mut s, &job, now);
        assert_eq!(s.hosts.sums().fast_in_queue, 0, "line {n}");
    }
}

#[test]
fn jobs_go_to_the_disk_some_thousand_at_a_time() {
    let now = Instant::now();
    let mut s = scheduler(1000, 20_000);
    hold(&mut s, "held.test", now + Duration::from_secs(3600));
    jobs("held.test", 0, 50_000, now).for_each(|job| s.push(job));
    let mut turns = 0;
    while !s.has_room() {
        let before = s.spill_queue.jobs();
        assert!(s.next_wake().is_some_and(|due| due <= now), "it goes on at once");
        s.advance(now);
        assert!((1..=4096).contains(&(s.spill_queue.jobs() - before)), "{}", s.spill_queue.jobs() - before);
        turns += 1;
    }
    assert!(turns > 10);
    assert_eq!(read(&mut s, &mut jobs("held.test", 50_000, 30_000, now), now), 30_000);
    assert!(s.waiting - s.spill_queue.jobs() < 1000, "those of the first turns follow");
    s.advance(now + Duration::from_secs(3600));
    for n in 0..80_000 {
        assert_eq!(next(&mut s, now).unwrap().seed.id.0, n);
    }
}

#[test]
fn slow_host_goes_to_no_disk_while_a_run_stops() {
    let now = Instant::now();
    let mut s = scheduler(1000, 2000);
    read(&mut s, &mut jobs("slow.test", 0, 5000, now), now);
    let mut left = s.waiting;
    while left > 0 {
        left -= s.drain(10).len();
        s.advance(now + 2 * SLOW);
        assert_eq!((s.waiting, s.spill_queue.jobs()), (left, 0));
    }
}

#[derive(Debug, Clone)]
enum Op {
    Push { host: usize, jobs: usize, every: usize, priority: i32 },
    Next(usize),
    Hold(usize),
    Advance(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let push =
        (0..3_usize, 1..900_usize, prop_oneof![Just(1000), 2..40_usize], prop_oneof![8 => Just(0), 1 => -1..2_i32]);
    prop_oneof![
        6 => push.prop_map(|(host, jobs, every, priority)| Op::Push { host, jobs, every, priority }),
        2 => (1..700_usize).prop_map(Op::Next),
        1 => (0..3_usize).prop_map(Op::Hold),
        2 => (0..30_u64).prop_map(Op::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_host_has_its_jobs_in_order_and_all_of_them(ops in prop::collection::vec(op(), 1..60)) {
        const HOSTS: [&str; 3] = ["a.test", "b.test", "c.test"];
        let mut now = Instant::now();
        let mut s = scheduler(1000, 3000);
        // The waiting jobs of each host: by priority, then by arrival.
        let mut model: [BTreeMap<i32, VecDeque<u64>>; 3] = Default::default();
        let (mut number, mut waits) = (0, 0_usize);
        for op in ops {
            match op {
                Op::Push { host, jobs, every, priority } => {
                    for n in 0..jobs {
                        if n % Batch::MAX == 0 {
                            s.advance(now);
                            if !s.has_room() {
                                break;
                            }
                        }
                        s.push(job(HOSTS[host], number, priority, n % every != 1, now));
                        model[host].entry(priority).or_default().push_back(number);
                        (number, waits) = (number + 1, waits + 1);
                    }
                }
                Op::Next(n) => for _ in 0..n {
                    let Some(job) = next(&mut s, now) else { break };
                    let host = HOSTS.iter().position(|host| job.seed.url.host_str() == Some(host)).unwrap();
                    let first = model[host].iter_mut().rev().find_map(|(_, queue)| queue.pop_front());
                    prop_assert_eq!(Some(job.seed.id.0), first);
                    waits -= 1;
                    done(&mut s, &job, now);
                },
                Op::Hold(host) => hold(&mut s, HOSTS[host], now + Duration::from_secs(20)),
                Op::Advance(secs) => {
                    now += Duration::from_secs(secs);
                    s.advance(now);
                }
            }
            prop_assert_eq!((s.waiting, s.is_empty()), (waits, waits == 0));
            prop_assert!(s.waiting - s.spill_queue.jobs() <= 3000 + 2 * Batch::MAX);
        }
        let mut rest: [Vec<u64>; 3] = Default::default();
        for subject in s.drain(usize::MAX) {
            let host = HOSTS.iter().position(|host| subject.url().contains(host)).unwrap();
            rest[host].push(number_of(&subject));
        }
        for (rest, queues) in rest.iter().zip(&model) {
            let expected: Vec<_> = queues.iter().rev().flat_map(|(_, queue)| queue.iter().copied()).collect();
            prop_assert_eq!(rest, &expected);
        }
        let sums = s.hosts.sums();
        prop_assert_eq!((s.waiting, s.waiting_bytes, sums.parked, sums.fast_in_queue, s.spill_queue.jobs()), (0, 0, 0, 0, 0));
    }
}

fn number_of(subject: &Subject) -> u64 {
    subject.id().0
}
