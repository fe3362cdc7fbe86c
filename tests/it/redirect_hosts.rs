//! A redirect is a request of the host that it leads to: it waits for that host as all others do, and
//! holds no slot meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

/// Two servers: every `/to/N` of the first redirects to `/N` of the second, which follows its script.
struct Pair {
    front: FaultServer,
    back: FaultServer,
}

const URLS: usize = 8;

impl Pair {
    fn new(script: Script) -> Pair {
        let back = FaultServer::start(script);
        let leads = |script: Script, n: usize| script.on(&n.to_string(), Act::RedirectTo(back.url(&format!("b{n}"))));
        let front = FaultServer::start((0..URLS).fold(Script::new().otherwise(ok()), leads));
        Pair { front, back }
    }

    fn run(&self, backend: &str, args: &[&str]) -> crate::support::cli::Finished {
        let list: String = (0..URLS).map(|n| self.front.url(&n.to_string()) + "\n").collect();
        Fetchall::new().with_retries().args(["--json", "--backend", backend]).args(args).stdin(list).run()
    }
}

fn on_each(script: fn() -> Script, args: &[&str], check: impl Fn(&str, &Pair, &crate::support::cli::Finished) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            scope.spawn(move || {
                let pair = Pair::new(script());
                let run = pair.run(backend, args);
                check(backend, &pair, &run);
            });
        }
    });
}

#[test]
fn a_redirect_to_a_held_host_waits_without_a_slot() {
    let script = || {
        let busy = Act::Status(429, vec![("Retry-After", "1".to_owned())]);
        Script::new().otherwise(ok()).on_each("b0", vec![busy, ok()])
    };
    // The wait for the host does not count as time of the URL.
    let args = ["-c", "1", "--timeout", "950ms"];
    on_each(script, &args, |backend, pair, run| {
        assert_eq!(run.code(), Some(0), "{backend}: {}{}", run.stdout, run.stderr);
        let (front, back) = (pair.front.requests(), pair.back.requests());
        assert_eq!((front.len(), back.len()), (URLS + 1, URLS + 1), "{backend}: the one that was turned away again");
        let busy = back.iter().position(|request| request.path == "/b0").unwrap();
        let first = back[busy].at;
        for request in &back[busy + 1..] {
            let after = request.at - first;
            assert!(after >= Duration::from_millis(995), "{backend}: {} came after {after:?}", request.path);
        }
        let meanwhile = front.iter().filter(|request| request.at < first + Duration::from_secs(1)).count();
        assert_eq!(meanwhile, URLS, "{backend}: the others were asked meanwhile");
        for record in run.records() {
            let attempts = if record["url"].as_str().unwrap().ends_with("/0") { 2 } else { 1 };
            assert_eq!(record["attempts"], attempts, "{backend}: {record}");
            assert_eq!(record["redirects"].as_array().unwrap().len(), 1, "{backend}: {record}");
        }
    });
}

#[test]
fn a_redirect_to_a_host_held_for_the_run_sends_no_request() {
    let script = || Script::new().otherwise(Act::Status(503, vec![("Retry-After", "3600".to_owned())]));
    on_each(script, &["-c", "1"], |backend, pair, run| {
        assert_eq!(run.code(), Some(1), "{backend}: {}", run.stderr);
        assert_eq!((pair.front.requests().len(), pair.back.requests().len()), (URLS, 1), "{backend}");
        let mut kinds = BTreeMap::<String, usize>::new();
        for record in run.records() {
            let kind = record["error"]["kind"].as_str().unwrap().to_owned();
            let led_to = record["final_url"].as_str().unwrap();
            assert!(led_to.starts_with(&pair.back.url("")), "{backend}: {record}");
            if kind == "blocked" {
                let message = record["error"]["message"].as_str().unwrap();
                assert!(message.contains(&pair.back.address().to_string()), "{backend}: {message}");
                assert_eq!(record["redirects"].as_array().unwrap().len(), 1, "{backend}: {record}");
            }
            *kinds.entry(kind).or_default() += 1;
        }
        let expected = [("blocked".to_owned(), URLS - 1), ("http_status".to_owned(), 1)];
        assert_eq!(kinds, BTreeMap::from(expected), "{backend}");
    });
}

