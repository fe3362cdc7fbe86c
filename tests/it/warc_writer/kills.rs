//! Runs that are killed, or whose disk is full, leave an archive that is whole and has every page once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;

use super::reader::{Record, read, read_at};
use crate::crawl::kill::{Log, PAGES, answer};
use crate::crawl::site::Site;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::files;
use crate::support::wait_for;

const KILLS: usize = 25;

/// The records of all files of an archive, each of which is whole.
fn all(folder: &Path) -> Vec<Record> {
    files(folder).iter().flat_map(|name| read(&folder.join(name))).collect()
}

#[test]
fn archive_of_a_killed_crawl_has_every_page_once() {
    let log = Arc::new(Log::default());
    let site = Site::with({
        let log = Arc::clone(&log);
        move |target, _| {
            log.note(target);
            answer(target)
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let command = || {
        let archive = ["--warc-file", &path("w/site"), "--warc-max-size", "300k", "--state", &path("state")];
        Fetchall::new().args(["crawl", "--json", "-c", "8", "--per-host", "8"]).args(archive).arg(site.url("/"))
    };
    let mut placed = Vec::new();
    for kill in 1..=KILLS {
        log.begin(kill);
        let mut running = command().spawn();
        log.wait_for(kill * 13 % 60, &mut running);
        running.signal(Signal::KILL);
        placed.extend(running.wait().records());
    }
    log.begin(KILLS + 1);
    placed.extend(command().run().records());
    let names = files(&folder.path().join("w"));
    assert!(names.len() > 5 && names.iter().all(|name| name.ends_with(".warc.gz")), "{names:?}");
    let mut pages = BTreeMap::<String, usize>::new();
    for record in all(&folder.path().join("w")) {
        if record.path().starts_with("p/") && matches!(record.kind(), "response" | "revisit") {
            assert_eq!((record.status(), record.get("WARC-Truncated")), ("200", ""), "{}", record.path());
            *pages.entry(record.path().to_owned()).or_default() += 1;
        }
    }
    let other: Vec<_> = pages.iter().filter(|(_, times)| **times != 1).collect();
    assert!(other.is_empty(), "more than once: {other:?}");
    assert_eq!(pages.len(), PAGES, "every page is there");
    let placed: Vec<_> = placed.iter().filter(|record| record["outcome"] == "ok").collect();
    assert!(placed.len() > PAGES / 2, "{}", placed.len());
    for record in placed {
        let archived = read_at(folder.path(), &record["warc"]);
        assert_eq!(archived.get("WARC-Target-URI"), record["url"], "{record}");
    }
}

#[test]
fn file_of_a_killed_run_without_a_state_is_cut_and_closed() {
    let server = FaultServer::start(Script::new().on("a", ok()).on("b", Act::Stalled));
    let folder = tempfile::tempdir().unwrap();
    let (path, name) = (folder.path().join("a"), |number: u32| folder.path().join(format!("a-0000{number}.warc.gz")));
    let open = folder.path().join("a-00000.warc.gz.open");
    let running = Fetchall::new()
        .args(["-c1", "--warc-file", path.to_str().unwrap(), &server.url("a"), &server.url("b")])
        .spawn();
    server.wait_until("both requests", |log| log.requests.len() == 2);
    wait_for("the first page", || read(&open).len() == 4);
    let busy = Fetchall::new().args(["--warc-file", path.to_str().unwrap(), &server.url("a")]).run().expect_code(75);
    assert!(busy.stderr.contains("another run writes it"), "{}", busy.stderr);
    running.signal(Signal::KILL);
    running.wait();
    // A part of a record, as a machine that stops may leave it.
    let mut bytes = std::fs::read(&open).unwrap();
    let whole = bytes.len();
    bytes.extend_from_within(..100);
    std::fs::write(&open, bytes).unwrap();
    Fetchall::new().args(["--warc-file", path.to_str().unwrap(), &server.url("a")]).run().expect_code(0);
    assert_eq!(files(folder.path()), ["a-00000.warc.gz", "a-00001.warc.gz"]);
    assert_eq!((name(0).metadata().unwrap().len(), read(&name(1)).len()), (whole as u64, 4));
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_ends_the_run_with_a_readable_file() {
    let body = |seed: u32| (0..20_000).flat_map(|n| (n + seed).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let script =
        (0..40).fold(Script::new(), |script, n| script.on(&format!("u{n}"), Act::KeepAliveOk(body(n * 100_000))));
    let server = FaultServer::start(script);
    let folder = tempfile::tempdir().unwrap();
    let list: String = (0..40).map(|n| server.url(&format!("u{n}")) + "\n").collect();
    std::fs::write(folder.path().join("list"), list).unwrap();
    // A limit for files has the same effect as a full disk, for this process alone.
    let program = env!("CARGO_BIN_EXE_fetchall");
    let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" -c2 --json --warc-file w/a list";
    let mut command = crate::support::process::command("/bin/bash");
    command.current_dir(folder.path()).args(["-c", script, program]);
    let output = crate::support::process::output(&mut command);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("cannot write to the archive w/a-00000.warc.gz"), "{told}");
    let records = all(&folder.path().join("w"));
    assert!(records.iter().filter(|record| record.kind() == "response").count() > 5);
}
