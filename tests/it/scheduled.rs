//! Scheduled runs: the log, the exit codes, and what a second run does.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// A server with a page at every path but `/gone` and `/reset`.
fn server() -> FaultServer {
    let gone = Act::Status(404, Vec::new());
    FaultServer::start(Script::new().on("gone", gone).on("reset", Act::ResetBeforeHead).otherwise(ok()))
}

fn run(folder: &Path, list: &str, words: &[&str]) -> Finished {
    Fetchall::new().args(["--json", "--dir"]).arg(folder.join("out")).args(words).stdin(list).run()
}

/// The lines of a log without their times.
fn lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    let untimed = |line: &str| line.split_once("Z").map_or_else(|| line.to_owned(), |(_, rest)| rest.trim().to_owned());
    text.lines().map(untimed).collect()
}

#[test]
fn a_log_has_begin_end_and_failures_of_each_run() {
    let server = server();
    let list = ["a", "gone", "reset"].map(|path| server.url(path) + "\n").concat();
    for backend in BACKENDS {
        let folder = TempDir::new().expect("a folder");
        let log = folder.path().join("run.log");
        let words = ["--backend", backend, "--log", log.to_str().expect("text")];
        run(folder.path(), &list, &words).expect_code(1);
        let first = lines(&log);
        run(folder.path(), &list, &words).expect_code(1);
        let both = lines(&log);
        assert_eq!(both[..first.len()], first, "{backend}: the lines of the first run stay");
        for (lines, counts) in [
            (&first[..], "ok=1 http_error=1 failed=1 skipped=0"),
            (&both[first.len()..], "ok=0 http_error=1 failed=1 skipped=1"),
        ] {
            let [begin, .., end] = lines else { panic!("{lines:?}") };
            let dir = folder.path().join("out");
            let version = env!("CARGO_PKG_VERSION");
            let expected =
                format!("INFO run begins version={version:?} lists=\"-\" dir={:?}", dir.to_str().expect("text"));
            assert_eq!(*begin, expected, "{backend}");
            assert!(end.starts_with(&format!("INFO run ends exit=1 read=3 {counts} cancelled=0 ")), "{backend}: {end}");
            let warnings: Vec<_> = lines.iter().filter(|line| line.starts_with("WARN ")).map(String::as_str).collect();
            let [gone, reset] = warnings[..] else { panic!("{backend}: {warnings:?}") };
            let (gone, reset) = if gone.contains("/gone") { (gone, reset) } else { (reset, gone) };
            let url = server.url("gone");
            assert_eq!(gone, format!("WARN done url={url} outcome=\"http_error\" error=\"http_status\" status=404"));
            assert!(reset.contains("/reset outcome=\"failed\" error=\"reset\" why=the server closed"), "{reset}");
        }
    }
}

#[test]
fn a_log_begins_a_new_line_after_a_cut_one() {
    for (before, expected) in [("", ""), ("cut", "cut\n"), ("whole\n", "whole\n")] {
        let run = Fetchall::new().file("run.log", before).args(["--log", "run.log"]).arg(server().url("a")).run();
        let log = String::from_utf8(run.expect_code(0).read("run.log")).expect("text");
        let ours = log.strip_prefix(expected).unwrap_or_else(|| panic!("{log}"));
        assert!(ours.starts_with("20") && ours.lines().all(|line| line.contains("INFO ")), "{log}");
    }
}

#[test]
fn finished_urls_count_as_good_for_fail_on() {
    let server = server();
    let list: String = (0..9).map(|n| server.url(&format!("{n}\n"))).collect::<String>() + &server.url("gone");
    let folder = TempDir::new().expect("a folder");
    for (words, code) in [
        (&["--fail-on", "11%"][..], 0),
        // The second day has one failure and nothing that is ok.
        (&["--fail-on", "11%"], 0),
        (&["--fail-on", "11%", "--refresh"], 0),
        (&["--fail-on", "11%", "--fresh", "--skip-existing"], 0),
        (&["--fail-on", "10%"], 1),
        (&["--fail-on", "all"], 0),
        (&["--fail-on", "1"], 1),
    ] {
        let run = run(folder.path(), &list, words).expect_code(code);
        assert_eq!(run.records().iter().filter(|record| record["outcome"] == "http_error").count(), 1, "{words:?}");
    }
    let twice = server.url("gone") + "\n" + &server.url("gone");
    run(TempDir::new().expect("a folder").path(), &twice, &["--fail-on", "60%"]).expect_code(1);
}

