//! Twenty hosts at once: most are good, some throttle, one is a tarpit, one is dead, one lies, one attacks.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::PATIENCE;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
use crate::support::single::kind;

const DELAY: Duration = Duration::from_millis(10);
const ASKED_TO_WAIT: Duration = Duration::from_secs(1);

fn ok(n: usize) -> Act {
    Act::KeepAliveOk(format!("page {n}\n").repeat(1 + n * 100).into_bytes())
}

fn good() -> Script {
    (0..30).fold(Script::new(), |script, n| script.on(&format!("p{n}"), ok(n)))
}

fn throttling() -> Script {
    let busy = |n: usize| {
        let status = if n.is_multiple_of(2) { 429 } else { 503 };
        Act::Status(status, vec![("Retry-After", ASKED_TO_WAIT.as_secs().to_string())])
    };
    (0..4).fold(Script::new(), |script, n| script.on_each(&format!("p{n}"), vec![busy(n), ok(n)]))
}

fn lying() -> Script {
    Script::new()
        .on("p0", Act::CutContentLength)
        .on("p1", Act::CutGzip)
        .on("p2", Act::BadChunk)
        .on("p3", Act::TwoContentLengths)
        .on("p4", Act::CutChunked)
        .on("p5", Act::RedirectLoop)
}

fn attacking() -> Script {
    let bomb = gzip(&vec![0; 64 << 20]);
    Script::new()
        .on("p0", Act::EndlessHead)
        .on("p1", Act::OkWith(vec![("Content-Encoding", "gzip".into()), ("Content-Type", "text/plain".into())], bomb))
        .on("p2", Act::Again { first: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), then: b"x".to_vec() })
        .on("p3", Act::Garbage)
}

/// The servers, their kinds and how many pages each has.
fn hosts() -> Vec<(&'static str, usize, FaultServer)> {
    let kinds = [("good", 30); 13].into_iter().chain([("throttling", 4); 3]);
    let kinds = kinds.chain([("tarpit", 4), ("dead", 6), ("lying", 6), ("attacking", 4)]);
    let start = |(n, (kind, pages)): (u8, (&'static str, usize))| {
        let script = match kind {
            "good" => good(),
            "throttling" => throttling(),
            "lying" => lying(),
            "attacking" => attacking(),
            "dead" => (0..pages).fold(Script::new(), |script, n| script.on(&format!("p{n}"), Act::Refused)),
            _ => Script::new().otherwise(Act::StalledBody),
        };
        (kind, pages, FaultServer::start_on(SocketAddr::from((Ipv4Addr::new(127, 0, 77, n), 0)), script))
    };
    (1..).zip(kinds).map(start).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_hosts_end_in_one_true_account() {
    let hosts = hosts();
    assert_eq!(hosts.len(), 20);
    // Page by page over all hosts, as a list that was shuffled.
    let most = hosts.iter().map(|(_, pages, _)| *pages).max().unwrap();
    let all = (0..most).flat_map(|n| hosts.iter().filter(move |(_, pages, _)| n < *pages).map(move |host| (n, host)));
    let list: String = all.map(|(n, (_, _, server))| server.url(&format!("p{n}")) + "\n").collect();
    let lines = list.lines().count();
    let args = ["-c", "16", "--json", "-d", "out", "--summary", "summary.json", "--delay", "10ms", "--retry", "1"];
    let limits = ["--max-size", "1MiB", "--read-timeout", "500ms", "--timeout", "4s", "--retry-max-wait", "3s"];
    let started = Instant::now();
    let running = Fetchall::new().args(args).args(limits).stdin(list).spawn();
    let mut peak = 0;
    let run = running.wait_while(2 * PATIENCE, |process| peak = peak.max(memory(process.pid())));
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert!(peak < 200 << 20, "{} MiB", peak >> 20);

    let records = run.records();
    assert_eq!(records.len(), lines);
    let summary: Value = serde_json::from_slice(&run.read("summary.json")).unwrap();
    assert_eq!((summary["read"].as_u64(), &summary["input_complete"]), (Some(lines as u64), &true.into()));
    for (what, _, server) in &hosts {
        let own: Vec<_> = records.iter().filter(|record| is_of(record, server)).collect();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        own.iter().for_each(|record| *kinds.entry(kind(record)).or_default() += 1);
        match *what {
            "good" | "throttling" => assert_eq!(kinds, BTreeMap::from([("ok", own.len())]), "{what}"),
            "tarpit" => assert_eq!(kinds, BTreeMap::from([("timeout", own.len())])),
            "dead" => assert_eq!(kinds, BTreeMap::from([("connect", own.len())])),
            _ => assert!(!kinds.contains_key("ok"), "{what}: {kinds:?}"),
        }
        for record in own.iter().filter(|record| kind(record) == "ok") {
            let n: usize = record["url"].as_str().unwrap().rsplit("/p").next().unwrap().parse().unwrap();
            let body = run.read(record["path"].as_str().unwrap());
            assert!(matches!(ok(n), Act::KeepAliveOk(expected) if expected == body), "{record}");
        }
        assert_due(what, server, started);
    }
}

/// By the server's own log: no request came before its turn, and none of a URL before it was due.
fn assert_due(what: &str, server: &FaultServer, started: Instant) {
    let requests = server.requests();
    for (n, request) in (0..).zip(&requests) {
        assert!(request.at - started >= DELAY * n, "{what}: request {n} after {:?}", request.at - started);
        let before = requests[..n as usize].iter().rev().find(|other| other.path == request.path);
        if let (Some(before), "throttling") = (before, what) {
            let waited = request.at - before.at;
            assert!(waited >= ASKED_TO_WAIT, "{} again after {waited:?}", request.path);
        }
    }
}

/// Whether the record is of a URL of this server, or of the port at which it refuses.
fn is_of(record: &Value, server: &FaultServer) -> bool {
    record["url"].as_str().is_some_and(|url| {
        ["p0", "x"].iter().any(|name| {
            let of = server.url(name);
            url.starts_with(&of[..of.rfind('/').unwrap() + 1])
        })
    })
}

fn memory(pid: rustix::process::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
