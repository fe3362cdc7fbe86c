//! WARC, CDXJ and WACZ files as lists: their URLs are fetched again.

use std::collections::BTreeSet;

use super::{TestRecord, member};
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// An archive of two pages of a server, one of them twice, and the URLs of the pages.
fn archive(server: &FaultServer) -> (Vec<u8>, [String; 2]) {
    let urls = [server.url("a,b;c?x=1"), server.url("b")];
    // Bytes that are no text, and a line that looks like one of a record.
    let body = b"\xff\xfe\x00WARC/1.1\r\nWARC-Target-URI: http://x.test/\r\n";
    let page = |url: &str| TestRecord::response(url, "Content-Type: image/png\r\n", body);
    let request = TestRecord {
        kind: "request",
        fields: format!("WARC-Target-URI: {}\r\n", server.url("never")),
        block: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    };
    let records = [page(&urls[0]), request, page("urn:x:y"), page(&urls[1]), page(&urls[0])];
    (records.iter().flat_map(|record| member(&record.bytes())).collect(), urls)
}

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

fn unpacked(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(file), &mut bytes).expect("members");
    bytes
}

/// The URLs that were fetched.
fn fetched(run: &Finished) -> BTreeSet<String> {
    let ok = run.records().into_iter().filter(|record| record["outcome"] == "ok");
    ok.map(|record| record["url"].as_str().expect("a URL").to_owned()).collect()
}

#[test]
fn urls_of_an_archive_are_fetched_again() {
    let server = server();
    let (file, urls) = archive(&server);
    let urls = BTreeSet::from(urls);
    let plain = unpacked(&file);
    let index = Fetchall::new().file("a.warc.gz", &file).args(["warc", "index", "a.warc.gz"]).run().expect_code(0);
    let packed = Fetchall::new().file("a.warc.gz", &file).file("a.cdxj", &index.stdout);
    let package = packed.args(["wacz", "a.warc.gz", "-o", "a.wacz"]).run().expect_code(0).read("a.wacz");
    let index = index.stdout.as_bytes();
    for (name, list, arguments) in [
        ("a.warc.gz", &file[..], &[][..]),
        ("a.warc", &plain, &[]),
        // Known by its first bytes.
        ("a", &file, &[]),
        ("a", &plain, &["--input-format", "warc"]),
        ("a.cdxj", index, &[]),
        ("a.cdxj.gz", &member(index), &[]),
        ("a", index, &[]),
        ("a", index, &["--input-format", "cdxj"]),
        ("a.wacz", &package, &[]),
    ] {
        let run = Fetchall::new().file(name, list).args(["--json", name]).args(arguments.iter().copied()).run();
        let run = run.expect_code(0);
        assert_eq!(fetched(&run), urls, "{name} {arguments:?}");
        // The URL that comes again is a duplicate.
        assert_eq!(run.records().len(), 3, "{name} {arguments:?}");
    }
    let run = Fetchall::new().stdin(file).args(["--json", "-"]).run().expect_code(0);
    assert_eq!(fetched(&run), urls);
    assert_eq!(server.asked("/never"), 0);
}

#[test]
fn archives_that_are_none_are_refused() {
    for (name, content, arguments, message) in [
        ("a", &b"http://a.test/\n"[..], &["--input-format", "warc"][..], "a: no WARC file"),
        ("a.wacz", b"PK no package", &[], "a.wacz: no WACZ package"),
        ("a.warc", b"WARC/1.1\r\nX: y\r\n\r\n", &[], "cannot read a.warc: the record has no valid Content-Length"),
    ] {
        let run = Fetchall::new().file(name, content).arg(name).args(arguments.iter().copied()).run().expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: {message}")), "{}", run.stderr);
    }
    let run = Fetchall::new().file("a", "no index\n").args(["--json", "--input-format", "cdxj", "a"]).run();
    let records = run.expect_code(1).records();
    assert_eq!((records.len(), &records[0]["error"]["kind"]), (1, &"invalid_url".into()));
}

#[test]
fn cut_archive_gives_the_urls_before_the_cut() {
    let server = server();
    let (file, urls) = archive(&server);
    let plain = unpacked(&file);
    let run = Fetchall::new().file("a.warc", &plain[..plain.len() - 9]).args(["--json", "a.warc"]).run();
    let run = run.expect_code(3);
    assert_eq!(fetched(&run), BTreeSet::from(urls));
    assert!(
        run.stderr.contains("the file lacks 5 bytes of the record; fetchall warc check says where"),
        "{}",
        run.stderr
    );
}
