//! `--changes`: what differs from what earlier runs knew.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::schema::{CHANGES, check, faults};
use crate::support::single::files;

fn answer(head: &str, body: &str) -> Act {
    Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn list(server: &FaultServer, names: &[&str]) -> String {
    names.iter().map(|name| server.url(name) + "\n").collect()
}

fn command(folder: &Path, list: &str, args: &[&str]) -> Fetchall {
    let changes = folder.join("changes.json");
    Fetchall::new().args(["--json", "-d"]).arg(folder.join("out")).arg("--changes").arg(changes).args(args).stdin(list)
}

fn report(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("changes.json")).expect("a report");
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"));
    check(&CHANGES, &report);
    report
}

fn run(folder: &Path, list: &str, args: &[&str], code: i32) -> (Finished, Value) {
    let run = command(folder, list, args).run().expect_code(code);
    (run, report(folder))
}

/// The last segment of each URL with what happened to it and why, sorted.
fn told(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let changes = report["changes"].as_array().expect("changes").iter();
    let mut told: Vec<_> = changes
        .map(|c| (text(&c["url"]).rsplit('/').next().unwrap().to_owned(), text(&c["change"]), text(&c["reason"])))
        .collect();
    told.sort();
    told
}

fn counts(report: &Value) -> [u64; 6] {
    ["added", "changed", "removed", "unchanged", "failed", "cancelled"].map(|name| report[name].as_u64().unwrap())
}

#[test]
fn changes_are_new_changed_gone_or_the_same() {
    for backend in ["async", "processes"] {
        let not_modified = answer("304 Not Modified\r\nETag: \"1\"", "");
        let modified = |day: &str| format!("200 OK\r\nLast-Modified: Sat, {day} Nov 2026 02:00:00 GMT");
        let (same, other) = (modified("21"), modified("28"));
        let script = Script::new()
            .on_each("tag", vec![answer("200 OK\r\nETag: \"1\"", "one"), answer("200 OK\r\nETag: \"2\"", "two")])
            .on_each("kept", vec![answer("200 OK\r\nETag: \"1\"", "one"), not_modified])
            .on_each("size", vec![answer("200 OK", "short"), answer("200 OK", "longer")])
            .on_each("time", vec![answer(&same, "one"), answer(&other, "two")])
            .on_each("weak", vec![answer("200 OK\r\nETag: W/\"1\"", "one"), answer("200 OK\r\nETag: W/\"2\"", "one")])
            .on_each("lost", vec![answer("200 OK", "x"), answer("404 Not Found", "")])
            .on_each("gone", vec![answer("200 OK", "x"), answer("410 Gone", "")])
            .on_each("ill", vec![answer("200 OK", "x"), answer("500 Oh", "")])
            .on("never", answer("404 Not Found", ""))
            .on("old", answer("200 OK", "old"))
            .on("new", answer("200 OK", "new"));
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let names = ["tag", "kept", "size", "time", "weak", "lost", "gone", "ill", "never"];
        let first = list(&server, &[&names[..], &["old"]].concat());
        // This run requests neither changes nor digests.
        let plain = Fetchall::new().arg("-d").arg(folder.path().join("out")).args(["--backend", backend]);
        plain.stdin(first).run().expect_code(1);
        let second = list(&server, &[&names[..], &["new", "new"]].concat());
        let (told_of, report) = run(folder.path(), &second, &["--refresh", "--backend", backend], 1);
        let line = "changes    1 added · 4 changed · 3 removed · 1 unchanged\n";
        assert!(told_of.stderr.contains(line), "{}", told_of.stderr);
        let expected = [
            ("gone", "removed", "gone"),
            ("lost", "removed", "not_found"),
            ("new", "added", "-"),
            ("old", "removed", "not_listed"),
            ("size", "changed", "size"),
            ("tag", "changed", "etag"),
            ("time", "changed", "last_modified"),
            ("weak", "changed", "etag"),
        ];
        assert_eq!(told(&report), expected.map(|(a, b, c)| (a.into(), b.into(), c.into())), "{backend}");
        assert_eq!(counts(&report), [1, 4, 3, 1, 2, 0]);
        assert_eq!(report["complete"], true);
        let of = |name: &str| {
            let changes = report["changes"].as_array().unwrap();
            changes.iter().find(|c| c["url"] == server.url(name)).unwrap().clone()
        };
        assert_eq!((&of("tag")["before"]["etag"], &of("tag")["after"]["etag"]), (&json!("\"1\""), &json!("\"2\"")));
        assert_eq!((&of("size")["before"]["bytes"], &of("size")["after"]["bytes"]), (&json!(5), &json!(6)));
        for (name, body) in [("old", "old"), ("gone", "x"), ("lost", "x")] {
            let path = of(name)["path"].as_str().unwrap_or_else(|| panic!("{name} has no path")).to_owned();
            assert_eq!(fs::read(path).unwrap(), body.as_bytes(), "it is told of, not removed");
        }
        let ended = list(&server, &names[..8]);
        fs::remove_file(of("lost")["path"].as_str().unwrap()).unwrap();
        let (_, report) = run(folder.path(), &ended, &["--refresh", "--backend", backend], 1);
        assert_eq!(report["removed"], 2, "{backend}: told once, but for what is not listed: {report:#}");
    }
}

