//! `--skip-existing` and `--dry-run`: the URLs that are not fetched, and their records.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};

fn server() -> FaultServer {
    let proposing = Act::OkWith(vec![("Content-Disposition", "attachment; filename=f".to_owned())], b"theirs".to_vec());
    FaultServer::start(Script::new().on("get", proposing).otherwise(Act::KeepAliveOk(b"body\n".to_vec())))
}

fn run(folder: &Path, list: &str, args: &[&str]) -> Finished {
    Fetchall::new().args(["--json", "--order", "input", "-d"]).arg(folder).args(args).stdin(list).run()
}

fn list(server: &FaultServer, targets: &[&str]) -> String {
    targets.iter().map(|target| server.url(target) + "\n").collect()
}

fn reasons(run: &Finished) -> Vec<String> {
    run.records().iter().map(|r| r["skip"]["reason"].as_str().unwrap_or_else(|| kind(r)).to_owned()).collect()
}

/// Puts a file where the body of a target goes.
fn put(folder: &Path, server: &FaultServer, name: &str, text: &str) {
    let path = folder.join(format!("127.0.0.1+{}/{name}", server.address().port()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every file and folder, with what is in it.
fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let content = path.is_file().then(|| fs::read(&path).unwrap());
            if content.is_none() {
                folders.push(path.clone());
            }
            found.insert(path.display().to_string(), content);
        }
    }
    found
}

#[test]
fn skip_existing_requests_no_saved_file_on_every_backend() {
    for backend in BACKENDS {
        let (server, folder) = (server(), TempDir::new().unwrap());
        put(folder.path(), &server, "a", "mine");
        put(folder.path(), &server, "b/in", "a folder is no body");
        let list = list(&server, &["a", "b", "c"]);
        let told = run(folder.path(), &list, &["--no-clobber", "--backend", backend]).expect_code(1);
        assert_eq!(reasons(&told), ["exists", "io", "ok"], "{backend}");
        let record = &told.records()[0];
        assert_eq!((&record["bytes"], &record["attempts"], &record["status"]), (&4.into(), &0.into(), &Value::Null));
        let path = record["path"].as_str().expect("a path");
        assert_eq!((fs::read_to_string(path).unwrap().as_str(), server.asked("/a")), ("mine", 0), "{backend}");
        // URLs that an earlier run completed stay done.
        let again = run(folder.path(), &list, &["--skip-existing", "--backend", backend]).expect_code(1);
        assert_eq!(reasons(&again), ["exists", "io", "done"], "{backend}");
    }
}

#[test]
fn skip_existing_finds_files_named_by_the_server() {
    for backend in ["async", "processes"] {
        let (server, folder) = (server(), TempDir::new().unwrap());
        put(folder.path(), &server, "get@1/f", "mine");
        put(folder.path(), &server, "get@2/other", "mine");
        let args = ["--skip-existing", "--content-disposition", "--backend", backend];
        let told = run(folder.path(), &list(&server, &["get?1", "get?2"]), &args).expect_code(0);
        assert_eq!(reasons(&told), ["exists", "ok"], "{backend}");
        assert_eq!((&told.records()[0]["status"], &told.records()[0]["bytes"]), (&200.into(), &4.into()));
        assert_eq!(files(folder.path()).len(), 3);
        assert_eq!(fs::read_to_string(told.records()[0]["path"].as_str().unwrap()).unwrap(), "mine");
    }
}

#[test]
fn a_document_that_is_there_stays() {
    let server = server();
    let fetchall = Fetchall::new().file("page", "mine").args(["-O", "page", "--no-clobber"]).arg(server.url("a"));
    let told = fetchall.run().expect_code(0);
    assert_eq!((told.read("page"), server.requests().len()), (b"mine".to_vec(), 0));
    assert!(told.stdout.starts_with("exists ") && told.stdout.trim_end().ends_with("/a  (page)"), "{}", told.stdout);
    let told = Fetchall::new().args(["-O", "page", "--no-clobber"]).arg(server.url("a")).run().expect_code(0);
    assert_eq!(told.read("page"), b"body\n");
}

#[test]
fn refreshing_what_is_to_stay_is_a_contradiction() {
    let told = Fetchall::new().args(["-N", "--no-clobber", "-d", "out", "http://127.0.0.1:9/"]).run().expect_code(2);
    assert!(told.stderr.contains("--refresh and --skip-existing"), "{}", told.stderr);
    assert!(!told.folder().join("out").exists());
}

