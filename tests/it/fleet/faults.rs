//! A server that is away for a while, workers that stop, and commands that cannot work.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::crawls::Web;
use super::hosts::{Answer, Hosts};
use super::workers::{all_end, exported, worker};
use crate::support::cli::Fetchall;
use crate::support::redis::Redis;

#[test]
fn a_server_that_is_away_for_some_seconds_only_slows_the_run() {
    let Some(redis) = Redis::start() else { return };
    let web = Web { hosts: 8, pages: 120 };
    let hosts = web.start(Duration::from_millis(2));
    let start = hosts.url(0, "/");
    let arguments = ["crawl", "--scope", "any", "-c", "4", &start];
    let workers = ["a", "b"].map(|name| worker(&redis, "away", name, &arguments).spawn());
    hosts.wait_for(200, || false);
    redis.signal(Signal::STOP);
    let back = Instant::now() + Duration::from_secs(6);
    while Instant::now() < back {
        std::thread::sleep(Duration::from_millis(10));
    }
    redis.signal(Signal::CONT);
    all_end(workers.into());
    assert_eq!(exported(&redis, "away").len(), web.truth(&hosts).len());
    // Requests stop before another worker may have the host.
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn an_interrupted_worker_gives_its_urls_back_at_once() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(3, Duration::from_millis(20), |_, _, path| Answer::page(path.to_owned()));
    let urls: Vec<_> = (0..300).map(|page| hosts.url(page % 3, &format!("/{page}"))).collect();
    let text = urls.join("\n");
    for second_signal in [false, true] {
        let job = format!("stop{second_signal}");
        let before = hosts.requests().len();
        let running = worker(&redis, &job, "a", &["-c", "4", "l"]).file("l", &text).spawn();
        hosts.wait_for(before + 30, || false);
        running.interrupt();
        if second_signal {
            running.interrupt();
        }
        assert_eq!(running.wait().code(), Some(130));
        let begun = Instant::now();
        let next = worker(&redis, &job, "b", &["-c", "12"]).run();
        assert_eq!(next.code(), Some(0), "{}", next.stderr);
        let waited = hosts.requests().iter().find(|request| request.worker == "b").map(|first| first.began - begun);
        assert!(waited.is_some_and(|waited| waited < Duration::from_secs(2)), "leases expire after 3 s: {waited:?}");
        assert_eq!(exported(&redis, &job).len(), urls.len());
    }
}

#[test]
fn the_end_reaches_every_worker_soon() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(2, Duration::from_millis(300), |_, _, path| Answer::page(path.to_owned()));
    let urls = [hosts.url(0, "/a"), hosts.url(1, "/b")];
    let first = worker(&redis, "end", "a", &["-c", "2", &urls[0], &urls[1]]).spawn();
    hosts.wait_for(1, || false);
    let idle = worker(&redis, "end", "b", &[]).spawn();
    all_end(vec![first, idle]);
    let last = hosts.requests().iter().map(|request| request.ended).max().unwrap();
    assert!(last.elapsed() < Duration::from_secs(4), "{:?} after the last answer", last.elapsed());
}

#[test]
fn settings_that_cannot_be_shared_are_refused() {
    let queue = "redis://127.0.0.1:1/0?job=x";
    for (arguments, expected) in [
        (vec!["--order", "input"], "--order"),
        (vec!["--duplicates", "fetch"], "--duplicates"),
        (vec!["--dry-run"], "--dry-run"),
        (vec!["-O", "file"], "--output-document"),
    ] {
        let run = Fetchall::new().args(["--queue", queue]).args(arguments).arg("http://127.0.0.1:9/").run();
        assert_eq!(run.code(), Some(2));
        assert!(run.stderr.contains("--queue") && run.stderr.contains(expected), "{}", run.stderr);
    }
    let run = Fetchall::new().args(["crawl", "--queue", queue, "--max-pages", "5", "http://127.0.0.1:9/"]).run();
    assert!(run.code() == Some(2) && run.stderr.contains("--max-pages"), "{}", run.stderr);
    let run = Fetchall::new().args(["--queue", "http://u:hunter2@127.0.0.1/", "http://127.0.0.1:9/"]).run();
    assert!(run.code() == Some(2) && !run.stderr.contains("hunter2"), "{}", run.stderr);
}
