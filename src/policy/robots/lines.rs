//! The lines of a robots.txt: their ends, their keys and their values.

use memchr::{memchr, memchr2};

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The purpose of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKey {
    UserAgent,
    Allow,
    Disallow,
    CrawlDelay,
    Sitemap,
}

/// The keys in lower case, with the misspellings that other crawlers read too.
const KEYS: &[(&[u8], LineKey)] = &[
    (b"user-agent", LineKey::UserAgent),
    (b"useragent", LineKey::UserAgent),
    (b"user agent", LineKey::UserAgent),
    (b"allow", LineKey::Allow),
    (b"disallow", LineKey::Disallow),
    (b"dissallow", LineKey::Disallow),
    (b"dissalow", LineKey::Disallow),
    (b"disalow", LineKey::Disallow),
    (b"diasllow", LineKey::Disallow),
    (b"disallaw", LineKey::Disallow),
    (b"crawl-delay", LineKey::CrawlDelay),
    (b"crawldelay", LineKey::CrawlDelay),
    (b"sitemap", LineKey::Sitemap),
    (b"site-map", LineKey::Sitemap),
];

/// A line with a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RobotsTxtLine<'b> {
    /// From 1.
    pub(super) number: u32,
    pub(super) key: LineKey,
    /// Without blanks around it and without a comment.
    pub(super) value: &'b [u8],
}

/// The lines with a known key. An HTML page has none, whatever is in it.
pub(super) fn lines(bytes: &[u8], max_bytes: usize) -> impl Iterator<Item = RobotsTxtLine<'_>> {
    let bytes = whole_lines(bytes, max_bytes);
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut rest = if bytes.trim_ascii_start().starts_with(b"<") { &[][..] } else { bytes };
    let mut number = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        number += 1;
        Some((number, line))
    })
    .filter_map(|(number, line)| {
        let (key, value) = key_and_value(line)?;
        Some(RobotsTxtLine { number, key, value })
    })
}

/// The bytes within the limit, without a last line that the limit cuts.
fn whole_lines(bytes: &[u8], max_bytes: usize) -> &[u8] {
    let Some((kept, beyond)) = bytes.split_at_checked(max_bytes) else { return bytes };
    if beyond.first().is_none_or(|byte| is_line_end(*byte)) {
        return kept;
    }
    let end = kept.iter().rposition(|byte| is_line_end(*byte)).unwrap_or_default();
    &kept[..end]
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn key_and_value(line: &[u8]) -> Option<(LineKey, &[u8])> {
    let line = line[..memchr(b'#', line).unwrap_or(line.len())].trim_ascii();
    let (key, value) = match memchr(b':', line) {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        // Without a colon the first blank counts, if there are two words.
        None => {
            let blank = line.iter().position(u8::is_ascii_whitespace)?;
            let value = line[blank..].trim_ascii();
            if value.iter().any(u8::is_ascii_whitespace) {
                return None;
            }
            (&line[..blank], value)
        }
    };
    let key = key.trim_ascii();
    let (_, known) = KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    Some((*known, value.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8], max_bytes: usize) -> Vec<(u32, &[u8])> {
        lines(bytes, max_bytes).map(|line| (line.number, line.value)).collect()
    }

    #[test]
    fn lines_end_in_all_ways_and_keep_their_numbers() {
        let text = b"\xef\xbb\xbfAllow:a\r\rallow : b # c\nALLOW:\tc\r\n\r\nallow d\nallow d e\n\nAllow\nx: y\nallow:f";
        let expected: [(u32, &[u8]); 5] = [(1, b"a"), (3, b"b"), (4, b"c"), (6, b"d"), (11, b"f")];
        assert_eq!(numbers(text, usize::MAX), expected);
    }

    #[test]
    fn a_line_that_the_limit_cuts_is_dropped() {
        let text = b"allow:a\nallow:b\nallow:c";
        for (max, expected) in [(7, 1), (6, 0), (8, 1), (14, 1), (15, 2), (16, 2), (22, 2), (23, 3), (0, 0), (99, 3)] {
            assert_eq!(numbers(text, max).len(), expected, "{max}");
        }
    }

    #[test]
    fn a_page_of_html_has_no_lines() {
        for page in
            ["<!doctype html>\nDisallow: /", "\u{feff} \n<html>\nDisallow: /", "<pre>\nUser-agent: *\nDisallow: /"]
        {
            assert_eq!(numbers(page.as_bytes(), 99), []);
        }
    }
}
