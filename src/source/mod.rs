//! Turns text into seeds, lazily.
//!
//! ```text
//! open ─▶ decompress ─▶ encoding ─▶ lines ─▶ reading ─┬▶ text (aria2) ─┐
//! bytes   gzip, zstd    to UTF-8             picks    ├▶ table (cells) │
//!         (magic)                            a format ├▶ ndjson        ├▶ line, address ─▶ entries ─▶ list: batches
//!                                    (format, layout, ├▶ json          │  one URL
//!                                        declaration) ├▶ sitemap       │
//!                                                     └▶ html          ┘
//! ```
//!
//! The bytes of a WARC file are no text: `warc_urls` makes lines of JSON of them before `encoding`.

mod address;
mod aria2;
mod cdxj;
mod cells;
mod column;
mod declaration;
mod decompress;
mod encoding;
mod feed;
mod format;
mod gzip;
mod html;
mod json;
mod layout;
mod line;
mod lines;
mod list;
mod magic;
mod markup;
mod ndjson;
mod open;
mod options;
mod parser;
mod reading;
mod recorded;
mod records;
mod report;
mod sitemap;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod trailing_text;
mod wacz;
mod wants;
mod warc_urls;
mod wrapped_array;

pub use feed::{FeedSender, FeedSource};
pub use list::{Input, ListSource};
pub use options::ListOptions;
pub use records::{NoRecord, RecordLines};
pub use report::{ReportSource, Retry};

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use url::Url;

use crate::model::{Batch, FetchError, SourcePos};
use crate::policy::rerun::selection::Selection;

/// The sources of the URLs of a run.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Lists, in order.
    pub lists: Vec<Input>,
    /// The records of an earlier run, which select the URLs to fetch from the lists and from themselves.
    pub retry: Option<Retry>,
    /// Which lines of the lists are fetched, by their results in the state.
    pub only: Option<Selection>,
    /// Whether lists without columns are refused, because the user names a column of these lists.
    pub tables_only: bool,
}

impl From<Vec<Input>> for Inputs {
    fn from(lists: Vec<Input>) -> Self {
        Self { lists, ..Self::default() }
    }
}

/// Checks a URL as those of lists are checked.
///
/// # Errors
/// The URL without its secrets, what is wrong, and what to do.
pub fn check_url(text: &str) -> Result<(), String> {
    address::parse(text).map(drop).map_err(|why| format!("{}: {why}", address::shown_line(text)))
}

/// The input cannot be read on, or is no list.
#[derive(Debug, thiserror::Error)]
pub struct SourceError {
    /// The list, as the user named it.
    pub list: String,
    /// Why.
    pub source: io::Error,
}

impl SourceError {
    /// Returns whether the list is wrong as a whole, so that reading it again ends the same way.
    pub fn is_refusal(&self) -> bool {
        is_refusal(&self.source)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match refusal(&self.source) {
            Some(NotAList { line: Some(line), why }) => write!(f, "{}:{line}: {why}", self.list),
            Some(NotAList { line: None, why }) => write!(f, "{}: {why}", self.list),
            None => write!(f, "cannot read {}: {}", self.list, self.source),
        }
    }
}

/// A file that holds no list, or none that can be read as it is meant.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct NotAList {
    /// The line that shows it.
    line: Option<u64>,
    /// The kind of file or the fault of the line, and the advice.
    why: String,
}

impl From<String> for NotAList {
    fn from(why: String) -> Self {
        Self { line: None, why }
    }
}

impl From<NotAList> for io::Error {
    fn from(refusal: NotAList) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, refusal)
    }
}

fn is_refusal(error: &io::Error) -> bool {
    refusal(error).is_some()
}

fn refusal(error: &io::Error) -> Option<&NotAList> {
    error.get_ref()?.downcast_ref()
}

/// A list that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct NotFetched(FetchError);

impl From<FetchError> for NotFetched {
    fn from(error: FetchError) -> Self {
        Self(error)
    }
}

impl From<NotFetched> for io::Error {
    fn from(error: NotFetched) -> Self {
        io::Error::other(error)
    }
}

/// A list that was fetched over HTTP.
#[derive(Debug)]
pub struct RemoteList {
    /// Its bytes, read from the first one on.
    pub file: File,
    /// The URL that answered.
    pub url: Url,
    /// The Content-Type field.
    pub content_type: Option<Box<str>>,
}

/// Fetches the lists that are named by URL.
pub trait ListOpener: Send + Sync {
    /// Fetches one complete list and blocks until it has arrived.
    ///
    /// # Errors
    /// Returns the reason why the list cannot be fetched.
    fn open(&self, url: &str) -> Result<RemoteList, FetchError>;

    /// Ends an [`ListOpener::open`] that blocks another thread, and makes every later one fail.
    fn interrupt(&self);
}

/// Ends a blocked [`Source::next_batch`] from another thread; calling it twice is harmless.
pub type Interrupt = Arc<dyn Fn() + Send + Sync>;

/// Yields the lines of the input in order.
///
/// The engine runs a source on a thread of its own and pulls only while there is capacity. A source
/// may therefore block and never needs to buffer.
pub trait Source: Send {
    /// The lines that have arrived, at most [`Batch::MAX`] of them; blocks until there is at least
    /// one, or a note. `None` at the end of the input, and for good once interrupted.
    ///
    /// # Errors
    /// When the input cannot be read on. Lines of earlier batches stay valid.
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError>;

    /// The first line that [`Source::next_batch`] would return next.
    fn position(&self) -> SourcePos;

    /// Returns the number of lines, if it is known without reading them.
    fn expected(&self) -> Option<u64> {
        None
    }

    /// Whether [`Source::next_batch`] may block. One that never does is read without a thread.
    fn may_block(&self) -> bool {
        true
    }

    /// Returns a handle that ends a blocked read.
    fn interrupt(&self) -> Interrupt;
}
