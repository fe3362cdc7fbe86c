//! Plain lists: one URL a line, with aria2's additions.
//!
//! As in aria2's input files, a line may hold several mirrors of one file, separated by tabs. The
//! first is fetched and the others are ignored. Indented `key=value` lines are options of the URL
//! above them.
//!
//! A URL is complete when its next line is seen, and only a file can promise that it will be. On
//! a pipe, the reader therefore gives out a URL as soon as it arrives, until the list has shown an
//! option line. From there on each URL waits for the line after it. An option line that comes too
//! late is a bad line of its own, so that it is not lost unseen.

use std::str::Utf8Error;

use super::address::Reason;
use super::aria2::{self, Options};
use super::line::{Gathered, Place, Wants};
use crate::policy::text::redact::host_and_path;
use crate::policy::text::url_text;
use crate::policy::text::url_text::http_prefix;

/// A plain list that is being read.
#[derive(Default)]
pub(super) struct TextList {
    held: Option<Held>,
    /// The URL field of the held line; kept here so that its buffer is used again.
    url: String,
    options_seen: bool,
    url_seen: bool,
}

/// A URL line that waits for its options.
struct Held {
    line: u64,
    next: u64,
    problem: Option<Reason>,
    options: Option<Box<Options>>,
}

impl TextList {
    /// Reads one line.
    pub fn record(&mut self, bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
        let line = match std::str::from_utf8(bytes) {
            Ok(line) => line,
            Err(_) if is_comment(bytes) => return,
            Err(error) => {
                self.release(place, out);
                self.hold(&String::from_utf8_lossy(bytes), place, Some(unreadable(bytes, error)));
                return;
            }
        };
        let trimmed = url_text::trim(line);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        if line.starts_with([' ', '\t'])
            && let Some((key, value)) = aria2::option(trimmed)
        {
            self.option(key, value, place, out);
            return;
        }
        self.release(place, out);
        let (url, mirrors) = trimmed.split_once('\t').unwrap_or((trimmed, ""));
        let problem = mirrors.split('\t').map(str::trim).any(|mirror| !mirror.is_empty() && !mirror.contains("://"));
        if problem {
            let reason = "a tab and something that is no URL follow the URL; \
                          use --input-format tsv with a header line that names the columns";
            // The text after it may be anything, even a secret.
            self.hold(url, place, Some(reason.into()));
            return;
        }
        let url = match url_text::from_line(url) {
            found if http_prefix(found).is_some() || host_and_path(found).is_some() => found,
            // Words in quotes may be the cell of a table or a JSON value.
            _ => url,
        };
        self.hold(url, place, None);
    }

    /// A line that was too long to read.
    pub fn bad(&mut self, text: &str, reason: Reason, place: Place<'_>, out: &mut Gathered) {
        self.release(place, out);
        self.hold(text, place, Some(reason));
    }

    /// Handles a pause of the input: gives out the held URL, unless options must be expected.
    pub fn starved(&mut self, place: Place<'_>, out: &mut Gathered) {
        if !self.options_seen {
            self.release(place, out);
        }
    }

    /// Gives out the held URL: its next line, or the end, has been seen.
    pub fn release(&mut self, place: Place<'_>, out: &mut Gathered) {
        let Some(held) = self.held.take() else { return };
        let place = Place { line: held.line, next: held.next, ..place };
        let entry = match (held.problem, held.options) {
            (Some(reason), _) => place.bad(&self.url, reason),
            (None, None) => place.entry(&self.url, Wants::default()),
            (None, Some(options)) => match options.wants(&self.url) {
                Ok(wants) => place.entry(&self.url, wants),
                Err(reason) => place.bad(&self.url, reason),
            },
        };
        out.push(entry, place.next);
    }

    fn hold(&mut self, url: &str, place: Place<'_>, problem: Option<Reason>) {
        self.url.clear();
        self.url.push_str(url);
        self.url_seen = true;
        self.held = Some(Held { line: place.line, next: place.next, problem, options: None });
    }

    fn option(&mut self, key: &str, value: &str, place: Place<'_>, out: &mut Gathered) {
        self.options_seen = true;
        if let Some(held) = &mut self.held {
            held.next = place.next;
            held.options.get_or_insert_default().add(key, value, place.line);
            return;
        }
        let reason = if self.url_seen {
            "an option line that came after its URL had been given out, because the list is read from a pipe; \
             read it from a file, or write URL and options at once"
        } else {
            "an option line with no URL above it; put it below its URL"
        };
        // The value may be a secret: a cookie, a token. So may the name be, if it is none.
        out.push(place.bad(aria2::known_name(key), reason), place.next);
    }
}

/// The advice for a list that is not UTF-8.
pub(super) const ENCODING_ADVICE: &str = "save the list as UTF-8, or name its encoding with --input-encoding";

/// A comment may hold any bytes.
fn is_comment(line: &[u8]) -> bool {
    url_text::trim(&String::from_utf8_lossy(line)).starts_with('#')
}

/// Names the first byte of a line that is no UTF-8; columns count characters from 1.
fn unreadable(line: &[u8], error: Utf8Error) -> Reason {
    let before = &line[..error.valid_up_to()];
    let column = String::from_utf8_lossy(before).chars().count() + 1;
    let byte = line.get(before.len()).copied().unwrap_or_default();
    format!("byte 0x{byte:02X} at column {column} is no UTF-8; {ENCODING_ADVICE}").into()
}

/// Adds a bad entry for a line of JSON that is not UTF-8.
pub(super) fn not_utf8(bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
    if let (Err(error), false) = (std::str::from_utf8(bytes), is_comment(bytes)) {
        out.push(place.bad_json_line(&String::from_utf8_lossy(bytes), unreadable(bytes, error)), place.next);
    }
}
