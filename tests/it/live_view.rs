//! The live view of a run: figures, page, buttons and refusals.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Running};
use crate::support::fault::FaultServer;
use crate::support::{PATIENCE, wait_for};

const OUTCOMES: [&str; 5] = ["ok", "http_error", "failed", "skipped", "cancelled"];

/// A run with a live view, its address and its token.
struct Shown {
    run: Running,
    address: SocketAddr,
    token: String,
}

impl Shown {
    /// A run of the URLs that a test writes to standard input.
    fn start(args: &[&str]) -> Shown {
        let fetchall = Fetchall::new().args(["--metrics", "0", "-q", "--progress", "none", "-o", "r.ndjson"]);
        let run = fetchall.args(["--summary", "s.json", "--log", "l.txt"]).args(args.iter().copied()).stdin_open();
        let mut run = run.spawn();
        let line = run.next_error_line();
        let (_, rest) = line.split_once("http://").expect("an address");
        let (address, token) = rest.split_once("/, token for pause and resume: ").expect("a token");
        let (address, token) = (address.parse().expect("an address"), token.trim().to_owned());
        Shown { run, address, token }
    }

    /// The status and the whole answer of one request.
    fn send(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let length = body.len();
        stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).expect("a request");
        let mut answer = String::new();
        // Err: a refused request may end with a reset.
        let _ = stream.read_to_string(&mut answer);
        let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, answer)
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.address), "")
    }

    fn post(&self, path: &str, fields: &str, body: &str) -> u16 {
        self.send(&format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{fields}", self.address), body).0
    }

    /// Waits until so many URLs are done.
    fn wait_for_outcomes(&self, expected: u64) {
        let count = |name| self.metric(&format!("fetchall_outcomes_total{{outcome=\"{name}\"}}"));
        wait_for("the outcomes", || OUTCOMES.into_iter().map(count).sum::<u64>() == expected);
    }

    /// The value of a line of `/metrics`.
    fn metric(&self, name: &str) -> u64 {
        let (_, metrics) = self.get("/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

fn server() -> FaultServer {
    FaultServer::start(
        Script::new().on("missing", Act::Status(404, Vec::new())).otherwise(Act::KeepAliveOk(b"hello\n".to_vec())),
    )
}

/// The values of one family of metrics by label, without those that are 0.
fn by_label(metrics: &str, family: &str) -> BTreeMap<String, u64> {
    let start = format!("fetchall_{family}_total{{");
    let values = metrics.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix(&start)?.split_once("=\"")?;
        let (label, value) = rest.split_once("\"} ")?;
        Some((label.to_owned(), value.parse().expect("a number")))
    });
    values.filter(|(_, n)| *n > 0).collect()
}

#[test]
fn metrics_are_the_sums_of_the_summary() {
    let (server, script) = (FaultServer::standard(), Script::standard());
    let names = script.names();
    let retries = ["--retries", "1", "--timeout", "2", "-"];
    let mut shown = Shown::start(&retries);
    let password = server.url("not-found/2").replace("http://", "http://ann:sesame@");
    let mut urls: Vec<String> = names.iter().map(|name| server.url(name)).collect();
    urls.extend([server.url("gzip"), password, "no url".to_owned()]);
    urls.iter().for_each(|url| shown.run.write_line(url));
    shown.wait_for_outcomes(urls.len() as u64);
    let (_, metrics) = shown.get("/metrics");
    let number = |name| shown.metric(&format!("fetchall_{name}"));
    let numbers = ["retries_total", "body_bytes_total", "received_bytes_total"].map(number);
    let (leases, answered) = (number("leases_total"), number("fetch_seconds_count"));
    let (status, healthy) = shown.get("/healthz");
    let (_, page) = shown.get("/");
    let (_, state) = shown.get("/state");
    assert!(status == 200 && healthy.ends_with("ok\n"), "{healthy}");
    for text in [&page, &state] {
        assert!(!text.contains("sesame") && !text.contains(&shown.token), "{text}");
    }
    let run = shown.run.wait().expect_code(1);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    for family in ["errors", "failures", "skips"] {
        let told: BTreeMap<String, u64> = serde_json::from_value(summary[family].clone()).expect("counts");
        assert_eq!(by_label(&metrics, family), told, "{family}");
    }
    for name in OUTCOMES {
        let told = by_label(&metrics, "outcomes").get(name).copied().unwrap_or_default();
        assert_eq!(Some(told), summary[name].as_u64(), "{name}");
    }
    assert_eq!(numbers.map(Some), ["retries", "bytes", "wire_bytes"].map(|name| summary[name].as_u64()));
    assert_eq!(Some(answered), summary["ok"].as_u64().zip(summary["http_error"].as_u64()).map(|(a, b)| a + b));
    let records = String::from_utf8(run.read("r.ndjson")).expect("text");
    let attempts: u64 = crate::support::cli::records(&records).iter().filter_map(|r| r["attempts"].as_u64()).sum();
    assert_eq!(leases, attempts);
    assert!(numbers[0] > 0 && by_label(&metrics, "failures").len() > 8, "{metrics}");
    server.join();
}

#[test]
fn hosts_are_counted_by_state_with_their_next_request() {
    let held = vec![("Retry-After", "50".to_owned())];
    let script = Script::new().on("held", Act::Status(429, held));
    let server = FaultServer::start(script);
    let mut shown = Shown::start(&["--retries", "2", "--retry-max-wait", "60s", "--grace", "0s", "-"]);
    shown.run.write_line(&server.url("held"));
    shown.run.write_line(&server.url("held/2"));
    wait_for("the host that asked for a wait", || shown.metric("fetchall_hosts{state=\"backing_off\"}") == 1);
    let (_, answer) = shown.get("/state");
    let (_, json) = answer.split_once("\r\n\r\n").expect("a body");
    let state: Value = serde_json::from_str(json).expect("JSON");
    let host = &state["busiest"][0];
    assert_eq!((&host["state"], &host["cause"]), (&"backing_off".into(), &"status 429".into()), "{host}");
    assert!(host["next_seconds"].as_f64().is_some_and(|wait| wait > 20.0 && wait <= 50.0), "{host}");
    assert_eq!(shown.metric("fetchall_hosts{state=\"in_flight\"}"), 0);
    shown.run.interrupt();
    shown.run.wait().expect_code(130);
    server.join();
}

#[test]
fn a_paused_run_starts_nothing_until_it_resumes() {
    for backend in crate::support::BACKENDS {
        let server = server();
        let mut shown = Shown::start(&["--backend", backend, "-"]);
        shown.run.write_line(&server.url("first"));
        server.wait_until("the first request", |log| log.requests.len() == 1);
        let field = format!("X-Fetchall-Token: {}\r\n", shown.token);
        assert_eq!(shown.post("/pause", &field, ""), 200);
        assert_eq!(shown.metric("fetchall_paused"), 1);
        shown.run.write_line(&server.url("second"));
        wait_for("the second line", || shown.metric("fetchall_read") == 2);
        assert_eq!(server.requests().len(), 1, "{backend}");
        // A form works as well as a field.
        assert_eq!(shown.post("/resume", "", &format!("token={}", shown.token)), 200);
        server.wait_until("the second request", |log| log.requests.len() == 2);
        shown.run.wait().expect_code(0);
        server.join();
    }
}

#[test]
fn a_paused_run_can_be_interrupted() {
    let server = server();
    let mut shown = Shown::start(&["-"]);
    shown.post("/pause", &format!("X-Fetchall-Token: {}\r\n", shown.token), "");
    shown.run.write_line(&server.url("first"));
    wait_for("the line", || shown.metric("fetchall_read") == 1);
    shown.run.interrupt();
    shown.run.wait().expect_code(130);
    assert_eq!(server.requests().len(), 0);
    server.join();
}

#[test]
fn strangers_are_refused() {
    let shown = Shown::start(&["-"]);
    let token = shown.token.clone();
    let field = |token: &str| format!("X-Fetchall-Token: {token}\r\n");
    assert_eq!(token.len(), 32);
    for (path, fields, body) in [
        ("/pause", String::new(), String::new()),
        ("/pause", field("0"), String::new()),
        ("/pause", field(&token[1..]), String::new()),
        ("/pause", String::new(), "token=".to_owned()),
        ("/pause", String::new(), format!("token={token}{}", "x".repeat(2000))),
        ("/resume", field("x"), format!("token={token}")),
    ] {
        assert_eq!(shown.post(path, &fields, &body), 403, "{path} {fields} {body}");
    }
    // A token in a URL stays in histories and logs, so it counts for nothing.
    assert_eq!(shown.post(&format!("/pause?token={token}"), "", ""), 404);
    assert_eq!(shown.get("/pause").0, 405);
    assert_eq!(shown.get("/other").0, 404);
    for host in ["evil.example", "localhost.evil.example:1", "127.0.0.1.evil.example", ""] {
        for (method, path) in [("GET", "/"), ("GET", "/metrics"), ("GET", "/state"), ("POST", "/pause")] {
            let (status, _) = shown.send(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{}", field(&token)), "");
            assert_eq!(status, 403, "{host} {path}");
        }
    }
    assert!([400, 414, 431].contains(&shown.get(&format!("/{}", "x".repeat(100_000))).0));
    assert_eq!(shown.metric("fetchall_paused"), 0);
    let log = shown.run.folder().join("l.txt");
    assert!(!std::fs::read_to_string(log).expect("a log").contains(&token));
    shown.run.wait().expect_code(0);
}

#[test]
fn idle_connections_keep_no_one_out_of_the_run() {
    let server = server();
    let mut shown = Shown::start(&["-"]);
    let idle: Vec<_> = (0..40).filter_map(|_| TcpStream::connect(shown.address).ok()).collect();
    shown.run.write_line(&server.url("a"));
    // The program ends although they are open.
    shown.run.wait().expect_code(0);
    drop(idle);
    server.join();
}

#[test]
fn an_address_in_use_or_a_wrong_one_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (value, why) in
        [(&*address, "--metrics: cannot listen on 127.0.0.1:"), ("a.test:1", "is no address; write a port")]
    {
        let run = Fetchall::new().args(["--metrics", value, "http://127.0.0.1:9/"]).run().expect_code(2);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
}

#[test]
fn the_live_page_shows_the_run_in_a_browser() {
    use crate::support::browser::load_url;
    let server = server();
    let mut shown = Shown::start(&["-"]);
    shown.run.write_line(&server.url("a"));
    shown.run.write_line(&server.url("missing/1"));
    server.wait_until("requests", |log| log.requests.len() == 2);
    let Some(seen) = load_url(&format!("http://{}/", shown.address)) else { return };
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.asked, [""; 0]);
    assert!(seen.dom.contains("The run goes on") && seen.dom.contains(">404<"), "{}", seen.dom);
    assert!(seen.dom.contains("0 backing off"), "{}", seen.dom);
    shown.run.wait().expect_code(1);
    server.join();
}
