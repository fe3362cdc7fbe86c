//! Connections that fail, answers that are no answers, and time limits.

use std::time::Duration;

use crate::support::act::{Act, ENDLESS_MAX, SENT, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{fetch, kind, record_of};

/// The kind that an act ends in, and the record of it.
fn ends(act: Act, args: &[&str], expected: &str) -> serde_json::Value {
    let single = fetch(act, args);
    assert_eq!(single.kind(), expected, "{}", single.record);
    single.record.clone()
}

#[test]
fn refused_connections_are_connect() {
    let record = ends(Act::Refused, &[], "connect");
    assert!(record["status"].is_null() && record["timing"]["first_byte_ms"].is_null());
    assert!(record["timing"]["total_ms"].is_number() && record["started_at"].is_string());
    let to = record["url"].as_str().unwrap().trim_start_matches("http://").split('/').next().unwrap();
    assert_eq!(record["error"]["message"], format!("{to} refused the connection"));
}

#[test]
fn connections_that_end_before_the_answer_are_reset() {
    for act in [Act::ResetBeforeHead, Act::CloseWithoutAnswer, Act::CutHead] {
        let single = fetch(act, &[]);
        assert_eq!((single.kind(), single.record["status"].is_null()), ("reset", true), "{}", single.record);
        assert_eq!(single.server.requests().len(), 1, "a new connection that fails is not tried again");
    }
}

#[test]
fn a_reset_in_the_body_is_reset_and_keeps_the_facts() {
    let record = ends(Act::ResetInBody, &[], "reset");
    assert_eq!(record["status"], 200);
}

#[test]
fn bodies_that_end_early_are_truncated_and_keep_the_facts() {
    let record = ends(Act::CutContentLength, &[], "truncated");
    assert_eq!((&record["status"], &record["bytes"]), (&200.into(), &SENT.into()));
    ends(Act::CutChunked, &[], "truncated");
    ends(Act::CutInChunk, &[], "truncated");
}

#[test]
fn responses_that_break_http_are_protocol_errors() {
    for act in [Act::BadChunk, Act::Garbage, Act::TwoContentLengths, Act::BadContentLength] {
        ends(act, &[], "protocol");
    }
    for head in
        ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade", "HTTP/3.0 200 OK", "HTTP/1.1 2000 OK"]
    {
        ends(Act::Raw(format!("{head}\r\n\r\n").into_bytes()), &[], "protocol");
    }
}

#[test]
fn an_endless_head_is_given_up_long_before_it_ends() {
    // Its end would be a reset, so this kind means that not all of it was read.
    let record = ends(Act::EndlessHead, &[], "protocol");
    assert!(record["bytes"].is_null(), "{record}");
    const { assert!(ENDLESS_MAX >= 16 << 20) };
}

#[test]
fn a_length_beside_chunks_counts_for_nothing() {
    // RFC 9112, section 6.3: Transfer-Encoding overrides Content-Length.
    let single = fetch(Act::LengthAndChunked, &[]);
    assert_eq!((single.kind(), single.body()), ("ok", b"hello".to_vec()));
}

#[test]
fn interim_answers_and_large_heads_are_no_trouble() {
    assert_eq!(fetch(Act::Interim(3, b"hello\n".to_vec()), &[]).body(), b"hello\n");
    for (fields, bytes) in [(50, 4000), (900, 200)] {
        assert_eq!(fetch(Act::HugeHead { fields, bytes }, &[]).body(), b"hello\n");
    }
    ends(Act::HugeHead { fields: 1100, bytes: 10 }, &[], "protocol");
    ends(Act::HugeHead { fields: 500, bytes: 2000 }, &[], "protocol");
}

#[test]
fn bytes_after_the_body_belong_to_no_answer() {
    assert_eq!(fetch(Act::ExtraBytes, &[]).body(), b"hello\n");
}

#[test]
fn silence_is_timeout() {
    for act in [Act::Stalled, Act::StalledHead, Act::StalledBody] {
        ends(act, &["--read-timeout", "200ms"], "timeout");
    }
}

#[test]
fn unneeded_bodies_are_not_awaited() {
    let half =
        |head: &str| Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\nContent-Length: 50\r\n\r\nhalf").into_bytes());
    let record = ends(half("404 Not Found"), &[], "http_status");
    assert!(record["timing"]["total_ms"].as_f64().is_some_and(|ms| ms < 10_000.0), "{record}");
    let script = Script::new().on("x", half("302 Found\r\nLocation: /y")).on("y", Act::KeepAliveOk(Vec::new()));
    let server = FaultServer::start(script);
    let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
    assert_eq!(kind(&record), "ok", "{record}");
    assert!(record["timing"]["total_ms"].as_f64().is_some_and(|ms| ms < 10_000.0), "{record}");
}

#[test]
fn dripping_bodies_are_timeout() {
    let drip = || Act::DrippingBody { bytes: 1000, every: Duration::from_millis(10) };
    let record = ends(drip(), &["--low-speed", "1000/300ms"], "timeout");
    assert!(record["error"]["message"].as_str().is_some_and(|m| m.contains("slow")), "{record}");
    let record = ends(drip(), &["--timeout", "300ms"], "timeout");
    assert!(record["timing"]["total_ms"].as_f64().is_some_and(|ms| ms >= 300.0), "{record}");
}

#[test]
fn a_slow_body_that_is_fast_enough_is_whole() {
    let drip = Act::DrippingBody { bytes: 60, every: Duration::from_millis(10) };
    assert_eq!(fetch(drip, &["--low-speed", "20/200ms"]).body().len(), 60);
}

#[test]
fn the_limit_for_one_url_covers_redirects() {
    let slow = Act::Delayed(Duration::from_millis(150), Box::new(Act::RedirectLoop));
    let record = ends(slow, &["--timeout", "400ms"], "timeout");
    assert!(!record["redirects"].as_array().expect("a list").is_empty(), "{record}");
}

/// A listener whose queue is full drops what else comes, as an overloaded host does.
#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_never_opens_is_timeout() {
    use std::net::TcpStream;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        socket.listen(1).expect("it listens")
    });
    let address = listener.local_addr().expect("its address");
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        filling.push(stream);
        assert!(filling.len() < 10, "the queue does not fill");
    }
    let url = format!("http://{address}/");
    let (record, _) = record_of(Fetchall::new().args(["--connect-timeout", "200ms"]).arg(url));
    assert_eq!(kind(&record), "timeout", "{record}");
    assert!(record["timing"]["total_ms"].as_f64().is_some_and(|ms| ms < 5000.0), "{record}");
}

