//! `fetchall compare`: children are measured, the figures are shown in every form, and nothing is left behind.
#![cfg(unix)]

mod browser;
mod unread;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fetchall::compare::{self, Spec};
use fetchall::config::Config;
use rustix::process::Signal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::PATIENCE;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// A demo of few URLs that are answered soon.
fn demo(args: &[&str]) -> Fetchall {
    let small = ["compare", "--demo", "--demo-urls", "12", "--demo-latency", "5", "--rounds", "1", "-c", "2,6"];
    Fetchall::new().args(small).args(args)
}

fn hello() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

/// Returns the standard output of the program on one line.
fn said(run: &Finished) -> String {
    run.stdout.replace('\n', " ")
}

fn json(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).expect("JSON")
}

#[test]
fn the_demo_is_measured_and_shown() {
    let run = demo(&["--backends", "async", "--report", "report.html"]).run().expect_code(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("wall") && lines[1].contains("switches"), "{}", run.stdout);
    assert!(lines[2].starts_with("async") && lines[3].starts_with("async"), "{}", run.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{}", run.stdout);
    assert!(said(&run).contains("One round cannot tell a difference from noise"), "{}", run.stdout);
    assert_eq!(run.stderr.lines().count(), 2, "a line for each cell: {}", run.stderr);
    let page = String::from_utf8(run.read("report.html")).expect("UTF-8");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
}

#[test]
fn every_form_is_what_it_says() {
    let run = demo(&["--json", "-q", "--backends", "async"]).run().expect_code(0);
    assert_eq!(run.stderr, "");
    let told = json(&run);
    assert_eq!((&told["v"], &told["rounds"], &told["interrupted"]), (&1.into(), &1.into(), &false.into()));
    let cells = told["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 2);
    for cell in cells {
        let round = &cell["rounds"][0];
        assert_eq!((&round["urls"], &round["ok"]), (&12.into(), &12.into()), "{round}");
        // On a busy machine the first answers come before the last slot is in use.
        let peak = round["peak_concurrency"].as_u64().expect("a number");
        assert!((1..=cell["concurrency"].as_u64().expect("a number")).contains(&peak), "{cell}");
        assert!(round["wall_ms"].as_f64() > round["run_ms"].as_f64(), "{round}");
        assert!(round["cpu_user_ms"].as_f64().zip(round["cpu_system_ms"].as_f64()).is_some_and(|(a, b)| a + b > 0.0));
        assert!(round["context_switches"].as_u64().is_some_and(|n| n > 0), "{round}");
        // On a busy machine a run this short may be over before it was looked at often enough.
        if round["peak_memory_bytes"].is_u64() {
            assert!(round["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 500_000), "{round}");
            assert!(round["peak_threads"].as_u64().is_some_and(|n| n >= 1), "{round}");
            assert_eq!(round["peak_processes"], 1, "{round}");
        }
        assert_eq!(cell["median"]["same_records"], true, "{cell}");
    }
    let csv = demo(&["--format", "csv", "--backends", "async"]).run().expect_code(0).stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("backend,concurrency,rounds,wall_s,"), "{csv}");
    let markdown = demo(&["--format", "markdown", "--backends", "async"]).run().expect_code(0).stdout;
    assert!(
        markdown.starts_with("| backend | at once | wall s |") && markdown.contains("\n| async | 6 |"),
        "{markdown}"
    );
}

/// Every backend there is does the same work.
#[test]
fn all_backends_write_the_same_records() {
    let run = demo(&["--json"]).run().expect_code(0);
    let told = json(&run);
    let cells = told["cells"].as_array().expect("cells");
    for backend in compare::backends() {
        assert!(cells.iter().any(|cell| cell["backend"] == backend), "{backend}: {told}");
    }
    assert!(cells.iter().all(|cell| cell["median"]["same_records"] == true), "{told}");
}

#[test]
fn settings_and_standard_input_reach_every_child() {
    let server = hello();
    let run = Fetchall::new()
        .args(["compare", "--backends", "async", "-c", "1,2", "--rounds", "2", "--json", "--user-agent", "robot"])
        .args(["-H", "X-Trial: yes", "-H", "Authorization: Basic abc"])
        .env("FETCHALL_DIR", "never")
        .stdin(format!("{}\n{}\n", server.url("a"), server.url("b")))
        .run()
        .expect_code(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 8, "two cells, two rounds, two URLs");
    for request in &requests {
        let fields = ["x-trial", "user-agent", "authorization"].map(|name| request.header(name));
        assert_eq!(fields, [Some("yes"), Some("robot"), Some("Basic abc")]);
    }
    assert!(!run.folder().join("never").exists(), "nothing is saved");
    assert_eq!(json(&run)["about"], "standard input");
    server.join();
}

#[test]
fn a_list_whose_urls_fail_is_measured_too() {
    let server = FaultServer::start(Script::new().otherwise(Act::Status(404, Vec::new())));
    let run = Fetchall::new()
        .file("list.txt", format!("{}\n{}\n", server.url("a"), server.url("b")))
        .args(["compare", "--backends", "async", "-c", "1", "--rounds", "1", "list.txt"])
        .run()
        .expect_code(0);
    assert!(said(&run).contains("2 of 2 URLs failed; what they took is part of these times."), "{}", run.stdout);
    server.join();
}

#[test]
fn a_cell_that_fails_says_why_and_the_others_go_on() {
    let server = hello();
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    let real = env!("CARGO_BIN_EXE_fetchall");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'--concurrency 7 '*) echo 'error: no \u{1b}[31mluck' >&2; exit 3;; esac\n\
         case \"$*\" in *'--concurrency 9 '*) exec \"{real}\" \"$@\" '{}';; esac\nexec \"{real}\" \"$@\"\n",
        server.url("more")
    );
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("it may be run");
    let spec = Spec {
        program: program.into(),
        inputs: vec![server.url("a").into()],
        about: String::new(),
        config: Config::default(),
        backends: vec!["async"],
        concurrency: vec![7, 1, 9],
        rounds: 2,
        folder: folder.path().to_owned(),
    };
    let measured = compare::run(&spec, &CancellationToken::new(), &mut |_| {}).expect("it can be measured");
    let [failed, good, other] = &measured.cells[..] else { panic!("three cells") };
    let why = failed.failure.as_deref().expect("it failed");
    assert!(why.contains("exit status: 3") && why.ends_with("error: no \\u{1b}[31mluck"), "{why}");
    assert_eq!((failed.rounds.len(), good.rounds.len(), &good.failure), (0, 2, &None));
    assert_eq!(other.rounds[0].records_differing, 1, "one URL more");
    assert!(compare::advice(&measured).starts_with("The records differ: 1 of async at 9"), "{measured:?}");
    server.join();
}

#[test]
fn nothing_that_can_be_measured_is_no_success() {
    let run = Fetchall::new()
        .file("list.txt", "http://127.0.0.1:9/\n")
        .args(["compare", "--backends", "async", "-c", "1", "--cacert", "none.pem", "list.txt"])
        .run()
        .expect_code(3);
    assert!(run.stdout.contains("failed: exit status: 2: error: cannot use none.pem"), "{}", run.stdout);
    assert!(said(&run).contains("there is nothing to recommend"), "{}", run.stdout);
}

#[test]
fn errors_are_reported_before_any_work() {
    for (args, said) in [
        (&["--demo", "--backends", "async,fork"][..], "`fork` is no backend; there are async"),
        (&["--demo", "-c", "5,0"], "--concurrency: "),
        (&["--demo", "-c", ""], "--concurrency: "),
        (&["--demo", "--rounds", "0"], "--rounds: "),
        (&["--demo", "--dir", "out"], "--dir: is not for compare"),
        (&["--demo", "--report", "no/such/folder/x.html"], "--report: cannot write"),
        (&["none.txt"], "none.txt: no such file"),
        (&["--backends", "async", "-c", "1", "empty.txt"], "the list is empty"),
    ] {
        let run = Fetchall::new().file("empty.txt", "# nothing\n").arg("compare").args(args).run().expect_code(2);
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

#[test]
fn an_interrupt_ends_the_child_and_leaves_nothing() {
    // Answers the first run whole; then it stalls.
    let acts = vec![Act::KeepAliveOk(b"once\n".to_vec()), Act::Stalled];
    let server = FaultServer::start(Script::new().on_each("b", acts));
    let run = Fetchall::new().file("list.txt", server.url("b") + "\n").file("tmp/.keep", "");
    let tmp = run.folder().join("tmp");
    let running = run
        .env("TMPDIR", &tmp)
        .args(["compare", "--backends", "async", "-c", "1,2", "--rounds", "1", "list.txt"])
        .spawn();
    server.wait_until("the second run", |log| log.requests.len() == 2);
    running.interrupt();
    let run = running.wait().expect_code(130);
    assert!(said(&run).contains("It was stopped early, after 1 of 2 measurements."), "{}", run.stdout);
    let left: Vec<_> =
        std::fs::read_dir(&tmp).expect("a folder").map(|entry| entry.expect("read").file_name()).collect();
    assert_eq!(left, [".keep"]);
    assert_eq!(children_with(&tmp.display().to_string()), [0; 0]);
    server.join();
}

/// Modes of a folder and of all files in it.
fn modes(folder: &Path) -> Vec<u32> {
    let mode = |path: &Path| std::fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut modes: Vec<u32> = entries.filter_map(|entry| mode(&entry.path()).ok()).collect();
    modes.sort_unstable();
    modes.dedup();
    modes.insert(0, mode(folder).expect("a folder"));
    modes
}

/// Returns the arguments of processes that fetch into this folder, as every user can read them.
fn arguments_with(folder: &str) -> String {
    let line = |pid| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    children_with(folder).into_iter().map(|pid| String::from_utf8_lossy(&line(pid)).into_owned()).collect()
}

#[test]
fn secrets_are_in_no_argument_and_no_open_file() {
    for (umask, signal) in [("0", Signal::INT), ("0777", Signal::TERM)] {
        let server = FaultServer::start(Script::new().otherwise(Act::Stalled));
        let url = server.url("b").replace("http://", "http://ann:hunter2@");
        let list = server.url("c").replace("http://", "http://bob:hunter2@");
        let run = Fetchall::of("/bin/sh").file("tmp/.keep", "").file("list.txt", list + "\n");
        let tmp = run.folder().join("tmp");
        let command = format!("umask {umask}; exec {} \"$@\"", env!("CARGO_BIN_EXE_fetchall"));
        let running = run
            .env("TMPDIR", &tmp)
            .args(["-c", &command, "sh", "compare", "--backends", "processes", "-c", "2", "--rounds", "1"])
            .args(["-H", "Authorization: hunter2", "-H", "X-Any: hunter2", "--cookie", "a=hunter2"])
            .args(["--user", "eve:hunter2", "--noproxy", "*", "--proxy", "http://u:hunter2@127.0.0.1:9"])
            .args(["list.txt", &url])
            .spawn();
        server.wait_until("two requests", |log| log.requests.len() == 2);
        let authorization: Vec<_> = server.requests().iter().map(|r| r.header("cookie").map(str::to_owned)).collect();
        assert_eq!(authorization, [Some("a=hunter2".to_owned()), Some("a=hunter2".to_owned())]);
        let entries: Vec<_> = std::fs::read_dir(&tmp).expect("a folder").flatten().map(|entry| entry.path()).collect();
        let folder = entries.iter().find(|path| path.is_dir()).expect("the folder of the run");
        assert_eq!(modes(folder), [0o700, 0o600], "umask {umask}");
        let arguments = arguments_with(&folder.display().to_string());
        assert!(arguments.contains("compare-child") && !arguments.contains("hunter2"), "{arguments}");
        running.signal(signal);
        let run = running.wait().expect_code(130);
        assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"), "{}", run.stderr);
        assert_eq!(std::fs::read_dir(&tmp).expect("a folder").count(), 1, "it is removed");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_comparison_leaves_no_secret_and_no_child() {
    for signal in [Signal::KILL, Signal::ABORT, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::XCPU] {
        let server = FaultServer::start(Script::new().otherwise(Act::Stalled));
        let url = server.url("b").replace("http://", "http://ann:hunter2@");
        let run = Fetchall::new().file("tmp/.keep", "");
        let tmp = run.folder().join("tmp");
        let backend = if signal == Signal::KILL { "processes" } else { "async" };
        let run = run.env("TMPDIR", &tmp).args(["compare", "--backends", backend, "-c", "1", "--rounds", "1"]);
        let running = run.args(["-H", "X-Any: hunter2", "-"]).stdin(url + "\n").spawn();
        server.wait_until("a request", |log| log.requests.len() == 1);
        running.signal(signal);
        let is_caught = !matches!(signal, Signal::KILL | Signal::ABORT);
        let run = running.wait();
        assert_eq!(run.status.code(), is_caught.then_some(130), "{signal:?}");
        let begun = std::time::Instant::now();
        while !children_with(&tmp.display().to_string()).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{signal:?}: a child goes on");
            std::thread::yield_now();
        }
        for folder in std::fs::read_dir(&tmp).expect("a folder").flatten().filter(|entry| entry.path().is_dir()) {
            assert!(!is_caught, "{signal:?}: the folder is removed");
            for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
                let text = std::fs::read(file.path()).expect("a file");
                assert!(!String::from_utf8_lossy(&text).contains("hunter2"), "{signal:?}: {file:?}");
            }
        }
    }
}

/// Processes whose arguments name this folder.
fn children_with(folder: &str) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let named = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder)
    };
    pids.filter(named).collect()
}
