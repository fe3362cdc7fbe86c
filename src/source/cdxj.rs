//! Lists that are CDXJ indexes: a key, a time, and JSON with the URL, one line a capture.

use serde::Deserialize;

use super::line::{Gathered, Place, Wants};
use super::warc_urls::is_web;

/// The JSON of a line, as far as a list needs it.
#[derive(Deserialize)]
struct IndexedUrl {
    url: String,
}

/// Reads one line. Captures of other schemes than http and https have no entry.
pub(super) fn record(bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
    let Ok(line) = std::str::from_utf8(bytes) else { return super::text::not_utf8(bytes, place, out) };
    // Lines about the file begin with a blank or `!`.
    if line.trim().is_empty() || line.starts_with([' ', '!', '#']) {
        return;
    }
    let json = line.find(" {").map(|at| serde_json::from_str::<IndexedUrl>(&line[at..]));
    let entry = match json {
        Some(Ok(capture)) if !is_web(&capture.url) => return,
        Some(Ok(capture)) => place.value_entry(&capture.url, Wants::default()),
        Some(Err(error)) => place.bad_value(line, format!("no line of CDXJ: its JSON: {error}")),
        None => place.bad_value(line, "no line of CDXJ: no JSON; fetchall warc index writes such lines"),
    };
    out.push(entry, place.next);
}

/// Whether a line is one of CDXJ: it has a time of 14 digits and an object behind its key.
pub(super) fn is_line(line: &[u8]) -> bool {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (Some(key), Some(time), Some(json)) = (words.next(), words.next(), words.next()) else { return false };
    !key.is_empty() && time.len() == 14 && time.iter().all(u8::is_ascii_digit) && json.starts_with(b"{")
}