#[test]
fn redirects_keep_to_the_number_of_their_host() {
    let script = || Script::new().otherwise(Act::Delayed(Duration::from_millis(20), Box::new(ok())));
    on_each(script, &["-c", "8", "--per-host", "2"], |backend, pair, run| {
        assert_eq!(run.code(), Some(0), "{backend}: {}", run.stderr);
        assert_eq!(pair.back.max_in_flight(), if backend == "sequential" { 1 } else { 2 }, "{backend}");
    });
}

#[test]
fn the_limit_of_a_url_is_one_for_all_its_hops() {
    let slow = Act::Delayed(Duration::from_millis(300), Box::new(Act::RedirectLoop));
    let server = FaultServer::start(Script::new().on("slow", slow));
    let started = Instant::now();
    let run = Fetchall::new().args(["--json", "--timeout", "700ms", &server.url("slow")]).run().expect_code(1);
    let record = &run.records()[0];
    assert_eq!(record["error"]["kind"], "timeout", "{record}");
    assert!(record["error"]["message"].as_str().unwrap().contains("700ms"), "{record}");
    assert!(started.elapsed() >= Duration::from_millis(700));
    let total = record["timing"]["total_ms"].as_f64().unwrap();
    assert!(total >= 700.0, "{record}");
}

#[test]
fn an_attempt_ended_by_a_redirect_records_the_redirect() {
    let back = FaultServer::start(Script::new().otherwise(Act::Status(503, vec![("Retry-After", "3600".to_owned())])));
    let away = |path: &str| Act::RedirectTo(back.url(path));
    let front = Script::new().on_each("0", vec![Act::Status(500, Vec::new()), away("b0")]).on("1", away("b1"));
    let front = FaultServer::start(front);
    let run = Fetchall::new().with_retries().args(["--json", "-c", "1", &front.url("0"), &front.url("1")]).run();
    let records = run.expect_code(1).records();
    let record = records.iter().find(|record| record["url"] == front.url("0")).unwrap();
    assert_eq!((&record["error"]["kind"], &record["attempts"]), (&"blocked".into(), &2.into()), "{record}");
    assert_eq!((&record["final_url"], &record["status"]), (&back.url("b0").into(), &302.into()), "{record}");
}

#[test]
fn refusals_count_as_failures_and_end_the_run_in_time() {
    let script = Script::new().otherwise(Act::Status(503, vec![("Retry-After", "3600".to_owned())]));
    let server = FaultServer::start(script);
    let list: String = (0..200).map(|n| server.url(&n.to_string()) + "\n").collect();
    let args = ["--json", "-c", "1", "--max-failures", "3"];
    let run = Fetchall::new().with_retries().args(args).stdin(list).run().expect_code(4);
    let records = run.records();
    let cancelled = records.iter().filter(|record| record["outcome"] == "cancelled").count();
    // Lines that the run had not read when it stopped have no record.
    assert!(cancelled > 0, "{records:?}");
    assert_eq!((records.len() - cancelled, server.requests().len()), (3, 1));
}

#[test]
fn a_redirect_that_asks_for_a_wait_is_followed_after_it() {
    let there = |wait: &str| vec![("Location", "/there".to_owned()), ("Retry-After", wait.to_owned())];
    let started = BACKENDS.map(|backend| {
        let script = Script::new().on("soon", Act::Status(303, there("1"))).on("late", Act::Status(303, there("3600")));
        let server = FaultServer::start(script.otherwise(ok()));
        let urls = ["soon", "late", "other"].map(|name| server.url(name));
        let running = Fetchall::new().args(["--json", "-c", "1", "--backend", backend]).args(urls).spawn();
        (backend, server, running)
    });
    for (backend, server, running) in started {
        let records = running.wait().expect_code(1).records();
        let requests = server.requests();
        let at = |path: &str| requests.iter().find(|request| request.path == path).unwrap().at;
        assert!(at("/there") - at("/soon") >= Duration::from_millis(995), "{backend}");
        assert!(at("/other") < at("/there"), "{backend}: nobody waits for it");
        let late = records.iter().find(|record| record["url"] == server.url("late")).unwrap();
        assert_eq!((&late["error"]["kind"], &late["attempts"]), (&"redirect".into(), &1.into()), "{backend}: {late}");
        assert_eq!(requests.len(), 4, "{backend}");
    }
}
