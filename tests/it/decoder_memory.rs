//! Bodies whose decoders have large windows: memory has a bound, and a host that holds some blocks no other host.
#![cfg(target_os = "linux")]

use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::CParameter;
use compression_codecs::{BrotliEncoder, EncodeV2, ZstdEncoder};
use rustix::process::Pid;
use serde_json::Value;

use crate::attacks::peak;
use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::h2::{H2Server, Manners};

const MIB: u64 = 1 << 20;

/// The data in this coding, with the largest window.
fn coded(coding: &str, data: &[u8]) -> Vec<u8> {
    let brotli = EncoderParams::default().quality(Level::Precise(1)).window_size(24);
    let mut encoder: Box<dyn EncodeV2> = match coding {
        "br" => Box::new(BrotliEncoder::new(brotli)),
        _ => Box::new(ZstdEncoder::new_with_params(1, &[CParameter::window_log(23)])),
    };
    let mut out = vec![0; data.len() + 64 * 1024];
    let (mut source, mut sink) = (PartialBuffer::new(data), WriteBuffer::new_initialized(&mut out));
    while !source.unwritten().is_empty() {
        encoder.encode(&mut source, &mut sink).unwrap();
    }
    while !encoder.finish(&mut sink).unwrap() {}
    let length = sink.written_len();
    out.truncate(length);
    out
}

/// Bytes that no coding makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut data = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    data
}

fn head(coding: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

/// The most memory that a process and its children have had, in bytes.
fn peak_of_all(pid: Pid) -> u64 {
    let children = format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero());
    let children = std::fs::read_to_string(children).unwrap();
    let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().unwrap()));
    peak(pid) + children.map(peak).sum::<u64>()
}

/// A server that sends few bytes that decode to 20 MiB, and never ends its bodies. It sends br with
/// a window of 16 MiB, and zstd with 8 MiB.
fn hoarder() -> FaultServer {
    let zeros = vec![0; 20 << 20];
    let act = |coding| Act::StalledAfter([head(coding, 100_000), coded(coding, &zeros)].concat());
    FaultServer::start(Script::new().on("br", act("br")).on("zstd", act("zstd")))
}

/// Fetches from a server that hoards windows, so many bodies at once; then good bodies of another host, which
/// must succeed meanwhile. Returns the memory that this took.
fn beside_hoarder(backend: &str, at_once: usize, args: &[&str]) -> u64 {
    let honest = noise(600 << 10);
    let hostile = hoarder();
    let (br, zstd) = (coded("br", &honest), coded("zstd", &honest));
    let good = FaultServer::start(
        Script::new()
            .on("br", Act::RawKeepAlive([head("br", br.len()), br].concat()))
            .on("zstd", Act::RawKeepAlive([head("zstd", zstd.len()), zstd].concat())),
    );
    let url = |server: &FaultServer, n: usize| server.url(&format!("{}/{n}", ["br", "zstd"][n % 2]));
    let limit = at_once.to_string();
    let limits = ["--json", "--backend", backend, "-c", &limit, "--read-timeout", "60s", "--retry", "0"];
    let mut running = Fetchall::new().args(limits).args(args).arg("-").stdin_open().spawn();
    let hoarded = at_once - 4;
    (0..hoarded).for_each(|n| running.write_line(&url(&hostile, n)));
    hostile.wait_until("all hostile bodies are under way", |log| log.in_flight == hoarded);
    (0..12).for_each(|n| running.write_line(&url(&good, n).replace("127.0.0.1", "localhost")));
    for _ in 0..12 {
        let record: Value = serde_json::from_str(&running.next_line()).unwrap();
        assert_eq!(record["outcome"], "ok", "{record}");
    }
    let peak = peak_of_all(running.pid());
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    peak
}

#[test]
fn bodies_that_hoard_windows_cost_their_own_host_alone() {
    for (backend, at_once) in [("async", 100), ("async", 500), ("threads", 500), ("processes", 32)] {
        let raw = beside_hoarder(backend, at_once, &["--compression", "raw"]);
        let decoded = beside_hoarder(backend, at_once, &[]).saturating_sub(raw);
        // The budget is 128 MiB; beside it each body has some hundred KiB.
        assert!(decoded < 250 * MIB, "{backend}, {at_once}: {} MiB", decoded / MIB);
    }
}

#[test]
fn large_coded_bodies_at_once_all_succeed() {
    for coding in ["br", "zstd"] {
        let body = coded(coding, &noise(600 << 10));
        let server =
            FaultServer::start(Script::new().on("x", Act::RawKeepAlive([head(coding, body.len()), body].concat())));
        for backend in BACKENDS {
            let urls = (0..100).map(|n| server.url(&format!("x/{n}")));
            let at_once = if backend == "processes" { "24" } else { "100" };
            let args = ["--json", "--backend", backend, "-c", at_once, "--read-timeout", "5s", "--retry", "0"];
            let run = Fetchall::new().args(args).args(urls).run().expect_code(0);
            assert!(run.records().iter().all(|record| record["bytes"] == 600 << 10), "{backend}, {coding}");
        }
    }
}

#[test]
fn bodies_that_wait_do_not_stop_others_on_their_connection() {
    for coding in ["br", "zstd"] {
        let body: &'static [u8] = coded(coding, &noise(600 << 10)).leak();
        let server = H2Server::start(Manners::Coded(coding, body));
        for backend in BACKENDS {
            let urls = (0..60).map(|n| server.url(&n.to_string()));
            let at_once = if backend == "processes" { "12" } else { "60" };
            let args = ["--json", "--backend", backend, "-c", at_once, "--read-timeout", "5s", "--retry", "0"];
            let run = Fetchall::new().args(args).arg("--cacert").arg(server.ca_pem_file()).args(urls).run();
            let records = run.expect_code(0).records();
            assert!(records.iter().all(|record| record["bytes"] == 600 << 10), "{backend}, {coding}");
        }
    }
}
