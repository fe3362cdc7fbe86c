//! Folders below the output folder that become links, or vanish, while a run saves into them.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::Connection;
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};
use rustix::io::Errno;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Running};
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};

/// Bodies that stay in memory until they are whole, and bodies that do not.
const SIZES: [(&str, usize); 2] = [("small", 1_000), ("large", 400_000)];

fn server() -> FaultServer {
    let script = SIZES.into_iter().fold(Script::new(), |script, (name, size)| {
        let fields = [
            ("ETag", "\"1\""),
            ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Content-Disposition", "attachment; filename=0"),
        ];
        let fields = fields.map(|(name, value)| (name, value.to_owned())).to_vec();
        script.on(name, Act::OkWith(fields, vec![b'x'; size]))
    });
    FaultServer::start(script)
}

fn host(server: &FaultServer) -> String {
    server.address().to_string().replace(':', "+")
}

/// The folders that a run uses for `/small/a/0` or `/large/a/0`.
fn folders(server: &FaultServer, name: &str) -> [String; 5] {
    let host = host(server);
    [format!("{host}/{name}/a"), format!("{host}/{name}"), host, ".fetchall/part".to_owned(), ".fetchall".to_owned()]
}

/// Whether the state goes with the folder; the end of the run shows it.
fn holds_state(folder: &str) -> bool {
    ["", ".fetchall"].contains(&folder)
}

/// A run that has saved one file and waits for its next URL.
fn after_one_file(server: &FaultServer, backend: &str, name: &str, out: &Path, args: &[&str]) -> Running {
    let run = Fetchall::new().args(["--json", "--backend", backend, "-d"]).arg(out).args(args).stdin_open();
    let mut running = run.spawn();
    running.write_line(&server.url(&format!("{name}/a/0")));
    let first: Value = serde_json::from_str(&running.next_line()).unwrap();
    assert_eq!(first["outcome"], "ok", "{first}");
    running
}

