//! Retries against a server that fails at first.

use std::time::Instant;

use serde_json::{Value, json};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::cli::{Fetchall, Finished};
use crate::support::mock::{Mocks, get, hello};
use crate::support::schema;
use crate::support::single::kind;

/// Answers `GET /x` so many times with this, before any mock of a higher priority number.
fn first(times: u64, answer: ResponseTemplate) -> Mock {
    get("x").respond_with(answer).up_to_n_times(times).with_priority(1).expect(times)
}

/// Answers every other `GET /x`.
fn then(answer: ResponseTemplate, times: u64) -> Mock {
    get("x").respond_with(answer).with_priority(2).expect(times)
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

/// Fetches `/x` with retries whose own waits are short. Returns its record and the summary.
fn fetch(server: &Mocks, args: &[&str]) -> (Value, Value, Finished) {
    let base = ["--json", "--summary", "s.json", "--retry-max-wait", "20ms"];
    let run = Fetchall::new().with_retries().args(base).args(args).arg(server.url("x")).run();
    let mut records = run.records();
    assert_eq!(records.len(), 1, "{}\n{}", run.stdout, run.stderr);
    (records.remove(0), summary(&run), run)
}

fn summary(run: &Finished) -> Value {
    let summary = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    summary
}

#[test]
fn statuses_that_may_pass_are_retried() {
    for code in [408, 429, 500, 502, 503, 504] {
        let server = Mocks::start([first(1, status(code)), then(hello(), 1)]);
        let (record, summary, run) = fetch(&server, &["-d", "out"]);
        assert_eq!((kind(&record), &record["attempts"]), ("ok", &json!(2)), "{code}: {record}");
        assert_eq!((run.code(), &summary["retries"]), (Some(0), &json!(1)));
        assert_eq!(run.read(record["path"].as_str().expect("a path")), b"hello\n");
    }
}

#[test]
fn statuses_that_will_not_pass_are_asked_once() {
    for code in [400, 401, 403, 404, 405, 410, 501] {
        let server = Mocks::start([then(status(code), 1)]);
        let (record, summary, _) = fetch(&server, &[]);
        assert_eq!((kind(&record), &record["attempts"]), ("http_status", &json!(1)), "{record}");
        assert_eq!(summary["retries"], 0);
    }
}

#[test]
fn the_last_of_four_tries_is_recorded() {
    let server = Mocks::start([first(3, status(502)), then(status(504), 1)]);
    let (record, summary, run) = fetch(&server, &[]);
    assert_eq!((&record["status"], &record["attempts"]), (&json!(504), &json!(4)), "{record}");
    assert_eq!((&summary["http_error"], &summary["retries"]), (&json!(1), &json!(3)));
    assert_eq!(summary["errors"], json!({"http_status": 1}));
    assert!(run.code() == Some(1) && run.stderr.contains("retries    3\n"), "{}", run.stderr);
}

#[test]
fn retry_sets_the_number_of_tries() {
    for (retries, tries) in [("0", 1), ("1", 2), ("5", 6)] {
        let server = Mocks::start([then(status(503), tries)]);
        let (record, ..) = fetch(&server, &["--retry", retries]);
        assert_eq!((&record["status"], &record["attempts"]), (&json!(503), &json!(tries)), "{record}");
    }
}

#[test]
fn retry_on_chooses_what_is_retried() {
    for (args, code, outcome, tries) in [
        (["--retry-on", "404"], 404, "ok", 2),
        (["--retry-on", "4xx,reset"], 503, "http_error", 1),
        (["--retry-on", "5xx"], 501, "ok", 2),
        (["--retries", "0"], 503, "http_error", 1),
    ] {
        let server = Mocks::start([first(1, status(code)), then(hello(), tries - 1)]);
        let (record, ..) = fetch(&server, &args);
        assert_eq!((&record["outcome"], &record["attempts"]), (&json!(outcome), &json!(tries)), "{args:?}: {record}");
    }
    let wrong = Fetchall::new().args(["--retry-on", "503,tiemout", "http://a.test/"]).run().expect_code(2);
    assert!(wrong.stderr.contains("--retry-on: `tiemout` is none of dns,"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("did you mean `timeout`?"), "{}", wrong.stderr);
}

#[test]
fn retry_after_in_the_past_is_no_wait() {
    for value in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let busy = status(429).insert_header("retry-after", value);
        let server = Mocks::start([first(2, busy), then(hello(), 1)]);
        let began = Instant::now();
        let (record, ..) = fetch(&server, &[]);
        assert_eq!((kind(&record), &record["attempts"]), ("ok", &json!(3)), "{value}: {record}");
        assert!(began.elapsed().as_secs() < 10, "{value}: {:?}", began.elapsed());
    }
}

#[test]
fn a_long_retry_after_ends_all_requests_to_that_host() {
    let busy = status(503).insert_header("retry-after", "3600");
    let busy = Mocks::start([Mock::given(wiremock::matchers::any()).respond_with(busy).expect(1)]);
    let free = Mocks::hello();
    let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let list = busy.list(&names) + &free.list(&names);
    let began = Instant::now();
    let args = ["--json", "-d", "out", "--summary", "s.json", "-c", "1"];
    let run = Fetchall::new().with_retries().args(args).stdin(list).run().expect_code(1);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    let records = run.records();
    let count = |wanted: &str| records.iter().filter(|record| kind(record) == wanted).count();
    assert_eq!((count("ok"), count("http_status"), count("blocked")), (10, 1, 9), "{}", run.stdout);
    for record in records.iter().filter(|record| kind(record) == "blocked") {
        assert_eq!((&record["outcome"], &record["attempts"]), (&json!("failed"), &json!(0)), "{record}");
        let message = record["error"]["message"].as_str().expect("a message");
        assert!(message.contains(&format!("{} wants to be left alone until 20", busy.address())), "{message}");
    }
    let summary = summary(&run);
    assert_eq!((&summary["failed"], &summary["http_error"], &summary["stopped"]), (&json!(9), &json!(1), &Value::Null));
}

#[test]
fn all_backends_retry_statuses_alike() {
    for backend in BACKENDS {
        let server = Mocks::start([first(3, status(503)), then(hello(), 1)]);
        let (record, summary, _) = fetch(&server, &["--backend", backend]);
        assert_eq!((kind(&record), &record["attempts"]), ("ok", &json!(4)), "{backend}: {record}");
        assert_eq!((&summary["retries"], &record["bytes"]), (&json!(3), &json!(6)), "{backend}");
    }
}

#[test]
fn each_try_sends_the_same_fields() {
    let busy = |request: &Request| {
        let trial = request.headers.get("x-trial").is_some_and(|value| value == "1");
        if trial { status(503) } else { status(400) }
    };
    let busy = get("x").respond_with(busy).up_to_n_times(2).with_priority(1).expect(2);
    let server = Mocks::start([busy, then(hello(), 1)]);
    let (record, ..) = fetch(&server, &["-H", "X-Trial: 1"]);
    assert_eq!((kind(&record), &record["attempts"]), ("ok", &json!(3)), "{record}");
}
