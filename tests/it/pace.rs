//! Limits on the rate of requests and the speed of downloads, on every backend. The server's log is the evidence.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// Runs a list on each backend at once, each with a server of its own.
fn on_each(
    script: fn() -> Script,
    names: &[&str],
    args: &[&str],
    check: impl Fn(&str, &[Duration], &FaultServer, &Finished) + Sync,
) {
    let check = &check;
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            scope.spawn(move || {
                let server = FaultServer::start(script());
                let list: String = names.iter().map(|name| server.url(name) + "\n").collect();
                let started = Instant::now();
                let run = Fetchall::new().args(["--json", "--backend", backend]).args(args).stdin(list).run();
                let times: Vec<_> = server.requests().iter().map(|request| request.at - started).collect();
                check(backend, &times, &server, &run);
            });
        }
    });
}

/// Checks that no request came before its turn, were they all as close together as they may be. The
/// delay to the server can only make a request late.
fn assert_apart(backend: &str, times: &[Duration], least: Duration) {
    for (n, at) in (0..).zip(times) {
        assert!(*at >= least * n, "{backend}: {times:?}");
    }
}

#[test]
fn the_delay_separates_requests_redirects_and_retries_of_a_host() {
    let script = || {
        let busy = Act::Status(503, vec![("Retry-After", "0".to_owned())]);
        // A server may announce in this way that it closes an idle connection.
        let idle = Act::Raw(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec());
        let script = Script::new().otherwise(ok()).on("r", Act::RedirectTo("/there".into()));
        script.on_each("busy", vec![busy, ok()]).on_each("idle", vec![idle, ok()])
    };
    let args = ["--delay", "200ms", "-c", "4", "--retry", "1", "--retry-max-wait", "10ms"];
    on_each(script, &["1", "r", "busy", "2", "idle"], &args, |backend, times, _, run| {
        assert_eq!((run.code(), times.len()), (Some(0), 8), "{backend}: {}", run.stderr);
        assert_apart(backend, times, Duration::from_millis(200));
    });
}

#[test]
fn a_dry_run_waits_for_nothing() {
    let list: String = (0..50).map(|n| format!("http://127.0.0.1:1/{n}\n")).collect();
    for args in [&["--delay", "200"][..], &["--rate", "1/h"], &["--per-host", "1", "--delay", "1h", "--random-wait"]] {
        let started = Instant::now();
        let run = Fetchall::new().args(["--json", "--dry-run"]).args(args).stdin(list.as_str()).run().expect_code(0);
        assert!(run.records().len() == 50 && started.elapsed() < Duration::from_secs(60), "{args:?}");
        let is_doubted = run
            .stderr
            .contains("warning: --delay (or --wait): 200 s between two requests; write 200s for that, or 200ms\n");
        assert_eq!(is_doubted, args == ["--delay", "200"], "{}", run.stderr);
    }
}

#[test]
fn a_random_wait_is_from_half_to_one_and_a_half_times_as_long() {
    let names = ["1", "2", "3", "4", "5"];
    let args = ["--wait", "200ms", "--random-wait", "-c", "5"];
    on_each(
        || Script::new().otherwise(ok()),
        &names,
        &args,
        |backend, times, _, _| {
            assert_eq!(times.len(), 5, "{backend}");
            assert_apart(backend, times, Duration::from_millis(100));
        },
    );
}

#[test]
fn all_requests_together_keep_to_the_rate() {
    let names: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    on_each(
        || Script::new().otherwise(ok()),
        &names,
        &["--rate", "20/s", "-c", "8"],
        |backend, times, _, run| {
            assert_eq!((run.code(), times.len()), (Some(0), 30), "{backend}: {}", run.stderr);
            assert_apart(backend, times, Duration::from_millis(50));
            assert!(times[29] < Duration::from_secs(8), "{backend}: and not much less: {times:?}");
        },
    );
}

#[test]
fn waits_for_the_rate_limit_are_not_slowness_of_the_server() {
    let names = ["1", "2", "3", "4"];
    let body = || Script::new().otherwise(Act::KeepAliveOk(vec![b'x'; 40_000]));
    // Each wait is longer than the read timeout, and slower than the low speed.
    let args = ["--limit-rate", "100000", "-c", "4", "--read-timeout", "300ms", "--low-speed", "90000/1s"];
    let args = [&args[..], &["--progress", "json"]].concat();
    on_each(body, &names, &args, |backend, _, _, run| {
        assert_eq!(run.code(), Some(0), "{backend}: {}{}", run.stdout, run.stderr);
        // The backends run side by side, so each run says how long it took itself.
        let took = received(run).last().map(|(elapsed, _)| *elapsed);
        assert!(took >= Some(1200), "{backend}: {took:?}");
    });
}

