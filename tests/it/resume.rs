//! The same command again goes on where the last one stopped, however that ended.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
use crate::support::single::files;

/// Every page has a body of its own, by its name; some are too large to be kept in memory.
fn page(n: usize) -> Vec<u8> {
    let times = if n % 17 == 5 { 50_000 } else { 1 + n % 400 };
    format!("page {n}\n").repeat(times).into_bytes()
}

fn pages(count: usize, wait: Duration) -> FaultServer {
    let script = (0..count).fold(Script::new(), |script, n| {
        let mut fields = vec![("ETag", format!("\"{n}\""))];
        let coded = n % 3 == 0;
        fields.extend(coded.then(|| ("Content-Encoding", "gzip".to_owned())));
        let body = if coded { gzip(&page(n)) } else { page(n) };
        let ok = Act::Ranged { fields, body, most: usize::MAX };
        script.on(&format!("p{n}"), if wait.is_zero() { ok } else { Act::Delayed(wait, Box::new(ok)) })
    });
    FaultServer::start(script)
}

fn list(server: &FaultServer, count: usize) -> String {
    (0..count).map(|n| server.url(&format!("p{n}\n"))).collect()
}

fn fetch(folder: &Path, list: &str, args: &[&str]) -> Finished {
    command(folder, list, args).run()
}

fn command(folder: &Path, list: &str, args: &[&str]) -> Fetchall {
    Fetchall::new().args(["--json", "-d"]).arg(folder).args(args).stdin(list)
}

/// A record without the fields that may differ in a second run.
fn lasting(record: &Value) -> String {
    let mut record = record.clone();
    for field in ["outcome", "skip", "attempts", "started_at", "timing", "remote_addr"] {
        record[field] = Value::Null;
    }
    record.to_string()
}

#[test]
fn done_urls_are_recorded_again_without_a_request() {
    let (server, folder) = (pages(30, Duration::ZERO), TempDir::new().unwrap());
    let list = list(&server, 30);
    let first = fetch(folder.path(), &list, &[]).expect_code(0);
    let again = fetch(folder.path(), &list, &[]).expect_code(0);
    assert_eq!(server.requests().len(), 30, "nothing was asked twice");
    for (run, line) in
        [(&first, "saved      30 files in "), (&again, "resumed    30 done before\nsaved      nothing new in ")]
    {
        assert!(run.stderr.contains(line), "{}", run.stderr);
    }
    let told = |run: &Finished| run.records().iter().map(lasting).collect::<BTreeSet<_>>();
    assert_eq!(told(&first), told(&again));
    for record in again.records() {
        assert_eq!((&record["outcome"], &record["skip"]["reason"]), (&"skipped".into(), &"done".into()), "{record}");
    }
}

#[test]
fn failed_urls_and_lost_files_are_fetched_again() {
    let ok = || Act::KeepAliveOk(b"hello\n".to_vec());
    let gone = Act::RawKeepAlive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let script = Script::new()
        .on("a", ok())
        .on("b", ok())
        .on_each("gone", vec![gone, ok()])
        .on_each("cut", vec![Act::CutContentLength, ok()]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let list: String = ["a", "b", "gone", "cut"].map(|name| server.url(name) + "\n").concat();
    fetch(folder.path(), &list, &[]).expect_code(1);
    let lost = files(folder.path()).into_iter().find(|name| name.ends_with("/b")).expect("it was saved");
    fs::remove_file(folder.path().join(&lost)).unwrap();
    let again = fetch(folder.path(), &list, &[]).expect_code(0);
    let outcomes: BTreeSet<_> =
        again.records().iter().map(|r| (r["url"].to_string(), r["outcome"].to_string())).collect();
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome == "\"ok\"").count(), 3, "{outcomes:?}");
    assert_eq!(["a", "b", "gone", "cut"].map(|name| server.asked(&format!("/{name}"))), [1, 2, 2, 2]);
    assert_eq!(files(folder.path()).len(), 4);
}

