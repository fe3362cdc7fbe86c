//! Standard error and a log without a reader: they delay neither the run, nor its end, nor a signal.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, fcntl_setfl, mkfifoat};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, records};
use crate::support::fault::FaultServer;
use crate::support::process::{Process, fetchall, finish, on_thread};

/// How long a run may take to end, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(15);

const ENDS: [Option<Signal>; 3] = [None, Some(Signal::INT), Some(Signal::TERM)];

/// Fills a pipe, so that the next write to it blocks.
pub fn fill(pipe: impl Into<OwnedFd>) -> OwnedFd {
    let pipe = pipe.into();
    fcntl_setfl(&pipe, OFlags::NONBLOCK).unwrap();
    let mut file = File::from(pipe);
    while file.write(b"full").is_ok() {}
    let pipe = OwnedFd::from(file);
    fcntl_setfl(&pipe, OFlags::empty()).unwrap();
    pipe
}

fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("fifo");
    mkfifoat(CWD, &path, Mode::RWXU).unwrap();
    path
}

/// A FIFO whose reader is there and reads nothing.
fn open_fifo(path: &Path) -> File {
    // On Linux and the BSDs an opening for both does not wait.
    File::options().read(true).write(true).open(path).unwrap()
}

/// Runs every backend to its own end and to its end by each signal. `unread` prepares an output
/// without a reader and returns the handle that must stay open meanwhile.
fn blocks_no_run<T>(unread: impl Fn(&Path, &mut Command) -> T) {
    let script = Script::new().on("never", Act::Stalled).otherwise(Act::KeepAliveOk(b"hello\n".to_vec()));
    let server = FaultServer::start(script);
    let mut runs = Vec::new();
    for backend in BACKENDS {
        for signal in ENDS {
            let folder = TempDir::new().unwrap();
            let mut list: String = (0..40).map(|n| server.url(&format!("{backend}/{n}\n"))).collect();
            list.push_str("no URL\n");
            list.extend(signal.map(|_| server.url("never\n")));
            std::fs::write(folder.path().join("list.txt"), list).unwrap();
            let mut command = fetchall();
            command.args(["--backend", backend, "--json", "-o", "records", "--summary", "s.json", "--grace", "0"]);
            command.args(["-c", "2", "list.txt"]).stdout(Stdio::null()).stderr(Stdio::null());
            command.current_dir(folder.path());
            let open = unread(folder.path(), &mut command);
            runs.push((backend, signal, Process::start(&mut command), folder, open));
        }
    }
    let stalled = runs.iter().filter(|(_, signal, ..)| signal.is_some()).count();
    server.wait_until("requests that stall", |log| {
        log.requests.iter().filter(|request| request.path == "/never").count() == stalled
    });
    // All at once, because each waits some time for its reader.
    for (signal, process) in runs.iter().filter_map(|(_, signal, process, ..)| Some(((*signal)?, process))) {
        process.signal(signal);
    }
    for (backend, signal, mut process, folder, _open) in runs {
        let what = format!("{backend}, {signal:?}");
        let status = process.wait_within(SOON, |_| ()).unwrap_or_else(|late| panic!("{what}: {late}"));
        assert_eq!(status.code(), Some(if signal.is_some() { 130 } else { 1 }), "{what}");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let summary: Value = serde_json::from_str(&read("s.json")).unwrap();
        assert_eq!(records(&read("records")).len(), 41 + usize::from(signal.is_some()), "{what}");
        assert_eq!(summary["ok"], 40, "{what}");
    }
}

#[test]
fn a_full_pipe_as_standard_error_blocks_no_run() {
    blocks_no_run(|_, command| {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        command.args(["-v", "-S", "--progress", "json"]).stderr(fill(writer));
        reader
    });
}

#[test]
fn a_fifo_as_standard_error_blocks_no_run() {
    blocks_no_run(|folder, command| {
        let fifo = open_fifo(&fifo(folder));
        command.arg("-v").stderr(fill(fifo.try_clone().unwrap()));
        fifo
    });
}

#[test]
fn a_log_fifo_without_reader_blocks_no_run() {
    blocks_no_run(|folder, command| {
        command.arg("--log").arg(fifo(folder));
    });
}

#[test]
fn a_log_fifo_with_a_stopped_reader_blocks_no_run() {
    blocks_no_run(|folder, command| {
        let path = fifo(folder);
        let reader = open_fifo(&path);
        fill(reader.try_clone().unwrap());
        command.arg("--log").arg(path);
        reader
    });
}

#[test]
fn a_stopped_terminal_blocks_no_run() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    blocks_no_run(|_, command| {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        command.env("TERM", "xterm").arg("-v").stderr(fill(open()));
        master
    });
}

#[test]
fn log_reaches_a_reader_who_comes_late() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let folder = TempDir::new().unwrap();
    let path = fifo(folder.path());
    let mut running = Fetchall::new().args(["--json", "-", "--log"]).arg(&path).stdin_open().spawn();
    running.write_line(&server.url("a"));
    running.next_line();
    let text = on_thread(move || {
        let mut text = String::new();
        File::open(path).unwrap().read_to_string(&mut text).map(|_| text)
    });
    running.wait();
    assert!(finish(&text, "the log").unwrap().contains("/a"));
}

#[test]
fn argument_errors_wait_for_no_reader() {
    let started = [["--no-such-flag", "x"], ["--timeout", "soon"], ["no-such-list", "-q"]].map(|args| {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut command = fetchall();
        (args, Process::start(command.args(args).stdout(Stdio::null()).stderr(fill(writer))), reader)
    });
    for (args, mut process, _reader) in started {
        assert_eq!(process.wait_within(SOON, |_| ()).unwrap().code(), Some(2), "{args:?}");
    }
}

#[test]
fn dropped_lines_are_reported_when_reading_resumes() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = fetchall();
    // Two lines for each URL, which are more than may wait.
    let list = (server.url("a") + &"x".repeat(2000) + "\n").repeat(800);
    let mut process = Process::start(
        command
            .args(["--json", "--progress", "json", "--duplicates", "fetch", "-c", "4", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fill(writer)),
    );
    drop(command);
    let mut stdin = process.child().stdin.take().unwrap();
    let mut stdout = process.child().stdout.take().unwrap();
    let read = on_thread(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    stdin.write_all(list.as_bytes()).unwrap();
    server.wait_until("every request", |log| log.requests.len() == 800);
    // It reads again before the run ends.
    let told = on_thread(move || {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    stdin.write_all((server.url("b") + "\n").as_bytes()).unwrap();
    drop(stdin);
    assert_eq!(process.wait_within(SOON, |_| ()).unwrap().code(), Some(0));
    assert_eq!(records(&finish(&read, "standard output").unwrap()).len(), 801);
    let told = finish(&told, "standard error").unwrap();
    let notice = told.lines().find(|line| line.contains("events were dropped")).expect("a notice");
    assert_eq!(serde_json::from_str::<Value>(notice).unwrap()["event"], "warning", "{notice}");
}
