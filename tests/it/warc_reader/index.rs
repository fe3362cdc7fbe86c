//! `fetchall warc index`: the lines of CDXJ, and those of cdxj-indexer beside them.

use super::{TestRecord, member, sha1};
use crate::support::cli::Fetchall;
use crate::support::process::{command, output};
use crate::support::program;

/// Records with and without a line.
fn records() -> Vec<TestRecord> {
    let record = |kind, url: &str, fields: &str, block: &str| TestRecord {
        kind,
        fields: format!("WARC-Target-URI: {url}\r\n{fields}"),
        block: block.as_bytes().to_vec(),
    };
    let page = |url: &str| TestRecord::response(url, "Content-Type: text/html; charset=utf-8\r\n", b"a page");
    let profile = "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n\
                   WARC-Payload-Digest: sha1:AAAA\r\n";
    vec![
        TestRecord { kind: "warcinfo", fields: String::new(), block: b"software: x\r\n".to_vec() },
        record("request", "http://b.test/", "", "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n"),
        page("http://www.b.test/?b=2&a=1"),
        page("https://Bücher.test:8443/ü x/../%41?sid=0123456789abcdef0123456789abcdef"),
        page("http://127.0.0.1:8080/\"q\"#part"),
        record("response", "http://a.test/none", "", "HTTP/1.1 404 Not Found\r\n\r\nno"),
        record("revisit", "http://a.test/again", profile, "HTTP/1.1 200 OK\r\n\r\n"),
        record("revisit", "http://a.test/again", profile, ""),
        record("resource", "urn:x:Y", "", "text"),
        record("conversion", "http://a.test/", "", "text"),
    ]
}

#[test]
fn index_has_sorted_lines_of_what_can_be_replayed() {
    let page = TestRecord::response("http://www.b.test/B?b=2&a=1", "Content-Type: text/html; charset=x\r\n", b"a page");
    let other = TestRecord::response("http://a.test/", "", b"other");
    let (page, other) = (member(&page.bytes()), member(&other.bytes()));
    let run = Fetchall::new().file("f/a.warc.gz", [&page[..], &other].concat()).file("b.warc.gz", &page);
    let run = run.args(["warc", "index", "f/a.warc.gz", "b.warc.gz"]).run().expect_code(0);
    let line = |key: &str, members: &str, length: usize, offset: usize, file: &str| {
        let place = format!(r#""length": "{length}", "offset": "{offset}", "filename": "{file}""#);
        format!("{key} 20260102030405 {{{members}, {place}}}\n")
    };
    let digest = |body: &[u8]| format!(r#""digest": "{}""#, sha1(body));
    let of_page =
        format!(r#""url": "http://www.b.test/B?b=2&a=1", "mime": "text/html", "status": "200", {}"#, digest(b"a page"));
    let of_other = format!(r#""url": "http://a.test/", "status": "200", {}"#, digest(b"other"));
    let expected = [
        line("test,a)/", &of_other, other.len(), page.len(), "a.warc.gz"),
        line("test,b)/b?a=1&b=2", &of_page, page.len(), 0, "a.warc.gz"),
        line("test,b)/b?a=1&b=2", &of_page, page.len(), 0, "b.warc.gz"),
    ];
    assert_eq!(run.stdout, expected.concat());
}

#[test]
fn lines_are_those_of_cdxj_indexer() {
    let Some(indexer) = program("cdxj-indexer") else { return };
    for name in ["a.warc", "a.warc.gz"] {
        let records = records().iter().map(TestRecord::bytes).collect::<Vec<_>>();
        let pack = |record: &Vec<u8>| if name.ends_with("gz") { member(record) } else { record.clone() };
        let file = records.iter().map(pack).collect::<Vec<_>>().concat();
        let run = Fetchall::new().file(name, file).args(["warc", "index", name]);
        let theirs = output(command(&indexer).args(["--sort", name]).current_dir(run.folder()));
        let theirs = String::from_utf8(theirs.stdout).expect("UTF-8");
        assert_eq!(theirs.lines().count(), 7, "{theirs}");
        assert_eq!(run.run().expect_code(0).stdout, theirs);
    }
}

#[test]
fn records_without_a_place_of_their_own_are_reported() {
    let [page, other] = ["http://a.test/a", "http://a.test/b"].map(|url| TestRecord::response(url, "", b"x").bytes());
    let file = [member(&other), member(&[page.clone(), page].concat())].concat();
    let run = Fetchall::new().file("a.warc.gz", &file).args(["warc", "index", "a.warc.gz"]).run().expect_code(1);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    let start = format!("error: a.warc.gz: offset {}: the record shares its gzip member", member(&other).len());
    assert!(run.stderr.lines().all(|line| line.starts_with(&start)), "{}", run.stderr);
}

#[test]
fn index_of_a_plain_file_is_packed_as_wacz() {
    let page = TestRecord::response("http://a.test/", "Content-Type: text/html\r\n", b"a page").bytes();
    let run = Fetchall::new().file("a.warc", &page).args(["warc", "index", "a.warc"]).run().expect_code(0);
    let run = Fetchall::new().file("a.warc", &page).file("a.cdxj", run.stdout).args(["wacz", "a.warc", "-o", "a.wacz"]);
    assert_eq!(run.run().expect_code(0).stderr, "WARC files: 1, captures: 1, pages: 1\n");
}
