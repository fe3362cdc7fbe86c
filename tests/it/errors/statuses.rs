//! Statuses without a body, and those that mean something only where they were asked for (RFC 9110).

use serde_json::json;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{Single, fetch};

fn answer(head: &str) -> Act {
    Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\n\r\n").into_bytes())
}

/// A 206 of five bytes with these fields.
fn part(fields: &str) -> Act {
    let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n{fields}\r\n\r\n01234");
    Act::RawKeepAlive(head.into_bytes())
}

fn message(single: &Single) -> &str {
    single.record["error"]["message"].as_str().unwrap_or_default()
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
fn unexpected_statuses_are_errors() {
    for (head, expected) in [
        ("206 Partial Content\r\nContent-Range: bytes 0-0/1\r\nContent-Length: 0", "truncated"),
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

#[test]
fn a_part_that_is_the_whole_is_ok() {
    for backend in BACKENDS {
        let single = fetch(part("Content-Range: bytes 0-4/5"), &["--backend", backend]);
        assert_eq!((single.kind(), single.body()), ("ok", b"01234".to_vec()), "{backend}: {}", single.record);
        assert_eq!(single.record["status"], 206);
    }
    let longer = fetch(part("Content-Range: bytes 0-9/10"), &[]);
    assert_eq!(longer.kind(), "truncated", "{}", longer.record);
    let shorter = fetch(part("Content-Range: bytes 0-3/4"), &[]);
    assert_eq!(shorter.kind(), "protocol", "{}", shorter.record);
}

#[test]
fn a_part_says_what_is_missing() {
    for (fields, says) in [
        ("Content-Range: bytes 0-4/500", "bytes 0-4 of 500, bytes 5-499 are missing"),
        ("Content-Range: bytes 495-499/500", "bytes 495-499 of 500, bytes 0-494 are missing"),
        ("Content-Range: bytes 100-104/500", "bytes 0-99 and 105-499 are missing"),
        ("Content-Range: bytes 1-5/9", "bytes 1-5 of 9, bytes 0 and 6-8 are missing"),
        ("Content-Range: bytes 0-4/*", "bytes 0-4 of an unknown length: more may follow"),
        ("Content-Range: bytes 5-9/*", "bytes 0-4 are missing, and more may follow"),
        ("Content-Range: bytes */5", "`bytes */5` does not say which part it is"),
        ("Content-Range: lines 0-4/5", "does not say which part it is"),
        ("Content-Range: bytes 0-4/5\r\nContent-Range: bytes 0-4/9", "another Content-Range"),
        ("Content-Type: multipart/byteranges; boundary=x", "several parts of the body"),
        ("X-A: b", "no Content-Range says which part it is"),
    ] {
        let single = fetch(part(fields), &[]);
        assert_eq!((single.kind(), &single.record["status"]), ("protocol", &json!(206)), "{fields}");
        assert!(message(&single).contains(says), "{fields}: {}", message(&single));
    }
}

#[test]
fn a_part_that_the_user_asked_for_is_ok() {
    let single = fetch(part("Content-Range: bytes 0-4/500"), &["-H", "Range: bytes=0-4"]);
    assert_eq!((single.kind(), single.body()), ("ok", b"01234".to_vec()), "{}", single.record);
}

#[test]
fn a_condition_of_the_user_may_hold() {
    let server = FaultServer::start(Script::new().on("x", answer("304 Not Modified")));
    let fetchall = Fetchall::new().args(["--json", "-H", "If-None-Match: \"1\""]).arg(server.url("x"));
    let record = fetchall.run().expect_code(0).records().remove(0);
    assert_eq!(record["skip"]["reason"], "not_modified", "{record}");
}

#[test]
fn redirects_that_are_not_followed_say_why() {
    for (status, says, advises) in [
        (300, "300 Multiple Choices: not followed", "list the URL"),
        (304, "304 Not Modified, though the request had no condition", "Cache-Control"),
        (305, "305 Use Proxy: not followed", "--proxy"),
        (306, "306 (Unused): not followed", "list the URL"),
        (309, "309: not followed, no such redirect", "list the URL"),
        (399, "399: not followed, no such redirect", "list the URL"),
    ] {
        let location = "http://ann:secret@127.0.0.1:9/there";
        for fields in [vec![], vec![("Location", location.to_owned())]] {
            let has_location = !fields.is_empty();
            let single = fetch(Act::Status(status, fields), &[]);
            let message = message(&single);
            assert_eq!(single.kind(), if status == 304 { "protocol" } else { "redirect" }, "{}", single.record);
            assert!(message.starts_with(says) && message.contains(advises), "{message}");
            assert_eq!(message.contains("its Location is `http://127.0.0.1:9/there`"), has_location, "{message}");
            assert!(!single.record.to_string().contains("secret"), "{}", single.record);
        }
    }
}
