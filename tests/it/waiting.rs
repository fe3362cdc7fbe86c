//! The conditions that end a run, the order of its records, and the failures that count, through the program.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::schema;

/// `/never` hangs, `/slow` takes its time, `/gone` is 404, everything else is there at once.
fn server() -> FaultServer {
    let slow = Act::Delayed(Duration::from_millis(150), Box::new(Act::KeepAliveOk(b"slow\n".to_vec())));
    let gone = Act::RawKeepAlive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let script = Script::new().on("slow", slow).on("never", Act::Stalled).on("gone", gone);
    FaultServer::start(script.otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

fn run(server: &FaultServer, paths: &[&str], args: &[&str]) -> (Finished, Vec<String>, Value) {
    let list: String = paths.iter().map(|path| server.url(path) + "\n").collect();
    let finished = Fetchall::new().args(["--json", "--summary", "s.json"]).args(args).stdin(list).run();
    let summary: Value = serde_json::from_slice(&finished.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    let told = finished.records().into_iter().map(|record| {
        let url = record["url"].as_str().unwrap_or_default();
        format!("{} {}", url.rsplit('/').next().unwrap_or_default(), record["outcome"].as_str().unwrap_or_default())
    });
    let told = told.collect();
    (finished, told, summary)
}

#[test]
fn records_come_in_the_order_of_the_input_when_asked() {
    let server = server();
    let paths = ["slow", "a", "gone", "a", "b"];
    let (_, told, _) = run(&server, &paths, &["--order", "input"]);
    assert_eq!(told, ["slow ok", "a ok", "gone http_error", "a skipped", "b ok"]);
    let (_, told, _) = run(&server, &paths, &[]);
    assert_eq!(told.last().map(String::as_str), Some("slow ok"), "{told:?}");
}

#[test]
fn the_first_success_is_enough() {
    let server = server();
    let (finished, told, summary) = run(&server, &["never", "gone", "slow"], &["--until", "first-success"]);
    finished.expect_code(0);
    assert_eq!(told.iter().filter(|t| t.ends_with(" ok")).count(), 1, "{told:?}");
    assert!(told.contains(&"never cancelled".to_owned()), "{told:?}");
    assert_eq!(summary["stopped"], "first_success");
    let (finished, ..) = run(&server, &["gone"], &["--until", "first-success"]);
    finished.expect_code(1);
}

#[test]
fn fail_fast_ends_at_the_first_failure_without_waiting() {
    let server = server();
    let started = Instant::now();
    let (finished, told, summary) = run(&server, &["never", "a", "gone"], &["--fail-fast", "-c", "3", "--grace", "1m"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    finished.expect_code(1);
    assert!(told.contains(&"never cancelled".to_owned()) && told.contains(&"gone http_error".to_owned()), "{told:?}");
    assert_eq!(summary["stopped"], "first_error");
}

#[test]
fn the_first_that_is_done_ends_the_run() {
    let server = server();
    let (finished, told, summary) = run(&server, &["never", "a"], &["--until", "first-completed"]);
    finished.expect_code(0);
    assert_eq!(told, ["a ok", "never cancelled"]);
    assert_eq!(summary["stopped"], "first_completed");
}

#[test]
fn limits_of_failures_and_of_time_have_a_code_of_their_own() {
    let server = server();
    let (finished, told, summary) =
        run(&server, &["gone", "gone?2", "never"], &["-c", "1", "--max-failures", "2", "--order", "input"]);
    finished.expect_code(4);
    assert_eq!(told, ["gone http_error", "gone?2 http_error", "never cancelled"]);
    assert_eq!(summary["stopped"], "max_failures");
    let (finished, told, summary) = run(&server, &["a", "never"], &["--max-duration", "300ms", "--grace", "1m"]);
    finished.expect_code(4);
    assert_eq!(told, ["a ok", "never cancelled"]);
    assert_eq!(summary["stopped"], "max_duration");
}

#[test]
fn quota_ends_a_run_when_that_many_bytes_have_come() {
    let server = server();
    // Each body has 6 bytes. The slow one is under way when the quota is reached.
    let (finished, told, summary) =
        run(&server, &["a", "b", "slow", "never"], &["-c", "2", "--quota", "12", "--order", "input"]);
    let finished = finished.expect_code(4);
    assert_eq!(told[..2], ["a ok", "b ok"]);
    assert_eq!(told[3], "never cancelled", "{told:?}");
    assert_eq!(summary["stopped"], "quota");
    assert!(finished.stderr.contains("stopped    it has received enough (--quota)"), "{}", finished.stderr);
    let (finished, told, summary) = run(&server, &["slow", "a"], &["-c", "2", "--quota", "1"]);
    finished.expect_code(4);
    assert_eq!(told, ["a ok", "slow ok"], "a fetch under way ends by itself");
    assert_eq!(summary["wire_bytes"], 11);
}

#[test]
fn which_failures_count_can_be_said() {
    let server = server();
    let code = |fail_on: &str| run(&server, &["a", "b", "c", "gone"], &["--fail-on", fail_on]).0.code();
    let cases = [("any", 1), ("all", 0), ("never", 0), ("1", 1), ("2", 0), ("25%", 1), ("26%", 0)];
    for (fail_on, expected) in cases {
        assert_eq!(code(fail_on), Some(expected), "--fail-on {fail_on}");
    }
    for (wrong, says) in [("0", "at least 1"), ("some", "none of any, all, never"), ("101%", "more than all")] {
        let refused = Fetchall::new().args(["--fail-on", wrong, "http://127.0.0.1/"]).run().expect_code(2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}

#[test]
fn the_summary_names_why_a_run_ended_and_counts_only_attempts() {
    let server = server();
    let (finished, ..) = run(&server, &["never", "a"], &["--max-duration", "300ms"]);
    assert!(finished.stderr.contains("stopped    its time is over (--max-duration)"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("failed "), "{}", finished.stderr);
    // A line that is no URL was never asked, and is not the first that is done.
    let list = format!("no url\n{}\n", server.url("slow"));
    let finished = Fetchall::new().args(["--json", "--until", "first-completed"]).stdin(list).run();
    let ok = finished.records().iter().filter(|record| record["outcome"] == "ok").count();
    assert_eq!(ok, 1, "{}", finished.stdout);
}
