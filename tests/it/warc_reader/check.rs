//! `fetchall warc check`: each fault is found, and a good file has none.

use super::{TestRecord, member};
use crate::support::cli::{Fetchall, Finished};

fn check(file: &[u8]) -> Finished {
    Fetchall::new().file("a.warc", file).args(["warc", "check", "a.warc"]).run()
}

/// A good page.
fn page() -> Vec<u8> {
    TestRecord::response("http://a.test/page", "Content-Length: 6\r\n", b"a page").bytes()
}

/// The record with one text in place of another.
fn with(record: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(record.to_vec()).expect("UTF-8");
    assert!(text.contains(old), "{text}");
    text.replacen(old, new, 1).into_bytes()
}

#[test]
fn good_records_have_no_faults() {
    let chunked =
        TestRecord::response("http://a.test/c", "Transfer-Encoding: chunked\r\n", b"6\r\na page\r\n0\r\n\r\n");
    let mut without_chunks = chunked.bytes();
    // The payload digest of the standard is that of the content.
    let raw = super::sha1(b"6\r\na page\r\n0\r\n\r\n");
    without_chunks = with(&without_chunks, &raw, &super::sha1(b"a page"));
    let cut = TestRecord::response("http://a.test/t", "Content-Length: 9\r\n", b"a page").bytes();
    let cut = with(&cut, "WARC-Date", "WARC-Truncated: disconnect\r\nWARC-Date");
    let to_head = TestRecord::response("http://a.test/h", "Content-Length: 9\r\n", b"").bytes();
    let fraction = with(&page(), "03:04:05Z", "03:04:05.123456Z");
    let records = [page(), chunked.bytes(), without_chunks, cut, to_head, fraction];
    let run = check(&records.concat()).expect_code(0);
    assert_eq!((&*run.stdout, &*run.stderr), ("", "WARC files: 1, records: 6, faults: 0\n"));
    let run = check(&records.map(|record| member(&record)).concat()).expect_code(0);
    assert_eq!(run.stderr, "WARC files: 1, records: 6, faults: 0\n");
}

