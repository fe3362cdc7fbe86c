//! Transfer codings (RFC 9112, sections 6 and 7): undone, or an error that names them.

use std::io::Write as _;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
use crate::support::single::{fetch, kind};

const TEXT: &[u8] = b"hello, hello, hello, hello, hello\n";

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bare_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// As several chunks.
fn chunked(content: &[u8]) -> Vec<u8> {
    let chunks = content.chunks(10).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [&chunks.collect::<Vec<_>>().concat()[..], b"0\r\n\r\n"].concat()
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.{head}\r\n\r\n").as_bytes(), body].concat()
}

/// Fetches all of these in order; the records.
fn records(acts: Vec<Act>, args: &[&str]) -> (Vec<Value>, FaultServer) {
    let count = acts.len();
    let named = acts.into_iter().enumerate();
    let server = FaultServer::start(named.fold(Script::new(), |script, (n, act)| script.on(&format!("u{n}"), act)));
    let urls = (0..count).map(|n| server.url(&format!("u{n}")));
    let run = Fetchall::new().args(["--json", "-d", "out", "-c1", "--order", "input"]).args(args).args(urls).run();
    let records = run.records();
    assert_eq!(records.len(), count);
    for record in records.iter().filter(|record| record["outcome"] == "ok") {
        assert_eq!(run.read(record["path"].as_str().unwrap()), TEXT, "{record}");
    }
    (records, server)
}

#[test]
fn every_coding_that_is_framed_by_chunks_is_undone() {
    let coded = gzip(TEXT);
    let good = [
        ("Transfer-Encoding: chunked", TEXT.to_vec()),
        ("TRANSFER-ENCODING:  \t Chunked \t", TEXT.to_vec()),
        ("Transfer-Encoding: identity, chunked", TEXT.to_vec()),
        ("Transfer-Encoding: chunked, identity", TEXT.to_vec()),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", TEXT.to_vec()),
        ("Transfer-Encoding: chunked,", TEXT.to_vec()),
        ("Transfer-Encoding: chunked, chunked", TEXT.to_vec()),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", TEXT.to_vec()),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", TEXT.to_vec()),
        ("Content-Length: many\r\nTransfer-Encoding: chunked", TEXT.to_vec()),
        ("Transfer-Encoding: gzip, chunked", coded.clone()),
        ("Transfer-Encoding: x-GZip ,chunked", coded.clone()),
        ("Transfer-Encoding: gzip\r\nServer: x\r\nTransfer-Encoding: chunked", coded.clone()),
        ("Transfer-Encoding: gzip,\r\n chunked", coded),
        ("Transfer-Encoding: deflate, chunked", zlib(TEXT)),
        ("Transfer-Encoding: deflate, chunked", bare_deflate(TEXT)),
        ("Transfer-Encoding: deflate, gzip, chunked", gzip(&zlib(TEXT))),
        ("Transfer-Encoding: gzip, chunked\r\nContent-Encoding: deflate", gzip(&zlib(TEXT))),
    ];
    for backend in BACKENDS {
        let acts = good
            .iter()
            .map(|(fields, coded)| Act::RawKeepAlive(answer(&format!("1 200 OK\r\n{fields}"), &chunked(coded))));
        let (records, server) = records(acts.collect(), &["--backend", backend]);
        for (record, (fields, coded)) in records.iter().zip(&good) {
            assert_eq!(kind(record), "ok", "{backend} {fields}: {record}");
            let sizes = [&record["bytes"], &record["wire_bytes"]];
            assert_eq!(sizes, [&TEXT.len().into(), &Value::from(coded.len())], "{backend} {fields}");
        }
        assert_eq!(server.connections(), 1, "{backend}: the connection serves on");
    }
}

#[test]
fn identity_counts_as_absent() {
    for fields in ["Transfer-Encoding: identity", "Transfer-Encoding: Identity ,", "Transfer-Encoding:"] {
        let answer = |minor| {
            let head =
                format!("{minor} 200 OK\r\nConnection: keep-alive\r\n{fields}\r\nContent-Length: {}", TEXT.len());
            Act::RawKeepAlive(answer(&head, TEXT))
        };
        let (older, _server) = records(vec![answer(0)], &[]);
        assert_eq!((kind(&older[0]), &older[0]["http_version"]), ("ok", &"HTTP/1.0".into()), "{fields}");
        let (records, server) = records(vec![answer(1), answer(1)], &[]);
        assert!(records.iter().all(|record| kind(record) == "ok"), "{fields}: {records:?}");
        assert_eq!(server.connections(), 1, "{fields}: the length ends the body");
    }
}

#[test]
fn codings_without_chunks_end_with_the_connection() {
    let acts = [("0", gzip(TEXT)), ("1", gzip(TEXT))]
        .map(|(minor, body)| Act::Raw(answer(&format!("{minor} 200 OK\r\nTransfer-Encoding: gzip"), &body)));
    let (records, _server) = records(acts.to_vec(), &[]);
    assert!(records.iter().all(|record| kind(record) == "ok"), "{records:?}");
    assert_eq!([&records[0]["http_version"], &records[1]["http_version"]], ["HTTP/1.0", "HTTP/1.1"]);
    let cut = gzip(TEXT);
    let cut = Act::Raw(answer("1 200 OK\r\nETag: \"1\"\r\nTransfer-Encoding: gzip", &cut[..cut.len() - 9]));
    assert_eq!(fetch(cut, &[]).kind(), "truncated");
}

