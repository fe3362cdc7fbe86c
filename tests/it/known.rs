//! The memory of earlier runs, where requests, folders, files or states are not as simple as one of each.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::files;

fn answer(head: &str, body: &str) -> Act {
    Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn command(folder: &Path, list: &str, args: &[&str]) -> Fetchall {
    Fetchall::new().args(["--json", "--order", "input", "-d"]).arg(folder).args(args).stdin(list)
}

fn run(folder: &Path, list: &str, args: &[&str]) -> Finished {
    command(folder, list, args).run()
}

/// Returns the result of each line: the skip reason, else the outcome.
fn told(run: &Finished) -> Vec<String> {
    let of = |r: &Value| r["skip"]["reason"].as_str().or(r["outcome"].as_str()).unwrap().to_owned();
    run.records().iter().map(of).collect()
}

fn paths(run: &Finished) -> Vec<String> {
    run.records().iter().map(|r| r["path"].as_str().unwrap_or_else(|| panic!("no path: {r}")).to_owned()).collect()
}

#[test]
fn equal_lines_have_separate_files_and_resume_separately() {
    for backend in ["async", "processes"] {
        let bad = || answer("500 Oh", "");
        let script = Script::new().on_each("x", vec![bad(), bad(), answer("200 OK", "one"), answer("200 OK", "two")]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let list = format!("{0}\n{0}\n", server.url("x"));
        let args = ["--duplicates", "fetch", "--backend", backend];
        assert_eq!(told(&run(folder.path(), &list, &args)), ["http_error", "http_error"]);
        let second = run(folder.path(), &list, &args).expect_code(0);
        let saved = paths(&second);
        let mut bodies: Vec<_> = saved.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        bodies.sort();
        assert_eq!((bodies, files(folder.path()).len()), (vec!["one".to_owned(), "two".to_owned()], 2), "{saved:?}");
        let third = run(folder.path(), &list, &args).expect_code(0);
        assert_eq!((told(&third), paths(&third)), (vec!["done".to_owned(); 2], saved));
        assert_eq!(server.asked("/x"), 4);
        // One of them alone is the first.
        let once = run(folder.path(), &format!("{}\n", server.url("x")), &args).expect_code(0);
        assert_eq!(told(&once), ["done"]);
    }
}

#[test]
fn a_repeated_line_is_fetched_after_its_twin_is_done() {
    let (server, folder) =
        (FaultServer::start(Script::new().otherwise(answer("200 OK", "x"))), TempDir::new().unwrap());
    let line = server.url("x") + "\n";
    let args = ["--duplicates", "fetch"];
    let first = run(folder.path(), &line, &args).expect_code(0);
    let both = run(folder.path(), &line.repeat(2), &args).expect_code(0);
    assert_eq!(told(&both), ["done", "ok"]);
    let saved = paths(&both);
    assert!(saved[0] == paths(&first)[0] && saved[0] != saved[1], "{saved:?}");
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn a_digest_in_the_list_asks_again_for_the_same_file() {
    let (server, folder) =
        (FaultServer::start(Script::new().otherwise(answer("200 OK", "x"))), TempDir::new().unwrap());
    let url = server.url("x");
    run(folder.path(), &(url.clone() + "\n"), &[]).expect_code(0);
    let digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let list = format!("url\tpriority\tsha256\n{url}\t5\t{digest}\n");
    let args = ["--input-format", "tsv"];
    assert_eq!(told(&run(folder.path(), &list, &args).expect_code(0)), ["ok"], "its digest was not known");
    assert_eq!(told(&run(folder.path(), &list, &args).expect_code(0)), ["done"]);
    let list = format!("url\tpriority\n{url}\t7\n");
    assert_eq!(told(&run(folder.path(), &list, &args).expect_code(0)), ["done"]);
    assert_eq!((server.asked("/x"), files(folder.path()).len()), (2, 1));
}

#[test]
fn a_document_is_done_where_it_was_saved_and_while_it_is_there() {
    let (server, folder) =
        (FaultServer::start(Script::new().otherwise(answer("200 OK", "body"))), TempDir::new().unwrap());
    let at = |name: &str| folder.path().join(name);
    let run = |document: &Path| {
        let records = at("records");
        let command = Fetchall::new().args(["--json", "-o"]).arg(&records).arg("--state").arg(at("kept.db"));
        let run = command.arg("-O").arg(document).arg(server.url("x")).run().expect_code(0);
        let record: Value = serde_json::from_slice(&fs::read(records).unwrap()).unwrap();
        (record["outcome"].as_str().unwrap().to_owned(), record["path"].clone(), run.stdout)
    };
    let (one, two) = (at("one"), at("two"));
    assert_eq!(run(&one).0, "ok");
    let (again, path, _) = run(&one);
    assert_eq!((again.as_str(), path.as_str()), ("skipped", one.to_str()));
    assert_eq!((run(&two).0.as_str(), fs::read(&two).unwrap()), ("ok", b"body".to_vec()), "another file");
    fs::remove_file(&one).unwrap();
    assert_eq!((run(&one).0.as_str(), fs::read(&one).unwrap()), ("ok", b"body".to_vec()), "it was lost");
    for _ in 0..2 {
        let (told, _, body) = run(Path::new("-"));
        assert_eq!((told.as_str(), body.as_str()), ("ok", "body"), "what went down a pipe is gone");
    }
}

#[test]
fn runs_with_different_states_take_turns_in_one_folder() {
    let script = Script::new().on("never", Act::Stalled).otherwise(answer("200 OK", "x"));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let (out, other) = (folder.path().join("out"), folder.path().join("other.db"));
    let other = ["--state", other.to_str().unwrap()];
    let own = out.join(".fetchall/state.db");
    let own = ["--state", own.to_str().unwrap()];
    let never = server.url("never") + "\n";
    for (first, second) in [(&other[..], &[][..]), (&[], &other), (&other, &own), (&own, &[])] {
        let began = server.asked("/never");
        let running = command(&out, &never, first).spawn();
        server.wait_until("a request", |log| log.requests.iter().filter(|r| r.path == "/never").count() > began);
        let refused = run(&out, &(server.url("a") + "\n"), second).expect_code(75);
        assert!(refused.stderr.contains("in use by another run (process "), "{}", refused.stderr);
        // To look does no harm.
        run(&out, &never, &[second, &["--dry-run"]].concat()).expect_code(0);
        drop(running);
    }
    // A run that is refused forgets nothing.
    run(&out, &(server.url("a") + "\n"), &other).expect_code(0);
    let running = command(&out, &never, &[]).spawn();
    server.wait_until("a request", |log| log.requests.iter().filter(|r| r.path == "/never").count() > 4);
    run(&out, &never, &[&other[..], &["--fresh"]].concat()).expect_code(75);
    drop(running);
    let done = run(&out, &(server.url("a") + "\n"), &other).expect_code(0);
    assert_eq!(told(&done), ["done"]);
}

#[test]
fn a_later_remote_time_corrects_saved_files() {
    let day = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT";
    let good = || answer(&format!("200 OK\r\n{day}"), "x");
    let script = Script::new().on_each("asked", vec![good(), answer("304 Not Modified", "")]).on("done", good());
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let said = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let time = |run: &Finished| fs::metadata(&paths(run)[0]).unwrap().modified().unwrap();
    for (name, args, reason) in
        [("asked", &["--refresh", "--remote-time"][..], "not_modified"), ("done", &["--remote-time"], "done")]
    {
        let list = server.url(name) + "\n";
        assert!(time(&run(folder.path(), &list, &[]).expect_code(0)) > said, "the time at which it came");
        let dry = run(folder.path(), &list, &["--remote-time", "--dry-run"]).expect_code(0);
        assert!(time(&dry) > said, "nothing is done");
        let again = run(folder.path(), &list, args).expect_code(0);
        assert_eq!((told(&again), time(&again)), (vec![reason.to_owned()], said));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_a_stranger_has_filled_leads_nowhere_else() {
    let (server, folder, outside) = (
        FaultServer::start(Script::new().otherwise(answer("200 OK", "x"))),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    let state = folder.path().join("kept.db");
    let lock = outside.path().join("lock");
    fs::write(&lock, "mine").unwrap();
    fs::create_dir_all(folder.path().join("out/.fetchall")).unwrap();
    std::os::unix::fs::symlink(&lock, folder.path().join("out/.fetchall/state.db.lock")).unwrap();
    let args = ["--state", state.to_str().unwrap()];
    let refused = run(&folder.path().join("out"), &(server.url("x") + "\n"), &args).expect_code(2);
    assert!(refused.stderr.contains("symbolic link"), "{}", refused.stderr);
    assert_eq!(fs::read(lock).unwrap(), b"mine");
}

#[test]
fn foreign_rows_of_a_state_move_no_file() {
    let script = Script::new()
        .on_each("a", vec![answer("500 Oh", ""), answer("200 OK", "a")])
        .on_each("b", vec![answer("500 Oh", ""), answer("200 OK", "b")])
        .on_each("c", vec![answer("500 Oh", ""), answer("200 OK", "c")]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let out = folder.path().join("out");
    let list: String = ["a", "b", "c"].map(|name| server.url(name) + "\n").concat();
    run(&out, &list, &[]).expect_code(1);
    let database = rusqlite::Connection::open(out.join(".fetchall/state.db")).unwrap();
    let change = "UPDATE urls SET name = iif(url LIKE '%c', '../escaped', 'same')";
    assert_eq!(database.execute(change, []).unwrap(), 3);
    drop(database);
    let saved = paths(&run(&out, &list, &[]).expect_code(0));
    let bodies: Vec<_> = saved.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(bodies, ["a", "b", "c"], "{saved:?}");
    assert_eq!(files(folder.path()).len(), 3, "{:?}", files(folder.path()));
    assert!(saved.iter().all(|path| Path::new(path).starts_with(&out) && !path.contains("..")), "{saved:?}");
}
