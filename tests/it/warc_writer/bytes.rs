//! The bytes of a payload are those that the server sent, whatever their framing, coding and length.

use std::collections::HashMap;
use std::io::Write as _;

use super::reader::{digest, read};
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::play::gzip;

/// The lengths at the edges of the buffers, and beyond them.
const LENGTHS: [usize; 8] = [0, 8, 1000, 16_384, 131_072, 131_073, 262_144, 2_000_000];

/// Bytes that neither repeat nor compress much, others for each seed.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let words = (0..=length as u64 / 8)
        .flat_map(|n| (n + (seed << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).to_le_bytes());
    words.take(length).collect()
}

/// Codes a body.
type Encoder = fn(&[u8]) -> Vec<u8>;

/// The codings of content (RFC 9110, section 8.4.1).
const CODINGS: [(&str, Encoder); 5] =
    [("", <[u8]>::to_vec), ("gzip", gzip), ("deflate", deflate), ("br", brotli), ("zstd", zstd)];

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::CompressorWriter::new(&mut coded, 4096, 1, 22).write_all(plain).unwrap();
    coded
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

/// A whole response with this payload: its length, chunks of several sizes, or the end of the connection ends it.
fn response(framing: &str, coding: &str, payload: &[u8]) -> Act {
    let mut head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n".to_owned();
    if !coding.is_empty() {
        head += &format!("Content-Encoding: {coding}\r\n");
    }
    match framing {
        "length" => {
            head += &format!("Content-Length: {}\r\n\r\n", payload.len());
            Act::RawKeepAlive([head.as_bytes(), payload].concat())
        }
        "close" => Act::Raw([head.as_bytes(), b"Connection: close\r\n\r\n", payload].concat()),
        _ => {
            let mut message = (head + "Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n").into_bytes();
            let (mut rest, mut size) = (payload, 1);
            while !rest.is_empty() {
                let (chunk, left) = rest.split_at(size.min(rest.len()));
                message.extend_from_slice(format!("{size:x};a=\"b\"\r\n", size = chunk.len()).as_bytes());
                message.extend_from_slice(&[chunk, b"\r\n"].concat());
                (rest, size) = (left, size * 3 + 1);
            }
            message.extend_from_slice(b"0\r\nX-End: 1\r\n\r\n");
            Act::RawKeepAlive(message)
        }
    }
}

#[test]
fn payload_is_what_the_server_sent() {
    let (mut script, mut expected, mut seed) = (Script::new(), Vec::new(), 0);
    for length in LENGTHS {
        for (coding, code) in CODINGS {
            for framing in ["length", "chunked", "close"] {
                // Equal payloads would be stored once.
                seed += 1;
                let (name, sent) = (format!("{framing}-{coding}-{length}"), code(&bytes(length, seed)));
                script = script.on(&name, response(framing, coding, &sent));
                expected.push((name, sent));
            }
        }
    }
    let server = FaultServer::start(script);
    let urls: Vec<_> = expected.iter().map(|(name, _)| server.url(name)).collect();
    for (backend, workers) in [("async", "1"), ("async", "100"), ("threads", "10"), ("sequential", "1")] {
        let run = Fetchall::new().args(["--warc-file", "a", "--backend", backend, "-c", workers]).args(&urls).run();
        let records = read(&run.folder().join("a-00000.warc.gz"));
        let responses: HashMap<_, _> = records
            .iter()
            .filter(|record| matches!(record.kind(), "response" | "revisit"))
            .map(|record| (record.path(), record))
            .collect();
        assert_eq!(responses.len(), expected.len(), "{backend}");
        for (name, sent) in &expected {
            let record = responses[name.as_str()];
            if record.kind() == "revisit" {
                // The coded form of nothing is the same each time.
                assert!(sent.len() < 30 && record.get("WARC-Payload-Digest") == digest(sent), "{name}");
                continue;
            }
            assert!(record.payload() == sent, "{backend} {workers} {name}: {}", record.payload().len());
            let has = |field: &str| record.head().to_ascii_lowercase().contains(field);
            let length = format!("\r\ncontent-length: {}\r\n", sent.len());
            assert_eq!(has("\r\nx-crawler-transfer-encoding: chunked\r\n"), name.starts_with("chunked"), "{name}");
            assert_eq!(has(&length), !name.starts_with("close"), "{name}: {}", record.head());
            assert!(!has("\r\ntransfer-encoding:"), "{name}");
        }
    }
}

#[test]
fn head_is_kept_octet_by_octet() {
    let head = "HTTP/1.1 200  Very  fine\r\nCONTENT-length:   3\r\nX-Empty:\r\nx-TWICE: b\r\nx-twice:a \r\nOdd Name: \u{e9}\r\n\r\n";
    let server = FaultServer::start(Script::new().on("a", Act::RawKeepAlive(format!("{head}abc").into_bytes())));
    let interim =
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec();
    let other = FaultServer::start(Script::new().on("b", Act::RawKeepAlive(interim)));
    let run = Fetchall::new().args(["-c1", "--warc-file", "a", &server.url("a"), &other.url("b")]).run().expect_code(0);
    let records = read(&run.folder().join("a-00000.warc.gz"));
    let blocks: Vec<_> =
        records.iter().filter(|record| record.kind() == "response").map(|record| record.block.clone()).collect();
    let text = |block: &[u8]| String::from_utf8_lossy(block).into_owned();
    assert_eq!(text(&blocks[0]), format!("{head}abc"));
    assert_eq!(text(&blocks[1]), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
}

#[test]
fn saved_file_is_decoded_and_the_record_is_not() {
    let body = bytes(300_000, 1);
    let server = FaultServer::start(Script::new().on("a", Act::Gzip(body.clone())));
    let run =
        Fetchall::new().args(["--json", "-d", "out", "--warc-file", "w/a", &server.url("a")]).run().expect_code(0);
    let path = run.records()[0]["path"].as_str().unwrap().to_owned();
    assert!(run.read(&path) == body);
    let records = read(&run.folder().join("w/a-00000.warc.gz"));
    assert!(records[2].payload() == gzip(&body));
}
