//! Coded bodies that yield next to nothing, or make decoders hold much, and floods of HTTP/2 frames: they end, in
//! little memory, and cost their own host alone.

use std::time::{Duration, Instant};

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};
use crate::support::tls::{Mode, TlsServer};

const BACKENDS: [&str; 4] = ["async", "threads", "processes", "sequential"];

/// Streams that stand for nothing: their coding, what they begin with, and what may follow again and again.
fn empty_streams() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let fixed = |flags| vec![0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3];
    let nothing = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let extra = [&fixed(4)[..], &[0xFF, 0xFF], &[b'x'; 0xFFFF], &nothing].concat();
    vec![
        ("gzip members", "gzip", vec![], [&fixed(0)[..], &nothing].concat()),
        ("gzip FEXTRA", "gzip", vec![], extra),
        ("gzip FNAME", "gzip", fixed(8), vec![b'x'; 64]),
        ("stored blocks", "deflate", vec![0x78, 0x9C], vec![0, 0, 0, 0xFF, 0xFF]),
        ("zstd frames to skip", "zstd", vec![], vec![0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
        ("empty zstd blocks", "zstd", vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x58], vec![0, 0, 0]),
        ("br metadata", "br", vec![0x0C], vec![0x06]),
    ]
}

/// One server with all of these bodies, as content and as transfer coding; `tag` lets their beginnings be kept.
fn endless() -> (Vec<String>, FaultServer) {
    let (mut script, mut names) = (Script::new(), Vec::new());
    for (n, (_, coding, first, then)) in empty_streams().into_iter().enumerate() {
        for field in ["Content-Encoding", "Transfer-Encoding"] {
            let head = format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\n{field}: {coding}\r\n\r\n");
            let name = format!("{n}{field}");
            let first = [head.as_bytes(), &first].concat();
            script = script.on(&name, Act::Again { first, then: then.clone() });
            names.push(name);
        }
    }
    let server = FaultServer::start(script);
    (names.iter().map(|name| server.url(name)).collect(), server)
}

#[test]
fn max_size_ends_coded_bodies_without_output() {
    for backend in BACKENDS {
        let (urls, _server) = endless();
        let args = ["--json", "-d", "out", "--backend", backend, "--max-size", "1MiB", "--retry", "0"];
        let run = Fetchall::new().args(args).args(&urls).run();
        let records = run.records();
        assert_eq!(records.len(), urls.len());
        for record in records {
            assert_eq!(kind(&record), "too_large", "{backend}: {record}");
            let coded = record["wire_bytes"].as_u64().unwrap();
            assert!(coded < 3 << 20, "{backend}: {record}");
        }
        assert_eq!(files(&run.folder().join("out")), [""; 0], "{backend}");
    }
}

#[test]
fn coded_bodies_without_output_end_without_any_limit() {
    let (urls, _server) = endless();
    let args = ["--json", "-d", "out", "--max-size", "none", "--low-speed", "none", "--retry", "0", "-c", "4"];
    let run = Fetchall::new().args(args).args(&urls).run();
    let records = run.records();
    assert_eq!(records.len(), urls.len());
    for record in records {
        assert_eq!(kind(&record), "decode", "{record}");
        let coded = record["wire_bytes"].as_u64().unwrap();
        assert!((16 << 20..20 << 20).contains(&coded), "{record}");
    }
    assert_eq!(files(&run.folder().join("out")), [""; 0]);
}

#[test]
fn floods_of_frames_cost_their_own_host_alone() {
    // RFC 9113, sections 6.3, 6.5, 6.7, 6.9, 6.1 and 8.1.
    let floods: [(&str, &'static [u8]); 6] = [
        ("priorities", &[0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
        ("settings", &[0, 0, 0, 4, 0, 0, 0, 0, 0]),
        ("pings", &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("window updates", &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("empty data", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("interim heads", &[0, 0, 5, 1, 4, 0, 0, 0, 1, 8, 3, b'1', b'0', b'3']),
    ];
    for (what, frames) in floods {
        for backend in BACKENDS {
            let flood = TlsServer::start(Mode::Flood(frames));
            let good = FaultServer::start(Script::new().on("good", Act::KeepAliveOk(b"good".to_vec())));
            let urls = (0..200).map(|n| good.url(&format!("good/{n}")));
            let args = ["--json", "-k", "--retry", "0", "--backend", backend, "--timeout", "60s"];
            let began = Instant::now();
            let run = Fetchall::new().args(args).arg(flood.url("x")).args(urls).run();
            let (ok, failed): (Vec<_>, Vec<_>) = run.records().into_iter().partition(|it| it["outcome"] == "ok");
            assert_eq!((ok.len(), failed.len()), (200, 1), "{what}, {backend}");
            assert_eq!(kind(&failed[0]), "protocol", "{what}, {backend}: {}", failed[0]);
            assert!(began.elapsed() < Duration::from_secs(30), "{what}, {backend}: {:?}", began.elapsed());
        }
    }
}