#[test]
fn a_refreshing_run_counts_its_changes_without_a_report() {
    let script = Script::new()
        .on_each("tag", vec![answer("200 OK\r\nETag: \"1\"", "one"), answer("200 OK\r\nETag: \"2\"", "two")])
        .on_each("kept", vec![answer("200 OK\r\nETag: \"1\"", "one"), answer("304 Not Modified\r\nETag: \"1\"", "")])
        .otherwise(answer("200 OK", "x"));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let fetch = |names: &[&str], args: &[&str]| {
        let run = Fetchall::new().arg("-d").arg(folder.path()).args(["--summary", "s.json"]).args(args);
        let run = run.stdin(list(&server, names)).run().expect_code(0);
        let summary: Value = serde_json::from_slice(&run.read("s.json")).unwrap();
        (run.stderr, summary["changes"].clone())
    };
    let (first, changes) = fetch(&["tag", "kept", "old"], &[]);
    assert!(!first.contains("changes ") && changes.is_null(), "{first}");
    let (second, changes) = fetch(&["tag", "kept", "new"], &["--refresh"]);
    assert!(second.contains("changes    1 added · 1 changed · 1 removed · 1 unchanged\n"), "{second}");
    assert_eq!(changes, json!({"added": 1, "changed": 1, "removed": 1, "unchanged": 1}));
}

