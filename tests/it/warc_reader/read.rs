//! `fetchall warc ls` and `fetchall warc cat`.

use serde_json::Value;

use super::{TestRecord, coded, member};
use crate::support::cli::{Fetchall, Finished};

/// A file with a warcinfo, a page and a resource, plain or in members, and the offset of each record.
fn archive(is_gzip: bool) -> (Vec<u8>, Vec<usize>) {
    let records = [
        TestRecord { kind: "warcinfo", fields: String::new(), block: b"software: x\r\n".to_vec() },
        TestRecord::response("http://a.test/page", "Content-Type: text/html\r\n", b"a page"),
        TestRecord { kind: "resource", fields: "WARC-Target-URI: urn:x:1\r\n".to_owned(), block: b"a text".to_vec() },
    ];
    let (mut file, mut offsets) = (Vec::new(), Vec::new());
    for record in records.iter().map(TestRecord::bytes) {
        offsets.push(file.len());
        file.extend(if is_gzip { member(&record) } else { record });
    }
    offsets.push(file.len());
    (file, offsets)
}

fn cat(file: &[u8], arguments: &[&str]) -> Finished {
    Fetchall::new().file("a.warc", file).args([&["warc", "cat", "a.warc"], arguments].concat()).run()
}

#[test]
fn ls_shows_each_record_with_its_offset() {
    for is_gzip in [false, true] {
        let (file, at) = archive(is_gzip);
        let run = Fetchall::new().file("a.warc", &file).args(["warc", "ls", "a.warc"]).run().expect_code(0);
        let rows: Vec<Vec<&str>> = run.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        // As in indexes, the line ends behind a block count only within a member.
        let line_ends = if is_gzip { 0 } else { 4 };
        let row = |n: usize, kind: &str, status: &str, url: &str| {
            let (from, length) = (at[n].to_string(), (at[n + 1] - at[n] - line_ends).to_string());
            [&from, kind, status, &length, url].map(str::to_owned).to_vec()
        };
        let expected = [
            row(0, "warcinfo", "-", "-"),
            row(1, "response", "200", "http://a.test/page"),
            row(2, "resource", "-", "urn:x:1"),
        ];
        assert_eq!(rows, expected);
    }
}

#[test]
fn ls_of_standard_input_as_json_has_media_type_and_digest() {
    let (file, at) = archive(true);
    let run = Fetchall::new().stdin(file).args(["warc", "ls", "--json", "-"]).run().expect_code(0);
    let listed: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(listed.len(), 3);
    let page = &listed[1];
    assert_eq!((&page["url"], &page["content_type"]), (&"http://a.test/page".into(), &"text/html".into()));
    assert_eq!((&page["offset"], &page["status"]), (&at[1].into(), &200.into()));
    assert_eq!(
        (&page["date"], &page["payload_digest"]),
        (&"2026-01-02T03:04:05Z".into(), &super::sha1(b"a page").into())
    );
}

#[test]
fn ls_of_a_file_without_own_members_shows_all_records() {
    let (file, _) = archive(false);
    let run = Fetchall::new().file("a.warc.gz", member(&file)).args(["warc", "ls", "a.warc.gz"]).run().expect_code(0);
    assert_eq!(run.stdout.lines().count(), 3);
}

#[test]
fn ls_continues_after_a_damaged_member() {
    let (mut file, at) = archive(true);
    let mut short = TestRecord::response("http://a.test/b", "", b"body").bytes();
    short.truncate(short.len() - 6);
    file.splice(at[1]..at[2], member(&short));
    let run = Fetchall::new().file("a.warc.gz", &file).args(["warc", "ls", "a.warc.gz"]).run().expect_code(1);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    let start = format!("error: a.warc.gz: offset {}: the gzip member ends within the record", at[1]);
    assert!(run.stderr.starts_with(&start), "{}", run.stderr);
}

