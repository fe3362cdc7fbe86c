//! Signals and deaths: the account is right, and neither a process nor a part file is left.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{names, on};
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Running};
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};
use crate::support::wait_for;

/// A part of what is promised, then silence.
fn half() -> Act {
    let mut half = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".to_vec();
    half.resize(2 << 20, b'x');
    Act::RawKeepAlive(half)
}

/// Answers `/never` never, `/half` by half, everything else at once.
fn server() -> FaultServer {
    FaultServer::start(Script::new().on("never", Act::Stalled).on("half", half()).otherwise(ok()))
}

/// The process that started this one; `None` when it is gone, be its end seen or not.
fn parent(pid: Pid) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut after_name = stat.rsplit_once(") ")?.1.split(' ');
    let state = after_name.next()?;
    after_name.next()?.parse().ok().filter(|_| state != "Z")
}

fn children(of: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").expect("the processes").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw);
    pids.filter(|pid| parent(*pid) == Some(of.as_raw_nonzero().get())).collect()
}

/// The environment of a process, as its user and root can read it.
#[cfg(target_os = "linux")]
fn environment(of: Pid) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{}/environ", of.as_raw_nonzero())).expect("it is there");
    bytes.split(|byte| *byte == 0).map(|variable| String::from_utf8_lossy(variable).into_owned()).collect()
}

fn until_part(running: &Running) {
    let part = running.folder().join("out/.fetchall/part");
    wait_for("a part file", || !files(&part).is_empty());
}

