//! Servers that mean harm: whatever they send ends in an error, soon, and in little memory.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{fetch, kind};
use crate::support::tls::{Mode, TlsServer};

/// The decoded size of a bomb, in bytes.
const BOMB: usize = 256 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame of RLE blocks (RFC 8878, section 3.1.1): four bytes stand for 128 KiB.
fn zstd_bomb() -> Vec<u8> {
    let block = 128 * 1024_u32;
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58];
    let blocks = BOMB as u32 / block;
    for n in 0..blocks {
        let header = (block << 3) | (1 << 1) | u32::from(n + 1 == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

fn coded(coding: &str, body: Vec<u8>) -> Act {
    Act::OkWith(vec![("Content-Encoding", coding.to_owned()), ("Content-Type", "text/plain".to_owned())], body)
}

/// The most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
pub fn peak(pid: rustix::process::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn bombs_stay_under_the_limit_and_take_little_memory() {
    let zeros = vec![0; BOMB];
    let once = gzip(&zeros);
    let cases = [
        ("gzip", once.clone()),
        ("deflate", deflate(&zeros)),
        ("zstd", zstd_bomb()),
        ("gzip, gzip", gzip(&once)),
        ("gzip, deflate, gzip", gzip(&deflate(&once))),
    ];
    for (coding, body) in cases {
        assert!(BOMB / body.len() > 900, "{coding}: {}", body.len());
        let script = Script::new().on("bomb", coded(coding, body)).on("never", Act::Stalled);
        let server = FaultServer::start(script);
        // Without the limit it is as large as it is, and no more of it in memory.
        let unlimited = (coding == "gzip, gzip").then_some(["--max-size", "1GiB"]);
        for limit in [["--max-size", "1MiB"]].into_iter().chain(unlimited) {
            let urls = [server.url("bomb"), server.url("never")];
            let mut running = Fetchall::new().arg("--json").args(limit).args(urls).spawn();
            let record: serde_json::Value = serde_json::from_str(&running.next_line()).unwrap();
            let expected = if limit[1] == "1MiB" { "too_large" } else { "ok" };
            assert_eq!(kind(&record), expected, "{coding}: {record}");
            let peak = peak(running.pid());
            assert!(peak < 200 << 20, "{coding} {limit:?}: {} MiB", peak >> 20);
            running.signal(rustix::process::Signal::KILL);
            running.wait();
        }
    }
}

#[test]
fn a_long_chain_of_codings_is_refused() {
    let single = fetch(coded(&vec!["gzip"; 100].join(", "), b"x".to_vec()), &[]);
    assert_eq!(single.kind(), "decode", "{}", single.record);
}

#[test]
fn endless_responses_are_errors() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let with = |more: &[u8]| [&chunked[..], more].concat();
    let endless = |first: Vec<u8>, then: &[u8]| Act::Again { first, then: then.to_vec() };
    for (what, act, expected) in [
        ("a status line", endless(b"HTTP/1.1 200 ".to_vec(), b"OK "), &["protocol"][..]),
        ("a field", endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b"x"), &["protocol"]),
        ("fields", endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: x\r\n"), &["protocol"]),
        ("the extension of a chunk", endless(with(b"5;x="), b"x"), &["protocol"]),
        (
            "extensions of chunks",
            endless(chunked.clone(), b"1;x=xxxxxxxxxxxxxxxx\r\nx\r\n"),
            &["protocol", "too_large"],
        ),
        ("the length of a chunk", endless(with(b"0"), b"0"), &["protocol"]),
        ("a trailer", endless(with(b"0\r\nX: "), b"x"), &["protocol"]),
        ("trailers", endless(with(b"0\r\n"), b"X: x\r\n"), &["protocol"]),
        ("a body", endless(chunked.clone(), &[b"400\r\n", &[b'x'; 1024][..], b"\r\n"].concat()), &["too_large"]),
        ("a body until the end", endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"x"), &["too_large"]),
        ("interim answers", endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n"), &["protocol"]),
    ] {
        let began = Instant::now();
        let single = fetch(act, &["--max-size", "1MiB", "--timeout", "2s", "--retry", "0"]);
        assert!(expected.contains(&single.kind()), "{what}: {}", single.record);
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    }
}

#[test]
fn text_of_servers_is_escaped_on_terminals() {
    // Control characters, a bidi override, an OSC that would set the title.
    let nasty = "\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m";
    let location = format!("ftp://x/{nasty}");
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let typed = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/{nasty}\r\nContent-Encoding: {nasty}\r\nContent-Length: 1\r\n\r\nx"
    );
    let named = format!(
        "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"{nasty}.txt\"\r\nContent-Length: 1\r\n\r\nx"
    );
    let script = Script::new()
        .on("moved", Act::RawKeepAlive(head.into_bytes()))
        .on("typed", Act::RawKeepAlive(typed.into_bytes()))
        .on("named", Act::RawKeepAlive(named.into_bytes()));
    let server = FaultServer::start(script);
    let urls = ["moved", "typed", "named"].map(|name| server.url(name));
    for format in ["text", "ndjson", "json", "csv", "tsv"] {
        let args = ["--format", format, "-d", "out", "--content-disposition", "-v", "--progress", "plain"];
        let run = Fetchall::new().args(args).args(&urls).run();
        for (stream, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            let raw = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r') || *c == '\u{202e}');
            assert_eq!(raw, None, "{format} {stream}: {}", text.escape_debug());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn floods_over_http2_end_too() {
    // RFC 9113, sections 6.5, 6.7, 6.10, 6.1.
    let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let pings: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let continuations: &[u8] = &[0, 0, 4, 9, 0, 0, 0, 0, 1, 0, 1, b'a', 0];
    let empty_data: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 1];
    for (what, frames) in
        [("settings", settings), ("pings", pings), ("continuations", continuations), ("empty data", empty_data)]
    {
        let server = TlsServer::start(Mode::Flood(frames));
        let began = Instant::now();
        let args = ["--json", "-k", "--timeout", "1s", "-c", "1"];
        let never = FaultServer::start(Script::new().on("never", Act::Stalled));
        let urls = [server.url("x"), never.url("never")];
        let mut running = Fetchall::new().args(args).args(urls).spawn();
        let record: serde_json::Value = serde_json::from_str(&running.next_line()).unwrap();
        let peak = peak(running.pid());
        assert!(["timeout", "protocol", "reset"].contains(&kind(&record)), "{what}: {record}");
        assert!(began.elapsed() < Duration::from_secs(15), "{what}: {:?}", began.elapsed());
        assert!(peak < 200 << 20, "{what}: {} MiB", peak >> 20);
        running.signal(rustix::process::Signal::KILL);
        running.wait();
    }
}
