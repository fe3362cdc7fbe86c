//! Turns one parsed line of a list into an entry: its URL and its settings.

use std::sync::Arc;

use super::address::{self, Reason};
use super::{trailing_text, wants};
use crate::model::{BadLine, Batch, Entry, ErrorKind, FetchError, JobId, RequestOverrides, Seed, SourcePos, Via};

/// The position of a line, and the line after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The list's name.
    pub list: &'a Arc<str>,
    /// The line at which it begins.
    pub line: u64,
    /// The line after its last.
    pub next: u64,
}

impl Place<'_> {
    fn origin(&self) -> SourcePos {
        SourcePos { list: Arc::clone(self.list), line: self.line }
    }

    /// A line of text that never becomes a URL.
    pub fn bad(&self, text: &str, reason: impl Into<Reason>) -> Entry {
        self.refused(address::shown_line(text), invalid(reason.into()))
    }

    /// A bad line of JSON values or of a report. If it is no URL, it may be a secret.
    pub fn bad_json_line(&self, text: &str, reason: impl Into<Reason>) -> Entry {
        self.refused(address::shown_json_line(text), invalid(reason.into()))
    }

    /// A bad value of JSON, of a table or of a document. If it is no URL, it may be a secret.
    pub fn bad_value(&self, text: &str, reason: impl Into<Reason>) -> Entry {
        self.refused(address::shown_value(text), invalid(reason.into()))
    }

    /// The URL of a sitemap that could not be read.
    pub fn failed(&self, url: &str, error: FetchError) -> Entry {
        self.refused(address::shown_value(url), error)
    }

    fn refused(&self, text: String, error: FetchError) -> Entry {
        Entry::Bad(BadLine { id: JobId::default(), text, via: Via::List(self.origin()), error })
    }

    /// A line of text, or an argument, that holds a URL alone. The settings are those that the list gives for it.
    pub fn entry(&self, text: &str, wants: Wants) -> Entry {
        let seed = match trailing_text::problem(text) {
            Some(reason) => Err(reason.into()),
            None => self.seed(text, wants),
        };
        seed.unwrap_or_else(|reason| self.bad(text, reason))
    }

    /// A value of JSON, of a table, of a document or of a report, all of which is the URL.
    pub fn value_entry(&self, text: &str, wants: Wants) -> Entry {
        self.seed(text, wants).unwrap_or_else(|reason| self.bad_value(text, reason))
    }

    fn seed(&self, text: &str, wants: Wants) -> Result<Entry, Reason> {
        wants::bounded(&wants.per_seed)?;
        let (url, credentials) = address::parse(text)?;
        let Wants { priority, mut per_seed } = wants;
        if let Some(credentials) = credentials {
            per_seed.credentials = Some(credentials);
        }
        let overrides = (!per_seed.is_empty()).then(|| Box::new(per_seed));
        Ok(Entry::Seed(Seed { priority, overrides, ..Seed::new(url, Via::List(self.origin())) }))
    }
}

fn invalid(reason: Reason) -> FetchError {
    let message: Box<str> = reason.into_owned().into();
    FetchError::new(ErrorKind::InvalidUrl, message)
}

/// The settings that a list may give for one URL.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub priority: i32,
    pub per_seed: RequestOverrides,
}

/// The entries of the batch being made, and the place after the last of them.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub entries: Vec<Entry>,
    /// The line after the last entry; of the list that is being read.
    pub next: Option<u64>,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// The bytes of the text of the entries.
    bytes: usize,
}

/// The most bytes of one batch, unless its last entry alone is longer.
const MOST_BYTES: usize = 1 << 20;

impl Gathered {
    /// Whether it is a batch.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= Batch::MAX || self.bytes >= MOST_BYTES
    }

    pub fn push(&mut self, entry: Entry, next: u64) {
        self.bytes += match &entry {
            Entry::Seed(seed) | Entry::LeftOut { seed, .. } => seed.size(),
            Entry::Bad(bad) => bad.text.len() + bad.error.message.len(),
        };
        self.entries.push(entry);
        self.next = Some(next);
    }

    /// Moves the entries of another batch behind these.
    pub fn append(&mut self, other: &mut Self) {
        self.entries.append(&mut other.entries);
        self.bytes += std::mem::take(&mut other.bytes);
        self.notes.append(&mut other.notes);
        self.next = other.next.take().or(self.next);
    }
}
