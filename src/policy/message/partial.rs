//! Decides whether an interrupted body can resume (RFC 9110, sections 8.8, 13.1.5, 14 and 15.3.7).
//!
//! Only a strong validator proves that two responses have the same bytes, so only with one does a fetch request
//! the rest. It accepts a partial response only if all its fields agree with the partial file. Any doubt
//! restarts the body.

use std::time::Duration;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::date;

/// The least age at which a modification date is a strong validator, relative to the response (RFC 9110,
/// section 8.8.2.2). A clock with one-second resolution cannot distinguish two changes within a second, and
/// clocks differ.
const SETTLED: Duration = Duration::from_secs(60);

/// The beginning of a body and the server's claims about the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning<'a> {
    /// The strong validator in its original octets, from [`strong_validator`].
    pub validator: &'a [u8],
    /// The number of its bytes in the partial file, before decoding.
    pub from: u64,
    /// The length of the whole body, if the server declared it.
    pub total: Option<u64>,
    /// The content codings of the first response, as one list.
    pub coding: Option<&'a str>,
    /// The Last-Modified of the first response.
    pub last_modified: Option<&'a [u8]>,
    /// The Content-Type of the first response.
    pub content_type: Option<&'a [u8]>,
}

/// The If-Range value for exactly these bytes, if the response has one: a strong entity tag. Without any tag, a
/// strong date qualifies.
///
/// Returns `None` also if the server does not serve ranges.
pub fn strong_validator(fields: &HeaderMap) -> Option<&[u8]> {
    if text(fields, header::ACCEPT_RANGES).is_some_and(|ranges| ranges.trim().eq_ignore_ascii_case("none")) {
        return None;
    }
    if fields.contains_key(header::ETAG) {
        return octets(fields, header::ETAG).filter(|tag| is_strong_tag(tag));
    }
    let modified = octets(fields, header::LAST_MODIFIED)?;
    let answered = date::system_time(octets(fields, header::DATE)?)?;
    let settled = date::system_time(modified)?.checked_add(SETTLED)?;
    (answered >= settled).then_some(modified)
}

/// `"…"`, without `W/` before it (RFC 9110, section 8.8.3).
fn is_strong_tag(tag: &[u8]) -> bool {
    let inner = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
    inner.is_some_and(|inner| !inner.contains(&b'"'))
}

/// The byte range of a Content-Range field (RFC 9110, section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte, counted from 0.
    pub first: u64,
    /// The last byte, inclusive.
    pub last: u64,
    /// The length of the whole; `None` for `*`.
    pub total: Option<u64>,
}

impl ContentRange {
    /// The range of a response. Repeated fields must be equal; otherwise there is no range.
    fn of(fields: &HeaderMap) -> Option<Self> {
        Self::parse(std::str::from_utf8(same(fields, header::CONTENT_RANGE)?).ok()?)
    }

    /// Reads `bytes 0-4/10`; `None` for anything else, an impossible range included.
    pub fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let total = if total == "*" { None } else { Some(number(total)?) };
        let range = Self { first: number(first)?, last: number(last)?, total };
        let possible = range.first <= range.last && range.last < range.total.unwrap_or(u64::MAX);
        (unit.eq_ignore_ascii_case("bytes") && possible).then_some(range)
    }
}

/// The length of the whole body, if the part of a 206 covers all of it. A server may send such a 206 without a
/// Range request; the body is then complete.
///
/// # Errors
/// Names the missing bytes, or why they are unknown.
pub fn whole_in_a_part(fields: &HeaderMap) -> Result<u64, String> {
    let is_multipart = |value: &str| value.trim().to_ascii_lowercase().starts_with("multipart/byteranges");
    if text(fields, header::CONTENT_TYPE).is_some_and(is_multipart) {
        return Err("it has several parts of the body (multipart/byteranges) instead of the body".to_owned());
    }
    let Some(value) = fields.get(header::CONTENT_RANGE) else {
        return Err("no Content-Range says which part it is".to_owned());
    };
    let Some(range) = ContentRange::of(fields) else {
        let many =
            if same(fields, header::CONTENT_RANGE).is_none() { ", and there is another Content-Range" } else { "" };
        let shown = value.as_bytes()[..value.len().min(MAX_SHOWN)].escape_ascii();
        return Err(format!("its Content-Range `{shown}` does not say which part it is{many}"));
    };
    let ContentRange { first, last, total } = range;
    let span = |from: u64, to: u64| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let before = (first > 0).then(|| span(0, first - 1));
    let Some(total) = total else {
        let before = before.map(|before| format!("bytes {before} are missing, and ")).unwrap_or_default();
        return Err(format!("it has bytes {first}-{last} of an unknown length: {before}more may follow"));
    };
    let after = (last + 1 < total).then(|| span(last + 1, total - 1));
    let missing: Vec<String> = before.into_iter().chain(after).collect();
    if missing.is_empty() {
        return Ok(total);
    }
    Err(format!("it has bytes {first}-{last} of {total}, bytes {} are missing", missing.join(" and ")))
}