#[test]
fn a_folder_that_becomes_a_link_costs_its_urls() {
    let server = server();
    for backend in BACKENDS {
        for (name, _) in SIZES {
            for folder in folders(&server, name) {
                let (out, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
                let mut running = after_one_file(&server, backend, name, out.path(), &[]);
                let at = out.path().join(&folder);
                fs::rename(&at, out.path().join("aside")).unwrap();
                symlink(outside.path(), &at).unwrap();
                running.write_line(&server.url(&format!("{name}/a/1")));
                running.close_stdin();
                let run = running.wait().expect_code(if holds_state(&folder) { 3 } else { 1 });
                let record = run.records().pop().unwrap();
                assert_eq!(kind(&record), "io", "{backend}: {folder}: {record}");
                let message = record["error"]["message"].as_str().unwrap();
                let in_the_way = format!("{} is in the way", at.display());
                assert!(message.contains(&in_the_way), "{backend}: {folder}: {message}");
                assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{backend}: {folder}");
            }
        }
    }
}

#[test]
fn a_folder_that_vanishes_is_made_again() {
    let server = server();
    for backend in BACKENDS {
        for (name, size) in SIZES {
            for folder in folders(&server, name).into_iter().chain([String::new()]) {
                let parent = TempDir::new().unwrap();
                let out = parent.path().join("out");
                let mut running = after_one_file(&server, backend, name, &out, &[]);
                fs::remove_dir_all(out.join(&folder)).unwrap();
                running.write_line(&server.url(&format!("{name}/a/1")));
                running.close_stdin();
                let run = running.wait().expect_code(if holds_state(&folder) { 3 } else { 0 });
                let told = run.stderr.contains("state.db was removed or replaced");
                assert_eq!(told, holds_state(&folder), "{backend}: {folder}: {}", run.stderr);
                let record = run.records().pop().unwrap();
                assert_eq!(kind(&record), "ok", "{backend}: {folder}: {record}");
                let file = out.join(host(&server)).join(format!("{name}/a/1"));
                assert_eq!(record["path"], *file.to_string_lossy());
                assert_eq!(fs::read(file).unwrap().len(), size, "{backend}: {folder}");
            }
        }
    }
}

/// Replaces a folder by a link and puts it back, again and again; how often.
fn swap(at: &Path, aside: &Path, outside: &Path, is_over: &AtomicBool) -> usize {
    let mut swaps = 0;
    while !is_over.load(SeqCst) {
        if fs::rename(at, aside).is_err() {
            std::thread::yield_now();
            continue;
        }
        // Err: the run has made the folder again.
        if symlink(outside, at).is_ok() {
            swaps += 1;
            std::thread::yield_now();
            fs::remove_file(at).unwrap();
        }
        // Err, as above.
        if fs::rename(aside, at).is_err() {
            let _ = fs::remove_dir_all(aside);
        }
    }
    swaps
}

#[test]
fn folders_swapped_for_links_all_the_time_lead_nowhere() {
    let server = server();
    let url = |n: usize| server.url(&format!("{}/a/{n}", SIZES[usize::from(n.is_multiple_of(6))].0));
    let list: String = (0..=60).map(|n| url(n) + "\n").collect();
    for backend in BACKENDS {
        // Names of the server, times, and names on the disk take other ways.
        let more = [&["--content-disposition"][..], &["--remote-time"], &["--sync"]];
        for (folder, args) in folders(&server, "small").into_iter().zip(more.into_iter().cycle()) {
            let (out, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let precious = outside.path().join("0");
            fs::write(&precious, "mine").unwrap();
            let (at, aside): (PathBuf, _) = (out.path().join(&folder), out.path().join("aside"));
            let is_over = AtomicBool::new(false);
            let run = std::thread::scope(|scope| {
                let mut running = after_one_file(&server, backend, "small", out.path(), args);
                let swapping = scope.spawn(|| swap(&at, &aside, outside.path(), &is_over));
                (1..=60).for_each(|n| running.write_line(&url(n)));
                let run = running.wait();
                is_over.store(true, SeqCst);
                assert!(swapping.join().unwrap() > 0, "{backend}: {folder}");
                run
            });
            assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
            let mut told: Vec<_> = run.records().iter().map(|record| record["url"].to_string()).collect();
            told.sort_unstable();
            told.dedup();
            assert_eq!((told.len(), run.records().len()), (61, 61), "{backend}: {folder}: {}", run.stderr);
            for record in run.records() {
                assert!(matches!(kind(&record), "ok" | "io"), "{backend}: {folder}: {record}");
            }
            assert_eq!(files(outside.path()), ["0"], "{backend}: {folder}");
            assert_eq!(fs::read(&precious).unwrap(), b"mine", "{backend}: {folder}");
            // The leftovers do not keep the next run from ending well.
            let again = Fetchall::new().args(["--json", "--backend", backend, "-d"]).arg(out.path());
            again.args(args).stdin(list.as_str()).run().expect_code(0);
        }
    }
}

#[test]
fn a_state_folder_swapped_while_runs_begin_leads_nowhere() {
    let server = server();
    for backend in BACKENDS {
        let (out, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        // A foreign state, which `--fresh` would remove.
        let state = outside.path().join("state.db");
        let foreign = Fetchall::new().arg("--state").arg(&state).arg(server.url("small/a/0"));
        foreign.run().expect_code(0);
        let before = fs::read(&state).unwrap();
        fs::create_dir(out.path().join(".fetchall")).unwrap();
        let (at, aside) = (out.path().join(".fetchall"), out.path().join("aside"));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| swap(&at, &aside, outside.path(), &is_over));
            for turn in 0..6 {
                let fresh = if turn % 2 == 0 { &["--fresh"][..] } else { &[] };
                let run = Fetchall::new().args(["--backend", backend, "-d"]).arg(out.path()).args(fresh);
                let run = run.arg(server.url("small/a/0")).run();
                assert!(!run.stderr.contains("panicked"), "{backend}: {}", run.stderr);
            }
            is_over.store(true, SeqCst);
            assert!(swapping.join().unwrap() > 0, "{backend}");
        });
        assert_eq!(files(outside.path()), ["state.db", "state.db.lock"], "{backend}");
        assert!(fs::read(&state).unwrap() == before, "{backend}: the foreign state is as it was");
    }
}

