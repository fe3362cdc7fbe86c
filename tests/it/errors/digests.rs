//! Content-Digest and Repr-Digest (RFC 9530): what a server declares of its coded bytes is so, or there is no file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
use crate::support::single::{fetch, kind};

fn sha256(of: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(of)))
}

fn sha512(of: &[u8]) -> String {
    format!("sha-512=:{}:", STANDARD.encode(Sha512::digest(of)))
}

#[test]
fn a_declared_digest_matches_or_no_file_is_saved() {
    let (body, other) = (b"hello\n".repeat(100_000), b"hullo\n");
    for field in ["Content-Digest", "Repr-Digest"] {
        for (value, expected) in [
            (sha256(&body), "ok"),
            (sha512(&body), "ok"),
            (format!("md5=:AAAA:, {}", sha256(&body)), "ok"),
            (sha256(other), "checksum"),
            (sha512(other), "checksum"),
            (format!("{}, {}", sha256(&body), sha512(other)), "checksum"),
            ("sha-256=:AAAA:".to_owned(), "checksum"),
            // Fields that prove nothing are ignored.
            ("md5=:AAAA:, unixsum=:AAAA:".to_owned(), "ok"),
            ("garbage (((".to_owned(), "ok"),
        ] {
            let single = fetch(Act::OkWith(vec![(field, value.clone())], body.clone()), &[]);
            assert_eq!(single.kind(), expected, "{field}: {value}\n{}", single.record);
            if expected == "checksum" {
                let message = single.record["error"]["message"].as_str().unwrap();
                assert!(message.contains(field) && message.contains("sha-"), "{message}");
            }
        }
    }
}

#[test]
fn they_are_of_the_coded_bytes() {
    let text = b"hello\n".repeat(1_000);
    let coded = gzip(&text);
    for (of, expected) in [(&coded, "ok"), (&text, "checksum")] {
        let fields = vec![("Content-Encoding", "gzip".to_owned()), ("Repr-Digest", sha256(of))];
        assert_eq!(fetch(Act::OkWith(fields, coded.clone()), &[]).kind(), expected);
    }
}

#[test]
fn behind_the_body_they_count_too() {
    for (of, expected) in [(b"hello\n", "ok"), (b"hullo\n", "checksum")] {
        for field in ["Content-Digest", "Repr-Digest"] {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: {field}\r\n\r\n6\r\nhello\n\r\n0\r\n{field}: {}\r\n\r\n",
                sha256(of)
            );
            let single = fetch(Act::RawKeepAlive(answer.into_bytes()), &[]);
            assert_eq!(single.kind(), expected, "{}", single.record);
        }
    }
}

#[test]
fn part_that_the_user_asked_for_is_checked_as_a_part() {
    let body = b"hello\n".repeat(100);
    let range = ["-H", "Range: bytes=100-299"];
    let part = |fields: String| {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 100-299/600\r\n{fields}\r\nContent-Length: 200\r\n\r\n"
        );
        Act::RawKeepAlive([head.as_bytes(), &body[100..300]].concat())
    };
    for (fields, expected) in [
        (format!("Repr-Digest: {}", sha256(&body)), "ok"),
        (format!("Content-Digest: {}", sha256(&body[100..300])), "ok"),
        (format!("Content-Digest: {}", sha256(&body)), "checksum"),
    ] {
        let single = fetch(part(fields), &range);
        assert_eq!(single.kind(), expected, "{}", single.record);
        if expected == "ok" {
            assert_eq!(single.body(), body[100..300]);
        }
    }
    // The server may ignore the range.
    for (of, expected) in [(&body[..], "ok"), (&body[..200], "checksum")] {
        let whole = Act::OkWith(vec![("Repr-Digest", sha256(of))], body.clone());
        assert_eq!(fetch(whole, &range).kind(), expected);
    }
}

#[test]
fn a_body_in_two_parts_is_checked_as_a_whole() {
    let body = b"hello\n".repeat(100);
    let first = |repr: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nRepr-Digest: {}\r\nContent-Length: 600\r\n\r\n", sha256(repr));
        Act::Raw([head.as_bytes(), &body[..200]].concat())
    };
    let rest = |content: &[u8]| {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 200-599/600\r\nContent-Digest: {}\r\nContent-Length: 400\r\n\r\n",
            sha256(content)
        );
        Act::RawKeepAlive([head.as_bytes(), &body[200..]].concat())
    };
    for (acts, expected) in [
        ([first(&body), rest(&body[200..])], "ok"),
        // Each digest is of what it says it is of.
        ([first(&body), rest(&body)], "checksum"),
        ([first(&body[..200]), rest(&body[200..])], "checksum"),
    ] {
        let server = FaultServer::start(Script::new().on_each("x", acts.to_vec()));
        let folder = tempfile::TempDir::new().unwrap();
        let run = || Fetchall::new().args(["--json", "-d"]).arg(folder.path()).arg(server.url("x")).run();
        assert_eq!(kind(&run().records()[0]), "truncated");
        let record = run().records().remove(0);
        assert_eq!(kind(&record), expected, "{record}");
    }
}