/// The times and the numbers of body bytes that the program reports as received so far.
fn received(run: &Finished) -> Vec<(u64, u64)> {
    let events = run.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter_map(|event| Some((event["elapsed_ms"].as_u64()?, event["wire_bytes"].as_u64()?))).collect()
}

#[test]
fn large_bodies_use_the_rate_limit_within_any_two_seconds() {
    const LIMIT: u64 = 400_000;
    let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let body = || Script::new().otherwise(Act::KeepAliveOk(vec![b'x'; 1_000_000]));
    let args = ["--limit-rate", "400000", "-c", "12", "--per-host", "none", "--progress", "json"];
    let args = [&args[..], &["--max-duration", "3200ms", "--grace", "0"]].concat();
    on_each(body, &names, &args, |backend, _, server, run| {
        let received = received(run);
        let windows = received.iter().enumerate().flat_map(|(i, (from, before))| {
            let within = received[i..].iter().take_while(move |(at, _)| *at <= from + 2000);
            within.map(move |(_, bytes)| bytes - before)
        });
        let worst = windows.max().unwrap_or_default();
        assert!(worst * 100 <= 2 * LIMIT * 105, "{backend}: {worst} in 2 s: {received:?}");
        let (elapsed, all) = received.last().copied().unwrap_or_default();
        assert!(elapsed >= 2500 && all * 1000 >= LIMIT * elapsed / 2, "{backend}: {received:?}\n{}", run.stderr);
        let asked = server.requests().len();
        assert!(asked == 12 || backend == "sequential", "{backend}: not all at once: {asked}");
    });
}

#[test]
fn many_small_bodies_of_children_use_the_limit() {
    let pages = || Script::new().otherwise(Act::Chunked(vec![b'x'; 3000]));
    let server = FaultServer::start(pages());
    let list: String = (0..200).map(|n| server.url(&n.to_string()) + "\n").collect();
    let run = Fetchall::new().args(["--backend", "processes", "-c4", "--limit-rate", "300000"]).stdin(list);
    run.run().expect_code(0);
    let requests = server.requests();
    let took = requests[199].at - requests[0].at;
    // Two seconds.
    assert!(took >= Duration::from_millis(1800) && took < Duration::from_millis(3500), "{took:?}");
}

#[test]
fn a_fixed_number_for_each_host_holds() {
    let slow = || Script::new().otherwise(Act::Delayed(Duration::from_millis(20), Box::new(ok())));
    let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    on_each(slow, &names, &["--per-host", "2", "-c", "8"], |backend, _, server, run| {
        assert_eq!(run.code(), Some(0), "{backend}: {}", run.stderr);
        assert_eq!(server.max_in_flight(), if backend == "sequential" { 1 } else { 2 }, "{backend}");
    });
}

#[test]
fn requests_beside_a_tarpit_never_exceed_the_concurrency() {
    let good = || Act::Delayed(Duration::from_millis(40), Box::new(ok()));
    let drip = Act::DrippingBody { bytes: 40, every: Duration::from_millis(50) };
    let cases = [(Act::Stalled, 1), (drip, 0)];
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            for (act, code) in cases.clone() {
                scope.spawn(move || {
                    let server = FaultServer::start(Script::new().otherwise(good()));
                    let tarpit = FaultServer::start(Script::new().otherwise(act.clone()));
                    let pages = if backend == "sequential" { 10 } else { 400 };
                    let mut list = tarpit.url("x") + "\n";
                    list.extend((0..pages).map(|n| server.url(&n.to_string()) + "\n"));
                    let args = ["-c", "8", "--read-timeout", "3s", "--retry", "0", "--summary", "s.json"];
                    let run = Fetchall::new().args(["--backend", backend]).args(args).stdin(list).run();
                    let what = format!("{backend} beside {act:?}: {}", run.stderr);
                    assert_eq!((run.code(), server.requests().len()), (Some(code), pages), "{what}");
                    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
                    let peak = if backend == "sequential" { 1 } else { 8 };
                    assert_eq!(summary["peak_concurrency"], peak, "{what}");
                    assert!(server.max_in_flight() <= peak, "{what}");
                });
            }
        }
    });
}

