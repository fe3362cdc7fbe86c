//! Faults of the machine: an `io` error for that URL, or a clean stop; never half a file or a panic.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished, records};
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
use crate::support::process::{self, output};
use crate::support::single::{files, kind};
use crate::support::{BACKENDS, program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fetchall");

/// Every page is as long as its name says, in thousands of bytes.
fn server(lengths: &[usize]) -> FaultServer {
    let script = lengths.iter().fold(Script::new(), |script, &length| {
        script.on(&format!("k{length}"), Act::KeepAliveOk(vec![b'x'; 1000 * length]))
    });
    FaultServer::start(script)
}

fn list(server: &FaultServer, length: usize, count: usize) -> String {
    (0..count).map(|n| server.url(&format!("k{length}/{n}\n"))).collect()
}

/// `fetchall` through a shell, which sets limits and closes streams.
fn shell(before: &str, args: &str, after: &str) -> Fetchall {
    Fetchall::of("/bin/sh").args(["-c", &format!("{before} exec {PROGRAM} {args} {after}")])
}

fn kinds(records: &[Value]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    records.iter().for_each(|record| *kinds.entry(kind(record).to_owned()).or_default() += 1);
    kinds
}

fn of(kinds: &[(&str, usize)]) -> BTreeMap<String, usize> {
    kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

/// Checks that each body reported as ok is there and whole, that no other file is there, and that
/// no partial file is left.
fn told_true(records: &[Value], folder: &Path, length: usize) {
    let mut saved = 0;
    for record in records.iter().filter(|record| record["outcome"] == "ok") {
        let path = record["path"].as_str().expect("a path");
        assert_eq!(fs::metadata(path).expect("its file").len(), 1000 * length as u64, "{record}");
        saved += 1;
    }
    // The state could not keep these: they have records, but not as ok.
    let unkept = |record: &&Value| kind(record) == "io" && record["path"].is_string();
    saved += records.iter().filter(unkept).count();
    assert_eq!(files(folder).len(), saved, "{:?}", files(folder));
}

fn no_panic(run: &Finished) {
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

fn host(server: &FaultServer) -> String {
    server.address().to_string().replace(':', "+")
}

fn file(path: &Path) {
    fs::create_dir_all(path.parent().expect("it lies in a folder")).unwrap();
    fs::write(path, "mine").unwrap();
}

#[test]
fn an_obstacle_costs_only_the_urls_behind_it() {
    type Plant = fn(&Path, &Path, &str);
    let plants: [(&str, Plant, usize); 6] = [
        ("a file for a folder", |out, _, host| file(&out.join(host)), 3),
        ("a link for a folder", |out, outside, host| symlink(outside, out.join(host)).unwrap(), 3),
        ("a file for the parts", |out, _, _| file(&out.join(".fetchall/part")), 3),
        ("a link for the parts", |out, outside, _| symlink(outside, out.join(".fetchall/part")).unwrap(), 3),
        ("a folder for a file", |out, _, host| fs::create_dir_all(out.join(host).join("k1/0/x")).unwrap(), 1),
        ("a file for a folder below", |out, _, host| file(&out.join(host).join("k1")), 3),
    ];
    let server = server(&[1]);
    for backend in ["async", "processes"] {
        for (what, plant, failures) in plants {
            let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            fs::create_dir_all(folder.path().join(".fetchall")).unwrap();
            plant(folder.path(), outside.path(), &host(&server));
            let run = Fetchall::new().args(["--json", "--backend", backend, "-d"]).arg(folder.path());
            let run = run.stdin(list(&server, 1, 3)).run().expect_code(1);
            let mut told = kinds(&run.records());
            told.remove("ok");
            assert_eq!(told, of(&[("io", failures)]), "{what}");
            for record in run.records().iter().filter(|record| record["outcome"] == "failed") {
                let message = record["error"]["message"].as_str().unwrap();
                assert!(message.starts_with("cannot write ") && message.contains("k1/"), "{what}: {message}");
            }
            assert_eq!(files(outside.path()), Vec::<String>::new(), "{what} leads nowhere");
            let parts = fs::read_dir(folder.path().join(".fetchall/part")).map_or(0, Iterator::count);
            assert_eq!(parts, 0, "{what}");
            no_panic(&run);
        }
    }
}

#[test]
fn a_link_at_a_final_name_is_replaced_and_not_followed() {
    let (server, folder, outside) = (server(&[1, 300]), TempDir::new().unwrap(), TempDir::new().unwrap());
    let precious = outside.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    for length in [1, 300] {
        let name = folder.path().join(host(&server)).join(format!("k{length}/0"));
        fs::create_dir_all(name.parent().unwrap()).unwrap();
        symlink(&precious, &name).unwrap();
        let run = Fetchall::new().args(["--json", "-d"]).arg(folder.path()).stdin(list(&server, length, 1)).run();
        assert_eq!(kinds(&run.expect_code(0).records()), of(&[("ok", 1)]));
        let file = fs::symlink_metadata(&name).unwrap();
        assert!(file.is_file() && file.len() == 1000 * length as u64);
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}

#[test]
fn an_unusable_output_folder_is_refused_before_any_request() {
    let server = server(&[1]);
    for (plant, said) in [
        (&["out"][..], "cannot use out for saved bodies: out is in the way: it is no folder"),
        (&["out/.fetchall"], "out/.fetchall is in the way: it is no folder; move it away"),
        (&["out/.fetchall/state.db/x"], "out/.fetchall/state.db: it is a folder; move it away"),
    ] {
        let run = plant.iter().fold(Fetchall::new(), |run, path| run.file(path, "mine"));
        let run = run.args(["-d", "out"]).stdin(list(&server, 1, 1)).run().expect_code(2);
        assert!(run.stderr.contains(said), "{plant:?}: {}", run.stderr);
        no_panic(&run);
    }
    assert!(server.requests().is_empty());
}

/// Returns the program as an unprivileged user; root must switch to one first. `None`: prints the reason.
fn nobody(folder: &Path) -> Option<Fetchall> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    if !rustix::process::getuid().is_root() {
        return Some(Fetchall::new().arg("--no-config"));
    }
    let become_nobody = ["--reuid", "65534", "--clear-groups", PROGRAM];
    let setpriv = program("setpriv")?;
    if !output(process::command(&setpriv).args(become_nobody).arg("--version")).status.success() {
        println!("skipped: nobody may run {PROGRAM} here");
        return None;
    }
    Some(Fetchall::of(setpriv).args(become_nobody).arg("--no-config"))
}

#[test]
fn without_permission_it_says_so() {
    let (server, folder) = (server(&[1, 300]), TempDir::new().unwrap());
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // Nothing may be written: not even what is remembered.
    mode(&out, 0o555);
    let Some(run) = nobody(folder.path()) else { return };
    let run = run.arg("-d").arg(&out).stdin(list(&server, 1, 1)).run().expect_code(2);
    assert!(run.stderr.contains("Permission denied") && run.stderr.contains("out"), "{}", run.stderr);
    assert!(server.requests().is_empty());
    // One folder may not be written into, or the parts may not.
    for closed in [out.join(host(&server)), out.join(".fetchall/part")] {
        mode(&out, 0o777);
        fs::create_dir_all(&closed).unwrap();
        fs::create_dir_all(out.join(".fetchall")).unwrap();
        mode(&out.join(".fetchall"), 0o777);
        mode(&closed, 0o555);
        let Some(run) = nobody(folder.path()) else { return };
        let urls = list(&server, 1, 2) + &list(&server, 300, 2);
        let run = run.args(["--json", "--fresh", "-d"]).arg(&out).stdin(urls).run().expect_code(1);
        assert_eq!(kinds(&run.records()), of(&[("io", 4)]));
        assert!(run.records().iter().all(|r| r["error"]["message"].as_str().unwrap().contains("Permission denied")));
        assert_eq!(files(&out), Vec::<String>::new());
        mode(&closed, 0o755);
        fs::remove_dir(&closed).unwrap();
    }
}

/// A small disk, for as long as it lives.
struct Disk(TempDir);

impl Disk {
    /// `None` if none may be mounted, with a message.
    fn of(kib: usize) -> Option<Disk> {
        let disk = TempDir::new().unwrap();
        let mount = program("mount")?;
        let options = format!("size={kib}k");
        let mounted = output(process::command(mount).args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(disk.path()));
        if mounted.status.success() {
            return Some(Disk(disk));
        }
        println!("skipped: no disk may be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        output(process::command("umount").arg("-l").arg(self.0.path()));
    }
}

#[test]
fn a_full_disk_leaves_whole_files_and_true_records() {
    for (backend, length) in [("async", 2), ("threads", 2), ("processes", 2), ("async", 300), ("processes", 300)] {
        let (server, Some(disk)) = (server(&[length]), Disk::of(200 + 4 * length)) else { return };
        let out = disk.0.path().join("out");
        let urls = list(&server, length, 200);
        let command = || Fetchall::new().args(["--json", "--backend", backend, "-d"]).arg(&out).stdin(urls.clone());
        let run = command().run();
        assert!([Some(1), Some(3)].contains(&run.code()), "{:?} {}", run.code(), run.stderr);
        told_true(&run.records(), &out, length);
        let told = kinds(&run.records());
        // Bodies or the state, whichever wants a page first; a state that ends gives some of its own back.
        if run.code() == Some(3) {
            assert!(run.stderr.contains("no space is left for the state"), "{}", run.stderr);
            assert!(["io", "cancelled"].iter().any(|kind| told.contains_key(*kind)), "{backend} {length}: {told:?}");
        } else {
            assert_eq!(run.records().len(), 200, "{backend} {length}: {told:?}");
            assert!(told["io"] > 0, "{backend} {length}: {told:?}");
        }
        no_panic(&run);
        // With room again the same command does the rest.
        let more = format!("remount,size={}k", 2000 + 220 * length * 2);
        assert!(output(process::command("mount").args(["-o", &more]).arg(disk.0.path())).status.success());
        let done = command().run().expect_code(0);
        assert_eq!(files(&out).len(), 200);
        assert!(done.records().iter().all(|r| ["ok", "skipped"].contains(&r["outcome"].as_str().unwrap())));
    }
}

#[test]
fn urls_that_the_state_cannot_store_are_not_ok() {
    for backend in BACKENDS {
        let (server, folder) = (server(&[1]), TempDir::new().unwrap());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let urls = list(&server, 1, 300);
        // The bodies fit, the state does not.
        let args = format!("--json --backend {backend} -d {} --summary {}", at("out"), at("summary"));
        let run = shell("ulimit -f 120;", &args, "").stdin(urls.clone()).run().expect_code(3);
        let told = |run: &Finished, outcome: &str| -> BTreeSet<String> {
            let records = run.records().into_iter().filter(|record| record["outcome"] == outcome);
            records.map(|record| record["url"].as_str().unwrap().to_owned()).collect()
        };
        let (ok, failed) = (told(&run, "ok"), told(&run, "failed"));
        assert!(!failed.is_empty(), "{backend}: {:?}", kinds(&run.records()));
        let unkept = run.records().into_iter().filter(|record| record["outcome"] == "failed");
        for record in unkept {
            assert!(record["error"]["message"].as_str().unwrap().starts_with("fetched but not remembered"), "{record}");
            assert_eq!(fs::metadata(record["path"].as_str().unwrap()).unwrap().len(), 1000, "{record}");
        }
        let summary: Value = serde_json::from_slice(&fs::read(at("summary")).unwrap()).unwrap();
        assert_eq!(summary["ok"], ok.len(), "{backend}: {summary}");
        assert_eq!(summary["failed"], failed.len(), "{backend}: {summary}");
        assert_eq!(summary["saved"], ok.len(), "{backend}: {summary}");
        let again = Fetchall::new().args(["--json", "-d", &at("out")]).stdin(urls).run().expect_code(0);
        assert_eq!(told(&again, "skipped"), ok, "{backend}: what was ok is done, nothing else");
        assert_eq!(files(&folder.path().join("out")).len(), 300, "{backend}");
    }
}

#[test]
fn reports_that_do_not_fit_on_the_disk_end_the_run_cleanly() {
    let (server, Some(disk)) = (server(&[1]), Disk::of(40)) else { return };
    let (urls, kept) = (list(&server, 1, 400), TempDir::new().unwrap());
    let on_disk = |name: &str| disk.0.path().join(name);
    let run = Fetchall::new().args(["--json", "-o"]).arg(on_disk("r.ndjson")).stdin(urls.clone()).run().expect_code(3);
    assert!(run.stderr.contains("r.ndjson: No space left"), "{}", run.stderr);
    assert!(!records(&fs::read_to_string(on_disk("r.ndjson")).unwrap()).is_empty());
    fs::remove_file(on_disk("r.ndjson")).unwrap();
    fs::write(on_disk("changes.json"), "before").unwrap();
    let run = Fetchall::new().args(["--json", "--state"]).arg(kept.path().join("s.db"));
    let run = run.arg("--changes").arg(on_disk("changes.json")).stdin(urls).run().expect_code(3);
    assert!(run.stderr.contains("changes.json: No space left"), "{}", run.stderr);
    assert_eq!(fs::read(on_disk("changes.json")).unwrap(), b"before");
    assert_eq!(files(disk.0.path()), ["changes.json"]);
}

#[test]
fn a_file_that_may_grow_no_further_is_an_error_of_that_file() {
    for backend in ["async", "processes"] {
        let (server, folder) = (server(&[1, 600]), TempDir::new().unwrap());
        let urls = list(&server, 1, 3) + &list(&server, 600, 3);
        // A state is no small file.
        let args = format!("--json --backend {backend} -d {} --state s.db", folder.path().display());
        let run = shell("ulimit -f 600;", &args, "").stdin(urls).run().expect_code(1);
        assert_eq!(kinds(&run.records()), of(&[("io", 3), ("ok", 3)]), "{backend}");
        told_true(&run.records(), folder.path(), 1);
    }
}

/// Many empty members and one that is not: what comes is large, what is saved small.
fn padded() -> Vec<u8> {
    [gzip(b"").repeat(80_000), gzip(b"hello\n")].concat()
}

#[test]
fn no_room_for_the_copy_of_a_coded_body_costs_only_the_copy() {
    for backend in ["async", "processes"] {
        let fields = ["ETag", "Content-Encoding", "Content-Type"].into_iter().zip(["\"1\"", "gzip", "text/plain"]);
        let fields = fields.map(|(name, value)| (name, value.to_owned())).collect();
        let server = FaultServer::start(Script::new().on("x", Act::OkWith(fields, padded())));
        let folder = TempDir::new().unwrap();
        let args = format!("--json --backend {backend} -d {} --state s.db", folder.path().display());
        let run = shell("ulimit -f 1200;", &args, "").stdin(server.url("x")).run().expect_code(0);
        let record = &run.records()[0];
        assert_eq!(run.read(record["path"].as_str().unwrap()), b"hello\n", "{backend}: {record}");
        assert_eq!(files(folder.path()).len(), 1, "{:?}", files(folder.path()));
    }
}

#[test]
fn streams_that_are_closed_or_full_cost_no_file() {
    let server = server(&[1]);
    let urls = list(&server, 1, 30);
    let mut started = Vec::new();
    for (after, code, files_saved) in [
        (">&-", 0, 30),
        ("2>&-", 0, 30),
        (">&- 2>&-", 0, 30),
        ("2>/dev/full", 0, 30),
        ("--progress json 2>/dev/full", 0, 30),
        (">/dev/full", 3, 0),
        (">/dev/full 2>&-", 3, 0),
        ("-o /dev/full", 3, 0),
        ("--summary /dev/full", 3, 0),
        ("--changes /dev/full", 3, 0),
        ("--log /dev/full", 0, 30),
    ] {
        for backend in ["async", "processes"] {
            let folder = TempDir::new().unwrap();
            let args = format!("--json --backend {backend} -d {}", folder.path().display());
            let running = shell("", &args, after).stdin(urls.clone()).spawn();
            started.push((after, code, files_saved, folder, running));
        }
    }
    for (after, code, files_saved, folder, running) in started {
        let run = running.wait().expect_code(code);
        no_panic(&run);
        let saved = files(folder.path());
        assert!(saved.len() >= files_saved, "{after}: {} files", saved.len());
        for name in saved {
            assert_eq!(fs::metadata(folder.path().join(&name)).unwrap().len(), 1000, "{after}: {name}");
        }
        if !after.contains("2>") && code == 3 {
            assert!(run.stderr.contains("No space left on device"), "{after}: {}", run.stderr);
        }
        if !after.contains('>') && !after.contains("-o") && code == 0 {
            assert_eq!(run.records().len(), 30);
        }
    }
    let document = shell("", &format!("-O - {}", server.url("k1/0")), ">/dev/full").run().expect_code(1);
    assert!(document.stderr.contains("io: cannot write the body"), "{}", document.stderr);
}

#[test]
fn a_reader_of_standard_error_that_goes_away_stops_nothing() {
    let server = server(&[1]);
    let command = format!("{PROGRAM} --json -o r.ndjson --progress json 2>&1 | head -n 1; wait");
    let run = Fetchall::of("/bin/sh").args(["-c", &command]).stdin(list(&server, 1, 200)).run().expect_code(0);
    assert!(run.stdout.contains("run_started"), "{}", run.stdout);
    assert_eq!(kinds(&records(&String::from_utf8(run.read("r.ndjson")).unwrap())), of(&[("ok", 200)]));
}

#[test]
fn few_descriptors_lower_the_concurrency_and_fail_nothing() {
    let page = || Act::Delayed(Duration::from_millis(2), Box::new(Act::KeepAliveOk(vec![b'x'; 300_000])));
    let servers: Vec<_> = (0..8).map(|_| FaultServer::start(Script::new().otherwise(page()))).collect();
    // Many origins, so that idle connections are held beside those at work.
    let urls: String = (0..96).map(|n| servers[n % servers.len()].url(&format!("{n}\n"))).collect();
    for backend in BACKENDS {
        for saving in ["", "-d out"] {
            let args = format!("--json --backend {backend} -c 1000 {saving}");
            let run = shell("ulimit -n 64;", &args, "").stdin(urls.clone()).run().expect_code(0);
            assert_eq!(kinds(&run.records()), of(&[("ok", 96)]), "{backend} {saving}");
            let warned = run.stderr.contains("warning: concurrency lowered from 1000 to ")
                && run.stderr.contains("the limit of 64 open files");
            assert_eq!(warned, backend != "sequential", "{backend}: {}", run.stderr);
        }
    }
    let most = servers.iter().map(FaultServer::max_in_flight).max();
    assert!(most > Some(1), "more than one at a time");
    let plenty = Fetchall::new().args(["--json", "-c", "20"]).stdin(urls).run().expect_code(0);
    assert!(!plenty.stderr.contains("warning"), "{}", plenty.stderr);
}
