//! Detects the format of a list if the user did not name it.

use std::path::Path;

use serde::de::IgnoredAny;

use super::cdxj;
use super::lines::line_end;
use super::wrapped_array::wrapped_array;
use crate::config::InputFormat;

/// The message for an HTML page if the user did not ask for one.
pub(super) const HTML: &str = "an HTML page; take its links with --input-format html (a saved page needs --base URL too), or save the list as text";

/// The message for bytes that are no text.
pub(super) const BINARY: &str = "no text: its bytes are those of another kind of file, or of text in an encoding that \
                                 --input-encoding must name; name a list of URLs";

/// The fewest control characters that show other data than text, and one of how many bytes they must be. A text has
/// hardly any, and one byte of eight is one in data that is compressed or random.
const CONTROLS: (usize, usize) = (8, 25);

/// Returns whether the beginning of a file is no text.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let is_control = |byte: &&u8| byte.is_ascii_control() && !b"\t\n\r\x0c\x1b".contains(byte);
    let (fewest, share) = CONTROLS;
    // Text in another encoding may have been decoded.
    let unreadable = memchr::memmem::find_iter(bytes, "\u{fffd}").count();
    let found = bytes.iter().filter(is_control).count() + unreadable;
    found >= fewest && found >= bytes.len() / share
}

/// Returns the format that the extension of a name promises, without an extension for compression.
pub(super) fn by_name(name: &str) -> Option<InputFormat> {
    let extension = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let path = Path::new(name);
    let kind = match extension(path).as_deref() {
        Some("gz" | "zst") => extension(Path::new(path.file_stem()?)),
        _ => extension(path),
    };
    match kind?.as_str() {
        "csv" => Some(InputFormat::Csv),
        "tsv" => Some(InputFormat::Tsv),
        "ndjson" | "jsonl" => Some(InputFormat::Ndjson),
        "json" => Some(InputFormat::Json),
        "warc" => Some(InputFormat::Warc),
        "cdxj" | "wacz" => Some(InputFormat::Cdxj),
        "xml" => Some(InputFormat::Sitemap),
        "html" | "htm" | "xhtml" => Some(InputFormat::Html),
        _ => None,
    }
}

/// Returns the format that a Content-Type field (RFC 9110, section 8.3) promises.
pub(super) fn by_media_type(field: &str) -> Option<InputFormat> {
    let kind = field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/csv" => Some(InputFormat::Csv),
        "text/tab-separated-values" => Some(InputFormat::Tsv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Some(InputFormat::Ndjson)
        }
        "application/json" => Some(InputFormat::Json),
        "application/warc" => Some(InputFormat::Warc),
        "application/xml" | "text/xml" => Some(InputFormat::Sitemap),
        "text/html" | "application/xhtml+xml" => Some(InputFormat::Html),
        _ => None,
    }
}

/// The format that the first bytes of a text show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DetectedFormat {
    /// More bytes are needed.
    Undecided,
    /// Lines, one URL or one record each.
    Lines,
    /// JSON that is not one object a line.
    Json,
    /// XML, most likely a sitemap.
    Xml,
    /// No list: the kind of file, and the advice.
    NotAList(String),
}

/// Returns the format that the first bytes of a text show. `whole` says that no more of them are examined.
pub(super) fn by_beginning(text: &[u8], whole: bool) -> DetectedFormat {
    let undecided = if whole { DetectedFormat::Lines } else { DetectedFormat::Undecided };
    let text = text.trim_ascii_start();
    match text {
        [] => undecided,
        [b'[', rest @ ..] => match rest.trim_ascii_start().first() {
            None => undecided,
            Some(b'"' | b'{' | b'[' | b']') => DetectedFormat::Json,
            Some(_) => DetectedFormat::Lines,
        },
        [b'{', ..] => object(text, whole),
        [b'<', ..] => markup(text, whole),
        _ => DetectedFormat::Lines,
    }
}

/// An object: of a line, of several lines, or one that wraps the list.
fn object(text: &[u8], whole: bool) -> DetectedFormat {
    let line = &text[..line_end(text).unwrap_or(text.len())];
    if !whole && line.len() == text.len() {
        return DetectedFormat::Undecided;
    }
    if let Some(array) = wrapped_array(line) {
        let follows = text[line.len()..].trim_ascii_start();
        match (array.is_deep(), follows.is_empty()) {
            (true, true) if !whole => return DetectedFormat::Undecided,
            // An object a line, of which the first one has no URL.
            (true, false) => {}
            _ => return DetectedFormat::NotAList(array.advice()),
        }
    }
    match serde_json::from_slice::<IgnoredAny>(line) {
        Err(error) if error.is_eof() && line.len() < text.len() => DetectedFormat::Json,
        _ => DetectedFormat::Lines,
    }
}

/// Classifies markup by its first element, after everything that may precede it.
fn markup(text: &[u8], whole: bool) -> DetectedFormat {
    let undecided = if whole { DetectedFormat::NotAList(HTML.to_owned()) } else { DetectedFormat::Undecided };
    let mut rest = text;
    let mut is_xml = false;
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', ..] => b"-->",
            [b'<', b'!', name @ ..] if name.len() >= 7 && name[..7].eq_ignore_ascii_case(b"doctype") => {
                if !is_xml
                    || name[7..].trim_ascii_start().get(..4).is_some_and(|root| root.eq_ignore_ascii_case(b"html"))
                {
                    return DetectedFormat::NotAList(HTML.to_owned());
                }
                return DetectedFormat::Xml;
            }
            _ => break,
        };
        is_xml |= end == b"?>";
        match rest.windows(end.len()).position(|window| window == end) {
            Some(at) => rest = &rest[at + end.len()..],
            None => return undecided,
        }
    }
    let Some(name) = rest.strip_prefix(b"<") else {
        return if rest.is_empty() { undecided } else { DetectedFormat::Lines };
    };
    let length = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b":_-".contains(byte));
    let Some(length) = length else { return undecided };
    let (name, after) = name.split_at(length);
    let local = name.rsplit(|&byte| byte == b':').next().unwrap_or(name);
    match after[0] {
        _ if [&b"urlset"[..], b"sitemapindex"].contains(&local) => DetectedFormat::Xml,
        _ if is_xml && !local.eq_ignore_ascii_case(b"html") => DetectedFormat::Xml,
        // A URL in angle brackets has more than a name there.
        b' ' | b'\t' | b'\r' | b'\n' | b'>' if !name.is_empty() => DetectedFormat::NotAList(HTML.to_owned()),
        b'!' if name.is_empty() && !whole && after.len() < 8 => DetectedFormat::Undecided,
        _ => DetectedFormat::Lines,
    }
}

/// Returns whether the first line with content holds a JSON object.
pub(super) fn is_ndjson(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| b"\r\n".contains(byte)).map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).is_some_and(|line| line.starts_with(b"{"))
}

/// Returns whether the first line with content is one of CDXJ.
pub(super) fn is_cdxj(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| b"\r\n".contains(byte));
    lines.find(|line| !line.is_empty() && !line.starts_with(b"!") && !line.starts_with(b" ")).is_some_and(cdxj::is_line)
}
