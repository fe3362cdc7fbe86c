//! Quiet runs, and the messages that still appear.

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

#[test]
fn quiet_drops_lines_that_were_not_requested() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let run = |words: &[&str]| Fetchall::new().args(words).arg(server.url("page")).run().expect_code(0);
    let silent = run(&["-q"]);
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
    assert_eq!(run(&["-q", "--json"]).records().len(), 1);
    assert!(run(&["-q", "--format", "text"]).stdout.starts_with("200 "));
    assert!(String::from_utf8_lossy(&run(&["-q", "-o", "lines.txt"]).read("lines.txt")).starts_with("200 "));
    server.join();
}

#[test]
fn failures_without_a_record_are_reported() {
    let server = FaultServer::start(Script::new().otherwise(Act::CloseWithoutAnswer));
    let run = |words: &[&str]| Fetchall::new().args(words).arg(server.url("page")).run().expect_code(1).stderr;
    assert!(run(&["-O", "-"]).contains(&format!("fetchall: {}: reset: ", server.url("page"))));
    assert!(run(&["-sS"]).contains("reset: "), "-S speaks even when all else is silent");
    assert_eq!(run(&["-s"]), "");
    server.join();
}

#[test]
fn a_file_that_restates_defaults_does_not_break_the_silence() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let run = Fetchall::new().file("fetchall.toml", b"format = \"text\"\n").arg("-q").arg(server.url("page")).run();
    assert_eq!(run.expect_code(0).stdout, "");
    server.join();
}
