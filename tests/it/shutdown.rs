//! Signals: the first lets what is under way finish, the second ends it, and the account is right.
#![cfg(unix)]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished, Running};
use crate::support::fault::FaultServer;
use crate::support::schema;
use crate::support::single::{files, kind};

/// Answers `/slow` a little later, `/never` never, `/half` by half, everything else at once.
fn server() -> FaultServer {
    let slow = Act::Delayed(Duration::from_millis(300), Box::new(Act::KeepAliveOk(b"slow\n".to_vec())));
    let mut half = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".to_vec();
    half.resize(2 << 20, b'x');
    let script = Script::new().on("slow", slow).on("never", Act::Stalled).on("half", Act::RawKeepAlive(half));
    FaultServer::start(script.otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

fn start(server: &FaultServer, list: &str, args: &[&str]) -> Running {
    let args = [&["--json", "-d", "out", "--summary", "s.json", "list.txt"], args].concat();
    let running = Fetchall::new().file("list.txt", list).args(args).spawn();
    server.wait_until("a request", |log| !log.requests.is_empty());
    running
}

/// Checks what holds after every interruption, and returns records and summary.
fn account(run: &Finished) -> (Vec<Value>, Value) {
    assert_eq!(run.code(), Some(130), "{}", run.stderr);
    let records = run.records();
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    assert_eq!(summary["read"], records.len());
    for outcome in ["ok", "http_error", "failed", "skipped", "cancelled"] {
        let count = records.iter().filter(|record| record["outcome"] == outcome).count();
        assert_eq!(summary[outcome], count, "{outcome}");
    }
    assert_eq!(summary["stopped"], "interrupt");
    let lines: std::collections::BTreeSet<_> = records.iter().filter_map(|r| r["source"]["line"].as_u64()).collect();
    assert_eq!(lines.len(), records.len(), "one record for each line");
    if summary["input_complete"] == false {
        let next = lines.last().map_or(1, |last| last + 1);
        assert_eq!(summary["next_line"], json!({"file": "list.txt", "line": next}));
    }
    let saved: Vec<String> = files(&run.folder().join("out"));
    assert_eq!(saved.len(), records.iter().filter(|record| record["path"].is_string()).count(), "{saved:?}");
    (records, summary)
}

/// More lines than may wait at once, so that the input is never read to its end.
fn long_list(server: &FaultServer, first: &str) -> String {
    let mut list = server.url(first) + "\n";
    list.extend((0..40_000).map(|n| server.url(&format!("{n}\n"))));
    list
}

#[test]
fn once_lets_what_is_under_way_finish_and_cancels_the_rest() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = server();
        let running = start(&server, &long_list(&server, "slow"), &["-c", "1"]);
        running.signal(signal);
        let run = running.wait();
        let (records, summary) = account(&run);
        let first = records.iter().find(|record| record["source"]["line"] == 1).expect("its record");
        assert_eq!(kind(first), "ok", "{first}");
        assert_eq!(summary["input_complete"], false, "{summary}");
        assert!(records.iter().filter(|record| **record != *first).all(|record| kind(record) == "cancelled"));
        let cancelled = records.iter().find(|record| kind(record) == "cancelled").expect("there are many");
        assert_eq!((&cancelled["attempts"], &cancelled["started_at"]), (&json!(0), &Value::Null));
        assert_eq!(server.requests().len(), 1, "nothing new is asked");
        assert!(run.stderr.contains("stopping: "), "{}", run.stderr);
    }
}

#[test]
fn what_outlasts_the_grace_time_is_cancelled() {
    let server = server();
    let running = start(&server, &(server.url("never") + "\n"), &["--grace", "100ms"]);
    running.interrupt();
    let (records, _) = account(&running.wait());
    assert_eq!((records.len(), kind(&records[0]), &records[0]["attempts"]), (1, "cancelled", &json!(1)));
}

#[test]
fn twice_ends_it_at_once_and_leaves_no_part() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = server();
        let mut running = start(&server, &long_list(&server, "half"), &["-c", "1", "--grace", "60s"]);
        let part = running.folder().join("out/.fetchall/part");
        let deadline = Instant::now() + PATIENCE;
        while files(&part).is_empty() {
            assert!(Instant::now() < deadline, "no part file");
            std::thread::yield_now();
        }
        let begun = Instant::now();
        // The same signal twice before it is looked at is one signal: so a little apart.
        while running.is_running() {
            running.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
            assert!(begun.elapsed() < PATIENCE, "two signals do not end it");
        }
        let run = running.wait();
        let (records, _) = account(&run);
        assert!(records.iter().all(|record| kind(record) == "cancelled"));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(files(&run.folder().join("out")), [""; 0]);
    }
}

#[test]
fn lines_that_a_pipe_still_holds_back_are_no_records() {
    let server = server();
    let mut running =
        Fetchall::new().args(["--json", "--summary", "s.json", "--grace", "100ms", "-"]).stdin_open().spawn();
    running.write_line(&server.url("a"));
    running.next_line();
    running.write_line(&server.url("never"));
    server.wait_until("the second request", |log| log.requests.len() == 2);
    running.interrupt();
    while running.is_running() {
        std::thread::yield_now();
    }
    let run = running.wait().expect_code(130);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    assert_eq!((&summary["read"], &summary["ok"], &summary["cancelled"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(summary["next_line"], json!({"file": "-", "line": 3}));
}

/// A child that nobody reads; killed when the test fails.
struct Unread(std::process::Child);

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ends_though_unread(command: &mut Command, list: &str, ready: impl FnOnce()) {
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Unread(command.spawn().expect("it starts"));
    let mut stdin = child.0.stdin.take().expect("a pipe");
    let list = list.to_owned();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(list.as_bytes())));
    ready();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().expect("a child of ours") {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "two signals do not end it");
        kill_process(Pid::from_child(&child.0), Signal::INT).expect("it still runs");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(130));
    feeder.join().expect("writing does not panic");
}

#[test]
fn a_full_pipe_that_nobody_reads_cannot_keep_it() {
    let server = server();
    // Duplicates give records as fast as they are read.
    let list = (server.url("a") + "\n").repeat(20_000);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fetchall"));
    ends_though_unread(command.arg("--json"), &list, || server.wait_until("a request", |log| !log.requests.is_empty()));
}

#[test]
fn a_document_that_nobody_reads_cannot_keep_it() {
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(vec![b'x'; 8 << 20])));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fetchall"));
    command.args(["-c", "1", "-O", "-"]).arg(server.url("x"));
    ends_though_unread(&mut command, "", || server.wait_until("a request", |log| !log.requests.is_empty()));
}
