//! Signals: the first lets what is under way finish, the second ends it, and the account is right.
#![cfg(unix)]

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished, Running};
use crate::support::fault::FaultServer;
use crate::support::process::{Process, fetchall, finish, on_thread};
use crate::support::single::{files, kind};
use crate::support::{BACKENDS, PATIENCE, schema, wait_for};

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
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
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
        assert!(run.stderr.contains("stopping: 1 in flight, 5 s left; Ctrl-C again aborts\n"), "{}", run.stderr);
        let left = records.len() - 1;
        assert!(run.stderr.contains(&format!("cancelled  {left} not begun\n")), "{}", run.stderr);
        let next = format!("to continue: the same command ({left} left)");
        assert_eq!(run.stderr.lines().last(), Some(&*next), "{}", run.stderr);
        assert_eq!(summary["not_begun"], left);
    }
}

#[test]
fn transfers_beyond_the_grace_time_are_cancelled() {
    let server = server();
    let running = start(&server, &(server.url("never") + "\n"), &["--grace", "100ms"]);
    running.interrupt();
    let (records, _) = account(&running.wait());
    assert_eq!((records.len(), kind(&records[0]), &records[0]["attempts"]), (1, "cancelled", &json!(1)));
}

/// The longest that a run may take to end after two signals.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Sends a signal every 20 ms, for two of them before the program looks are one.
fn again_and_again(signal: Signal) -> impl FnMut(&Process) {
    let mut sent: Option<Instant> = None;
    move |process| {
        if sent.is_none_or(|at| at.elapsed() >= Duration::from_millis(20)) {
            process.signal(signal);
            sent = Some(Instant::now());
        }
    }
}

#[test]
fn twice_ends_it_at_once_and_leaves_no_part() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = server();
        let running = start(&server, &long_list(&server, "half"), &["-c", "1", "--grace", "60s"]);
        let part = running.folder().join("out/.fetchall/part");
        wait_for("a part file", || !files(&part).is_empty());
        let run = running.wait_while(AT_ONCE, again_and_again(signal));
        let (records, _) = account(&run);
        assert!(records.iter().all(|record| kind(record) == "cancelled"));
        assert_eq!(files(&run.folder().join("out")), [""; 0]);
    }
}

/// `nohup` ignores SIGHUP, and a shell SIGINT for what it starts with `&`.
#[test]
fn ignored_signals_do_not_stop_a_run() {
    for backend in BACKENDS {
        let server = server();
        let list: String = ["slow", "a", "b"].map(|name| server.url(name) + "\n").concat();
        let command =
            format!("trap '' INT HUP TERM; exec {} --json --summary s.json list.txt", env!("CARGO_BIN_EXE_fetchall"));
        let shell = Fetchall::of("/bin/sh").args(["-c", &command]).env("FETCHALL_BACKEND", backend);
        let running = shell.env("FETCHALL_CONCURRENCY", "1").file("list.txt", list).spawn();
        server.wait_until("a request", |log| !log.requests.is_empty());
        [Signal::INT, Signal::HUP, Signal::TERM].into_iter().for_each(|signal| running.signal(signal));
        let run = running.wait().expect_code(0);
        assert_eq!(run.records().iter().map(kind).collect::<Vec<_>>(), ["ok"; 3], "{backend}");
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!((&summary["ok"], &summary["stopped"]), (&json!(3), &Value::Null), "{backend}");
    }
}

#[test]
fn each_signal_is_ignored_by_itself() {
    for (ignored, ends) in [("INT", Signal::HUP), ("HUP", Signal::INT), ("TERM", Signal::HUP)] {
        let server = server();
        let program = env!("CARGO_BIN_EXE_fetchall");
        let command = format!("trap '' {ignored}; exec {program} --json -d out --summary s.json --grace 0 list.txt");
        let shell = Fetchall::of("/bin/sh").args(["-c", &command]).file("list.txt", server.url("never") + "\n");
        let running = shell.spawn();
        server.wait_until("a request", |log| !log.requests.is_empty());
        running.signal(ends);
        let (records, _) = account(&running.wait());
        assert_eq!(records.iter().map(kind).collect::<Vec<_>>(), ["cancelled"], "{ignored}");
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
    let run = running.wait_while(PATIENCE, |_| ()).expect_code(130);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    assert_eq!((&summary["read"], &summary["ok"], &summary["cancelled"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(summary["next_line"], json!({"file": "-", "line": 3}));
}

/// Ends by two signals although nothing reads its standard output.
fn ends_though_unread(args: &[&str], list: &str, server: &FaultServer) {
    let mut command = fetchall();
    let mut process = Process::start(command.args(args).stdin(Stdio::piped()).stderr(Stdio::null()));
    let mut stdin = process.child().stdin.take().expect("a pipe");
    let list = list.to_owned();
    let feeder = on_thread(move || drop(stdin.write_all(list.as_bytes())));
    server.wait_until("a request", |log| !log.requests.is_empty());
    let status = process.wait_within(AT_ONCE, again_and_again(Signal::INT)).expect("two signals end it");
    assert_eq!(status.code(), Some(130));
    finish(&feeder, "standard input");
}

#[test]
fn a_full_unread_pipe_does_not_prevent_the_end() {
    let server = server();
    // Duplicates give records as fast as they are read.
    let list = (server.url("a") + "\n").repeat(20_000);
    ends_though_unread(&["--json"], &list, &server);
}

#[test]
fn an_unread_document_does_not_prevent_the_end() {
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(vec![b'x'; 8 << 20])));
    ends_though_unread(&["-c", "1", "-O", "-", &server.url("x")], "", &server);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_before_the_first_url_ends_with_130() {
    let server = FaultServer::start(Script::new().otherwise(Act::Stalled));
    let running = Fetchall::new().args(["-i", &server.url("list")]).spawn();
    server.wait_until("the list is asked for", |log| log.requests.len() == 1);
    running.interrupt();
    running.wait().expect_code(130);
    for flag in ["--summary", "--output"] {
        let run = Fetchall::new().args([flag, "fifo", &server.url("x")]);
        mkfifoat(CWD, run.folder().join("fifo"), Mode::RWXU).unwrap();
        let running = run.spawn();
        wait_for("the signal is caught", || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid().as_raw_nonzero())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
        });
        running.interrupt();
        running.wait().expect_code(130);
    }
}