#[test]
fn a_table_without_port_paces_all_ports_but_sends_no_secrets() {
    for (name, user, expected) in [
        ("127.0.0.1", false, None),
        ("127.0.0.1", true, Some("user of [hosts.\"http://127.0.0.1\"] not sent: the port is ")),
        ("127.0.0.1:9", false, Some("[hosts.\"127.0.0.1:9\"]: for no URL of the list")),
    ] {
        let server = FaultServer::start(Script::new().otherwise(ok()));
        let scheme = if user { "http://" } else { "" };
        let user = if user { "user = \"ann:hunter2\"\n" } else { "" };
        let table = format!("[hosts.\"{scheme}{name}\"]\ndelay = \"100ms\"\n{user}");
        let list = ["1", "2", "3"].map(|name| server.url(name) + "\n").concat();
        let started = Instant::now();
        let run =
            Fetchall::new().file("own.toml", &table).args(["--config", "own.toml"]).stdin(list).run().expect_code(0);
        let times: Vec<_> = server.requests().iter().map(|request| request.at - started).collect();
        if name == "127.0.0.1" {
            assert_apart(name, &times, Duration::from_millis(100));
        }
        assert!(server.requests().iter().all(|request| request.header("authorization").is_none()), "{table}");
        let port = server.address().port();
        match expected {
            None => assert!(!run.stderr.contains("[hosts."), "{}", run.stderr),
            Some(part) => {
                let hint = match user {
                    "" => format!("it has 127.0.0.1:{port}; write :{port} behind the name"),
                    _ => format!("; write [hosts.\"http://127.0.0.1:{port}\"]"),
                };
                assert!(run.stderr.contains(part) && run.stderr.contains(&hint), "{}", run.stderr);
            }
        }
    }
}

#[test]
fn settings_of_a_host_table_apply_to_that_host_alone() {
    let other = FaultServer::start(Script::new().otherwise(ok()));
    let away = Act::RedirectTo(other.url("there"));
    let server = FaultServer::start(Script::new().otherwise(ok()).on("r", away));
    let (own, foreign) = (server.address(), other.address());
    let tables = format!(
        "[hosts.\"http://{own}\"]\nuser = \"ann:hunter2\"\nheader = [\"X-Key: k\", \"Cookie: c=1\"]\nper-host = 1\n\
         [hosts.\"{foreign}\"]\nuser = \"bob:swordfish\"\nheader = [\"X-Other: o\"]\n"
    );
    for backend in BACKENDS {
        let list = ["r", "1"].map(|name| server.url(name) + "\n").concat();
        let run = Fetchall::new()
            .file("own.toml", &tables)
            .args(["--config", "own.toml", "--json", "--backend", backend])
            .stdin(list);
        let run = run.run().expect_code(0);
        for request in server.requests() {
            assert_eq!(request.header("authorization"), Some("Basic YW5uOmh1bnRlcjI="), "{backend}");
            assert_eq!((request.header("x-key"), request.header("cookie")), (Some("k"), Some("c=1")));
        }
        for request in other.requests() {
            assert_eq!((request.header("x-key"), request.header("cookie")), (None, None), "{backend}");
            assert_eq!(request.header("x-other"), Some("o"));
            assert_eq!(request.header("authorization"), None, "it was not written for http");
        }
        for secret in ["hunter2", "YW5uOmh1bnRlcjI", "swordfish"] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
        }
    }
    assert_eq!((server.requests().len(), other.requests().len()), (8, 4));
    let shown =
        Fetchall::new().file("own.toml", &tables).args(["config", "--config", "own.toml"]).run().expect_code(0).stdout;
    assert!(!shown.contains("hunter2") && !shown.contains("c=1") && !shown.contains("swordfish"), "{shown}");
    assert!(shown.contains("user = \"(hidden):(hidden)\"") && shown.contains("per-host = 1"), "{shown}");
    let wrong = Fetchall::new().file("fetchall.toml", "[hosts.\"a.test\"]\nusr = \"a:b\"\n").arg("config").run();
    assert!(wrong.expect_code(2).stderr.contains("fetchall.toml:2: unknown key `usr` of a host"));
}
