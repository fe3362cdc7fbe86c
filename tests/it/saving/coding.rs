//! Content codings and digests: what is saved is what the resource is.

use std::io::Write as _;

use flate2::Compression as Level;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use serde_json::json;

use crate::support::act::Act;
use crate::support::cli::Fetchall;
use crate::support::play::gzip;
use crate::support::single::{Single, fetch, kind};

fn text() -> Vec<u8> {
    b"The same words again and again. ".repeat(200)
}

/// `hello\n`, stored uncompressed in a stream of each coding (RFC 7932, section 9.2; RFC 8878, section 3.1.1).
const BR: &[u8] = &[0x8b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', b'\n', 0x03];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x06, 0x31, 0x00, 0x00, b'h', b'e', b'l', b'l', b'o', b'\n'];

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Level::default());
    encoder.write_all(plain).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn bare(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Level::default());
    encoder.write_all(plain).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn coded(coding: &str, body: Vec<u8>) -> Act {
    Act::OkWith(vec![("Content-Encoding", coding.to_owned())], body)
}

fn figures(single: &Single) -> (Option<u64>, Option<u64>) {
    (single.record["bytes"].as_u64(), single.record["wire_bytes"].as_u64())
}

#[test]
fn every_coding_that_is_asked_for_is_undone() {
    for (coding, body, plain) in [
        ("deflate", zlib(&text()), text()),
        ("deflate", bare(&text()), text()),
        ("br", BR.to_vec(), b"hello\n".to_vec()),
        ("zstd", ZSTD.to_vec(), b"hello\n".to_vec()),
        ("identity", text(), text()),
    ] {
        let (wire, single) = (body.len() as u64, fetch(coded(coding, body), &[]));
        assert_eq!(kind(&single.record), "ok", "{coding}: {}", single.record);
        assert!(single.body() == plain, "{coding}");
        assert_eq!(figures(&single), (Some(plain.len() as u64), Some(wire)), "{coding}");
        let asked = single.server.requests()[0].header("accept-encoding").expect("it is sent").to_owned();
        assert!(coding == "identity" || asked.split(", ").any(|name| name == coding), "{asked}");
    }
    let gzip = fetch(Act::Gzip(text()), &[]);
    assert!(gzip.body() == text());
    let (bytes, wire) = figures(&gzip);
    assert!(bytes == Some(text().len() as u64) && wire < bytes, "{}", gzip.record);
}

#[test]
fn off_asks_for_none_and_raw_keeps_them() {
    let off = fetch(Act::KeepAliveOk(text()), &["--compression", "off"]);
    assert_eq!(off.server.requests()[0].header("accept-encoding"), Some("identity"));
    let unasked = fetch(Act::Gzip(text()), &["--compression", "off"]);
    assert!(unasked.body() == text(), "a coding that comes all the same is undone");
    let raw = fetch(Act::Gzip(text()), &["--compression", "raw"]);
    assert_eq!(raw.body()[..2], [0x1f, 0x8b]);
    assert!(
        figures(&raw).0 == figures(&raw).1 && raw.server.requests()[0].header("accept-encoding") != Some("identity")
    );
}

