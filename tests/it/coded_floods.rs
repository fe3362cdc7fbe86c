//! Coded bodies that yield next to nothing: they end, in little memory and on a small part of the disk.

use std::path::Path;
use std::time::Duration;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};

/// Streams that decode to no content: their coding, their beginning, and the part that may follow again and again.
fn empty_streams() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let fixed = |flags| vec![0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3];
    let nothing = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let extra = [&fixed(4)[..], &[0xFF, 0xFF], &[b'x'; 0xFFFF], &nothing].concat();
    vec![
        // Members of gzip, and their fields FEXTRA, FNAME and FCOMMENT.
        ("gzip", vec![], [&fixed(0)[..], &nothing].concat()),
        ("gzip", vec![], extra),
        ("gzip", fixed(8), vec![b'x'; 64]),
        ("gzip", fixed(16), vec![b'x'; 64]),
        // Stored blocks.
        ("gzip", fixed(0), vec![0, 0, 0, 0xFF, 0xFF]),
        ("deflate", vec![0x78, 0x9C], vec![0, 0, 0, 0xFF, 0xFF]),
        ("deflate", vec![], vec![0, 0, 0, 0xFF, 0xFF]),
        // Frames to skip, empty frames, empty blocks.
        ("zstd", vec![], vec![0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
        ("zstd", vec![], vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0]),
        ("zstd", vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x58], vec![0, 0, 0]),
        // Metadata with and without content.
        ("br", vec![0x0C], [&[0xD6, 0x3F][..], &[b'x'; 256]].concat()),
        ("br", vec![0x0C], vec![0x06]),
        // One coding in another.
        ("gzip, gzip", fixed(8), vec![b'x'; 64]),
    ]
}

/// One server with all of these bodies, as content and as transfer coding; their tags let beginnings be kept.
fn endless() -> (Vec<String>, FaultServer) {
    let (mut script, mut names) = (Script::new(), Vec::new());
    for (n, (coding, first, then)) in empty_streams().into_iter().enumerate() {
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

/// Bytes of all files below a folder.
fn on_disk(folder: &Path) -> u64 {
    files(folder).iter().filter_map(|file| std::fs::metadata(folder.join(file)).ok()).map(|it| it.len()).sum()
}

#[test]
fn coded_bodies_without_output_end_without_any_limit() {
    let (all, _server) = endless();
    for backend in BACKENDS {
        // Each takes 16 MiB: all forms once, in turn as content and as transfer coding, and one elsewhere.
        let step = if backend == "async" { 1 } else { 13 };
        let in_turn = all.chunks(2).zip([0, 1].into_iter().cycle()).map(|(both, at)| &both[at]);
        let urls: Vec<&String> = in_turn.step_by(step).collect();
        let limits = ["--max-size", "none", "--low-speed", "none", "--retry", "0", "-c", "4"];
        let run = Fetchall::new().args(["--json", "-d", "out", "--backend", backend]).args(limits).args(&urls).spawn();
        let folder = run.folder().join("out");
        let mut most = 0;
        let run = run.wait_while(Duration::from_secs(60), |_| most = most.max(on_disk(&folder)));
        let records = run.records();
        assert_eq!(records.len(), urls.len());
        for record in records {
            assert_eq!(kind(&record), "decode", "{backend}: {record}");
            let coded = record["wire_bytes"].as_u64().unwrap();
            assert!((16 << 20..20 << 20).contains(&coded), "{backend}: {record}");
        }
        assert!(most < 4 * (20 << 20), "{backend}: {most} bytes on the disk");
        assert_eq!(files(&run.folder().join("out")), [""; 0], "{backend}");
    }
}

#[test]
fn a_body_that_goes_on_again_and_again_is_bounded_too() {
    // An empty member with a long field FEXTRA.
    let extra = [&[0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF][..], &[b'x'; 0xFFFF]].concat();
    let member = [&extra[..], &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let body = member.repeat((40 << 20) / member.len());
    let fields = vec![("ETag", "\"a\"".into()), ("Content-Encoding", "gzip".into())];
    for backend in BACKENDS {
        let act = Act::Ranged { fields: fields.clone(), body: body.clone(), most: 6 << 20 };
        let server = FaultServer::start(Script::new().on("x", act));
        let args = ["--json", "-d", "out", "--backend", backend, "--retry", "9", "--retry-max-wait", "1ms"];
        let run = Fetchall::new().with_retries().args(args).arg(server.url("x")).run();
        let record = &run.records()[0];
        assert_eq!(kind(record), "decode", "{backend}: {record}");
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{backend}");
        assert!(requests[1].header("Range").is_some(), "{backend}");
        assert_eq!(files(&run.folder().join("out")), [""; 0], "{backend}");
    }
}
