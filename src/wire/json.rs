//! Records as JSON text, written by hand: a record is written for every URL, and a general
//! serialiser spends more instructions on it than the rest of the engine together.
//!
//! [`super::Record`] defines the format; a test keeps this writer and its `Serialize` the same.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::record::{Millis, Ms, Record};
use crate::policy::text::printable::acts_on_terminal;

/// Writes records; remembers the texts that one record has in common with the next.
#[derive(Debug, Default)]
pub struct JsonWriter {
    second: Option<(i64, String)>,
    addr: Option<(SocketAddr, String)>,
    scratch: String,
}

impl JsonWriter {
    /// Appends a record as one JSON object, without a newline.
    pub fn record(&mut self, r: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"v\":");
        number(out, u64::from(r.v));
        key(out, "url");
        string(out, r.url);
        key(out, "outcome");
        string(out, r.outcome);
        key(out, "status");
        maybe(out, r.status, |out, status| number(out, u64::from(status)));
        key(out, "final_url");
        maybe(out, r.final_url, string);
        key(out, "path");
        maybe(out, r.path, string);
        key(out, "bytes");
        maybe(out, r.bytes, number);
        key(out, "wire_bytes");
        maybe(out, r.wire_bytes, number);
        key(out, "content_type");
        maybe(out, r.content_type, string);
        key(out, "sha256");
        maybe(out, r.sha256.as_ref(), |out, hex| self.shown(out, &hex.0));
        key(out, "blake3");
        maybe(out, r.blake3.as_ref(), |out, hex| self.shown(out, &hex.0));
        key(out, "attempts");
        number(out, u64::from(r.attempts));
        key(out, "redirects");
        redirects(out, r);
        key(out, "http_version");
        maybe(out, r.http_version, string);
        key(out, "remote_addr");
        maybe(out, r.remote_addr.as_ref(), |out, addr| self.addr(out, addr.0));
        key(out, "started_at");
        maybe(out, r.started_at.as_ref(), |out, at| self.instant(out, &at.0));
        let t = &r.timing;
        out.extend_from_slice(b",\"timing\":{\"queued_ms\":");
        maybe(out, t.queued_ms, millis);
        for (name, ms) in [
            ("dns_ms", t.dns_ms),
            ("connect_ms", t.connect_ms),
            ("tls_ms", t.tls_ms),
            ("first_byte_ms", t.first_byte_ms),
            ("total_ms", t.total_ms),
        ] {
            key(out, name);
            maybe(out, ms, millis);
        }
        out.extend_from_slice(b"},\"source\":");
        maybe(out, r.source.as_ref(), |out, source| {
            out.extend_from_slice(b"{\"file\":");
            string(out, source.file);
            key(out, "line");
            number(out, source.line);
            out.push(b'}');
        });
        key(out, "error");
        maybe(out, r.error.as_ref(), |out, error| {
            out.extend_from_slice(b"{\"kind\":");
            string(out, error.kind);
            key(out, "message");
            string(out, &error.message);
            out.push(b'}');
        });
        key(out, "skip");
        maybe(out, r.skip.as_ref(), |out, skip| {
            out.extend_from_slice(b"{\"reason\":");
            string(out, skip.reason);
            key(out, "rule");
            maybe(out, skip.rule, string);
            out.push(b'}');
        });
        key(out, "depth");
        number(out, u64::from(r.depth));
        key(out, "parent");
        maybe(out, r.parent, string);
        key(out, "via");
        string(out, r.via);
        key(out, "kind");
        string(out, r.kind);
        key(out, "links");
        maybe(out, r.links, number);
        key(out, "title");
        maybe(out, r.title, string);
        key(out, "robots");
        maybe(out, r.robots, string);
        key(out, "warc");
        maybe(out, r.warc.as_ref(), |out, at| {
            out.extend_from_slice(b"{\"file\":");
            string(out, at.file);
            key(out, "offset");
            number(out, at.offset);
            key(out, "length");
            number(out, at.length);
            out.push(b'}');
        });
        key(out, "worker");
        maybe(out, r.worker, string);
        out.push(b'}');
    }

    /// A text that needs no escapes.
    fn shown(&mut self, out: &mut Vec<u8>, value: &impl std::fmt::Display) {
        self.scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.scratch, "\"{value}\"");
        out.extend_from_slice(self.scratch.as_bytes());
    }

    /// Most responses of a run come from few addresses.
    fn addr(&mut self, out: &mut Vec<u8>, addr: SocketAddr) {
        if self.addr.as_ref().is_none_or(|(known, _)| *known != addr) {
            self.addr = Some((addr, format!("\"{addr}\"")));
        }
        if let Some((_, text)) = &self.addr {
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// RFC 3339: the seconds are those of the record before, but once a second.
    fn instant(&mut self, out: &mut Vec<u8>, at: &Millis) {
        let (second, nanos) = (at.0.as_second(), at.0.subsec_nanosecond());
        if nanos < 0 {
            // Before 1970, where the fraction counts backwards.
            return self.shown(out, at);
        }
        if self.second.as_ref().is_none_or(|(known, _)| *known != second) {
            let whole = jiff::Timestamp::from_second(second).unwrap_or(at.0);
            self.second = Some((second, format!("\"{whole:.0}").trim_end_matches('Z').to_owned()));
        }
        if let Some((_, text)) = &self.second {
            out.extend_from_slice(text.as_bytes());
        }
        let ms = nanos.unsigned_abs() / 1_000_000;
        out.extend_from_slice(&[b'.', digit(ms / 100), digit(ms / 10), digit(ms), b'Z', b'"']);
    }
}

fn digit(n: u32) -> u8 {
    b'0' + (n % 10) as u8
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn maybe<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// Milliseconds with the microseconds as a fraction.
fn millis(out: &mut Vec<u8>, ms: Ms) {
    let micros = u64::try_from(ms.0.as_micros()).unwrap_or(u64::MAX);
    number(out, micros / 1000);
    let fraction = (micros % 1000) as u32;
    let text = [b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)];
    let significant = text.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    out.extend_from_slice(if significant <= 1 { b".0" } else { &text[..significant] });
}

fn redirects(out: &mut Vec<u8>, r: &Record<'_>) {
    out.push(b'[');
    for (i, hop) in r.redirects.0.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"status\":" } else { b",{\"status\":" });
        number(out, u64::from(hop.status));
        key(out, "url");
        string(out, &hop.url);
        out.push(b'}');
    }
    out.push(b']');
}