/// Opens a FIFO once the run waits for its text: by then it has checked its files.
fn once_read(fifo: &Path) -> File {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match open(fifo, flags, Mode::empty()) {
            Ok(opened) => return opened.into(),
            Err(Errno::NXIO) if Instant::now() < deadline => std::thread::yield_now(),
            Err(e) => panic!("the run does not read: {e}"),
        }
    }
}

#[test]
fn a_folder_swapped_after_the_check_leads_nowhere() {
    let server = server();
    for backend in BACKENDS {
        for (swapped, flag, path) in [
            ("o", "-d", "o"),
            ("o", "-d", "o/new/sub"),
            ("o/sub", "-d", "o/sub"),
            ("o", "--state", "o/x"),
            ("o", "--state", "o/sub/x"),
            ("o", "-O", "o/x"),
            ("o/sub", "-O", "o/sub/x"),
        ] {
            let folder = TempDir::new().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::create_dir_all(at("o/sub")).unwrap();
            fs::create_dir_all(at("in/sub")).unwrap();
            for input in ["in/x", "in/sub/x"] {
                fs::write(at(input), "X-A: b\n").unwrap();
            }
            mkfifoat(CWD, at("cookies"), Mode::RWXU).unwrap();
            let field = |name: &str| format!("@{}", at(name).display());
            let run = Fetchall::new().args(["--backend", backend, "--load-cookies"]).arg(at("cookies"));
            let run = run.args(["-H", &field("in/x"), "-H", &field("in/sub/x"), flag]).arg(at(path));
            let running = run.arg(server.url("small/a/0")).spawn();
            let mut cookies = once_read(&at("cookies"));
            fs::rename(at(swapped), at("aside")).unwrap();
            symlink(at("in"), at(swapped)).unwrap();
            cookies.write_all(b"# none\n").unwrap();
            drop(cookies);
            let run = running.wait().expect_code(2);
            let in_the_way = format!("{} is in the way: it is a symbolic link", at(swapped).display());
            assert!(run.stderr.contains(&in_the_way), "{backend} {flag} {path}: {}", run.stderr);
            assert_eq!(files(&at("in")), ["sub/x", "x"], "{backend} {flag} {path}");
            for input in ["in/x", "in/sub/x"] {
                assert_eq!(fs::read_to_string(at(input)).unwrap(), "X-A: b\n", "{backend} {flag} {path}");
            }
        }
    }
}