#[test]
fn a_dry_run_sends_no_request_and_writes_no_file() {
    let server = server();
    let targets = ["a", "a", "b?q", "get"];
    let list = list(&server, &targets) + "no url\n";
    for backend in ["async", "processes"] {
        let args = ["--dry-run", "--order", "input", "--backend", backend, "-c", "3", "-d", "out"];
        let told = Fetchall::new().args(args).stdin(list.as_str()).run().expect_code(1);
        let host = format!("127.0.0.1+{}", server.address().port());
        let lines: Vec<_> = told.stdout.lines().collect();
        assert_eq!(lines[0], format!("would fetch {} -> out/{host}/a", server.url("a")));
        assert!(lines[1].starts_with("duplicate ") && lines[4].starts_with("invalid_url "), "{lines:?}");
        assert_eq!(lines[2], format!("would fetch {} -> out/{host}/b@q", server.url("b?q")));
        let first = told.stderr.lines().next().unwrap_or_default();
        let says = [&format!("backend {backend}"), "concurrency 3", "read-timeout 30s", "dir out"];
        assert!(first.starts_with("dry run, ") && says.iter().all(|part| first.contains(*part)), "{}", told.stderr);
        assert_eq!(tree(told.folder()), BTreeMap::new(), "nothing is made");
        assert!(server.requests().is_empty());
    }
    for format in ["ndjson", "csv"] {
        let args = ["--dry-run", "-q", "--format", format, "-d", "out"];
        let told = Fetchall::new().args(args).arg(server.url("a")).run().expect_code(0);
        assert!(told.stderr.is_empty() && told.stdout.contains("dry_run"), "{}{}", told.stdout, told.stderr);
        if format == "ndjson" {
            let record = &told.records()[0];
            assert_eq!((&record["outcome"], &record["attempts"]), (&"skipped".into(), &0.into()));
            assert!(record["path"].as_str().is_some_and(|path| path.ends_with("/a")), "{record}");
        }
    }
    let told = Fetchall::new().args(["--dry-run", "-O", "page"]).arg(server.url("a")).run().expect_code(0);
    assert_eq!(told.stdout, format!("would fetch {} -> page\n", server.url("a")));
    let told = Fetchall::new().arg("--dry-run").arg(server.url("a")).run().expect_code(0);
    assert_eq!(told.stdout, format!("would fetch {}\n", server.url("a")));
    for dir in ["out", "out/below"] {
        let told = Fetchall::new().file("out", "").args(["--dry-run", "-d", dir]).arg(server.url("a")).run();
        assert!(told.expect_code(2).stderr.contains(&format!("cannot use {dir} for saved bodies")), "{dir}");
    }
    Fetchall::new().args(["--dry-run", "--until", "first-success"]).arg(server.url("a")).run().expect_code(0);
}

#[test]
fn a_dry_run_knows_what_earlier_runs_did_and_changes_nothing() {
    let (server, folder) = (server(), TempDir::new().unwrap());
    run(folder.path(), &list(&server, &["a", "b"]), &[]).expect_code(0);
    put(folder.path(), &server, "c", "mine");
    let (before, asked) = (tree(folder.path()), server.requests().len());
    let list = list(&server, &["a", "b", "c", "d"]);
    for (args, expected) in [
        (&["--dry-run"][..], ["done", "done", "dry_run", "dry_run"]),
        (&["--dry-run", "--skip-existing"], ["done", "done", "exists", "dry_run"]),
        (&["--dry-run", "--fresh"], ["dry_run"; 4]),
        (&["--dry-run", "--refresh"], ["dry_run"; 4]),
    ] {
        let told = run(folder.path(), &list, args).expect_code(0);
        assert_eq!(reasons(&told), expected, "{args:?}");
        assert!(tree(folder.path()) == before, "{args:?}: {:?}", tree(folder.path()).keys());
    }
    assert_eq!(server.requests().len(), asked);
    // The real run does as the dry run predicted.
    let planned: Vec<_> =
        run(folder.path(), &list, &["--dry-run"]).records().iter().map(|r| r["path"].clone()).collect();
    let saved: Vec<_> = run(folder.path(), &list, &[]).records().iter().map(|r| r["path"].clone()).collect();
    assert_eq!(planned, saved);
}

#[cfg(unix)]
#[test]
fn a_dry_run_sees_the_work_of_active_and_killed_runs() {
    let script = Script::new().on("never", Act::Stalled).otherwise(Act::KeepAliveOk(b"body\n".to_vec()));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let list = list(&server, &["a", "never"]);
    let mut running = Fetchall::new().args(["--json", "-d"]).arg(folder.path()).stdin(list.as_str()).spawn();
    running.next_line();
    server.wait_until("both requests", |log| log.requests.len() == 2);
    let look = || {
        let before: Vec<_> = tree(folder.path()).into_keys().collect();
        let told = run(folder.path(), &list, &["--dry-run"]).expect_code(0);
        assert_eq!(reasons(&told), ["done", "dry_run"]);
        assert_eq!(tree(folder.path()).into_keys().collect::<Vec<_>>(), before);
    };
    look();
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    look();
    assert_eq!(server.requests().len(), 2);
}
