//! Retries as the program does them: against servers that fail at first, or ask to be left alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::schema;
use crate::support::single::{files, kind};

/// Waits of our own choice are short.
const SHORT: [&str; 2] = ["--retry-max-wait", "20ms"];

fn status(status: u16, fields: &[(&'static str, &str)]) -> Act {
    Act::Status(status, fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

/// A record, the run that wrote it, and the server.
type Fetched = (Value, Finished, FaultServer);

/// Fetches `/x`, whose requests get these acts in turn.
fn fetch(acts: Vec<Act>, args: &[&str]) -> Fetched {
    let server = FaultServer::start(Script::new().on_each("x", acts));
    let url = server.url("x");
    let base = ["--json", "--summary", "s.json", url.as_str()];
    let run = Fetchall::new().with_retries().args(base).args(args).run();
    let mut records = run.records();
    assert_eq!(records.len(), 1, "each URL is told once: {}\n{}", run.stdout, run.stderr);
    (records.remove(0), run, server)
}

fn summary(run: &Finished) -> Value {
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    summary
}

#[test]
fn by_default_what_may_pass_is_tried_again_and_ends_well() {
    for first in [
        status(503, &[]),
        status(429, &[("Retry-After", "0")]),
        status(500, &[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")]),
        Act::ResetBeforeHead,
        Act::CloseWithoutAnswer,
        Act::CutContentLength,
        Act::ResetInBody,
        Act::CutGzip,
    ] {
        let (record, run, server) = fetch(vec![first.clone(), ok()], &[&SHORT[..], &["-d", "out"]].concat());
        assert_eq!((kind(&record), &record["attempts"]), ("ok", &json!(2)), "{first:?}: {record}");
        assert_eq!((run.code(), server.asked("/x")), (Some(0), 2));
        assert_eq!(run.read(record["path"].as_str().expect("it was saved")), b"hello\n");
        assert_eq!(files(&run.folder().join("out")).len(), 1, "nothing is left of the first try");
        assert_eq!(summary(&run)["retries"], 1);
    }
}

#[test]
fn permanent_failures_are_requested_once() {
    for (act, expected) in [
        (status(404, &[("Retry-After", "0")]), "http_status"),
        (status(501, &[]), "http_status"),
        (Act::Garbage, "protocol"),
        (Act::UnsupportedCoding, "decode"),
        (Act::RedirectNoLocation, "redirect"),
    ] {
        let (record, run, server) = fetch(vec![act], &SHORT);
        assert_eq!((kind(&record), &record["attempts"], server.asked("/x")), (expected, &json!(1), 1));
        assert!(!run.stderr.contains("retries"), "{}", run.stderr);
    }
}

#[test]
fn a_wait_that_the_server_names_is_kept_on_every_backend() {
    // One second is the shortest wait that a server can name; all wait for it at once.
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            scope.spawn(move || {
                let acts = vec![status(429, &[("Retry-After", "1")]), ok()];
                let server = FaultServer::start(Script::new().on_each("x", acts).otherwise(ok()));
                let list: String = ["x", "1", "2", "3"].map(|name| server.url(name) + "\n").concat();
                let run = Fetchall::new().with_retries().args(["--json", "--backend", backend, "-c", "1"]);
                let run = run.stdin(list).run().expect_code(0);
                let requests = server.requests();
                assert_eq!(requests.len(), 5, "{backend}");
                let waited = requests[1].at - requests[0].at;
                assert!(waited >= Duration::from_secs(1), "{backend}: nobody asks this host for {waited:?}");
                for record in run.records() {
                    let again = record["url"].as_str().is_some_and(|url| url.ends_with("/x"));
                    assert_eq!(record["attempts"], 1 + u32::from(again), "{backend}: {record}");
                }
            });
        }
    });
}

#[test]
fn a_body_that_is_partly_on_its_way_to_a_pipe_is_not_sent_twice() {
    let server = FaultServer::start(Script::new().on_each("x", vec![Act::CutContentLength, ok()]));
    let run = Fetchall::new().with_retries().args(SHORT).args(["-O", "-", "-o", "records", "--json"]);
    let run = run.arg(server.url("x")).run().expect_code(1);
    assert_eq!((run.stdout.len(), server.asked("/x")), (crate::support::act::SENT, 1));
    let (_, run, _) = fetch(vec![status(503, &[]), ok()], &SHORT);
    assert_eq!(run.code(), Some(0));
}

#[test]
fn a_cut_body_is_retried_alike_by_all_backends() {
    for backend in BACKENDS {
        let acts = vec![status(503, &[]), Act::CutContentLength, status(429, &[("Retry-After", "0")]), ok()];
        let (record, run, server) = fetch(acts, &[&SHORT[..], &["--backend", backend]].concat());
        assert_eq!((kind(&record), &record["attempts"], server.asked("/x")), ("ok", &json!(4), 4), "{backend}");
        assert_eq!((&summary(&run)["retries"], &record["bytes"]), (&json!(3), &json!(6)));
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_all_waiting_at_once() {
    let busy = FaultServer::start(Script::new().otherwise(status(503, &[("Retry-After", "50")])));
    let free = FaultServer::start(Script::new().otherwise(ok()));
    let mut list = format!("{}\n{}\n", busy.url("first"), free.url("second"));
    list.extend((0..48).map(|n| busy.url(&format!("{n}\n"))));
    let args = ["--json", "--summary", "s.json", "-c", "1"];
    let mut running = Fetchall::new().with_retries().args(args).stdin(list).spawn();
    // The second is done, so the first waits for its next try and the others for their host.
    running.next_line();
    let started = Instant::now();
    running.interrupt();
    let run = running.wait().expect_code(130);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let records = run.records();
    let summary = summary(&run);
    assert_eq!((records.len(), &summary["ok"], &summary["cancelled"]), (50, &json!(1), &json!(49)), "{}", run.stderr);
    for record in records.iter().filter(|record| kind(record) != "ok") {
        let tried = record["source"]["line"] == 1;
        assert_eq!((kind(record), &record["attempts"]), ("cancelled", &json!(u32::from(tried))), "{record}");
        assert_eq!(record["status"], if tried { json!(503) } else { json!(null) }, "{record}");
        assert_eq!(record["started_at"].is_string(), tried, "{record}");
    }
    assert_eq!(busy.requests().len(), 1);
}

#[test]
fn each_retry_is_reported() {
    let acts = || vec![Act::ResetBeforeHead, status(503, &[]), ok()];
    let (record, run, _) = fetch(acts(), &[&SHORT[..], &["--progress", "json"]].concat());
    let events: Vec<Value> = run.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).cloned().collect::<Vec<_>>();
    let retrying = of("retrying");
    assert_eq!(retrying.len(), 2, "{}", run.stderr);
    assert_eq!(retrying[0]["url"], record["url"]);
    let told = |event: &Value| (event["attempt"].clone(), event["status"].clone(), event["error"].clone());
    assert_eq!(told(&retrying[0]), (json!(1), json!(null), json!("reset")));
    assert_eq!(told(&retrying[1]), (json!(2), json!(503), json!("http_status")));
    assert!(retrying.iter().all(|event| event["after_ms"].as_u64().is_some_and(|ms| ms <= 20)));
    assert_eq!((of("started").len(), of("done").len()), (3, 1));
    let (_, run, _) = fetch(acts(), &[&SHORT[..], &["--log", "log"]].concat());
    let log = String::from_utf8(run.read("log")).expect("text");
    assert_eq!(log.matches("trying again").count(), 2, "{log}");
}
