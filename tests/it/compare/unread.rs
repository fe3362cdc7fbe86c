//! Results that wait for a reader: a signal ends the comparison, and nothing is left behind.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{children_with, hello};
use crate::support::act::{Act, Script};
use crate::support::fault::FaultServer;
use crate::support::process::{Process, fetchall};
use crate::support::wait_for;
use crate::unread::fill;

/// How long the end may take, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(15);

/// A comparison of one backend over one URL, and what keeps its standard output full.
fn start(folder: &Path, url: &str) -> (Process, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut command = fetchall();
    command.args(["compare", "--backends", "async", "-c", "1", "--rounds", "1", "-q", url]);
    command.current_dir(folder).env("HOME", folder).env("TMPDIR", folder).stderr(Stdio::null());
    let process = Process::start(command.stdout(fill(writer)));
    (process, reader)
}

/// The folders of comparisons.
fn folders(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn assert_ends(mut process: Process, signal: Signal, folder: &Path) {
    process.signal(signal);
    let status = process.wait_within(SOON, |_| ()).unwrap_or_else(|late| panic!("{signal:?}: {late}"));
    assert_eq!((status.code(), folders(folder)), (Some(130), 0), "{signal:?}");
    assert_eq!(children_with(&folder.display().to_string()), [0; 0], "{signal:?}");
}

const SIGNALS: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];

#[test]
fn signal_ends_a_comparison_whose_results_are_not_read() {
    for signal in SIGNALS {
        let (server, folder) = (hello(), TempDir::new().unwrap());
        let (process, _reader) = start(folder.path(), &server.url("a"));
        server.wait_until("the request", |log| log.requests.len() == 1);
        // The folder is removed before the results are written.
        wait_for("the results", || folders(folder.path()) == 0);
        assert_ends(process, signal, folder.path());
        server.join();
    }
}

#[test]
fn signal_during_a_measurement_ends_unread_results_too() {
    for signal in SIGNALS {
        let folder = TempDir::new().unwrap();
        let server = FaultServer::start(Script::new().otherwise(Act::Stalled));
        let (process, _reader) = start(folder.path(), &server.url("a"));
        server.wait_until("the request", |log| log.requests.len() == 1);
        assert_ends(process, signal, folder.path());
    }
}
