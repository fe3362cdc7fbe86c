//! Heads as servers send them, and any other bytes.

use proptest::prelude::*;

use super::*;

/// The head that the client gets.
fn reads_as(head: &[u8]) -> Result<Vec<u8>, UnreadableField> {
    Ok(read_head(head)?.repaired.unwrap_or_else(|| head.to_vec()))
}

/// The field lines that the client gets of these.
fn lines_read_as(lines: &str) -> Result<String, String> {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
    let read = reads_as(head.as_bytes()).map_err(|e| e.to_string())?;
    let read = String::from_utf8(read).unwrap();
    Ok(read.strip_prefix("HTTP/1.1 200 OK\r\n").unwrap().trim_end().to_owned())
}

#[test]
fn good_heads_are_left_as_they_are() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 404\n\n",
        "\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        "HTTP/1.1 200 \r\nA:\r\nB:b\nC: \tc\t \r\nD: e:\u{e9}\"\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    ] {
        assert_eq!(read_head(head.as_bytes()).unwrap().repaired, None, "{head:?}");
    }
}

#[test]
fn unreadable_lines_are_left_out() {
    for line in [
        "Set-Cookie: a=location\u{1}; path=/",
        "X-A: a\u{7f}b",
        "X-A: a\rb",
        "X-A: a\0b",
        "PHP Warning: Startup: no module",
        "<!DOCTYPE html>",
        "X-Foo : bar",
        "X-Foo(bar): 1",
        ": x",
        "X-Na\u{ef}ve: 1",
        " before the first field",
        "no colon\r\n nor in its second line",
        "Content-Location : /x",
        "X-Content-Length : 5",
    ] {
        assert_eq!(lines_read_as(line).as_deref(), Ok(""), "{line:?}");
        assert_eq!(lines_read_as(&format!("{line}\r\nA: b")).as_deref(), Ok("A: b"), "{line:?}");
    }
    assert_eq!(read_head(b"HTTP/1.1 200 OK\nX(y): secret\n\n").unwrap().dropped, ["X(y)"]);
}

#[test]
fn folded_lines_are_joined() {
    for (lines, joined) in [
        ("A: b\r\n c", "A: b c"),
        ("A: b  \r\n\t\t c \r\n  d", "A: b c d"),
        ("A:\r\n b", "A: b"),
        ("A: b\n \nB: c", "A: b \r\nB: c"),
        ("Content-Length:\r\n 5", "Content-Length: 5"),
        ("A: b\r\n Content-Length: 5", "A: b Content-Length: 5"),
        ("Transfer-Encoding: gzip,\r\n chunked", "Transfer-Encoding: gzip, chunked"),
    ] {
        assert_eq!(lines_read_as(lines).as_deref(), Ok(joined), "{lines:?}");
    }
}

#[test]
fn unreadable_lines_that_may_decide_are_refused() {
    for (line, quoted, name) in [
        ("Content-Length : 5", "Content-Length : 5", "Content-Length"),
        ("content-length: 5\u{1}", r"content-length: 5\x01", "Content-Length"),
        ("Content Length: 5", "Content Length: 5", "Content-Length"),
        ("Content-Length 5", "Content-Length 5", "Content-Length"),
        ("Content-Length=5", "Content-Length=5", "Content-Length"),
        ("Con\0tent-Length: 5", r"Con\x00tent-Length: 5", "Content-Length"),
        ("PHP Warning Content-Length: 5", "PHP Warning Content-Length: 5", "Content-Length"),
        (" Content-Length: 5", " Content-Length: 5", "Content-Length"),
        ("X-A: b\rContent-Length: 5", r"X-A: b\rContent-Length: 5", "Content-Length"),
        ("stray\r\n Content-Length: 5", "stray Content-Length: 5", "Content-Length"),
        ("TRANSFER-ENCODING\t: chunked", r"TRANSFER-ENCODING\t: chunked", "Transfer-Encoding"),
        ("Transfer-Encoding: chunked\u{b}", r"Transfer-Encoding: chunked\x0b", "Transfer-Encoding"),
        ("Content-Encoding; gzip", "Content-Encoding; gzip", "Content-Encoding"),
        ("(Content-Range): bytes 0-1/2", "(Content-Range): bytes 0-1/2", "Content-Range"),
        ("Location : http://ann:pw@host/", "Location : http://host/", "Location"),
    ] {
        let expected = format!("the field line `{quoted}` cannot be read, and it may be {name}");
        assert_eq!(lines_read_as(line), Err(expected.clone()), "{line:?}");
        assert_eq!(lines_read_as(&format!("{line}\r\nA: b")), Err(expected), "{line:?}");
    }
    let long = lines_read_as(&format!("Location : {}", "x".repeat(10_000))).unwrap_err();
    assert!(long.len() < 300 && long.contains('…'), "{long}");
}

