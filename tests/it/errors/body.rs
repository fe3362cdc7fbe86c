//! Bodies that are coded wrong, too large, not what was declared, or cannot be saved; and statuses.

use serde_json::json;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{fetch, files, kind, record_of};

#[test]
fn broken_codings_are_decode_or_truncated() {
    for (act, expected) in
        [(Act::CorruptGzip, "decode"), (Act::CutGzip, "truncated"), (Act::UnsupportedCoding, "decode")]
    {
        let single = fetch(act, &[]);
        assert_eq!((single.kind(), &single.record["status"]), (expected, &json!(200)), "{}", single.record);
    }
}

#[test]
fn bodies_beyond_the_limit_are_too_large() {
    let limit = ["--max-size", "1000"];
    for act in [Act::KeepAliveOk(vec![b'x'; 1001]), Act::Chunked(vec![b'x'; 1001]), Act::UntilClose(vec![b'x'; 1001])] {
        assert_eq!(fetch(act, &limit).kind(), "too_large");
    }
    // A megabyte that comes as a kilobyte.
    let bomb = fetch(Act::Gzip(vec![0; 1 << 20]), &["--max-size", "100K"]);
    assert_eq!(bomb.kind(), "too_large", "{}", bomb.record);
    for act in [Act::KeepAliveOk(vec![b'x'; 1000]), Act::Chunked(vec![b'x'; 1000])] {
        assert_eq!(fetch(act, &limit).body().len(), 1000);
    }
    // The end would never come.
    let endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    assert_eq!(fetch(Act::RawKeepAlive(endless), &limit).kind(), "too_large");
}

#[test]
fn digests_that_differ_are_checksum_and_leave_no_file() {
    let server = FaultServer::standard();
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let blake3 = blake3::hash(b"hello\n").to_hex();
    let [ok, gzip] = ["keep-alive-ok", "gzip"].map(|name| server.url(name));
    let wrong = "0".repeat(64);
    let list = format!(
        "url,sha256,blake3\n{ok}?1,{sha256},\n{ok}?2,,{blake3}\n{gzip}?3,{sha256},{blake3}\n{ok}?4,{wrong},\n{ok}?5,{sha256},{wrong}\n"
    );
    let run = Fetchall::new().file("list.csv", list).args(["--json", "-d", "out", "list.csv"]).run().expect_code(1);
    let mut records = run.records();
    records.sort_by_key(|record| record["source"]["line"].as_u64());
    let kinds: Vec<&str> = records.iter().map(kind).collect();
    assert_eq!(kinds, ["ok", "ok", "ok", "checksum", "checksum"]);
    assert_eq!((&records[0]["sha256"], &records[1]["blake3"]), (&json!(sha256), &json!(blake3.as_str())));
    assert_eq!(files(&run.folder().join("out")).len(), 3, "{:?}", files(run.folder()));
}

#[test]
fn a_file_where_a_folder_is_needed_is_io() {
    let server = FaultServer::standard();
    let blocked = format!("out/127.0.0.1+{}", server.address().port());
    let fetchall = Fetchall::new().file(&blocked, "mine\n").args(["--json", "-d", "out"]);
    let run = fetchall.arg(server.url("keep-alive-ok")).run().expect_code(1);
    assert_eq!(kind(&run.records()[0]), "io", "{}", run.stdout);
    assert_eq!(run.read(&blocked), b"mine\n");
    assert_eq!(files(&run.folder().join("out")).len(), 1);
}

#[test]
fn a_file_in_place_of_the_state_folder_fails_before_any_request() {
    let server = FaultServer::standard();
    let fetchall = Fetchall::new().file("out/.fetchall", "mine\n").args(["--json", "-d", "out"]);
    let run = fetchall.arg(server.url("keep-alive-ok")).run().expect_code(2);
    assert!(run.stderr.contains("out/.fetchall"), "{}", run.stderr);
    assert_eq!((run.read("out/.fetchall"), server.requests().len()), (b"mine\n".to_vec(), 0));
}

#[test]
fn a_folder_where_the_file_is_needed_is_io() {
    let server = FaultServer::standard();
    let inside = format!("out/127.0.0.1+{}/keep-alive-ok/mine", server.address().port());
    let fetchall = Fetchall::new().file(&inside, "mine\n").args(["--json", "-d", "out"]);
    let run = fetchall.arg(server.url("keep-alive-ok")).run().expect_code(1);
    assert_eq!(kind(&run.records()[0]), "io", "{}", run.stdout);
    assert_eq!(run.read(&inside), b"mine\n");
    assert_eq!(files(&run.folder().join("out")).len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_io() {
    let server = FaultServer::standard();
    let (record, _) = record_of(Fetchall::new().args(["-O", "/dev/full"]).arg(server.url("keep-alive-ok")));
    assert_eq!(kind(&record), "io", "{record}");
}

#[test]
fn good_answers_without_a_body_are_ok() {
    let empty = fetch(Act::RawKeepAlive(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), &[]);
    assert_eq!((&empty.record["outcome"], &empty.record["bytes"]), (&json!("ok"), &json!(0)), "{}", empty.record);
    assert_eq!(fetch(Act::KeepAliveOk(Vec::new()), &[]).body(), b"");
}

#[test]
fn every_act_of_the_standard_script_has_one_record() {
    let script = Script::standard();
    let names = script.names();
    let server = FaultServer::start(script);
    let list: String = names.iter().map(|name| server.url(name) + "\n").collect();
    let args = ["--json", "-d", "out", "--read-timeout", "300ms", "--summary", "summary.json"];
    let run = Fetchall::new().args(args).stdin(list).run().expect_code(1);
    let records = run.records();
    assert_eq!(records.len(), names.len());
    let saved = records.iter().filter(|record| record["path"].is_string()).count();
    assert_eq!(files(&run.folder().join("out")).len(), saved, "a file for each good answer and nothing else");
    let ok = records.iter().filter(|record| record["outcome"] == "ok").count();
    assert_eq!(ok, saved);
}