#[test]
fn a_name_that_does_not_exist_is_dns() {
    // RFC 6761, section 6.4: resolvers answer for .invalid themselves.
    let (record, _) = record_of(Fetchall::new().args(["--connect-timeout", "5s", "http://nosuch.invalid/"]));
    assert_eq!(kind(&record), "dns", "{record}");
}

#[test]
fn a_host_that_http_has_no_room_for_is_invalid_url() {
    for url in ["http://a{b/", "http://a`b/", "https://a{b/"] {
        let run = Fetchall::new().args(["--json", url]).run().expect_code(1);
        assert_eq!(kind(&run.records()[0]), "invalid_url", "{url}");
    }
}

#[test]
fn lines_that_are_no_url_are_invalid_url() {
    let list = "example.com/a\nftp://example.com/\nhttp://\nhttp://exa mple.com/\nhttp://[::1\n";
    let run = Fetchall::new().file("sites.txt", list).args(["--json", "sites.txt"]).run().expect_code(1);
    let records = run.records();
    assert_eq!(records.len(), 5);
    for (record, line) in records.iter().zip(1..) {
        assert_eq!((kind(record), &record["attempts"]), ("invalid_url", &0.into()), "{record}");
        assert_eq!(record["source"], serde_json::json!({"file": "sites.txt", "line": line}));
    }
    assert!(records[0]["error"]["message"].as_str().is_some_and(|m| m.contains("https://example.com/a")));
}