#[test]
fn a_log_left_behind_is_written_into_no_other_file() {
    let server = server();
    let text = "a note of a user\n".repeat(1000);
    for backend in BACKENDS {
        let (out, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut running = after_one_file(&server, backend, "small", out.path(), &[]);
        let log = fs::read(out.path().join(".fetchall/state.db-wal")).unwrap();
        running.close_stdin();
        running.wait().expect_code(0);
        let (own, named, precious) =
            (out.path().join(".fetchall/state.db"), out.path().join("s.db"), outside.path().join("notes"));
        for state in [&own, &named] {
            for (is_link, says) in [(false, "file is not a database"), (true, "it has another name (a hard link)")] {
                // Err: the state of --state is not there yet.
                let _ = fs::remove_file(state);
                fs::write(&precious, &text).unwrap();
                if is_link { fs::hard_link(&precious, state) } else { fs::copy(&precious, state).map(drop) }.unwrap();
                fs::write(state.with_extension("db-wal"), &log).unwrap();
                let run = Fetchall::new().args(["--backend", backend, "-d"]).arg(out.path());
                let run = if state == &named { run.arg("--state").arg(state) } else { run };
                let run = run.arg(server.url("small/a/0")).run().expect_code(2);
                assert!(run.stderr.contains(says), "{backend}: {}", run.stderr);
                assert!(fs::read_to_string(state).unwrap() == text, "{backend}: {says}");
                assert!(fs::read_to_string(&precious).unwrap() == text, "{backend}: {says}");
                assert!(fs::read(state.with_extension("db-wal")).unwrap() == log, "{backend}: the log stays");
            }
        }
    }
}

#[test]
fn nothing_behind_a_link_counts_as_saved() {
    let server = server();
    let stamp = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for backend in BACKENDS {
        for args in [&["--skip-existing"][..], &["--refresh"], &["--remote-time"], &[]] {
            let (out, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let first = Fetchall::new().args(["--json", "-d"]).arg(out.path()).arg(server.url("small/a/0"));
            first.run().expect_code(0);
            let moved = outside.path().join("moved");
            fs::rename(out.path().join(host(&server)), &moved).unwrap();
            symlink(&moved, out.path().join(host(&server))).unwrap();
            let file = moved.join("small/a/0");
            fs::File::open(&file).unwrap().set_modified(stamp).unwrap();
            let asked = server.requests().len();
            let again = Fetchall::new().args(["--json", "--backend", backend, "-d"]).arg(out.path()).args(args);
            let record = again.arg(server.url("small/a/0")).run().expect_code(1).records().remove(0);
            assert_eq!(kind(&record), "io", "{backend} {args:?}: {record}");
            let requests = server.requests();
            let asks = requests[asked..].iter().map(|request| request.header("if-none-match").is_some());
            assert_eq!(asks.collect::<Vec<_>>(), [false], "{backend} {args:?}: the whole is asked for");
            assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), stamp, "{backend} {args:?}");
            assert_eq!(files(outside.path()).len(), 1, "{backend} {args:?}");
        }
    }
}

#[test]
fn a_document_is_saved_through_a_link_of_the_user() {
    let server = server();
    for backend in BACKENDS {
        for (name, size) in SIZES {
            let folder = TempDir::new().unwrap();
            fs::create_dir(folder.path().join("real")).unwrap();
            symlink("real", folder.path().join("link")).unwrap();
            let document = folder.path().join("link/page");
            let run = Fetchall::new().args(["--json", "--backend", backend, "-O"]).arg(&document);
            let record = run.arg(server.url(name)).run().expect_code(0).records().remove(0);
            assert_eq!(record["path"], *document.to_string_lossy());
            assert_eq!(fs::read(folder.path().join("real/page")).unwrap().len(), size);
            assert_eq!(files(&folder.path().join("real")), ["page"], "{backend}: no part is left");
        }
    }
}

#[test]
fn two_rows_of_a_state_never_share_a_file() {
    let (server, out) = (server(), TempDir::new().unwrap());
    let list = ["small/a/0", "small/a/1", "small/a/2"].map(|path| server.url(path) + "\n").concat();
    let run = |args: &[&str]| {
        let run = Fetchall::new().args(["--json", "--order", "input", "-d"]).arg(out.path()).args(args);
        run.stdin(list.as_str()).run().expect_code(0).records()
    };
    run(&[]);
    let database = Connection::open(out.path().join(".fetchall/state.db")).unwrap();
    let one = format!("{}/small/a/0", host(&server));
    for (name, file, kinds) in [
        // One file under one name, in other letters, and as the file that a server named.
        (one.clone(), None, ["ok", "ok", "skipped"]),
        (one.to_uppercase(), None, ["ok", "ok", "skipped"]),
        (format!("{}/small/a/1", host(&server)), Some(one.clone()), ["ok", "ok", "skipped"]),
    ] {
        let change = "UPDATE urls SET name = ?1, file = ?2 WHERE url LIKE '%/1'";
        assert_eq!(database.execute(change, (name, file)).unwrap(), 1);
        for expected in [kinds, ["skipped"; 3]] {
            let told = run(&[]);
            let outcomes: Vec<_> = told.iter().map(|record| record["outcome"].as_str().unwrap().to_owned()).collect();
            assert_eq!(outcomes, expected);
            let mut paths: Vec<_> = told.iter().map(|record| record["path"].to_string()).collect();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), 3, "{paths:?}");
        }
    }
}