#[test]
fn each_fault_of_a_record_is_found() {
    let (good, digest) = (page(), super::sha1(b"a page"));
    let block_digest = super::sha1(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na page");
    let length = TestRecord::response("http://a.test/", "Content-Length: 7\r\n", b"a page");
    let chunks = TestRecord::response("http://a.test/", "Transfer-Encoding: chunked\r\n", b"6\r\na pa");
    let no_chunks = TestRecord::response("http://a.test/", "Transfer-Encoding: chunked\r\n", b"<p>");
    let revisit = TestRecord {
        kind: "revisit",
        fields: "WARC-Target-URI: http://a.test/\r\nWARC-Profile: http://x/identical-payload-digest\r\n".to_owned(),
        block: Vec::new(),
    };
    for (record, fault) in [
        (with(&good, "a page", "a pagE"), format!("the WARC-Block-Digest is {block_digest}, but the bytes have")),
        (
            with(&good, &format!("Payload-Digest: {digest}"), "Payload-Digest: sha1:AAAA"),
            "the WARC-Payload-Digest is sha1:AAAA".into(),
        ),
        (with(&good, &digest, "crc:00"), "the algorithm of WARC-Payload-Digest `crc:00` is unknown".into()),
        (with(&good, "WARC-Payload-Digest", "X"), "the field WARC-Payload-Digest is missing".into()),
        (with(&good, "WARC-Block-Digest", "X"), "the field WARC-Block-Digest is missing".into()),
        (revisit.bytes(), "the field WARC-Payload-Digest is missing".into()),
        (with(&good, "WARC-Record-ID", "X"), "the field WARC-Record-ID is missing".into()),
        (with(&good, "WARC-Target-URI", "X"), "the field WARC-Target-URI is missing".into()),
        (
            with(&good, "WARC-Date: ", "WARC-Date: 2026\r\nWARC-Date: "),
            "the field WARC-Date occurs more than once".into(),
        ),
        (with(&good, "05Z", "05"), "the WARC-Date `2026-01-02T03:04:05` is not a UTC time".into()),
        (with(&good, "<urn:", "urn:"), "the WARC-Record-ID `urn:".into()),
        (with(&good, "http://a.test/page", "<http://a.test/page>"), "the WARC-Target-URI is in brackets".into()),
        (with(&good, "WARC-Date", "WARC-Truncated: cut\r\nWARC-Date"), "the WARC-Truncated `cut` is none of".into()),
        (with(&good, "WARC/1.1", "WARC/0.18"), "the version is WARC/0.18".into()),
        (with(&good, "WARC/1.1\r\n", "WARC/1.1\n"), "a line of the head ends with LF alone".into()),
        (with(&good, "WARC-Date", "no field\r\nWARC-Date"), "a line of the head is no field".into()),
        (
            with(&good, "a page\r\n\r\n", "a page\r\n\r\n\r\n"),
            "the record does not end with exactly CR LF CR LF".into(),
        ),
        (with(&good, "HTTP/1.1 200 OK", "HTML/1.1 200 OK"), "the block does not begin with an HTTP head".into()),
        (length.bytes(), "the HTTP Content-Length is 7, but the body has 6 bytes".into()),
        (chunks.bytes(), "the chunks of the body are broken or cut".into()),
        (no_chunks.bytes(), "the HTTP head announces chunks, but the body has none".into()),
    ] {
        let run = check(&[good.clone(), record].concat()).expect_code(1);
        let expected = format!("a.warc: offset {}: {fault}", good.len());
        assert!(run.stdout.lines().any(|line| line.starts_with(&expected)), "{expected}\n{}", run.stdout);
        assert!(run.stderr.starts_with("WARC files: 1, records: 2, faults: "), "{}", run.stderr);
    }
}

#[test]
fn damaged_files_are_reported_with_offset_and_advice() {
    let (plain, packed) = (page(), member(&page()));
    let at = plain.len();
    let mut broken = packed.clone();
    broken[20] ^= 0x55;
    let two = member(&[page(), page()].concat());
    for (file, fault) in [
        (
            [&plain, &plain[..at - 20]].concat(),
            format!("offset {at}: the file lacks 16 bytes of the record; cut the file"),
        ),
        ([&plain, &plain[..30]].concat(), format!("offset {at}: the file ends within the head of a record")),
        ([&plain[..], b"rest"].concat(), "offset 0: other bytes follow the block".to_owned()),
        (with(&plain, "Content-Length: 4", "Content-Length: 3"), "offset 0: other bytes follow the block".to_owned()),
        (
            with(&plain, "\r\nContent-Length: 4", "\r\nContent-Length: x4"),
            "offset 0: the record has no valid".to_owned(),
        ),
        (
            [&packed, &packed[..packed.len() - 5]].concat(),
            format!("offset {}: the file ends within a gzip member; cut", packed.len()),
        ),
        ([&packed[..], b"rest"].concat(), format!("offset {}: no gzip member begins here", packed.len())),
        (broken, "offset 0: the gzip member is damaged".to_owned()),
        (two, "offset 0: the record shares its gzip member with another".to_owned()),
        (b"\r\n".to_vec(), "offset 0: no WARC record begins here".to_owned()),
    ] {
        let run = check(&file).expect_code(1);
        assert!(run.stdout.starts_with(&format!("a.warc: {fault}")), "{fault}\n{}", run.stdout);
    }
}

#[test]
fn records_behind_a_wrong_length_are_checked_in_gzip_files() {
    let wrong = with(&page(), "Content-Length: 44", "Content-Length: 99");
    let file = [member(&wrong), member(&with(&page(), "a page", "A page"))].concat();
    let run = check(&file).expect_code(1);
    let second = format!("a.warc: offset {}: the WARC-Block-Digest", member(&wrong).len());
    assert!(run.stdout.lines().skip(1).any(|line| line.starts_with(&second)), "{}", run.stdout);
}
