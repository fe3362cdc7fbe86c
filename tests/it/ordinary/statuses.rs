//! Statuses as outcomes, kinds of errors and exit codes.

use serde_json::json;
use wiremock::matchers::method;
use wiremock::{Mock, ResponseTemplate};

use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, get, hello};
use crate::support::single::{files, kind, record_of};

#[test]
fn error_statuses_are_http_errors_without_a_file() {
    // RFC 9110, section 15: a client treats a status beyond 599 as a server error.
    for status in [400, 401, 403, 404, 410, 429, 500, 503, 599, 999] {
        let page = ResponseTemplate::new(status).set_body_string("an error page");
        let server = Mocks::start([get("x").respond_with(page).expect(1)]);
        let (record, _) = record_of(Fetchall::new().args(["-d", "out"]).arg(server.url("x")));
        assert_eq!((&record["outcome"], kind(&record)), (&json!("http_error"), "http_status"), "{record}");
        assert_eq!((&record["status"], &record["attempts"]), (&json!(status), &json!(1)));
    }
}

#[test]
fn success_statuses_save_what_they_carry() {
    for (status, body) in [(200, "hello\n"), (201, "created\n"), (203, "by a proxy\n"), (204, "")] {
        let answer = ResponseTemplate::new(status).set_body_string(body);
        let server = Mocks::start([get("x").respond_with(answer).expect(1)]);
        let (record, run) = record_of(Fetchall::new().args(["-d", "out"]).arg(server.url("x")));
        assert_eq!((kind(&record), &record["status"], &record["bytes"]), ("ok", &json!(status), &json!(body.len())));
        assert_eq!(run.read(record["path"].as_str().expect("a path")), body.as_bytes());
    }
}

#[test]
fn a_part_or_a_304_not_asked_for_is_a_protocol_error() {
    let part = ResponseTemplate::new(206).insert_header("content-range", "bytes 5-9/10").set_body_string("hello");
    let server = Mocks::start([
        get("206").respond_with(part).expect(1),
        get("304").respond_with(ResponseTemplate::new(304).insert_header("etag", "\"1\"")).expect(1),
    ]);
    for status in [206, 304] {
        let (record, _) = record_of(Fetchall::new().args(["-d", "out"]).arg(server.url(&status.to_string())));
        assert_eq!((&record["outcome"], kind(&record)), (&json!("failed"), "protocol"), "{record}");
        assert_eq!(record["status"], status);
    }
}

#[test]
fn spider_asks_with_head_and_saves_nothing() {
    let head = |name: &str, status| {
        let at = wiremock::matchers::path(format!("/{name}"));
        Mock::given(method("HEAD")).and(at).respond_with(ResponseTemplate::new(status)).expect(1)
    };
    let server = Mocks::start([
        head("there", 200),
        head("gone", 410),
        Mock::given(method("GET")).respond_with(hello()).expect(0),
    ]);
    let args = ["--spider", "--json", "--order", "input", "-d", "out"];
    let run = Fetchall::new().args(args).stdin(server.list(&["there", "gone"])).run().expect_code(1);
    let statuses: Vec<_> = run.records().iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, [json!(200), json!(410)]);
    assert_eq!(files(&run.folder().join("out")), [""; 0]);
}

#[test]
fn a_probe_with_head_does_not_count_as_a_download() {
    let head = Mock::given(method("HEAD")).respond_with(ResponseTemplate::new(200)).expect(1);
    let server = Mocks::start([head, get("x").respond_with(hello()).expect(1)]);
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let run = Fetchall::new().args(["--json", "--state"]).arg(folder.path().join("state.db")).args(args);
        run.arg(server.url("x")).run().expect_code(0).records().remove(0)
    };
    assert_eq!(run(&["--head"])["bytes"], json!(null));
    assert_eq!((kind(&run(&[])), kind(&run(&[]))), ("ok", "skipped"));
}