/// Appends a JSON string. RFC 8259 requires escapes for the control characters below U+0020. Other control characters
/// and those that change the direction of text are escaped too: servers send them, and they must not act on a
/// terminal.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        escaped(out, text);
    }
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if acts_on_terminal(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    out.extend((0..4).rev().map(|i| HEX[usize::from(*unit >> (4 * i) & 15)]));
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        ArchivedRecords, ErrorKind, Facts, FetchError, Found, Hop, Job, Kind, Outcome, PageLinks, RecordLocation, Seed,
        SkipReason, SourcePos, Subject, Timing, Verdict, Via,
    };

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Ok),
            Just(Verdict::HttpError),
            Just(Verdict::Skipped(SkipReason::Duplicate)),
            Just(Verdict::Cancelled),
            any::<String>().prop_map(|m| Verdict::Failed(FetchError::new(ErrorKind::Protocol, m))),
        ]
    }

    fn page(title: String) -> Box<PageLinks> {
        Box::new(PageLinks { title: Some(title), ..PageLinks::default() })
    }

    fn records(file: String) -> ArchivedRecords {
        ArchivedRecords::Written(RecordLocation { offset: file.len() as u64, length: u64::MAX, file: file.into() })
    }

    proptest! {
        #[test]
        fn says_what_the_record_says(
            verdict in verdict(),
            content_type: Option<String>,
            path: Option<String>,
            bytes: Option<u64>,
            digest: Option<[u8; 32]>,
            addr: Option<(u32, u16)>,
            micros in prop::option::of(0u64..1 << 50),
            at in prop::option::of(-10_000_000_000i64..100_000_000_000),
            hops in 0usize..3,
            line: u64,
            rule: Option<String>,
            title: Option<String>,
            file: Option<String>,
            way in 0usize..5,
        ) {
            let url = url::Url::parse("http://h.test/ä?q=\"").unwrap();
            let facts = Facts {
                status: bytes.map(|_| 200),
                path,
                bytes,
                wire_bytes: bytes,
                content_type: content_type.map(String::into_boxed_str),
                found: Found { sha256: digest, links: title.map(page), records: file.map(records), ..Found::default() },
                rule: rule.map(String::into_boxed_str),
                redirects: vec![Hop::new(301, url.as_str()); hops],
                http_version: bytes.map(|_| http::Version::HTTP_11),
                remote_addr: addr.map(|(ip, port)| SocketAddr::from((ip.to_be_bytes(), port))),
                started_at: at.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
                ..Facts::default()
            };
            let timing = Timing { total: micros.map(Duration::from_micros), ..Timing::default() };
            let origin = SourcePos { list: "http://h.test/ä".into(), line };
            let via = [Via::List, Via::Added, Via::Start, Via::Link, Via::Sitemap][way](origin);
            let kind = [Kind::Page, Kind::Requisite, Kind::Robots, Kind::Sitemap, Kind::Check][way % 5];
            let seed = Seed { depth: way as u32, kind, ..Seed::new(url, via) };
            let job = Job::new(seed, None, std::time::Instant::now());
            let outcome = Outcome { subject: Subject::Job(Box::new(job)), facts: Box::new(facts), timing, verdict };
            let record = Record::of(&outcome);
            let mut text = Vec::new();
            JsonWriter::default().record(&record, &mut text);
            let written: serde_json::Value = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(written, serde_json::to_value(&record).unwrap());
            prop_assert!(!String::from_utf8(text).unwrap().chars().any(acts_on_terminal));
        }
    }
}