#[test]
fn chunks_of_http_1_0_are_undone_and_end_the_connection() {
    for backend in BACKENDS {
        let head = |fields| format!("0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: {fields}");
        let acts = [("chunked", TEXT.to_vec()), ("gzip, chunked", gzip(TEXT))]
            .map(|(fields, coded)| Act::RawKeepAlive(answer(&head(fields), &chunked(&coded))));
        let (records, server) = records(acts.to_vec(), &["--backend", backend]);
        for record in &records {
            assert_eq!((kind(record), &record["http_version"]), ("ok", &"HTTP/1.0".into()), "{backend}: {record}");
        }
        assert_eq!(server.connections(), 2, "{backend}: RFC 9112, section 6.1");
    }
}

#[test]
fn unsupported_transfer_codings_are_named_at_once() {
    let bad = [
        ("compress, chunked", "decode", "transfer coding `compress`"),
        ("x-compress", "decode", "transfer coding `x-compress`"),
        ("gzip, x-foo, chunked", "decode", "transfer coding `x-foo`"),
        ("gzip;q=1, chunked", "decode", "transfer coding `gzip;q=1`"),
        ("x-foo;a=\"b, chunked\"", "decode", "transfer coding `x-foo;a="),
        ("chunked, gzip", "protocol", "`chunked` is not the last"),
        ("chunked, gzip, chunked", "protocol", "`chunked` is not the last"),
        ("chunked;a=b", "protocol", "`chunked;a=b` is not"),
    ];
    for backend in BACKENDS {
        for minor in ["0", "1"] {
            // None of them ends as it is framed: to wait for an end would take until the time limit.
            let head = |value| format!("{minor} 200 OK\r\nTransfer-Encoding: {value}");
            let acts = bad.map(|(value, ..)| Act::StalledAfter(answer(&head(value), b"5\r\nhello\r\n")));
            let (records, _server) = records(acts.to_vec(), &["--backend", backend]);
            for (record, (value, expected, named)) in records.iter().zip(bad) {
                assert_eq!(kind(record), expected, "{backend} {value}: {record}");
                let message = record["error"]["message"].as_str().unwrap();
                assert!(message.contains(named), "{backend} {value}: {message}");
            }
        }
    }
}

#[test]
fn corrupt_and_cut_codings_are_errors() {
    let coded = gzip(TEXT);
    let of = |coded: &[u8]| Act::RawKeepAlive(answer("1 200 OK\r\nTransfer-Encoding: gzip, chunked", &chunked(coded)));
    for (act, expected) in
        [(of(&coded[..20]), "truncated"), (of(TEXT), "decode"), (of(&[&coded[..], b"more"].concat()), "decode")]
    {
        assert_eq!(fetch(act, &[]).kind(), expected);
    }
}

#[test]
fn digests_are_of_the_content_without_transfer_codings() {
    let sha256 = |of: &[u8]| format!("sha-256=:{}:", base64::prelude::BASE64_STANDARD.encode(Sha256::digest(of)));
    for (of, expected) in [(TEXT.to_vec(), "ok"), (gzip(TEXT), "checksum")] {
        let head = format!("1 200 OK\r\nContent-Digest: {}\r\nTransfer-Encoding: gzip, chunked", sha256(&of));
        let single = fetch(Act::RawKeepAlive(answer(&head, &chunked(&gzip(TEXT)))), &[]);
        assert_eq!(single.kind(), expected, "{}", single.record);
    }
}

#[test]
fn a_cut_body_with_a_coding_starts_again() {
    let head = "1 200 OK\r\nETag: \"1\"\r\nTransfer-Encoding: gzip, chunked";
    let body = chunked(&gzip(TEXT));
    for backend in BACKENDS {
        let cut = Act::Raw(answer(head, &body[..40]));
        let script = Script::new().on_each("x", vec![cut, Act::RawKeepAlive(answer(head, &body))]);
        let server = FaultServer::start(script);
        let run = Fetchall::new().with_retries().args(["--json", "-d", "out", "--backend", backend]);
        let record =
            run.args(["--retry", "1", "--retry-max-wait", "20ms"]).arg(server.url("x")).run().records().remove(0);
        assert_eq!((kind(&record), &record["bytes"]), ("ok", &TEXT.len().into()), "{backend}: {record}");
        assert!(server.requests().iter().all(|request| request.header("range").is_none()), "{backend}");
    }
}

#[test]
fn the_size_limit_is_of_the_body_without_codings() {
    let head = "1 200 OK\r\nTransfer-Encoding: gzip, chunked";
    let body = chunked(&gzip(&vec![b'x'; 1_000_000]));
    assert_eq!(fetch(Act::RawKeepAlive(answer(head, &body)), &["--max-size", "100k"]).kind(), "too_large");
}

#[test]
fn answers_without_content_need_no_coding_undone() {
    let head = "1 204 No Content\r\nTransfer-Encoding: x-foo";
    assert_eq!(fetch(Act::RawKeepAlive(answer(head, b"")), &[]).kind(), "ok");
    let single = fetch(Act::RawKeepAlive(answer("1 200 OK\r\nTransfer-Encoding: x-foo", b"")), &["--head"]);
    assert_eq!(single.record["outcome"], "ok", "{}", single.record);
}

#[test]
fn an_unwanted_body_that_ends_with_the_connection_is_not_read() {
    let acts = ["Transfer-Encoding: gzip", "Server: x"]
        .map(|fields| Act::StalledAfter(answer(&format!("1 404 Not Found\r\n{fields}"), b"hello")));
    let (records, server) = records(acts.to_vec(), &[]);
    for record in records {
        let took = record["timing"]["total_ms"].as_f64().unwrap();
        assert!(kind(&record) == "http_status" && took < 900.0, "{record}");
    }
    assert_eq!(server.connections(), 2);
}