/// The most bytes of a field that a message repeats.
const MAX_SHOWN: usize = 80;

/// Checks that a 206 is the rest of this beginning. Returns the length of the whole body.
///
/// # Errors
/// Names the mismatch, for the log.
pub fn is_the_rest(beginning: &Beginning<'_>, fields: &HeaderMap) -> Result<u64, &'static str> {
    let range = ContentRange::of(fields).ok_or("no Content-Range of its own")?;
    let total = range.total.ok_or("it does not say how long the whole is")?;
    if beginning.total.is_some_and(|known| known != total) {
        return Err("the whole has another length now");
    }
    if range.first != beginning.from {
        return Err("it begins elsewhere");
    }
    if range.last + 1 != total {
        return Err("it ends before the whole does");
    }
    if text(fields, header::CONTENT_LENGTH).is_some_and(|length| length.trim().parse() != Ok(total - range.first)) {
        return Err("its length is not that of its range");
    }
    let field = if beginning.validator.starts_with(b"\"") { header::ETAG } else { header::LAST_MODIFIED };
    if octets(fields, field) != Some(beginning.validator) {
        return Err("its validator is another one or missing");
    }
    // RFC 9110, section 15.3.7: the 206 need not repeat the fields of the first response.
    let differs = |name: HeaderName, first: Option<&[u8]>| {
        let now = fields.get(name).map(HeaderValue::as_bytes);
        first.is_some() && now.is_some() && now != first
    };
    if differs(header::LAST_MODIFIED, beginning.last_modified) {
        return Err("it was modified at another time");
    }
    if differs(header::CONTENT_TYPE, beginning.content_type) {
        return Err("its type is another one");
    }
    match codings(fields) {
        Some(coding) if Some(&*coding) != beginning.coding => Err("its content coding is another one"),
        _ => Ok(total),
    }
}

/// The values of Content-Encoding as one list; `None` without the field. All coding names are ASCII, so other
/// bytes become `?`.
pub fn codings(fields: &HeaderMap) -> Option<String> {
    let ascii = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '?' };
    let values = fields.get_all(header::CONTENT_ENCODING).iter();
    let values: Vec<String> = values.map(|value| value.as_bytes().iter().map(ascii).collect()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The text of a field that occurs exactly once.
fn text(fields: &HeaderMap, name: HeaderName) -> Option<&str> {
    std::str::from_utf8(octets(fields, name)?).ok()
}

/// The value of a field whose repetitions, if any, are all equal.
fn same(fields: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let first = fields.get(&name)?;
    fields.get_all(name).iter().all(|value| value == first).then_some(first.as_bytes())
}

/// The octets of a field that occurs exactly once.
fn octets(fields: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = fields.get_all(name).iter();
    let first = values.next()?.as_bytes();
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in all {
            fields.append(*name, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    const MONDAY: &str = "Mon, 16 Nov 2026 10:00:00 GMT";

    #[test]
    fn only_a_strong_validator_counts() {
        for (given, expected) in [
            (&[("etag", "\"a\"")][..], Some("\"a\"")),
            (&[("etag", "\"\"")], Some("\"\"")),
            (&[("etag", "W/\"a\"")], None),
            (&[("etag", "a")], None),
            (&[("etag", "\"")], None),
            (&[("etag", "\"a\"b\"")], None),
            (&[("etag", "\"a\""), ("etag", "\"b\"")], None),
            (&[("etag", "\"a\""), ("accept-ranges", "none")], None),
            (&[("etag", "\"a\""), ("accept-ranges", "bytes")], Some("\"a\"")),
            (&[("last-modified", MONDAY), ("date", "Mon, 16 Nov 2026 10:01:00 GMT")], Some(MONDAY)),
            (&[("last-modified", MONDAY), ("date", "Mon, 16 Nov 2026 10:00:59 GMT")], None),
            (&[("last-modified", MONDAY)], None),
            (&[("last-modified", "yesterday"), ("date", MONDAY)], None),
            // With an entity tag the date does not count, however old it is.
            (&[("etag", "W/\"a\""), ("last-modified", MONDAY), ("date", "Tue, 17 Nov 2026 10:00:00 GMT")], None),
            (&[], None),
        ] {
            assert_eq!(strong_validator(&fields(given)), expected.map(str::as_bytes), "{given:?}");
        }
    }

    #[test]
    fn content_ranges() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        for (value, expected) in [
            ("bytes 0-4/10", range(0, 4, Some(10))),
            (" Bytes  5-9/10 ", range(5, 9, Some(10))),
            ("bytes 5-9/*", range(5, 9, None)),
            ("bytes */10", None),
            ("bytes 5-4/10", None),
            ("bytes 5-10/10", None),
            ("bytes +5-9/10", None),
            ("bytes 5-9", None),
            ("bytes=5-9/10", None),
            ("items 5-9/10", None),
            ("bytes 5-99999999999999999999/*", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes -9/10", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(value), expected, "{value}");
        }
    }

    const BEGUN: Beginning<'_> = Beginning {
        validator: b"\"a\"",
        from: 5,
        total: Some(10),
        coding: None,
        last_modified: Some(MONDAY.as_bytes()),
        content_type: Some(b"text/html"),
    };

    #[test]
    fn the_rest_is_believed_only_where_everything_agrees() {
        let good = [("content-range", "bytes 5-9/10"), ("content-length", "5"), ("etag", "\"a\"")];
        assert_eq!(is_the_rest(&BEGUN, &fields(&good)), Ok(10));
        assert_eq!(is_the_rest(&Beginning { total: None, ..BEGUN }, &fields(&good)), Ok(10));
        let with = |name: &'static str, value: &'static str| {
            let others = good.into_iter().filter(|(other, _)| *other != name);
            fields(&others.chain((!value.is_empty()).then_some((name, value))).collect::<Vec<_>>())
        };
        for (name, value) in [
            ("content-range", ""),
            ("content-range", "bytes 4-9/10"),
            ("content-range", "bytes 5-8/10"),
            ("content-range", "bytes 5-9/*"),
            ("content-range", "bytes 5-10/11"),
            ("content-length", "6"),
            ("etag", ""),
            ("etag", "\"b\""),
            ("etag", "W/\"a\""),
            ("content-encoding", "gzip"),
            ("last-modified", "Tue, 17 Nov 2026 10:00:00 GMT"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert!(is_the_rest(&BEGUN, &with(name, value)).is_err(), "{name}: {value}");
        }
        assert_eq!(is_the_rest(&BEGUN, &with("content-length", "")), Ok(10), "chunked");
        assert_eq!(is_the_rest(&BEGUN, &with("last-modified", MONDAY)), Ok(10));
        let mut twice = with("content-type", "text/html");
        twice.append("content-type", HeaderValue::from_static("text/plain"));
        assert_eq!(is_the_rest(&BEGUN, &twice), Ok(10), "the first one counts, as in the first response");
        let coded = Beginning { coding: Some("gzip"), ..BEGUN };
        assert_eq!(is_the_rest(&coded, &with("content-encoding", "gzip")), Ok(10));
        assert_eq!(is_the_rest(&coded, &fields(&good)), Ok(10), "it need not be said again");
        let dated = Beginning { validator: MONDAY.as_bytes(), ..BEGUN };
        assert!(is_the_rest(&dated, &fields(&good)).is_err());
        assert_eq!(is_the_rest(&dated, &with("last-modified", MONDAY)), Ok(10));
    }

    #[test]
    fn a_content_range_may_be_repeated_but_not_differ() {
        let ranges = |values: &[&'static str]| {
            let mut fields = fields(&[("etag", "\"a\"")]);
            for value in values {
                fields.append(header::CONTENT_RANGE, http::HeaderValue::from_static(value));
            }
            fields
        };
        assert_eq!(whole_in_a_part(&ranges(&["bytes 0-9/10", "bytes 0-9/10"])), Ok(10));
        assert_eq!(is_the_rest(&BEGUN, &ranges(&["bytes 5-9/10", "bytes 5-9/10"])), Ok(10));
        let differ = ranges(&["bytes 0-9/10", "bytes 5-9/10"]);
        assert!(whole_in_a_part(&differ).unwrap_err().contains("there is another Content-Range"));
        assert!(is_the_rest(&BEGUN, &differ).is_err());
    }

    proptest! {
        #[test]
        fn a_range_that_is_read_is_possible(value in "(bytes|BYTES|) ?[0-9*-]{0,22}/?[0-9*]{0,22}|.{0,40}") {
            if let Some(ContentRange { first, last, total }) = ContentRange::parse(&value) {
                prop_assert!(first <= last && total.is_none_or(|total| last < total) && last < u64::MAX);
            }
        }
    }
}