/// Runs the script of the guide for another output folder, and returns what cron would send.
#[cfg(unix)]
fn script_of_guide(folder: &Path, dir: &Path) -> String {
    let guide = include_str!("../../docs/guide/cron.md");
    let (_, script) = guide.split_once("```sh\n").expect("a script");
    let (script, _) = script.split_once("```").expect("its end");
    let script = script.replace("--dir out", &format!("--dir '{}'", dir.display()));
    fs::write(folder.join("sites.txt"), "http://127.0.0.1:9/\n").expect("a list");
    let program = Path::new(env!("CARGO_BIN_EXE_fetchall")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let out = std::process::Command::new("sh").args(["-c", &script]).current_dir(folder).env("PATH", path).output();
    let out = out.expect("a shell");
    [out.stdout, out.stderr].map(|text| String::from_utf8(text).expect("text")).concat()
}

#[test]
fn a_folder_in_use_has_a_code_of_its_own() {
    let server = FaultServer::start(Script::new().on("never", Act::Stalled).otherwise(ok()));
    let folder = TempDir::new().expect("a folder");
    let (dir, state) = (folder.path().join("out"), folder.path().join("s.db"));
    let mut first = Fetchall::new().args(["--json", "--grace", "0", "--dir"]).arg(&dir).arg("--state").arg(&state);
    first = first.args([server.url("a"), server.url("never")]);
    let mut first = first.spawn();
    first.next_line();
    let log = folder.path().join("run.log");
    for (flag, path) in [("--dir", &dir), ("--state", &state)] {
        let second = Fetchall::new().arg(flag).arg(path).arg("--log").arg(&log).arg(server.url("b"));
        let second = second.run().expect_code(75);
        assert!(second.stderr.starts_with("error: ") && second.stderr.contains("in use by another run"), "{flag}");
    }
    #[cfg(unix)]
    assert_eq!(script_of_guide(first.folder(), &dir), "", "cron sends no mail about a run that is at work");
    let lines = lines(&log);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[1].starts_with("ERROR run did not begin error=\"") && lines[1].contains("another run"), "{lines:?}");
    assert_eq!(server.asked("/b"), 0);
    #[cfg(unix)]
    first.interrupt();
    #[cfg(not(unix))]
    drop(first);
    #[cfg(unix)]
    first.wait().expect_code(130);
}

#[test]
fn a_list_without_a_url_brings_a_warning() {
    let server = server();
    let full = server.url("a\n");
    for (name, text) in
        [("empty.txt", ""), ("comments.txt", "# nothing today\n\n"), ("head.csv", "url,out\n"), ("e.json", "[]")]
    {
        let fetchall = Fetchall::new().file(name, text).file("full.txt", &full);
        let run = fetchall.args(["--json", "--log", "run.log", name, "full.txt"]).run().expect_code(0);
        let warning = format!("{name}: the list has no URL");
        assert_eq!(run.stderr.matches(&format!("warning: {warning}\n")).count(), 1, "{name}: {}", run.stderr);
        assert!(!run.stderr.contains("full.txt: the list"), "{name}: {}", run.stderr);
        let log = String::from_utf8(run.read("run.log")).expect("text");
        assert!(log.contains(&format!(" WARN {warning}\n")), "{name}: {log}");
        let one: Vec<Value> = run.records();
        assert_eq!(one.len(), 1, "{name}");
    }
    let run = Fetchall::new().arg("-").stdin("\n").run().expect_code(0);
    assert!(run.stderr.contains("warning: standard input: the list has no URL\n"), "{}", run.stderr);
}
