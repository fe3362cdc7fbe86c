//! One pace for a host over the whole fleet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use super::hosts::{Answer, Hosts};
use super::workers::{all_end, exported, worker};
use crate::support::redis::Redis;

#[test]
fn the_delay_of_a_host_holds_for_all_workers() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(4, Duration::from_millis(2), |_, _, path| Answer::page(path.to_owned()));
    let urls: Vec<_> = (0..12)
        .flat_map(|page| (0..4).map(move |host| (host, page)))
        .map(|(host, page)| hosts.url(host, &format!("/{page}")))
        .collect();
    let text = urls.join("\n");
    let arguments = ["-c", "4", "--delay", "200ms", "l"];
    let mut workers = Vec::new();
    // Workers come and go while the job goes on.
    for (name, requests) in [("a", 8), ("b", 16), ("c", 24)] {
        workers.push(worker(&redis, "delay", name, &arguments).file("l", &text).spawn());
        hosts.wait_for(requests, || false);
    }
    let leaver = workers.remove(0);
    leaver.interrupt();
    assert_eq!(leaver.wait().code(), Some(130));
    all_end(workers);
    let outcomes = exported(&redis, "delay");
    assert_eq!(outcomes.len(), urls.len());
    hosts.assert_one_worker_at_a_time();
    // By the workers' clock, which is one here. A busy host may see requests later.
    let mut starts: BTreeMap<String, Vec<(Timestamp, Value)>> = BTreeMap::new();
    for (url, record) in outcomes {
        let host = url.split('/').nth(2).unwrap().to_owned();
        let started = record["started_at"].as_str().unwrap().parse().unwrap();
        starts.entry(host).or_default().push((started, record["worker"].clone()));
    }
    let mut moves = 0;
    for (host, mut starts) in starts {
        starts.sort_by_key(|(started, _)| *started);
        for pair in starts.windows(2) {
            let gap = pair[1].0.duration_since(pair[0].0).unsigned_abs();
            assert!(gap >= Duration::from_millis(195), "{host}: {gap:?} between {pair:?}");
            moves += usize::from(pair[0].1 != pair[1].1);
        }
    }
    assert!(moves > 0, "some host was asked by two workers");
}

/// A host that asks for nine seconds at its first request.
fn holding_host() -> Hosts {
    let asked = AtomicUsize::new(0);
    Hosts::start(1, Duration::from_millis(2), move |_, _, path| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer { status: 503, fields: "Retry-After: 9\r\n".to_owned(), body: String::new() },
        _ => Answer::page(path.to_owned()),
    })
}

/// The second request came from the second worker, and not before its time.
fn assert_held(hosts: &Hosts) {
    let requests = hosts.requests();
    let (held, next) = (&requests[0], &requests[1]);
    assert_eq!((held.worker.as_str(), next.worker.as_str()), ("a", "b"));
    assert!(next.began - held.began >= Duration::from_millis(8900), "{:?}", next.began - held.began);
}

#[test]
fn a_hold_is_kept_after_a_stop() {
    let Some(redis) = Redis::start() else { return };
    let hosts = holding_host();
    let arguments = ["--retry", "3", "-c", "2", &hosts.url(0, "/a"), &hosts.url(0, "/b")];
    let first = worker(&redis, "stop", "a", &arguments).with_retries().spawn();
    hosts.wait_for(1, || false);
    let second = worker(&redis, "stop", "b", &arguments).with_retries().spawn();
    first.interrupt();
    assert_eq!(first.wait().code(), Some(130));
    all_end(vec![second]);
    assert_held(&hosts);
    assert!(exported(&redis, "stop").values().all(|record| record["outcome"] == "ok"));
}

#[test]
fn a_hold_is_kept_by_the_worker_that_takes_over_from_a_dead_one() {
    let Some(redis) = Redis::start() else { return };
    let hosts = holding_host();
    let arguments = ["--retry", "3", "-c", "2", &hosts.url(0, "/a"), &hosts.url(0, "/b")];
    let first = worker(&redis, "hold", "a", &arguments).with_retries().spawn();
    hosts.wait_for(1, || false);
    let mut second = worker(&redis, "hold", "b", &arguments).with_retries().spawn();
    // It joins while the first one is still there.
    assert!(second.is_running());
    let storing = std::time::Instant::now() + Duration::from_secs(1);
    while std::time::Instant::now() < storing {
        std::thread::yield_now();
    }
    first.signal(Signal::KILL);
    first.wait();
    all_end(vec![second]);
    assert_held(&hosts);
    assert!(exported(&redis, "hold").values().all(|record| record["outcome"] == "ok"));
}
