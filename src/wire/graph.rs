//! A link of the link graph, as JSON.

use serde::Serialize;

use super::line::append_line;
use crate::model::Link;

/// One line of `--links-out`.
#[derive(Debug, Serialize)]
pub struct GraphRecord<'a> {
    parent: &'a str,
    child: &'a str,
    kind: &'static str,
    text: Option<&'a str>,
    nofollow: bool,
}

impl<'a> GraphRecord<'a> {
    /// The record of a link of the document at the URL `parent`. `child` is its URL without user name and password.
    pub fn of(parent: &'a str, child: &'a str, link: Link<'a>) -> Self {
        let text = Some(link.text).filter(|text| !text.is_empty());
        Self { parent, child, kind: link.kind.as_str(), text, nofollow: link.nofollow }
    }

    /// Appends the record and a newline.
    ///
    /// # Errors
    /// Never, for a record of text.
    pub fn append(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        append_line(self, line)
    }
}