#[test]
fn a_compressed_file_stays_compressed() {
    use crate::support::act::Script;
    use crate::support::fault::FaultServer;

    let server = FaultServer::start(Script::new().on("a.tar.gz", Act::Gzip(text())).on("page", Act::Gzip(text())));
    let urls = ["a.tar.gz", "page"].map(|name| server.url(name));
    let run = Fetchall::new().args(["--json", "-d", "out"]).args(urls).run().expect_code(0);
    for record in run.records() {
        let body = run.read(record["path"].as_str().expect("a path"));
        let is_file = record["url"].as_str().is_some_and(|url| url.ends_with(".tar.gz"));
        assert_eq!(body.starts_with(&[0x1f, 0x8b]), is_file, "{record}");
    }
    let asked = server.requests();
    let asked = asked.iter().find(|request| request.path == "/a.tar.gz").expect("it was asked");
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[test]
fn a_media_type_that_names_the_coding_keeps_it() {
    let fields = vec![("Content-Encoding", "gzip".to_owned()), ("Content-Type", "application/gzip".to_owned())];
    let body = bare(&text());
    assert!(fetch(Act::OkWith(fields, body.clone()), &[]).body() == body);
}

#[test]
fn unknown_words_of_content_encoding_are_ignored() {
    for coding in [
        "",
        "utf-8",
        "none",
        "binary",
        "8bit",
        "aws-chunked",
        "zip",
        "*",
        "\"x\"",
        "text/html; charset=utf-8",
        "\u{e9}",
    ] {
        let single = fetch(coded(coding, text()), &[]);
        assert_eq!(single.kind(), "ok", "{coding}: {}", single.record);
        assert!(single.body() == text(), "{coding}");
    }
    for coding in ["gzip, utf-8", "aws-chunked,gzip", "none, x-gzip", "GZIP;q=1", "binary, \u{e9}, gzip"] {
        assert!(fetch(coded(coding, gzip(&text())), &[]).body() == text(), "{coding}");
    }
    assert_eq!(fetch(coded("brotli", BR.to_vec()), &[]).body(), b"hello\n");
    assert_eq!(fetch(coded("x-zstd", ZSTD.to_vec()), &[]).body(), b"hello\n");
    assert!(fetch(coded("x-deflate", zlib(&text())), &[]).body() == text());
}

#[test]
fn the_advice_about_a_coding_works() {
    for coding in ["compress", "X-Compress", "bzip2", "xz", "lzma", "dcb", "exi", "sdch", "lz4", "snappy", "gzip, xz"] {
        let single = fetch(coded(coding, text()), &[]);
        let message = single.record["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(single.kind(), "decode", "{coding}: {}", single.record);
        assert!(message.contains("unsupported") && message.contains("--compression raw"), "{message}");
        assert!(fetch(coded(coding, text()), &["--compression", "raw"]).body() == text(), "{coding}");
    }
}

#[test]
fn garbage_after_gzip_is_ignored_and_logged() {
    for (garbage, logs) in [(&b"\n"[..], true), (b"trailing", true), (b"\0\0\0\0", false)] {
        let body = [&gzip(&text()), garbage].concat();
        let (wire, single) = (body.len() as u64, fetch(coded("gzip", body), &["--log", "run.log"]));
        assert!(single.body() == text(), "{}", single.record);
        assert_eq!(figures(&single), (Some(text().len() as u64), Some(wire)));
        let log = String::from_utf8(single.run.read("run.log")).expect("text");
        assert_eq!(log.contains("the end of the gzip coding"), logs, "{log}");
    }
    let endless = [gzip(b"x"), vec![b'x'; 5000]].concat();
    assert_eq!(fetch(coded("gzip", endless), &["--max-size", "1000"]).kind(), "too_large");
}

#[test]
fn garbage_after_br_and_zstd_is_decode() {
    for (coding, body) in [("br", BR), ("zstd", ZSTD)] {
        let single = fetch(coded(coding, [body, b"<!-- x -->\n"].concat()), &[]);
        assert_eq!(single.kind(), "decode", "{}", single.record);
        let message = single.record["error"]["message"].as_str().unwrap_or_default();
        let expected = format!("11 bytes follow the end of the {coding} coding, which is at byte {}", body.len());
        assert!(message.starts_with(&expected) && message.contains("\"<!-- x -->\\n\""), "{message}");
    }
}

#[test]
fn digests_cover_the_decoded_body() {
    let sha256 = fetch(Act::Gzip(b"hello\n".to_vec()), &["--digest", "sha256"]);
    let known = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    assert_eq!((&sha256.record["sha256"], sha256.record["blake3"].is_null()), (&json!(known), true));
    let blake3 = fetch(Act::Gzip(b"hello\n".to_vec()), &["--digest", "blake3"]);
    assert_eq!(blake3.record["blake3"], blake3::hash(b"hello\n").to_hex().as_str());
    assert!(blake3.record["sha256"].is_null());
    let none = fetch(Act::Gzip(b"hello\n".to_vec()), &[]);
    assert!(none.record["sha256"].is_null() && none.record["blake3"].is_null());
}

#[test]
fn a_field_of_the_user_overrides_what_is_asked() {
    let own = fetch(Act::KeepAliveOk(text()), &["-H", "Accept-Encoding: gzip"]);
    assert_eq!(own.server.requests()[0].header("accept-encoding"), Some("gzip"));
    let none = fetch(Act::KeepAliveOk(text()), &["-H", "Accept-Encoding:"]);
    assert_eq!(none.server.requests()[0].header("accept-encoding"), None);
}
