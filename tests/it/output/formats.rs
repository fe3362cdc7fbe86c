//! Records and summaries for programs.

use serde_json::{Value, json};

use crate::support::act::Script;
use crate::support::cli::{Fetchall, Finished, records};
use crate::support::fault::FaultServer;
use crate::support::process::{Process, fetchall, finish, on_thread};
use crate::support::single::kind;
use crate::support::{PATIENCE, schema};

/// One good answer after a redirect, one 404, one duplicate, one line that is no URL, with marks
/// that tables must quote.
fn mixed(server: &FaultServer) -> String {
    let [good, absent] = ["redirect?a=1,2", "absent"].map(|name| server.url(name));
    format!("{good}\n{absent}\n{absent}\nno, \"URL\"\tat all\n")
}

fn run(args: &[&str]) -> (FaultServer, Finished) {
    let server = FaultServer::start(Script::standard());
    let list = mixed(&server);
    let run = Fetchall::new().args(args).stdin(list).run().expect_code(1);
    (server, run)
}

/// Splits one line of RFC 4180.
fn csv(line: &str) -> Vec<String> {
    let (mut cells, mut quoted, mut chars) = (vec![String::new()], false, line.chars().peekable());
    while let Some(c) = chars.next() {
        let cell = cells.last_mut().expect("one at least");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    assert!(!quoted, "an open quote: {line}");
    cells
}

/// The columns as the document names them.
fn columns() -> &'static str {
    let document = include_str!("../../../docs/reference/records.md");
    document.split("```text\n").nth(1).and_then(|rest| rest.lines().next()).expect("the header line")
}

fn check_table(rows: &[Vec<String>], server: &FaultServer) {
    let column = |name: &str| columns().split(',').position(|column| column == name).expect("a column");
    let cell = |row: usize, name: &str| rows[row][column(name)].as_str();
    assert_eq!(rows.len(), 4);
    let row = |line: &str| rows.iter().position(|row| row[column("source_line")] == line).expect("its row");
    assert!(rows.iter().all(|row| row.len() == columns().split(',').count()), "{rows:?}");
    let good = rows.iter().position(|row| row[column("outcome")] == "ok").expect("one is good");
    assert_eq!((cell(good, "url"), cell(good, "redirects")), (server.url("redirect?a=1,2").as_str(), "1"));
    assert_eq!((cell(good, "status"), cell(good, "error_kind"), cell(good, "sha256")), ("200", "", ""));
    assert!(cell(good, "total_ms").parse::<f64>().is_ok());
    assert_eq!((cell(row("4"), "error_kind"), cell(row("3"), "skip_reason")), ("invalid_url", "duplicate"));
    assert!(cell(row("4"), "url").starts_with("no, \"URL\""), "{rows:?}");
}

#[test]
fn csv_is_a_table_of_the_documented_columns() {
    let (server, run) = run(&["--format", "csv"]);
    let mut lines = run.stdout.split_terminator("\r\n");
    assert_eq!(lines.next(), Some(columns()));
    check_table(&lines.map(csv).collect::<Vec<_>>(), &server);
}

#[test]
fn tsv_is_a_table_of_the_documented_columns() {
    let (server, run) = run(&["--format", "tsv"]);
    let mut lines = run.stdout.lines();
    assert_eq!(lines.next(), Some(columns().replace(',', "\t").as_str()));
    let rows: Vec<Vec<String>> = lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    check_table(&rows, &server);
}

#[test]
fn records_and_summary_agree() {
    let (_, run) = run(&["--json", "--summary", "s.json"]);
    let records = run.records();
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    for outcome in ["ok", "http_error", "failed", "skipped", "cancelled"] {
        let count = records.iter().filter(|record| record["outcome"] == outcome).count();
        assert_eq!(summary[outcome], count, "{outcome}");
    }
    assert_eq!(summary["errors"], json!({"http_status": 1, "invalid_url": 1}));
    assert_eq!(summary["skips"], json!({"duplicate": 1}));
    assert_eq!(
        (&summary["read"], &summary["input_complete"], &summary["stopped"]),
        (&json!(4), &json!(true), &Value::Null)
    );
    let bytes: u64 = records.iter().filter_map(|record| record["bytes"].as_u64()).sum();
    assert_eq!(summary["bytes"], bytes);
    assert!(summary["latency"]["p50_ms"].as_f64() <= summary["latency"]["max_ms"].as_f64());
}

