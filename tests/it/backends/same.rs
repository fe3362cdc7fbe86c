//! The same list gives the same records and the same files on every backend.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{names, on};
use crate::support::act::{Act, Script};
use crate::support::cli::Finished;
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};

type Records = BTreeMap<u64, Value>;
type Files = BTreeMap<String, Vec<u8>>;

/// Returns the values that must not differ: everything but times.
fn records(run: &Finished) -> Records {
    let line = |record: &Value| record["source"]["line"].as_u64().expect("a line");
    let timeless = |mut record: Value| {
        let object = record.as_object_mut().expect("an object");
        object.remove("timing");
        object.remove("started_at");
        (line(&record), record)
    };
    run.records().into_iter().map(timeless).collect()
}

fn saved(run: &Finished) -> Files {
    files(&run.folder().join("out")).into_iter().map(|name| (name.clone(), run.read(&format!("out/{name}")))).collect()
}

#[test]
fn records_and_files_do_not_depend_on_the_backend() {
    let big: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let script = Script::new()
        .on("big", Act::KeepAliveOk(big))
        .on("page", Act::Gzip(b"hello\n".to_vec()))
        .on("missing", Act::Status(404, Vec::new()))
        .on("moved", Act::RedirectChain(2))
        .on("cut", Act::CutContentLength)
        .on("huge", Act::KeepAliveOk(vec![b'x'; 900_000]))
        .on("stalled", Act::Stalled)
        .on("refused", Act::Refused);
    let server = FaultServer::start(script);
    let url = |name: &str| server.url(name);
    let list = [
        url("page/1"),
        url("missing"),
        url("moved"),
        url("cut"),
        "no url at all".to_owned(),
        url("page/1"),
        url("page/2"),
        format!("  checksum=sha-256={}", "0".repeat(64)),
        url("page/3"),
        "  header=X-Own: yes\n  out=own/name".to_owned(),
        url("big"),
        url("huge"),
        url("stalled"),
        url("refused"),
        url("page/4").replace("http://", "http://user:secret@"),
    ]
    .join("\n");
    let mut first: Option<(Records, Files)> = None;
    let args = ["-d", "out", "--max-size", "800K", "--timeout", "2s", "--digest", "blake3", "-c", "6", "list.txt"];
    let start = |backend| (backend, on(backend).args(args).file("list.txt", &list).spawn());
    let started: Vec<_> = names().map(start).collect();
    for (backend, running) in started {
        let run = running.wait().expect_code(1);
        let found = (records(&run), saved(&run));
        let (expected_records, expected_files) = first.get_or_insert_with(|| found.clone());
        assert_eq!(found.0, *expected_records, "{backend}");
        assert!(found.1 == *expected_files, "{backend}: {:?}", found.1.keys());
    }
    let (records, files) = first.expect("there are backends");
    let kinds: Vec<_> = records.values().map(kind).collect();
    let expected = [
        "ok",
        "http_status",
        "ok",
        "truncated",
        "invalid_url",
        "skipped",
        "checksum",
        "ok",
        "ok",
        "too_large",
        "timeout",
        "connect",
        "ok",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(files.len(), 5, "{:?}", files.keys());
    let requests = server.requests();
    let with = |field: &str| requests.iter().filter(|request| request.header(field).is_some()).count();
    assert_eq!((with("x-own"), with("authorization")), (names().count(), names().count()));
}

#[test]
fn one_document_goes_to_standard_output() {
    let body: Vec<u8> = (0..900_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(body.clone())).on("cut", Act::CutChunked));
    for backend in names() {
        let run = crate::support::cli::Fetchall::new().args(["--backend", backend, "-O", "-"]);
        let run = run.arg(server.url("x")).run().expect_code(0);
        assert!(run.stdout.as_bytes() == body, "{backend}");
        let run = crate::support::cli::Fetchall::new().args(["--backend", backend, "-O", "page"]);
        let run = run.arg(server.url("x")).run().expect_code(0);
        assert!(run.read("page") == body, "{backend}");
        let run = crate::support::cli::Fetchall::new().args(["--backend", backend, "-O", "-"]);
        run.arg(server.url("cut")).run().expect_code(1);
    }
}

#[test]
fn a_document_that_cannot_be_written_is_an_io_error() {
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(vec![b'x'; 8 << 20])));
    for backend in names() {
        let args = ["--backend", backend, "-O", "-", "-o", "records", "--format", "ndjson"];
        let run = crate::support::cli::Fetchall::new().args(args).close_stdout_after(0).arg(server.url("x")).run();
        let record: Value = serde_json::from_slice(&run.read("records")).expect("one record");
        assert_eq!(kind(&record), "io", "{backend}: {record}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_document_for_a_full_disk_is_an_io_error() {
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(b"small".to_vec())));
    for backend in names() {
        let command = format!(
            "exec {} --backend {backend} -O - -o records --format ndjson {} > /dev/full",
            env!("CARGO_BIN_EXE_fetchall"),
            server.url("x")
        );
        let run = crate::support::cli::Fetchall::of("/bin/sh").args(["-c", &command]).run().expect_code(1);
        let record: Value = serde_json::from_slice(&run.read("records")).expect("one record");
        assert_eq!(kind(&record), "io", "{backend}: {record}");
    }
}

#[test]
fn the_limit_holds_at_the_server() {
    let page = Act::Delayed(Duration::from_millis(10), Box::new(Act::KeepAliveOk(b"page\n".to_vec())));
    for backend in names() {
        let server = FaultServer::start(Script::new().otherwise(page.clone()));
        let list: String = (0..30).map(|n| server.url(&format!("{n}\n"))).collect();
        let run = on(backend).args(["-c", "5", "--summary", "s.json"]).stdin(list).run().expect_code(0);
        let limit = if backend == "sequential" { 1 } else { 5 };
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!((server.max_in_flight(), &summary["peak_concurrency"]), (limit, &limit.into()), "{backend}");
        assert!(server.connections() <= limit, "{backend}: {} connections", server.connections());
    }
}

#[test]
fn higher_priorities_come_first() {
    for backend in names() {
        let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"page\n".to_vec())));
        let line = |n: i32| format!("{{\"url\":\"{}\",\"priority\":{n}}}\n", server.url(&n.to_string()));
        let list: String = [1, 5, 3, 4, 2].into_iter().map(line).collect();
        on(backend).args(["-c", "1", "list.ndjson"]).file("list.ndjson", list).run().expect_code(0);
        let asked: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/5", "/4", "/3", "/2", "/1"], "{backend}");
    }
}
