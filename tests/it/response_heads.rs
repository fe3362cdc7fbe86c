//! Response heads with lines that cannot be read, and how heads of requests are spelled.

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{fetch, kind};

/// A body of five bytes behind a head with these lines, on a connection that stays open.
fn with(lines: &[u8]) -> Act {
    Act::RawKeepAlive([b"HTTP/1.1 200 OK\r\n", lines, b"\r\nContent-Length: 5\r\n\r\nbody\n"].concat())
}

/// Lines without information on the body, as servers have sent them.
const HARMLESS: [&[u8]; 12] = [
    b"Set-Cookie: a=b\x01c; path=/",
    b"X-Powered-By: PHP\x00",
    b"X-A: a\x7fb",
    b"X-A: a\rb",
    b"PHP Warning: Startup: no module",
    b"<!DOCTYPE html>",
    b"X-Foo : bar",
    b"X-Foo(bar): 1",
    b": x",
    b"X-Na\xc3\xafve: 1",
    b" first of all",
    b"X-Policy: default-src 'self';\r\n  img-src *",
];

#[test]
fn unreadable_lines_that_decide_nothing_are_left_out() {
    for backend in BACKENDS {
        let named = HARMLESS.iter().enumerate().map(|(n, lines)| (format!("h{n}"), with(lines)));
        let script = named.fold(Script::new(), |script, (name, act)| script.on(&name, act));
        let server = FaultServer::start(script);
        let urls = (0..HARMLESS.len()).map(|n| server.url(&format!("h{n}")));
        let run = Fetchall::new().args(["--json", "-d", "out", "-c1", "--backend", backend]).args(urls).run();
        for record in run.records() {
            assert_eq!((kind(&record), &record["bytes"]), ("ok", &5.into()), "{backend}: {record}");
        }
        assert_eq!(server.connections(), 1, "{backend}: the connection serves on");
    }
}

#[test]
fn left_out_lines_are_in_the_log_without_their_values() {
    let single = fetch(with(b"Set-Cookie : secret=1"), &["-vv"]);
    assert_eq!(single.kind(), "ok");
    assert!(
        single.run.stderr.contains("Set-Cookie ") && !single.run.stderr.contains("secret"),
        "{}",
        single.run.stderr
    );
}

#[test]
fn a_folded_field_is_read_as_one_line() {
    let single = fetch(with(b"Content-Type: text/html;\r\n\t charset=utf-8"), &[]);
    assert_eq!(single.record["content_type"], "text/html; charset=utf-8");
}

#[test]
fn unreadable_lines_that_may_decide_are_protocol() {
    let lines: [(&[u8], &str); 7] = [
        (b"Content-Length : 3", "`Content-Length : 3`"),
        (b"Transfer-Encoding: chunked\x00", r"`Transfer-Encoding: chunked\x00`"),
        (b"Transfer-Encoding\t: chunked", r"`Transfer-Encoding\t: chunked`"),
        (b"Content-Encoding gzip", "`Content-Encoding gzip`"),
        (b"Content Range: bytes 0-1/2", "`Content Range: bytes 0-1/2`"),
        (b"Location: /a\x01b", r"`Location: /a\x01b`"),
        (b"X-A: b\rContent-Length: 3", r"`X-A: b\rContent-Length: 3`"),
    ];
    for backend in BACKENDS {
        let named = lines.iter().enumerate().map(|(n, (lines, _))| (format!("d{n}"), with(lines)));
        let server = FaultServer::start(named.fold(Script::new(), |script, (name, act)| script.on(&name, act)));
        let urls = (0..lines.len()).map(|n| server.url(&format!("d{n}")));
        let run = Fetchall::new().args(["--json", "--order", "input", "--backend", backend]).args(urls).run();
        for (record, (_, quoted)) in run.records().iter().zip(lines) {
            assert_eq!(kind(record), "protocol", "{backend}: {record}");
            let message = record["error"]["message"].as_str().unwrap();
            assert!(message.contains(quoted) && message.len() < 400, "{backend}: {message}");
        }
    }
}

#[test]
fn odd_status_lines_are_read() {
    for line in ["HTTP/1.1  200 OK", "HTTP/1.0   200 OK", "HTTP/1.1 200 O\x01K"] {
        for backend in BACKENDS {
            let single = fetch(Act::Raw(format!("{line}\r\n\r\nbody\n").into_bytes()), &["--backend", backend]);
            assert_eq!((single.kind(), single.body()), ("ok", b"body\n".to_vec()), "{backend} {line:?}");
        }
    }
}

#[test]
fn heads_beyond_a_limit_name_the_limit() {
    let many = [b"HTTP/1.1 200 OK\r\n", &b"X(y): 1\r\n".repeat(1500)[..], b"\r\n"].concat();
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX).into_bytes();
    for (head, told) in [(many, "a head may have 1000 fields"), (long, "its Content-Length is larger than")] {
        for backend in BACKENDS {
            let single = fetch(Act::Raw(head.clone()), &["--backend", backend]);
            let message = single.record["error"]["message"].as_str().unwrap_or_default();
            assert!(single.kind() == "protocol" && message.contains(told), "{backend} {}", single.record);
        }
    }
}

#[test]
fn no_server_can_pass_for_http_1_0() {
    let head = b"HTTP/1.1 200 OK\r\nVia: 1.0 fetchall\r\nTransfer-Encoding: chunked\r\n\r\n";
    let single = fetch(Act::RawKeepAlive([&head[..], b"5\r\nhello\r\n0\r\n\r\n"].concat()), &[]);
    assert_eq!((single.kind(), &single.record["http_version"]), ("ok", &"HTTP/1.1".into()));
}

#[test]
fn request_fields_are_in_title_case() {
    for backend in BACKENDS {
        let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(b"hello\n".to_vec())));
        let run = Fetchall::new().args(["--backend", backend, "-H", "x-trial-field: 1"]).arg(server.url("x")).run();
        run.expect_code(0);
        let request = server.requests().remove(0);
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["Host", "Accept", "Accept-Encoding", "X-Trial-Field"] {
            assert!(names.contains(&name), "{backend}: {names:?}");
        }
        assert_eq!(names[0], "Host", "{backend}");
    }
}

/// Nagle's algorithm holds a body back until its head is acknowledged. Linux delays that by 40 ms, once a
/// connection has had a few packets.
#[cfg(target_os = "linux")]
#[test]
fn bodies_behind_their_heads_wait_for_no_delayed_ack() {
    let act = Act::HeadThenBody(b"hello\n".to_vec());
    for backend in BACKENDS {
        let server = FaultServer::start(Script::new().otherwise(act.clone()));
        let urls = (0..60).map(|n| server.url(&format!("u{n}")));
        let run = Fetchall::new().args(["--json", "-c1", "--backend", backend]).args(urls).run().expect_code(0);
        let is_late = |record: &Value| record["timing"]["total_ms"].as_f64().is_none_or(|ms| ms >= 39.0);
        let late = run.records().iter().filter(|record| is_late(record)).count();
        assert!(late < 20, "{backend}: {late} of 60 took 40 ms or more");
        assert_eq!(server.connections(), 1, "{backend}");
    }
}