#[test]
fn cat_finds_a_record_by_url_and_by_offset() {
    for is_gzip in [false, true] {
        let (file, at) = archive(is_gzip);
        assert_eq!(cat(&file, &["http://a.test/page"]).expect_code(0).stdout, "a page");
        assert_eq!(cat(&file, &["--offset", &at[2].to_string()]).expect_code(0).stdout, "a text");
        let block = cat(&file, &["--block", "http://a.test/page"]).expect_code(0).stdout;
        assert_eq!(block, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\na page");
        let missing = cat(&file, &["http://a.test/other"]).expect_code(1);
        assert!(missing.stderr.starts_with("error: a.warc: no payload of http://a.test/other"), "{}", missing.stderr);
    }
}

#[test]
fn cat_decodes_the_content_coding_only_when_asked() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let body = b"some text ".repeat(5000);
        let packed = coded(coding, &body);
        let chunks: Vec<u8> = packed
            .chunks(7)
            .flat_map(|chunk| [format!("{:x};x=y\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
            .chain(*b"0\r\nTrailer: x\r\n\r\n")
            .collect();
        let fields = format!("Content-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n");
        let file = member(&TestRecord::response("http://a.test/", &fields, &chunks).bytes());
        let folder = cat(&file, &["http://a.test/", "--decode"]).expect_code(0);
        assert!(folder.stdout.as_bytes() == body, "{coding}");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n");
        let plain = [head.as_bytes(), &packed].concat();
        let record =
            TestRecord { kind: "response", fields: "WARC-Target-URI: http://a.test/\r\n".into(), block: plain };
        let run = Fetchall::new().file("a.warc", record.bytes());
        let output = std::fs::read(run.folder().join("a.warc")).expect("the file");
        let mut payload = Vec::new();
        let mut reader = fetchall::warc::WarcReader::new(&output[..], 0).expect("a file");
        let record = reader.next_record().expect("a record").expect("a record");
        let form = fetchall::warc::PayloadForm::Coded;
        fetchall::warc::copy_payload(&mut reader, &record, form, &mut payload).expect("a payload");
        assert!(payload == packed, "{coding}");
    }
    let damaged = TestRecord::response("http://a.test/", "Content-Encoding: gzip\r\n", b"no gzip");
    let run = cat(&damaged.bytes(), &["http://a.test/", "--decode"]).expect_code(1);
    assert!(run.stderr.contains("the body cannot be decoded"), "{}", run.stderr);
    let unknown = TestRecord::response("http://a.test/", "Content-Encoding: bzip2\r\n", b"x");
    let run = cat(&unknown.bytes(), &["http://a.test/", "--decode"]).expect_code(1);
    assert!(run.stderr.contains("offset 0: the content coding `bzip2` cannot be decoded"), "{}", run.stderr);
}

#[test]
fn body_without_the_announced_chunks_is_read_as_it_is() {
    let record = TestRecord::response("http://a.test/", "Transfer-Encoding: chunked\r\n", b"<p>a page");
    assert_eq!(cat(&record.bytes(), &["http://a.test/"]).expect_code(0).stdout, "<p>a page");
}

#[test]
fn manual_page_has_the_options_of_each_command() {
    let page = Fetchall::new().args(["man", "warc"]).run().expect_code(0).stdout;
    for text in ["fetchall warc ls [OPTIONS]", "fetchall warc index <FILE>", "offset", "decode", "Exit code 1"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn other_files_are_refused_with_advice() {
    for (content, message) in [
        (&b"filedesc://a.arc 0.0.0.0 20260102030405 text/plain 1\n"[..], "the file is ARC, not WARC"),
        (b"\x28\xb5\x2f\xfd rest", "the file is compressed with zstd; decompress it first"),
        (b"PK\x03\x04 rest", "the file is a ZIP or WACZ; unzip it first"),
        (b"a list\n", "no WARC record begins here"),
    ] {
        let run = Fetchall::new().file("a", content).args(["warc", "ls", "a"]).run().expect_code(1);
        assert!(run.stderr.starts_with(&format!("error: a: offset 0: {message}")), "{}", run.stderr);
    }
    let run = Fetchall::new().args(["warc", "ls", "missing.warc"]).run().expect_code(2);
    assert!(run.stderr.starts_with("error: cannot read missing.warc"), "{}", run.stderr);
    let run = Fetchall::new().file("f/a", "").args(["warc", "check", "f"]).run().expect_code(2);
    assert!(run.stderr.starts_with("error: f is a folder"), "{}", run.stderr);
}