#[test]
fn transfer_encoding_is_one_field_or_none() {
    for (lines, expected) in [
        ("Transfer-Encoding: identity\r\nContent-Length: 2", "Content-Length: 2"),
        ("Transfer-Encoding:\r\nA: b", "A: b"),
        ("Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked\r\nA: b\r\nTransfer-Encoding: identity", "A: b\r\nTransfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: CHUNKED", "Transfer-Encoding: gzip, chunked"),
        ("Transfer-Encoding: chunked , , ", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked, gzip"),
        ("Transfer-Encoding: chunked;a=b", "Transfer-Encoding: chunked;a=b"),
    ] {
        assert_eq!(lines_read_as(lines).as_deref(), Ok(expected), "{lines:?}");
    }
}

#[test]
fn codings_of_http_1_0_end_the_connection() {
    let head = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n";
    let expected = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\
        Connection: close\r\nVia: 1.0 fetchall\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(String::from_utf8(reads_as(head).unwrap()).unwrap(), expected);
    let head = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(reads_as(head).unwrap(), b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n");
}

#[test]
fn a_server_cannot_say_that_it_spoke_http_1_0() {
    let lines = "Via: 1.0 fetchall\r\nTransfer-Encoding: chunked";
    assert_eq!(lines_read_as(lines).as_deref(), Ok("Transfer-Encoding: chunked"));
    assert_eq!(lines_read_as("via:1.0 fetchall \r\nVia: 1.0 a").as_deref(), Ok("Via: 1.0 a"));
}

#[test]
fn odd_status_lines_are_written_anew() {
    for (line, expected) in [
        ("HTTP/1.1  200 OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.0   404  Not", "HTTP/1.0 404  Not"),
        ("HTTP/1.1 200 O\u{1}K", "HTTP/1.1 200"),
        ("HTTP/1.1  200 O\rK", "HTTP/1.1 200"),
    ] {
        let head = format!("{line}\r\nA: b\r\n\r\n");
        assert_eq!(Search::default().find(head.as_bytes()), HeadSearchResult::End(head.len()), "{line:?}");
        let read = String::from_utf8(reads_as(head.as_bytes()).unwrap()).unwrap();
        assert_eq!(read, format!("{expected}\r\nA: b\r\n\r\n"), "{line:?}");
    }
    assert!(read_head(b"HTTP/1.1 200 OK\rContent-Length: 3\r\n\r\n").is_err());
}

#[test]
fn dropped_lines_count_as_fields() {
    let head = ["HTTP/1.1 200 OK\r\n", &"X(y): 1\r\nA: b\r\n".repeat(5), "\r\n"].concat();
    assert_eq!(read_head(head.as_bytes()).unwrap().fields, 10);
    assert_eq!(read_head(b"HTTP/1.1 200 OK\r\nA: b\r\nB: c\r\n\r\n").unwrap().fields, 2);
}

#[test]
fn content_is_announced_by_the_framing() {
    for (head, content) in [
        ("200 OK\r\nContent-Length: 5", Content::Length(5)),
        ("200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", Content::Chunked),
        ("200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip", Content::UntilClose),
        ("200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: identity", Content::Length(5)),
        ("200 OK\r\nContent-Length: many", Content::UntilClose),
        ("200 OK", Content::UntilClose),
        ("204 No Content\r\nContent-Length: 5", Content::Length(0)),
        ("304 Not Modified\r\nTransfer-Encoding: chunked", Content::Length(0)),
        ("103 Early Hints", Content::Length(0)),
    ] {
        let read = read_head(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).unwrap();
        assert_eq!((read.content, read.is_interim), (content, head.starts_with("103")), "{head}");
    }
    assert!(Content::Length(2).is_whole(b"ab") && !Content::Length(3).is_whole(b"ab"));
    assert!(Content::Chunked.is_whole(b"0\r\n\r\n") && !Content::Chunked.is_whole(b"0\r\n"));
    assert!(!Content::UntilClose.is_whole(b"ab"));
}

#[test]
fn bytes_that_are_not_http_are_found_early() {
    for bytes in ["x", "HTTQ", "HTTP/2", "HTTP/1.2 200 OK\r\n", "HTTP/1.1 2000 OK\n", "HTTP/1.1\t200 OK\n", "<html>"] {
        assert_eq!(Search::default().find(bytes.as_bytes()), HeadSearchResult::NotHttp, "{bytes}");
    }
    for bytes in ["", "\r\n", "H", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 200 OK\r\n\r"] {
        assert_eq!(Search::default().find(bytes.as_bytes()), HeadSearchResult::Nothing, "{bytes}");
    }
}

/// Pieces of which heads are made, good and bad.
const PIECES: [&str; 26] = [
    "A",
    "a-b",
    ":",
    ": ",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\r\n",
    "\r\n ",
    "\0",
    "\u{1}",
    "\u{7f}",
    "\u{e9}",
    ",",
    ";",
    "1",
    "Content-Length",
    "Transfer-Encoding",
    "Location",
    "Connection",
    "chunked",
    "identity",
    "gzip",
    "close",
];

prop_compose! {
    fn any_head()(
        version in 0..2,
        pieces in proptest::collection::vec(0..PIECES.len(), 0..40),
        end in prop_oneof![Just("\r\n\r\n"), Just("\n\n"), Just("\n\r\n")],
    ) -> Vec<u8> {
        let pieces: String = pieces.iter().map(|at| PIECES[*at]).collect();
        format!("HTTP/1.{version} 200 OK\r\n{pieces}{end}").into_bytes()
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_head(&bytes);
        let _ = Search::default().find(&bytes);
    }

    #[test]
    fn the_end_is_found_wherever_the_head_is_split(bytes in any_head(), at in any::<prop::sample::Index>()) {
        let at = at.index(bytes.len());
        let expected = Search::default().find(&bytes);
        let mut search = Search::default();
        let first = search.find(&bytes[..at]);
        let found = if first == HeadSearchResult::Nothing { search.find(&bytes) } else { first };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn whatever_is_handed_on_can_be_parsed(bytes in any_head()) {
        let HeadSearchResult::End(length) = Search::default().find(&bytes) else { return Err(TestCaseError::fail("no end")) };
        let Ok(read) = read_head(&bytes[..length]) else { return Ok(()) };
        let handed_on = read.repaired.clone().unwrap_or_else(|| bytes[..length].to_vec());
        prop_assert!(handed_on.len() <= length + 128);
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        prop_assert_eq!(response.parse(&handed_on), Ok(httparse::Status::Complete(handed_on.len())));
        let again = read_head(&handed_on).unwrap();
        prop_assert_eq!(again.content, read.content);
        // Read again it is what it is, but for our mark: from a server that counts for nothing.
        let is_marked = memchr::memmem::find(&handed_on, VIA_HTTP_10.as_bytes()).is_some();
        prop_assert!(is_marked || again.repaired.is_none_or(|again| again == handed_on));
    }
}
