//! The changes of a run as one JSON document, written as they come.

use std::borrow::Cow;

use serde::Serialize;

use super::VERSION;
use super::line::append_line;
use super::record::{RecordSource, Shown};
use crate::model::{Hex, Revision, SourcePos};
use crate::policy::text::printable::text_of_octets;

/// One change.
#[derive(Debug, Serialize)]
pub struct ChangeRecord<'a> {
    /// The URL.
    pub url: &'a str,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// The evidence of a change, or the reason of a removal.
    pub reason: Option<&'static str>,
    /// The file that holds the body now.
    pub path: Option<&'a str>,
    /// The body as it was.
    pub before: Option<RevisionRecord<'a>>,
    /// The body as it is.
    pub after: Option<RevisionRecord<'a>>,
    source: Option<RecordSource<'a>>,
}

impl<'a> ChangeRecord<'a> {
    /// Of a URL, without bodies; `origin` is where it was read.
    pub fn new(url: &'a str, change: &'static str, origin: Option<&'a SourcePos>) -> Self {
        let source = origin.map(|origin| RecordSource { file: &origin.list, line: origin.line });
        Self { url, change, reason: None, path: None, before: None, after: None, source }
    }
}

/// One state of a body.
#[derive(Debug, Serialize)]
pub struct RevisionRecord<'a> {
    bytes: Option<u64>,
    sha256: Option<Shown<Hex<'a>>>,
    blake3: Option<Shown<Hex<'a>>>,
    etag: Option<Cow<'a, str>>,
    last_modified: Option<Cow<'a, str>>,
    text_sha256: Option<Shown<Hex<'a>>>,
}

impl<'a> RevisionRecord<'a> {
    /// Of this state.
    pub fn of(revision: &'a Revision) -> Self {
        let Revision { bytes, sha256, blake3, text_sha256, validators, .. } = revision;
        Self {
            bytes: *bytes,
            sha256: sha256.as_ref().map(|digest| Shown(Hex(digest))),
            blake3: blake3.as_ref().map(|digest| Shown(Hex(digest))),
            etag: validators.etag.as_deref().map(text_of_octets),
            last_modified: validators.last_modified.as_deref().map(text_of_octets),
            text_sha256: text_sha256.as_ref().map(|digest| Shown(Hex(digest))),
        }
    }
}

/// The totals at the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChangeTotals {
    /// Ok now, and not before.
    pub added: u64,
    /// Ok before and now, and not the same.
    pub changed: u64,
    /// Ok before, and gone now.
    pub removed: u64,
    /// Ok before and now, and the same.
    pub unchanged: u64,
    /// Failed now, in whatever way: a failure is no evidence about the body.
    pub failed: u64,
    /// Not requested, because the run was stopped.
    pub cancelled: u64,
    /// Whether every URL of the input was compared. If not, URLs that are no longer listed are not reported.
    pub complete: bool,
}

/// The document, piece by piece.
#[derive(Debug, Default)]
pub struct ChangesWriter {
    begun: bool,
}

impl ChangesWriter {
    /// Appends what comes before the first change.
    pub fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{{\"v\":{VERSION},\"changes\":[").as_bytes());
    }

    /// Appends a change, on a line of its own.
    ///
    /// # Errors
    /// Never, for a record of text and numbers.
    pub fn change(&mut self, change: &ChangeRecord<'_>, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(if self.begun { b",\n" } else { b"\n" });
        self.begun = true;
        append_line(change, out)?;
        // The next call ends the line: it knows whether another change follows.
        out.pop();
        Ok(())
    }

    /// Appends the end of the document.
    ///
    /// # Errors
    /// Never, for numbers.
    pub fn end(&self, totals: &ChangeTotals, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(b"\n],");
        let brace = out.len();
        append_line(totals, out)?;
        out.remove(brace);
        Ok(())
    }
}
