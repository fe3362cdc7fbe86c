//! Versions of HTTP: streams, servers that send their clients away, bounds of heads, certificates.

use std::time::Duration;

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::h2::{H2Server, Manners};
use crate::support::single::kind;
use crate::support::tls::{Mode, TlsServer};

fn records(server: &H2Server, paths: impl Iterator<Item = usize>, words: &[&str]) -> Vec<Value> {
    let list: String = paths.map(|n| server.url(&n.to_string()) + "\n").collect();
    let run = Fetchall::new().args(["--json", "--cacert"]).arg(server.ca_pem_file()).args(words).arg("-").stdin(list);
    run.run().records()
}

#[test]
fn urls_beyond_the_stream_limit_wait_for_streams() {
    let server = H2Server::start(Manners::Streams(100));
    let records = records(&server, 0..500, &["-c", "500"]);
    assert_eq!(records.len(), 500);
    for record in &records {
        assert_eq!((&record["outcome"], &record["attempts"]), (&"ok".into(), &1.into()), "{record}");
        assert_eq!(record["http_version"], "HTTP/2");
    }
    let counts = server.counts();
    assert_eq!(counts.requests, 500);
    assert!((2..=100).contains(&counts.most_open), "{counts:?}");
    assert!(counts.connections <= 2 * shards(), "{counts:?}");
}

/// The async backend opens connections on so many runtimes at most.
fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).clamp(1, 8)
}

#[test]
fn many_that_begin_at_once_share_one_connection() {
    let server = H2Server::start(Manners::Streams(200));
    let records = records(&server, 0..100, &["-c", "100"]);
    assert_eq!(records.iter().filter(|record| kind(record) == "ok").count(), 100);
    let counts = server.counts();
    assert!(counts.connections <= 2 * shards() && counts.requests == 100, "{counts:?}");
    let connected = records.iter().filter(|record| !record["timing"]["connect_ms"].is_null()).count();
    assert!(connected <= counts.connections, "who waited for a connection has not opened it: {connected}, {counts:?}");
}

#[test]
fn a_closed_shared_connection_is_replaced_by_one() {
    let server = H2Server::start(Manners::GoesAway(1));
    let records = records(&server, 0..100, &["-c", "100"]);
    for record in &records {
        assert_eq!((kind(record), &record["attempts"]), ("ok", &1.into()), "{record}");
    }
    let counts = server.counts();
    assert!((2..=1 + 2 * shards()).contains(&counts.connections), "{counts:?}");
}

#[test]
fn http1_connections_are_opened_all_at_once() {
    // More than may wait for each other could never be answered.
    let server = TlsServer::start(Mode::Together(40));
    let run = Fetchall::new().args(["--json", "-c40", "--retry", "0", "--timeout", "20s", "--cacert"]);
    let list: String = (0..40).map(|n| server.url(&n.to_string()) + "\n").collect();
    let run = run.arg(server.ca_pem_file()).arg("-").stdin(list).run().expect_code(0);
    assert!(run.records().iter().all(|record| record["http_version"] == "HTTP/1.1"));
}

/// So many URLs of this server at once.
fn at_once(server: &TlsServer, count: usize, words: &[&str]) -> Vec<Value> {
    let list: String = (0..count).map(|n| server.url(&n.to_string()) + "\n").collect();
    let run = Fetchall::new().args(["--json", "-c", &count.to_string()]).args(words).arg("--cacert");
    let records = run.arg(server.ca_pem_file()).arg("-").stdin(list).run().records();
    assert_eq!(records.len(), count);
    records
}

#[test]
fn one_hanging_connection_fails_no_other_fetch() {
    for limit in [["--connect-timeout", "1s"], ["--timeout", "1500ms"]] {
        let server = TlsServer::start(Mode::FirstStalls);
        let records = at_once(&server, 50, &[&limit[..], &["--retry", "0"]].concat());
        // The one that opened it has one of the others, once that is idle.
        let failed: Vec<_> = records.iter().filter(|record| kind(record) != "ok").collect();
        assert!(failed.is_empty(), "{limit:?} {failed:?}");
    }
}

#[test]
fn waiting_for_alpn_does_not_use_up_the_connect_timeout() {
    // Each needs a connection of its own; one after the other, two would take too long.
    let server = TlsServer::start(Mode::SlowTogether(Duration::from_millis(900), 20));
    let limits = ["--connect-timeout", "1500ms", "--timeout", "10s", "--retry", "0"];
    let records = at_once(&server, 20, &limits);
    assert!(records.iter().all(|record| kind(record) == "ok"), "{records:?}");
}

#[test]
fn each_that_cannot_connect_says_why() {
    for (mode, expected) in
        [(Mode::SelfSigned, "tls"), (Mode::ResetInHandshake, "tls"), (Mode::StalledHandshake, "timeout")]
    {
        let server = TlsServer::start(mode);
        for record in &at_once(&server, 30, &["--retry", "0", "--connect-timeout", "1s"]) {
            assert_eq!(kind(record), expected, "{mode:?} {record}");
            let message = record["error"]["message"].as_str().unwrap_or_default();
            assert!(!message.contains("another connection"), "{record}");
            assert_eq!(message == "no connection within the time limit", expected == "timeout", "{record}");
        }
    }
}

