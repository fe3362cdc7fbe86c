//! The head of a response, as an archive keeps it.
//!
//! The payload of a record has no transfer coding, so a head that announces one cannot stay as it is: readers would
//! look for chunks. Its field becomes `X-Crawler-Transfer-Encoding`, and a Content-Length with the true length is
//! added. Every other line stays as received.

use http::{HeaderMap, StatusCode, header};

/// The prefix of a field that no longer holds.
const RENAMED: &[u8] = b"X-Crawler-";

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedHead {
    /// All lines, without the empty line at the end.
    lines: Vec<u8>,
    /// Whether a Content-Length is added.
    gets_length: bool,
}

impl ArchivedHead {
    /// Keeps a head as received (RFC 9112, section 4).
    pub fn received(head: &[u8]) -> Self {
        // A server may send empty lines before the status line.
        let start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(head.len());
        let lines = || head[start..].split_inclusive(|byte| *byte == b'\n');
        let is_coded = lines().any(|line| is_field(line, header::TRANSFER_ENCODING.as_str()));
        let mut kept = Vec::with_capacity(head.len() + 64);
        for line in lines().filter(|line| !line.trim_ascii().is_empty()) {
            let is_framing = [header::TRANSFER_ENCODING, header::CONTENT_LENGTH];
            if is_coded && is_framing.iter().any(|name| is_field(line, name.as_str())) {
                kept.extend_from_slice(RENAMED);
            }
            kept.extend_from_slice(line);
        }
        Self { lines: kept, gets_length: is_coded }
    }

    /// Makes the head of a response from its parts: HTTP/2 has no other form. `version` is that of HTTP/1.
    pub fn made(version: &str, status: StatusCode, fields: &HeaderMap) -> Self {
        let mut lines = format!("HTTP/{version} {} \r\n", status.as_str()).into_bytes();
        append_fields(&mut lines, fields);
        Self { lines, gets_length: false }
    }

    /// Whether the head is known before the length of the payload is.
    pub(super) fn is_fixed(&self) -> bool {
        !self.gets_length
    }

    /// Returns the head of a payload of this length, with its empty line.
    pub(super) fn bytes(&self, payload: u64) -> Vec<u8> {
        let mut head = self.lines.clone();
        if self.gets_length {
            head.extend_from_slice(format!("Content-Length: {payload}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Appends fields as lines.
pub(super) fn append_fields(lines: &mut Vec<u8>, fields: &HeaderMap) {
    for (name, value) in fields {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
}

/// Whether a line is a field of this name. Some servers put a space before the colon.
pub(super) fn is_field(line: &[u8], name: &str) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else { return false };
    line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(head: &str, payload: u64) -> String {
        String::from_utf8(ArchivedHead::received(head.as_bytes()).bytes(payload)).unwrap()
    }

    #[test]
    fn head_without_transfer_coding_stays_as_received() {
        let head = "HTTP/1.1 200 Fine  \r\ncOntent-Length:5\r\nX-a: 1\r\n folded\r\nX-A: 2\r\n\r\n";
        assert_eq!(kept(head, 3), head);
    }

    #[test]
    fn transfer_coding_is_renamed_and_the_length_added() {
        let head = "\r\nHTTP/1.1 200 OK\r\nTRANSFER-encoding: chunked\r\nContent-Length: 9\r\nB: c\r\n\r\n";
        let expected = "HTTP/1.1 200 OK\r\nX-Crawler-TRANSFER-encoding: chunked\r\nX-Crawler-Content-Length: 9\r\n\
                        B: c\r\nContent-Length: 1234\r\n\r\n";
        assert_eq!(kept(head, 1234), expected);
    }

    #[test]
    fn head_of_http2_has_a_status_line_and_lower_case_fields() {
        let mut fields = HeaderMap::new();
        fields.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
        let head = ArchivedHead::made("1.1", StatusCode::NOT_FOUND, &fields);
        assert_eq!(head.bytes(7), b"HTTP/1.1 404 \r\ncontent-type: text/plain\r\n\r\n");
    }
}