#[test]
fn an_interrupted_run_accounts_for_all_and_leaves_nothing() {
    for backend in names() {
        let server = server();
        let list = [server.url("half"), server.url("never"), server.url("a"), server.url("b")].join("\n");
        let args = ["-c", "2", "-d", "out", "--grace", "100ms", "--summary", "s.json", "list.txt"];
        let running = on(backend).args(args).file("list.txt", list).spawn();
        until_part(&running);
        if backend != "sequential" {
            server.wait_until("both", |log| log.requests.len() == 2);
        }
        let children = children(running.pid());
        assert_eq!(children.len(), if backend == "processes" { 2 } else { 0 }, "{backend}");
        // As a terminal does it, to all of them.
        children.iter().for_each(|pid| kill_process(*pid, Signal::INT).expect("it is there"));
        running.interrupt();
        let run = running.wait().expect_code(130);
        let kinds: Vec<_> = run.records().iter().map(|record| kind(record).to_owned()).collect();
        assert_eq!(kinds, ["cancelled"; 4], "{backend}");
        assert_eq!(files(&run.folder().join("out")), [""; 0], "{backend}");
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!((&summary["read"], &summary["cancelled"]), (&json!(4), &json!(4)), "{backend}");
        assert!(children.iter().all(|pid| parent(*pid).is_none()), "{backend}: a child outlives the run");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn children_get_no_secret_from_the_environment() {
    let server = FaultServer::start(Script::new().otherwise(Act::Stalled));
    let url = server.url("a");
    for (args, requests) in [
        (vec!["--backend", "processes", &url], 1),
        (vec!["compare", "--backends", "processes", "-c", "1", "--rounds", "1", &url], 2),
    ] {
        let run = Fetchall::new().args(args).env("SSL_CERT_FILE", "own.pem").env("SSL_CERT_DIR", "certs");
        let run =
            run.env("FETCHALL_USER", "ann:hunter2").env("FETCHALL_HEADER", "X-Any: hunter2").env("OTHER", "hunter2");
        let run = run.env("no_proxy", "*").env("http_proxy", "http://ann:hunter2@127.0.0.1:9");
        let running = run.env("HTTP_PROXY", "http://ann:hunter2@127.0.0.1:9").spawn();
        server.wait_until("the request", |log| log.requests.len() == requests);
        // The settings of the environment count all the same.
        assert_eq!(server.requests()[requests - 1].header("x-any"), Some("hunter2"));
        let mut descendants = children(running.pid());
        descendants.extend(descendants.clone().into_iter().flat_map(children));
        assert_eq!(descendants.len(), requests, "{descendants:?}");
        for pid in descendants {
            let variables = environment(pid);
            assert!(!variables.concat().contains("hunter2"), "{variables:?}");
            assert!(variables.contains(&"SSL_CERT_FILE=own.pem".to_owned()), "{variables:?}");
        }
        running.interrupt();
        running.interrupt();
        running.wait().expect_code(130);
    }
}

#[test]
fn children_leave_signals_to_their_parent() {
    let slow = Act::Delayed(Duration::from_millis(300), Box::new(ok()));
    let server = FaultServer::start(Script::new().otherwise(slow));
    let running = on("processes").arg(server.url("slow")).spawn();
    server.wait_until("the request", |log| log.requests.len() == 1);
    for pid in children(running.pid()) {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            kill_process(pid, signal).expect("it is there");
        }
    }
    let records = running.wait().expect_code(0).records();
    assert_eq!((kind(&records[0]), &records[0]["attempts"]), ("ok", &json!(1)));
}

/// Kills the child that has asked for `/x` the last time.
fn kill_the_only_child(running: &Running, server: &FaultServer, asked: usize) {
    server.wait_until("the request", |log| log.requests.iter().filter(|r| r.path == "/x").count() == asked);
    let children = children(running.pid());
    assert_eq!(children.len(), 1, "{children:?}");
    kill_process(children[0], Signal::KILL).expect("it is there");
}

#[test]
fn a_child_that_is_killed_costs_a_second_try() {
    let server = FaultServer::start(Script::new().on_each("x", vec![Act::Stalled, ok()]).otherwise(ok()));
    let list = [server.url("a"), server.url("x"), server.url("b")].join("\n");
    let running = on("processes").args(["-c", "1", "list.txt"]).file("list.txt", list).spawn();
    kill_the_only_child(&running, &server, 1);
    let records = running.wait().expect_code(0).records();
    assert_eq!(records.iter().map(kind).collect::<Vec<_>>(), ["ok"; 3]);
    assert_eq!(records[1]["attempts"], 2);
}

#[test]
fn a_second_try_takes_over_the_part_of_the_first() {
    let body = vec![b'x'; 900_000];
    let server = FaultServer::start(Script::new().on_each("x", vec![half(), Act::KeepAliveOk(body.clone())]));
    let running = on("processes").args(["-d", "out", "-c", "1"]).arg(server.url("x")).spawn();
    until_part(&running);
    kill_the_only_child(&running, &server, 1);
    let run = running.wait().expect_code(0);
    let path = run.records()[0]["path"].as_str().expect("a path").to_owned();
    assert!(run.read(&path) == body);
    assert_eq!(files(&run.folder().join("out")).len(), 1, "no part is left");
}

#[test]
fn a_url_that_costs_two_children_has_failed() {
    let server = FaultServer::start(Script::new().on("x", Act::Stalled).otherwise(ok()));
    let list = [server.url("a"), server.url("x"), server.url("b")].join("\n");
    let running = on("processes").args(["-c", "1", "list.txt"]).file("list.txt", list).spawn();
    kill_the_only_child(&running, &server, 1);
    kill_the_only_child(&running, &server, 2);
    let records = running.wait().expect_code(1).records();
    assert_eq!(records.iter().map(kind).collect::<Vec<_>>(), ["ok", "internal", "ok"]);
    let message = records[1]["error"]["message"].as_str().expect("a message");
    assert!(message.contains("signal: 9"), "{message}");
}

#[test]
fn no_child_outlives_a_parent_that_is_killed() {
    let server = server();
    let list = [server.url("half"), server.url("never")].join("\n");
    let args = ["-c", "2", "-d", "out", "list.txt"];
    let running = on("processes").args(args).file("list.txt", list).spawn();
    until_part(&running);
    server.wait_until("both", |log| log.requests.len() == 2);
    let children = children(running.pid());
    assert_eq!(children.len(), 2);
    running.signal(Signal::KILL);
    // Children may end before the last thread of their parent has.
    let run = running.wait();
    assert_eq!(run.status.signal(), Some(9));
    wait_for("the end of every child", || children.iter().all(|pid| parent(*pid).is_none()));
    assert_eq!(files(&run.folder().join("out")), [""; 0]);
}

/// The names of the threads of a process.
fn threads(of: Pid) -> Vec<String> {
    let tasks = format!("/proc/{}/task", of.as_raw_nonzero());
    let name = |path: &Path| std::fs::read_to_string(path.join("comm")).unwrap_or_default();
    std::fs::read_dir(tasks).expect("its threads").flatten().map(|entry| name(&entry.path())).collect()
}

#[test]
fn no_more_workers_are_started_than_there_are_jobs() {
    for backend in ["threads", "processes"] {
        let server = server();
        let list: String = (0..3).map(|n| server.url(&format!("never/{n}\n"))).collect();
        let running = on(backend).args(["-c", "1000", "--grace", "0"]).stdin(list).spawn();
        server.wait_until("three requests", |log| log.requests.len() == 3);
        let workers = match backend {
            "threads" => threads(running.pid()).iter().filter(|name| name.starts_with("fetch-")).count(),
            _ => children(running.pid()).len(),
        };
        assert_eq!(workers, 3, "{backend}");
        running.interrupt();
        running.wait().expect_code(130);
    }
}

#[test]
fn few_descriptors_mean_few_workers_and_no_failures() {
    for backend in ["threads", "processes"] {
        let page = Act::Delayed(Duration::from_millis(5), Box::new(ok()));
        let server = FaultServer::start(Script::new().otherwise(page));
        let list: String = (0..150).map(|n| server.url(&format!("{n}\n"))).collect();
        let command =
            format!("ulimit -n 100; exec {} --json --backend {backend} -c 500", env!("CARGO_BIN_EXE_fetchall"));
        let run = Fetchall::of("/bin/sh").args(["-c", &command]).stdin(list).run().expect_code(0);
        assert_eq!(run.records().len(), 150, "{backend}");
        assert!(server.max_in_flight() > 1, "{backend}");
    }
}

#[test]
fn a_stopped_child_is_replaced_and_leaves_with_the_run() {
    let server = FaultServer::start(Script::new().on_each("slow", vec![Act::Stalled, ok()]));
    let running = on("processes").args(["--read-timeout", "500ms"]).arg(server.url("slow")).spawn();
    server.wait_until("the request", |log| !log.requests.is_empty());
    let stopped = children(running.pid());
    stopped.iter().for_each(|pid| kill_process(*pid, Signal::STOP).expect("it is there"));
    let run = running.wait().expect_code(0);
    assert_eq!((&run.records()[0]["attempts"], server.asked("/slow")), (&2.into(), 2), "{}", run.stdout);
    assert!(!stopped.is_empty() && stopped.iter().all(|pid| parent(*pid).is_none()), "a stopped child is left");
}