#[test]
fn an_output_file_is_replaced() {
    let server = FaultServer::standard();
    let old = "old\n".repeat(5000);
    let fetchall = Fetchall::new().file("r.ndjson", &old).file("s.json", &old);
    let fetchall = fetchall.args(["--json", "-o", "r.ndjson", "--summary", "s.json"]).arg(server.url("keep-alive-ok"));
    let run = fetchall.run().expect_code(0);
    assert_eq!(run.stdout, "");
    let records = records(&String::from_utf8(run.read("r.ndjson")).expect("text"));
    assert_eq!((records.len(), kind(&records[0])), (1, "ok"));
    schema::check(&schema::SUMMARY, &serde_json::from_slice(&run.read("s.json")).expect("JSON"));
}

#[test]
fn an_output_that_cannot_be_opened_fails_before_any_request() {
    let server = FaultServer::standard();
    for flag in ["--output", "--summary", "--log"] {
        let run = Fetchall::new().args([flag, "absent/file"]).arg(server.url("keep-alive-ok")).run().expect_code(2);
        assert!(run.stderr.contains("absent/file") && run.stdout.is_empty(), "{flag}: {}", run.stderr);
    }
    assert!(server.requests().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_full_breaks_the_run() {
    let server = FaultServer::standard();
    let run = Fetchall::new().args(["--json", "-o", "/dev/full"]).arg(server.url("keep-alive-ok")).run().expect_code(3);
    assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
    let run = Fetchall::new().args(["--summary", "/dev/full"]).arg(server.url("keep-alive-ok")).run().expect_code(3);
    assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let server = FaultServer::standard();
    let list: String = (0..3000).map(|n| server.url(&format!("keep-alive-ok/{n}\n"))).collect();
    for format in ["ndjson", "text", "csv", "tsv"] {
        let fetchall = Fetchall::new().args(["--format", format, "--summary", "s.json"]).stdin(list.clone());
        let run = fetchall.close_stdout_after(2).run().expect_code(3);
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        schema::check(&schema::SUMMARY, &summary);
        assert_eq!(summary["stopped"], "output_closed");
        let known = ["received ", "latency ", "in flight ", "saved ", "cancelled ", "input "];
        let mut lines: Vec<&str> = run.stderr.lines().collect();
        assert!(lines.pop().is_some_and(|last| last.contains(" URLs in ")), "{}", run.stderr);
        assert!(lines.iter().all(|line| known.iter().any(|word| line.starts_with(word))), "{}", run.stderr);
    }
}

/// A pipe in packet mode keeps writes apart: each read gives what one write wrote.
#[cfg(target_os = "linux")]
#[test]
fn each_record_is_one_write() {
    use std::process::Stdio;

    use rustix::pipe::{PipeFlags, pipe_with};

    let server = FaultServer::standard();
    for format in ["ndjson", "text", "csv", "tsv"] {
        let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).expect("a pipe");
        let urls = (0..20).map(|n| server.url(&format!("keep-alive-ok/{n}")));
        let mut command = fetchall();
        command.args(["-q", "--format", format]).args(urls).stdout(writer).stderr(Stdio::null());
        let mut process = Process::start(&mut command);
        // The command owns a writing end of the pipe, which would never end with it.
        drop(command);
        let packets = on_thread(move || {
            let mut buffer = [0; 1 << 16];
            let mut read = || rustix::io::read(&reader, &mut buffer).map(|len| buffer[..len].to_vec());
            std::iter::from_fn(|| read().ok().filter(|packet| !packet.is_empty())).collect::<Vec<_>>()
        });
        assert!(process.wait_within(PATIENCE, |_| ()).expect("its end").success());
        let packets = finish(&packets, "standard output");
        assert_eq!(packets.len(), if ["csv", "tsv"].contains(&format) { 21 } else { 20 }, "{format}");
        for packet in packets {
            let is_line = packet.ends_with(b"\n") && packet.iter().filter(|byte| **byte == b'\n').count() == 1;
            assert!(is_line, "{format}: {}", packet.escape_ascii());
        }
    }
}