#[test]
fn a_repeat_of_an_unprocessed_request_is_no_attempt() {
    for manners in [Manners::Refuses(1), Manners::GoesAway(1)] {
        let server = H2Server::start(manners);
        let records = records(&server, 0..1, &[]);
        assert_eq!((kind(&records[0]), &records[0]["attempts"]), ("ok", &1.into()), "{manners:?} {}", records[0]);
        assert_eq!(server.counts().requests, 2);
    }
}

#[test]
fn a_request_refused_before_processing_is_repeated_once() {
    for manners in [Manners::Refuses(usize::MAX), Manners::GoesAway(usize::MAX)] {
        let server = H2Server::start(manners);
        let records = records(&server, 0..1, &[]);
        assert_eq!(kind(&records[0]), "reset", "{manners:?} {}", records[0]);
        assert_eq!(server.counts().requests, 2);
    }
}

#[test]
fn heads_up_to_the_limit_are_accepted_over_http1_and_http2() {
    // A few fields are always there, and each costs HTTP/2 32 bytes more than it has.
    for (fields, bytes, good) in [(990, 10, true), (1010, 10, false), (200, 1000, true), (300, 1000, false)] {
        let server = H2Server::start(Manners::Fields(fields, bytes));
        let two = records(&server, 0..1, &[]).remove(0);
        let server = FaultServer::start(Script::new().on("x", Act::HugeHead { fields, bytes }));
        let run = Fetchall::new().arg("--json").arg(server.url("x")).run();
        let one = run.records().remove(0);
        for (version, record) in [(1, one), (2, two)] {
            let expected = if good { "ok" } else { "protocol" };
            assert_eq!(kind(&record), expected, "{fields} of {bytes}, HTTP/{version}: {record}");
            let message = record["error"]["message"].as_str().unwrap_or_default();
            assert!(good || message.contains("1000 fields"), "HTTP/{version}: {message}");
        }
    }
}

#[test]
fn interim_answers_are_passed_over_up_to_a_bound() {
    for (count, expected) in [(100, "ok"), (101, "protocol"), (100_000, "protocol")] {
        let body = || b"hello\n".to_vec();
        let script = Script::new().on("x", Act::Interim(count, body())).on("y", Act::KeepAliveOk(body()));
        let server = FaultServer::start(script);
        let run = Fetchall::new().args(["--json", "-c1"]).args([server.url("x"), server.url("y"), server.url("y?")]);
        let records = run.run().records();
        assert_eq!(kind(&records[0]), expected, "{}", records[0]);
        let message = records[0]["error"]["message"].as_str().unwrap_or("more than 100 interim");
        assert!(message.contains("more than 100 interim"), "{message}");
        assert!(records[1..].iter().all(|record| kind(record) == "ok"), "{records:?}");
    }
}

#[test]
fn http_1_1_alone_where_it_is_asked_for() {
    let server = TlsServer::start(Mode::BothVersions);
    for (words, version) in [(&[][..], "HTTP/2"), (&["--http1.1"], "HTTP/1.1")] {
        for backend in ["async", "processes"] {
            let run = Fetchall::new().args(["--json", "--backend", backend, "--cacert"]).arg(server.ca_pem_file());
            let run = run.args(words).arg(server.url("x")).run().expect_code(0);
            assert_eq!(run.records()[0]["http_version"], version, "{backend}");
        }
    }
}

#[test]
fn a_server_that_wants_a_certificate_is_shown_one() {
    let server = TlsServer::start(Mode::WantsCertificate);
    let (cert, key) = server.client_pem();
    let both = cert.clone() + &key;
    for backend in BACKENDS {
        let ask = |words: &[&str]| {
            let run = Fetchall::new().file("cert.pem", &cert).file("key.pem", &key).file("both.pem", &both);
            let run = run.args(["--json", "--backend", backend, "--cacert"]).arg(server.ca_pem_file()).args(words);
            kind(&run.arg(server.url("x")).run().records()[0]).to_owned()
        };
        assert_eq!(ask(&["--cert", "cert.pem", "--key", "key.pem"]), "ok", "{backend}");
        assert_eq!(ask(&["--cert", "both.pem"]), "ok", "{backend}");
        assert_ne!(ask(&[]), "ok", "{backend}");
    }
    for (words, part) in [
        (&["--cert", "cert.pem"][..], "cannot use cert.pem: there is no private key"),
        (&["--key", "key.pem"], "name that with --cert"),
        (&["--cert", "key.pem", "--key", "key.pem"], "there is no certificate in it"),
        (&["--cert", "absent.pem"], "cannot use absent.pem for the certificate to show"),
    ] {
        let run = Fetchall::new().file("cert.pem", &cert).file("key.pem", &key).args(words).arg(server.url("x"));
        let run = run.run().expect_code(2);
        assert!(run.stderr.contains(part) && !run.stderr.contains("PRIVATE KEY-"), "{}", run.stderr);
    }
}
