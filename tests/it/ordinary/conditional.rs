//! Conditional requests (RFC 9110, section 13): `--refresh` transfers a body only when it has changed.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::Value;
use tempfile::TempDir;
use wiremock::matchers::{header, header_exists};
use wiremock::{Mock, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::cli::{Fetchall, Finished};
use crate::support::mock::{Mocks, get, hello, redirect, sends};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// `DATE` in seconds.
const SECONDS: u64 = 784_111_777;

fn run(folder: &Path, list: &str, args: &[&str]) -> Finished {
    let run = Fetchall::new().args(["--json", "--order", "input", "-d"]).arg(folder).args(args);
    run.stdin(list).run()
}

/// Why each line was skipped, else its outcome.
fn told(run: &Finished) -> Vec<String> {
    let of = |r: &Value| r["skip"]["reason"].as_str().or(r["outcome"].as_str()).expect("an outcome").to_owned();
    run.records().iter().map(of).collect()
}

fn body(run: &Finished, line: usize) -> Vec<u8> {
    fs::read(run.records()[line]["path"].as_str().expect("a path")).expect("the file")
}

fn saying(name: &str, value: &str) -> ResponseTemplate {
    hello().insert_header(name, value)
}

/// 304 for a request with this field, once.
fn unchanged(at: &str, name: &'static str, value: &str) -> Mock {
    let asked = get(at).and(sends(name, value));
    asked.respond_with(ResponseTemplate::new(304)).with_priority(1).expect(1)
}

#[test]
fn refresh_sends_the_validators_of_each_answer() {
    for backend in BACKENDS {
        let server = Mocks::start([
            get("tag").respond_with(saying("etag", "\"1\"")).expect(1),
            unchanged("tag", "if-none-match", "\"1\""),
            get("weak").respond_with(saying("etag", "W/\"1\"")).expect(1),
            unchanged("weak", "if-none-match", "W/\"1\""),
            get("date").respond_with(saying("last-modified", DATE)).expect(1),
            unchanged("date", "if-modified-since", DATE),
        ]);
        let folder = TempDir::new().expect("a folder");
        let list = server.list(&["tag", "weak", "date"]);
        run(folder.path(), &list, &["--backend", backend]).expect_code(0);
        let again = run(folder.path(), &list, &["--refresh", "--backend", backend]).expect_code(0);
        assert_eq!(told(&again), ["not_modified"; 3], "{backend}");
        assert_eq!(body(&again, 0), b"hello\n");
        server.verify();
        // The state knows all of them: without --refresh there is no request.
        run(folder.path(), &list, &["--backend", backend]).expect_code(0);
    }
}

#[test]
fn refresh_takes_what_has_changed() {
    let newer = ResponseTemplate::new(200).insert_header("etag", "\"2\"").set_body_string("newer\n");
    let server = Mocks::start([
        get("x").and(header("if-none-match", "\"1\"")).respond_with(newer).with_priority(1).expect(1),
        unchanged("x", "if-none-match", "\"2\""),
        get("x").respond_with(saying("etag", "\"1\"")).expect(1),
    ]);
    let (folder, list) = (TempDir::new().expect("a folder"), server.list(&["x"]));
    assert_eq!(told(&run(folder.path(), &list, &["--refresh"])), ["ok"]);
    let second = run(folder.path(), &list, &["--refresh"]).expect_code(0);
    assert_eq!((told(&second), body(&second, 0)), (vec!["ok".to_owned()], b"newer\n".to_vec()));
    assert_eq!(told(&run(folder.path(), &list, &["--refresh"])), ["not_modified"]);
}

#[test]
fn an_answer_without_validators_is_fetched_again() {
    let conditional = |name: &'static str| {
        get("x").and(header_exists(name)).respond_with(ResponseTemplate::new(304)).with_priority(1).expect(0)
    };
    let server = Mocks::start([
        conditional("if-none-match"),
        conditional("if-modified-since"),
        get("x").respond_with(hello()).expect(2),
    ]);
    let (folder, list) = (TempDir::new().expect("a folder"), server.list(&["x"]));
    for _ in 0..2 {
        assert_eq!(told(&run(folder.path(), &list, &["--refresh"]).expect_code(0)), ["ok"]);
    }
}

#[test]
fn validators_go_to_where_a_redirect_leads() {
    let to = || get("moved").respond_with(redirect(302, "/target"));
    let server = Mocks::start([
        get("moved").and(header_exists("if-none-match")).respond_with(hello()).with_priority(1).expect(0),
        to().expect(2),
        unchanged("target", "if-none-match", "\"1\""),
        get("target").respond_with(saying("etag", "\"1\"")).expect(1),
    ]);
    let (folder, list) = (TempDir::new().expect("a folder"), server.list(&["moved"]));
    run(folder.path(), &list, &[]).expect_code(0);
    assert_eq!(told(&run(folder.path(), &list, &["--refresh"]).expect_code(0)), ["not_modified"]);
}

#[test]
fn a_failed_refresh_keeps_file_and_validators() {
    let server = Mocks::start([
        get("x").respond_with(saying("etag", "\"1\"")).up_to_n_times(1).with_priority(1).expect(1),
        get("x").respond_with(ResponseTemplate::new(503)).up_to_n_times(1).with_priority(2).expect(1),
        get("x").and(header("if-none-match", "\"1\"")).respond_with(ResponseTemplate::new(304)).expect(1),
    ]);
    let (folder, list) = (TempDir::new().expect("a folder"), server.list(&["x"]));
    run(folder.path(), &list, &[]).expect_code(0);
    assert_eq!(told(&run(folder.path(), &list, &["--refresh"]).expect_code(1)), ["http_error"]);
    let known = run(folder.path(), &list, &[]).expect_code(0);
    assert_eq!((told(&known), body(&known, 0)), (vec!["done".to_owned()], b"hello\n".to_vec()));
    assert_eq!(told(&run(folder.path(), &list, &["--refresh"]).expect_code(0)), ["not_modified"]);
}

#[test]
fn remote_time_is_the_time_of_the_file() {
    let large = saying("last-modified", DATE).set_body_bytes(vec![b'x'; 400_000]);
    let server = Mocks::start([
        get("small").respond_with(saying("last-modified", DATE)),
        get("large").respond_with(large),
        get("odd").respond_with(saying("last-modified", "yesterday")),
    ]);
    let (folder, list) = (TempDir::new().expect("a folder"), server.list(&["small", "large", "odd"]));
    let run = run(folder.path(), &list, &["--remote-time"]).expect_code(0);
    let time = |record: &Value| {
        let file = fs::metadata(record["path"].as_str().expect("a path")).expect("the file");
        file.modified().expect("a time").duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
    };
    let times: Vec<u64> = run.records().iter().map(time).collect();
    assert_eq!(times[..2], [SECONDS; 2]);
    assert!(times[2] > 1_700_000_000, "a value that is no date is not used");
}