#[test]
fn a_change_that_only_a_digest_shows_is_reported() {
    let script = Script::new()
        .on_each("plain", vec![answer("200 OK", "one"), answer("200 OK", "two")])
        .on("same", answer("200 OK", "one"))
        .on_each("ill", vec![answer("200 OK", "one"), answer("503 Ill", ""), answer("200 OK", "two")]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let list = list(&server, &["plain", "same", "ill"]);
    let (_, all_new) = run(folder.path(), &list, &[], 0);
    assert_eq!(counts(&all_new), [3, 0, 0, 0, 0, 0]);
    let (_, report) = run(folder.path(), &list, &["--refresh"], 1);
    assert_eq!(told(&report), [("plain".into(), "changed".into(), "blake3".into())]);
    assert_eq!(counts(&report), [0, 1, 0, 1, 1, 0]);
    // A body after a failure is compared with the last body.
    let (_, report) = run(folder.path(), &list, &["--refresh"], 0);
    assert_eq!(told(&report), [("ill".into(), "changed".into(), "blake3".into())]);
}

#[test]
fn changes_ask_for_nothing_again_that_is_done_without_a_digest() {
    let server = FaultServer::start(Script::new().otherwise(answer("200 OK", "x")));
    let (list, folder) = (list(&server, &["a", "b"]), TempDir::new().unwrap());
    Fetchall::new().arg("-d").arg(folder.path().join("out")).stdin(list.clone()).run().expect_code(0);
    let (_, report) = run(folder.path(), &list, &[], 0);
    assert_eq!((counts(&report), server.requests().len()), ([0, 0, 0, 2, 0, 0], 2));
}

#[test]
fn a_digest_decides_before_everything_else() {
    let of = |tag: &str, body: &str| answer(&format!("200 OK\r\nETag: \"{tag}\""), body);
    let script = Script::new()
        .on_each("touched", vec![of("1", "same"), of("2", "same")])
        .on_each("edited", vec![of("1", "this"), of("1", "that")]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let list = list(&server, &["touched", "edited"]);
    run(folder.path(), &list, &["--digest", "blake3"], 0);
    let (_, report) = run(folder.path(), &list, &["--digest", "blake3", "--refresh"], 0);
    assert_eq!(told(&report), [("edited".into(), "changed".into(), "blake3".into())]);
    assert_eq!(counts(&report), [0, 1, 0, 1, 0, 0]);
}

#[test]
fn a_done_url_is_unchanged_and_a_lost_file_is_no_change() {
    let server = FaultServer::start(Script::new().otherwise(answer("200 OK", "x")));
    let (list, folder) = (list(&server, &["a", "b", "c", "a"]), TempDir::new().unwrap());
    let (first, _) = run(folder.path(), &list, &["--order", "input"], 0);
    fs::remove_file(first.records()[1]["path"].as_str().unwrap()).unwrap();
    let (_, report) = run(folder.path(), &list, &[], 0);
    assert_eq!((counts(&report), server.asked("/b")), ([0, 0, 0, 3, 0, 0], 2));
}

#[test]
fn a_url_that_is_asked_for_in_another_way_is_still_listed() {
    let server = FaultServer::start(Script::new().otherwise(answer("200 OK", "x")));
    let (list, folder) = (list(&server, &["a"]), TempDir::new().unwrap());
    run(folder.path(), &list, &[], 0);
    let (_, report) = run(folder.path(), &list, &["-H", "X-Token: 2"], 0);
    assert_eq!(told(&report), [("a".into(), "added".into(), "-".into())]);
    // A URL requested in two ways is gone once.
    let (_, report) = run(folder.path(), "", &[], 0);
    assert_eq!(counts(&report), [0, 0, 1, 0, 0, 0]);
}

#[test]
fn a_stopped_run_is_incomplete_and_removes_no_unread_url() {
    let server = FaultServer::start(Script::new().on("never", Act::Stalled).otherwise(answer("200 OK", "x")));
    let folder = TempDir::new().unwrap();
    run(folder.path(), &list(&server, &["a", "b"]), &[], 0);
    let args = ["--until", "first-completed", "-c", "1"];
    let (_, report) = run(folder.path(), &list(&server, &["new", "never", "other"]), &args, 0);
    assert_eq!((&report["complete"], report["removed"].as_u64()), (&json!(false), Some(0)));
    assert_eq!(counts(&report), [1, 0, 0, 0, 0, 2]);
}

#[test]
fn the_report_is_whole_or_the_one_before() {
    let server = FaultServer::start(Script::new().on("never", Act::Stalled).otherwise(answer("200 OK", "x")));
    let folder = TempDir::new().unwrap();
    run(folder.path(), &list(&server, &["a"]), &[], 0);
    let before = fs::read(folder.path().join("changes.json")).unwrap();
    let running = command(folder.path(), &list(&server, &["never"]), &[]).spawn();
    server.wait_until("a request", |log| log.requests.iter().any(|request| request.path == "/never"));
    // Killed: what it had begun is left beside, and the next run takes no notice of it.
    drop(running);
    assert_eq!(fs::read(folder.path().join("changes.json")).unwrap(), before);
    run(folder.path(), &list(&server, &["a"]), &[], 0);
    assert_eq!(files(folder.path()).iter().filter(|name| name.contains("changes")).count(), 1);
}

#[test]
fn it_needs_something_to_compare_with() {
    let refused = Fetchall::new().args(["--changes", "x.json", "http://127.0.0.1:9/"]).run().expect_code(2);
    assert!(refused.stderr.contains("--dir") && refused.stderr.contains("--state"), "{}", refused.stderr);
    assert!(!refused.folder().join("x.json").exists());
    let folder = Fetchall::new().args(["--dir", "out", "--changes", "."]).arg("http://127.0.0.1:9/").run();
    let folder = folder.expect_code(2);
    assert!(folder.stderr.contains("folder"), "{}", folder.stderr);
    let missing = Fetchall::new().args(["--dir", "out", "--changes", "no/where"]).arg("http://127.0.0.1:9/").run();
    assert!(missing.expect_code(2).stderr.contains("no/where"));
    let server = FaultServer::start(Script::new().otherwise(answer("200 OK", "x")));
    let url = server.url("a");
    let kept = Fetchall::new().args(["--state", "kept.db", "--changes", "c.json"]).arg(&url).run().expect_code(0);
    let report: Value = serde_json::from_slice(&kept.read("c.json")).unwrap();
    assert_eq!((counts(&report), &report["changes"][0]["path"]), ([1, 0, 0, 0, 0, 0], &Value::Null));
}

const DOCUMENT: &str = include_str!("../../docs/guide/changes.md");

#[test]
fn the_document_and_the_schema_agree() {
    let (_, rest) = DOCUMENT.split_once("```json\n").expect("an example");
    let example: Value = serde_json::from_str(rest.split_once("\n```").expect("its end").0).expect("JSON");
    check(&CHANGES, &example);
    for (pointer, value) in [
        ("/changes/0/reason", json!("not_listed")),
        ("/changes/0/before", Value::Null),
        ("/changes/1/after", example["changes"][0]["after"].clone()),
        ("/changes/1/reason", Value::Null),
        ("/changes/0/change", json!("unchanged")),
        ("/complete", json!(1)),
        ("/removed", json!(-1)),
    ] {
        let mut wrong = example.clone();
        *wrong.pointer_mut(pointer).expect("a place") = value;
        assert!(!faults(&CHANGES, &wrong).is_empty(), "{pointer} should not fit");
    }
    let schema: Value = serde_json::from_str(include_str!("../../docs/reference/changes.schema.json")).unwrap();
    let entry = &schema["properties"]["changes"]["items"]["properties"];
    let reasons: Vec<_> = entry["reason"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for difference in fetchall::policy::rerun::change::Difference::ALL {
        assert!(reasons.contains(&difference.as_str()), "{} is not in the schema", difference.as_str());
    }
    let names = reasons.into_iter().chain(entry.as_object().unwrap().keys().map(String::as_str));
    for name in names.chain(schema["properties"].as_object().unwrap().keys().map(String::as_str)) {
        assert!(DOCUMENT.contains(&format!("`{name}`")) || ["v", "changes"].contains(&name), "{name} is not explained");
    }
}
