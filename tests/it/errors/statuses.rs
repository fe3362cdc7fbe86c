//! Statuses without a body, and those that mean something only where they were asked for (RFC 9110).

use crate::support::act::Act;
use crate::support::single::fetch;

fn answer(head: &str) -> Act {
    Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\n\r\n").into_bytes())
}

#[test]
fn answers_without_a_body_are_whole_and_empty() {
    for head in [
        "204 No Content",
        // RFC 9112, section 6.3: a 204 ends with its head, whatever it says.
        "204 No Content\r\nContent-Length: 100",
        "204 No Content\r\nTransfer-Encoding: chunked",
        "205 Reset Content\r\nContent-Length: 0",
        "200 OK\r\nContent-Length: 0",
        "200 OK\r\nContent-Length: 0\r\nContent-Encoding: gzip",
    ] {
        let single = fetch(answer(head), &[]);
        assert_eq!((single.kind(), single.body().len()), ("ok", 0), "{head}: {}", single.record);
    }
}

#[test]
fn what_was_not_asked_for_is_no_answer() {
    for (head, expected) in [
        ("206 Partial Content\r\nContent-Range: bytes 0-0/1\r\nContent-Length: 0", "protocol"),
        ("206 Partial Content\r\nContent-Length: 0", "protocol"),
        ("304 Not Modified", "protocol"),
        ("304 Not Modified\r\nETag: \"1\"", "protocol"),
        ("416 Range Not Satisfiable\r\nContent-Range: bytes */5\r\nContent-Length: 0", "http_status"),
        ("300 Multiple Choices\r\nContent-Length: 0", "redirect"),
        ("301 Moved Permanently\r\nContent-Length: 0", "redirect"),
        ("302 Found\r\nContent-Length: 0", "redirect"),
        ("303 See Other\r\nContent-Length: 0", "redirect"),
        ("307 Temporary Redirect\r\nContent-Length: 0", "redirect"),
        ("308 Permanent Redirect\r\nContent-Length: 0", "redirect"),
        ("399 Whatever\r\nContent-Length: 0", "redirect"),
    ] {
        let single = fetch(answer(head), &[]);
        assert_eq!(single.kind(), expected, "{head}: {}", single.record);
    }
}
