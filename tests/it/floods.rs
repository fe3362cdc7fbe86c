//! Floods without content, over HTTP/1.1, TLS and HTTP/2. They end, and so do their connections.
//! The URLs of another host finish meanwhile.

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, ENDLESS_MAX, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::kind;
use crate::support::tls::{Mode, TlsServer};

/// Frames of RFC 9113, sections 6 and 8.1, of stream 1 where they have one.
const FRAMES: [(&str, &[u8]); 11] = [
    ("priorities", &[0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
    ("settings", &[0, 0, 0, 4, 0, 0, 0, 0, 0]),
    ("pings", &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("window updates", &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ("empty data", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ("padded data", &[0, 0, 2, 0, 8, 0, 0, 0, 1, 1, 0]),
    ("interim heads", &[0, 0, 5, 1, 4, 0, 0, 0, 1, 8, 3, b'1', b'0', b'3']),
    ("continuations", &[0, 0, 0, 9, 0, 0, 0, 0, 1]),
    ("unknown frames", &[0, 0, 4, 99, 0, 0, 0, 0, 1, 1, 2, 3, 4]),
    ("resets", &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
    ("farewells", &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]),
];

/// Parts of responses of HTTP/1.1 without end: a name, what they begin with, and what comes again and again.
fn parts() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let with = |start: &[u8]| [&chunked[..], start].concat();
    vec![
        ("interim", vec![], b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec()),
        ("lines", vec![], b"\r\n".to_vec()),
        ("fields", b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec()),
        ("trailers", with(b"0\r\n"), b"a: b\r\n".to_vec()),
        ("extension", with(b"1;"), b"a=b;".to_vec()),
        ("extensions", with(b""), b"1;a=bcdefghijklmnop\r\nx\r\n".to_vec()),
        ("zeros", with(b""), vec![b'0'; 4096]),
        ("zeros-later", with(b"1\r\nx\r\n"), vec![b'0'; 4096]),
        ("zeros-again", with(b""), [&[b'0'; 1000][..], b"1\r\nx\r\n"].concat()),
        ("blanks", with(b"1"), b" \t".repeat(2048)),
    ]
}

#[test]
fn floods_end_and_other_hosts_are_fetched_meanwhile() {
    for backend in BACKENDS {
        let http2 = FRAMES.map(|(name, frames)| (name, TlsServer::start(Mode::Flood(frames))));
        let script = parts()
            .into_iter()
            .fold(Script::new(), |script, (name, first, then)| script.on(name, Act::Again { first, then }));
        let plain = FaultServer::start(script);
        let tls = TlsServer::start(Mode::LeadsTo(plain.address().port()));
        let good = FaultServer::start(Script::new().on("good", Act::KeepAliveOk(b"good".to_vec())));
        let mut floods: Vec<String> = http2.iter().map(|(_, server)| server.url("x")).collect();
        floods.extend(parts().iter().flat_map(|(name, ..)| [plain.url(name), tls.url(name)]));
        let args = ["--json", "-k", "--retry", "0", "--backend", backend, "-c", "30", "-"];
        let mut running = Fetchall::new().args(args).stdin_open().spawn();
        floods.iter().for_each(|url| running.write_line(url));
        (0..200).for_each(|n| running.write_line(&good.url(&format!("good/{n}"))));
        for _ in 0..floods.len() + 200 {
            let record: Value = serde_json::from_str(&running.next_line()).unwrap();
            let is_flood = floods.iter().any(|url| record["url"] == url.as_str());
            let ended = kind(&record);
            assert!(
                if is_flood { ["protocol", "reset"].contains(&ended) } else { ended == "ok" },
                "{backend}: {record}"
            );
        }
        // The run goes on, without these connections.
        for (name, server) in &http2 {
            let sent = server.flooded();
            assert!(sent < ENDLESS_MAX, "{backend}, {name}: {sent} bytes");
        }
        plain.wait_until("the connections with floods are closed", |log| log.in_flight == 0);
        running.close_stdin();
        running.wait();
    }
}