#[test]
fn fresh_forgets_and_another_digest_asks_again() {
    let (server, folder) = (pages(3, Duration::ZERO), TempDir::new().unwrap());
    let list = list(&server, 3);
    for (args, asked) in [(&[][..], 3), (&["--fresh"], 6), (&[], 6), (&["--digest", "sha256"], 9), (&[], 9)] {
        fetch(folder.path(), &list, args).expect_code(0);
        assert_eq!(server.requests().len(), asked, "{args:?}");
    }
}

#[test]
fn a_new_password_resumes_but_a_new_user_or_token_refetches() {
    let (server, folder) = (pages(1, Duration::ZERO), TempDir::new().unwrap());
    // ann:one, ann:two and bob:one
    for (field, asked) in [
        ("Authorization: Basic YW5uOm9uZQ==", 1),
        ("Authorization: Basic YW5uOnR3bw==", 1),
        ("Authorization: Basic Ym9iOm9uZQ==", 2),
        ("Authorization: Bearer one", 3),
        ("Authorization: Bearer two", 4),
        ("Authorization: Bearer one", 4),
    ] {
        fetch(folder.path(), &list(&server, 1), &["--header", field]).expect_code(0);
        assert_eq!(server.requests().len(), asked, "{field}");
    }
}

#[test]
fn a_list_that_has_grown_never_takes_the_name_of_another() {
    let ok = |text: &str| Act::KeepAliveOk(text.as_bytes().to_vec());
    let server = FaultServer::start(Script::new().otherwise(ok("x")));
    let folder = TempDir::new().unwrap();
    // `a/` needs a folder where `a` wants a file.
    let (inner, outer) = (server.url("a/b") + "\n", server.url("a") + "\n");
    fetch(folder.path(), &inner, &[]).expect_code(0);
    let run = fetch(folder.path(), &(outer.clone() + &inner), &[]).expect_code(0);
    assert_eq!(run.records().iter().filter(|r| r["outcome"] == "skipped").count(), 1);
    let names = files(folder.path());
    assert_eq!(names.len(), 2, "{names:?}");
    fetch(folder.path(), &(outer + &inner), &[]).expect_code(0);
    assert_eq!(files(folder.path()), names);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn one_run_at_a_time_and_without_a_folder_no_state() {
    let server = FaultServer::start(Script::new().on("never", Act::Stalled).otherwise(Act::KeepAliveOk(b"x".to_vec())));
    let folder = TempDir::new().unwrap();
    let running = command(folder.path(), &(server.url("never") + "\n"), &[]).spawn();
    server.wait_until("a request", |log| !log.requests.is_empty());
    let refused = fetch(folder.path(), &(server.url("a") + "\n"), &[]).expect_code(75);
    assert!(refused.stderr.contains("in use by another run (process "), "{}", refused.stderr);
    drop(running);
    let plain = Fetchall::new().arg(server.url("a")).run().expect_code(0);
    assert!(files(plain.folder()).is_empty() && !plain.folder().join(".fetchall").exists());
    // A run that saves nothing keeps a state where it is named.
    let state = folder.path().join("kept.db");
    for asked in [2, 2] {
        Fetchall::new().arg("--state").arg(&state).arg(server.url("a")).run().expect_code(0);
        assert_eq!(server.asked("/a"), asked);
    }
}

#[test]
fn partial_files_of_a_killed_run_are_removed() {
    let (server, folder) = (pages(1, Duration::ZERO), TempDir::new().unwrap());
    let parts = folder.path().join(".fetchall/part");
    fs::create_dir_all(parts.join("folder")).unwrap();
    fs::write(parts.join("0123456789abcdef-0123456789abcdef"), "half").unwrap();
    fetch(folder.path(), &list(&server, 1), &[]).expect_code(0);
    assert_eq!(files(folder.path()).len(), 1, "{:?}", files(folder.path()));
    assert!(parts.join("folder").exists(), "it is not ours");
}

#[cfg(unix)]
#[test]
fn a_run_killed_at_any_moment_resumes_to_the_same_result() {
    kill_again_and_again("async", 55);
}

#[cfg(unix)]
#[test]
fn killed_with_children_at_work_it_goes_on_too() {
    kill_again_and_again("processes", 25);
}

#[cfg(unix)]
fn kill_again_and_again(backend: &str, times: usize) {
    const PAGES: usize = 1200;
    let server = pages(PAGES, Duration::from_millis(4));
    let list = list(&server, PAGES);
    let (whole, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let expected = fetch(whole.path(), &list, &["--order", "input", "--backend", backend]).expect_code(0);
    let mut told_ok: BTreeSet<String> = BTreeSet::new();
    let mut kills = 0;
    let mut asked = server.requests().len();
    let mut random = 1_u64;
    // Each run gets a little further than the one before and is killed in the middle of it.
    while kills < times {
        let mut running = command(folder.path(), &list, &["-c", "8", "--backend", backend]).spawn();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let goal = asked + 1 + (random >> 60) as usize;
        server.wait_until("some requests", |log| log.requests.len() >= goal);
        // On a busy machine, a yielded turn may be a long one.
        let most = Instant::now() + Duration::from_millis(3);
        (0..random >> 52).take_while(|_| Instant::now() < most).for_each(|_| std::thread::yield_now());
        assert!(running.is_running(), "killed too late to be killed, after {kills}");
        running.signal(rustix::process::Signal::KILL);
        let ended = running.wait();
        kills += 1;
        asked = server.requests().len();
        let mut lines: Vec<_> = ended.stdout.lines().collect();
        // The last line may be half a record, which does not count.
        if !ended.stdout.ends_with('\n') {
            lines.pop();
        }
        for record in lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a whole record")) {
            let path = record["path"].as_str().expect("a path");
            let n: usize = record["url"].as_str().and_then(|url| url.rsplit("/p").next()?.parse().ok()).unwrap();
            assert_eq!(fs::read(path).expect("the file that was told of"), page(n), "{record}");
            if record["outcome"] == "ok" {
                assert!(told_ok.insert(record["url"].to_string()), "told twice as new: {record}");
            }
        }
    }
    let last = fetch(folder.path(), &list, &["--order", "input", "--backend", backend]).expect_code(0);
    assert_eq!(files(folder.path()), files(whole.path()), "the tree, and no part left");
    for name in files(whole.path()) {
        assert_eq!(fs::read(folder.path().join(&name)).unwrap(), fs::read(whole.path().join(&name)).unwrap(), "{name}");
    }
    let (here, there) = (folder.path().display().to_string(), whole.path().display().to_string());
    for (record, expected) in last.records().iter().zip(expected.records()) {
        assert_eq!(lasting(record).replace(&here, &there), lasting(&expected));
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_remembered_through_a_link() {
    let server = pages(1, Duration::ZERO);
    let state = ["", ".lock", "-wal", "-shm", "-journal"].map(|suffix| format!(".fetchall/state.db{suffix}"));
    for name in state.iter().map(String::as_str).chain([".fetchall"]) {
        let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (link, precious) = (folder.path().join(name), outside.path().join("precious"));
        fs::write(&precious, "mine").unwrap();
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if name == ".fetchall" { outside.path().to_owned() } else { precious.clone() };
        std::os::unix::fs::symlink(target, &link).unwrap();
        let run = fetch(folder.path(), &list(&server, 1), &[]).expect_code(2);
        assert!(run.stderr.contains("symbolic link"), "{}", run.stderr);
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
        assert_eq!(files(outside.path()), ["precious"], "{name}");
        if name == ".fetchall" || name == ".fetchall/state.db" {
            continue;
        }
        fs::remove_file(&link).unwrap();
        fs::hard_link(&precious, &link).unwrap();
        let run = fetch(folder.path(), &list(&server, 1), &[]).expect_code(2);
        assert!(run.stderr.contains("hard link"), "{}", run.stderr);
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}
