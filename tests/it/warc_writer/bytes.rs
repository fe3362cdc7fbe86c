//! The bytes of a payload are those that the server sent, whatever their framing, coding and length.

use super::reader::read;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::play::gzip;

/// The lengths at the edges of the buffers, and beyond them.
const LENGTHS: [usize; 9] = [0, 8, 1000, 16_384, 131_072, 131_073, 262_144, 400_000, 5_000_000];

/// Bytes that neither repeat nor compress much, others for each seed.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let words = (0..=length as u64 / 8)
        .flat_map(|n| (n + (seed << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).to_le_bytes());
    words.take(length).collect()
}

#[test]
fn payload_is_what_the_server_sent() {
    let (mut script, mut expected) = (Script::new(), Vec::new());
    for length in LENGTHS {
        // Equal payloads would be stored once.
        let [plain, chunked, until_close, coded] = [1, 2, 3, 4].map(|seed| bytes(length, seed));
        let framings = [
            ("length", Act::KeepAliveOk(plain.clone()), plain),
            ("chunked", Act::Chunked(chunked.clone()), chunked),
            ("close", Act::UntilClose(until_close.clone()), until_close),
            ("gzip", Act::Gzip(coded.clone()), gzip(&coded)),
        ];
        for (framing, act, sent) in framings {
            let name = format!("{framing}-{length}");
            script = script.on(&name, act);
            expected.push((name, sent));
        }
    }
    let server = FaultServer::start(script);
    let urls: Vec<_> = expected.iter().map(|(name, _)| server.url(name)).collect();
    for (backend, workers) in [("async", "1"), ("async", "40"), ("threads", "10"), ("sequential", "1")] {
        let run = Fetchall::new().args(["--warc-file", "a", "--backend", backend, "-c", workers]).args(&urls).run();
        let records = read(&run.folder().join("a-00000.warc.gz"));
        let responses: Vec<_> = records.iter().filter(|record| record.kind() == "response").collect();
        assert_eq!(responses.len(), expected.len(), "{backend}");
        for (name, sent) in &expected {
            let record = responses.iter().find(|record| record.path() == name).expect("a response");
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
