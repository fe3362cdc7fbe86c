//! Lines between and behind the chunks of a body (RFC 9112, section 7.1): the right body, or an error at once.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::kind;

/// Unusual bodies that RFC 9112 permits, and a blank behind a size, which clients accept. Each is `hello`.
const GOOD: [&str; 10] = [
    "5\r\nhello\r\n0\r\n\r\n",
    "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0 \t\r\n\r\n",
    "00000000000000000000005\r\nhello\r\n000\r\n\r\n",
    "5;a=b; c=\"d;e\"\r\nhello\r\n0;f\r\n\r\n",
    "5 ; a\r\nhello\r\n0\r\n\r\n",
    "5;\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: b\r\nX-C:\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: \u{e9}\r\n\r\n",
];

/// Bodies that break HTTP. The connection stays open, so a client that waits for more ends in a timeout.
const BAD: [&str; 32] = [
    // Sizes.
    "\r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5h\r\nhello\r\n0\r\n\r\n",
    "5 5\r\nhello\r\n0\r\n\r\n",
    "5,\r\nhello\r\n0\r\n\r\n",
    "5\0\r\nhello\r\n0\r\n\r\n",
    "\u{665}\r\nhello\r\n0\r\n\r\n",
    ";a\r\nhello\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n\r\n0\r\n\r\n",
    // Ends of lines.
    "5\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "5 \nhello\r\n0\r\n\r\n",
    "5;a\nhello\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5\r\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello!\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\n\r\n",
    // Behind the last chunk.
    "5\r\nhello\r\n0\r\n\n",
    "5\r\nhello\r\n0\r\nX-A: b\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: b\n\n",
    "5\r\nhello\r\n0\r\nX-A: b\r\n\n",
    "5\r\nhello\r\n0\r\nno field\r\n\r\n",
    "5\r\nhello\r\n0\r\n: b\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A : b\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: b\rc\r\n\r\n",
];

fn chunked(body: &str) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body.as_bytes()].concat()
}

/// Fetches all of these bodies at once. Returns the kinds of their records, with the messages of errors.
fn kinds(bodies: &[&str], backend: &str, act: fn(Vec<u8>) -> Act) -> Vec<(String, String)> {
    let acts = bodies.iter().enumerate().map(|(n, body)| (format!("c{n}"), act(chunked(body))));
    let server = FaultServer::start(acts.fold(Script::new(), |script, (name, act)| script.on(&name, act)));
    let urls = (0..bodies.len()).map(|n| server.url(&format!("c{n}")));
    let args =
        ["--json", "-d", "out", "--order", "input", "--retry", "0", "--read-timeout", "20s", "--backend", backend];
    let run = Fetchall::new().args(args).args(urls).run();
    let records = run.records();
    assert_eq!(records.len(), bodies.len());
    let told = |record: &serde_json::Value| {
        if record["outcome"] == "ok" {
            assert_eq!(run.read(record["path"].as_str().unwrap()), b"hello", "{record}");
        }
        let message = record["error"]["message"].as_str().unwrap_or_default();
        (kind(record).to_owned(), message.to_owned())
    };
    records.iter().map(told).collect()
}

#[test]
fn unusual_chunks_give_the_right_body() {
    for backend in BACKENDS {
        for (body, (kind, message)) in GOOD.iter().zip(kinds(&GOOD, backend, Act::RawKeepAlive)) {
            assert_eq!(kind, "ok", "{backend} {body:?}: {message}");
        }
    }
}

#[test]
fn chunks_that_break_http_fail_at_once() {
    for backend in BACKENDS {
        for (body, (kind, message)) in BAD.iter().zip(kinds(&BAD, backend, Act::RawKeepAlive)) {
            assert_eq!(kind, "protocol", "{backend} {body:?}: {message}");
            assert!(message.contains("HTTP"), "{body:?}: {message}");
        }
    }
}

#[test]
fn chunks_that_end_with_the_connection_are_cut_off() {
    let cut = [
        "",
        "5",
        "5\r\n",
        "5\r\nhel",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n0\r\n",
        "fffffffffffffff0\r\nhello\r\n",
    ];
    for backend in BACKENDS {
        for (body, (kind, message)) in cut.iter().zip(kinds(&cut, backend, Act::Raw)) {
            assert_eq!(kind, "truncated", "{backend} {body:?}: {message}");
        }
    }
}
