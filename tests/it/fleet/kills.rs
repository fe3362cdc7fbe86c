//! Workers and the server are killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::crawls::Web;
use super::workers::{all_end, exported, worker};
use crate::support::redis::Redis;

const KILLS: usize = 50;

#[test]
fn workers_that_are_killed_50_times_lose_nothing() {
    let Some(redis) = Redis::start() else { return };
    let web = Web { hosts: 20, pages: 150 };
    let hosts = web.start(Duration::from_millis(2));
    let start = hosts.url(0, "/");
    let arguments = ["crawl", "--scope", "any", "-c", "4", &start];
    let mut survivor = worker(&redis, "kills", "survivor", &arguments).spawn();
    let mut kills = 0;
    for round in 0..KILLS {
        let mut victim = worker(&redis, "kills", &format!("victim{round}"), &arguments).spawn();
        let asked = hosts.requests().len();
        hosts.wait_for(asked + round * 13 % 40, || !victim.is_running());
        if !victim.is_running() || !survivor.is_running() {
            victim.wait();
            break;
        }
        victim.signal(Signal::KILL);
        victim.wait();
        kills += 1;
    }
    all_end(vec![survivor]);
    let outcomes = exported(&redis, "kills");
    assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), web.truth(&hosts));
    assert!(outcomes.values().all(|record| record["outcome"] == "ok"));
    assert!(kills > 10, "{kills} kills");
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn a_server_that_is_killed_loses_no_page() {
    let Some(mut redis) = Redis::start() else { return };
    let web = Web { hosts: 10, pages: 200 };
    let hosts = web.start(Duration::from_millis(2));
    let start = hosts.url(0, "/");
    let arguments = ["crawl", "--scope", "any", "-c", "4", &start];
    let workers = ["a", "b"].map(|name| worker(&redis, "crash", name, &arguments).spawn());
    for requests in [300, 700, 1100] {
        hosts.wait_for(requests, || false);
        redis = redis.crash();
    }
    all_end(workers.into());
    let outcomes = exported(&redis, "crash");
    assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), web.truth(&hosts));
    assert!(outcomes.values().all(|record| record["outcome"] == "ok"));
    hosts.assert_one_worker_at_a_time();
}

/// By hand: `cargo test --release --test it -- --ignored --nocapture crawl_of_200_000`.
#[test]
#[ignore = "takes minutes"]
fn crawl_of_200_000_pages_survives_kills_of_workers_and_server() {
    let Some(mut redis) = Redis::start() else { return };
    let web = Web { hosts: 200, pages: 1000 };
    let hosts = web.start(Duration::from_millis(1));
    let start = hosts.url(0, "/");
    let arguments = ["crawl", "--scope", "any", "-c", "32", "-q", "-o", "records.ndjson", &start];
    let spawn = |redis: &Redis, name: &str| worker(redis, "big", name, &arguments).spawn();
    let begun = Instant::now();
    let steady: Vec<_> = ["a", "b"].iter().map(|name| spawn(&redis, name)).collect();
    let mut victims: Vec<_> = ["c", "d"].iter().map(|name| spawn(&redis, name)).collect();
    let (mut kills, mut crashes, mut next) = (0, 0, 4000);
    while next < 180_000 {
        hosts.wait_for_within(next, Duration::from_secs(600));
        let victim = kills % 2;
        victims[victim].signal(Signal::KILL);
        std::mem::replace(&mut victims[victim], spawn(&redis, &format!("v{kills}"))).wait();
        kills += 1;
        if kills % 3 == 0 {
            redis = redis.crash();
            crashes += 1;
        }
        next += 5000 + fastrand::usize(0..8000);
    }
    for running in steady.into_iter().chain(victims) {
        let finished = running.wait_while(Duration::from_secs(600), |_| ());
        assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    }
    let took = begun.elapsed();
    let outcomes = exported(&redis, "big");
    let requests = hosts.requests().len();
    println!("{kills} kills, {crashes} crashes, {requests} requests for {} outcomes in {took:?}", outcomes.len());
    assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), web.truth(&hosts));
    assert!(outcomes.values().all(|record| record["outcome"] == "ok"));
    hosts.assert_one_worker_at_a_time();
}
