//! The text of a page, as one line of JSON.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::line::append_line;
use super::record::{Millis, Shown};
use crate::model::{Hex, Outcome, PageHeading, PageText, TextLink};

/// One line of `--text`.
#[derive(Debug, Serialize)]
pub struct PageTextRecord<'a> {
    v: u32,
    url: &'a str,
    final_url: &'a str,
    fetched_at: Option<Shown<Millis>>,
    title: Option<&'a str>,
    description: Option<&'a str>,
    language: Option<&'a str>,
    canonical: Option<&'a str>,
    published: Option<&'a str>,
    modified: Option<&'a str>,
    headings: Vec<HeadingRecord<'a>>,
    text: &'a str,
    text_sha256: Option<Shown<Hex<'a>>>,
    repeated: u64,
    cut: bool,
    links: Vec<TextLinkRecord<'a>>,
    error: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct HeadingRecord<'a> {
    level: u8,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct TextLinkRecord<'a> {
    url: &'a str,
    text: &'a str,
}

impl<'a> PageTextRecord<'a> {
    /// The record of an outcome with the text of its page. `kept` is the part of the text that is written, because
    /// `repeated` blocks before and behind it were in other pages.
    pub fn of(outcome: &'a Outcome, page: &'a PageText, kept: Range<usize>, repeated: u64) -> Self {
        let facts = &outcome.facts;
        Self {
            v: VERSION,
            url: outcome.subject.url(),
            final_url: facts.final_url.as_ref().map_or(outcome.subject.url(), |url| url.as_str()),
            fetched_at: facts.started_at.map(|at| Shown(Millis(at))),
            title: page.title.as_deref(),
            description: page.description.as_deref(),
            language: page.language.as_deref(),
            canonical: page.canonical.as_deref(),
            published: page.published.as_deref(),
            modified: page.modified.as_deref(),
            headings: page
                .headings
                .iter()
                .map(|PageHeading { level, text }| HeadingRecord { level: *level, text })
                .collect(),
            text: page.text.get(kept).unwrap_or_default(),
            text_sha256: facts.found.text_sha256.as_ref().map(|digest| Shown(Hex(digest))),
            repeated,
            cut: page.is_cut,
            links: page.links.iter().map(|TextLink { url, text }| TextLinkRecord { url, text }).collect(),
            error: page.error.as_deref(),
        }
    }

    /// Appends the record and a newline.
    ///
    /// # Errors
    /// Never, for a record of text and numbers.
    pub fn append(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        append_line(self, line)
    }
}

/// The part of an earlier line that a run needs.
#[derive(Debug, Deserialize)]
pub struct WrittenPageText<'a> {
    /// The URL of the page.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// The digest of its text, in hexadecimal digits.
    #[serde(borrow)]
    pub text_sha256: Option<Cow<'a, str>>,
}

impl<'a> WrittenPageText<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// The fault of it.
    pub fn read(line: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|e| e.to_string())
    }
}
