//! Writes WARC 1.1 files (ISO 28500:2017) while a run fetches.
//!
//! ```text
//! worker ─▶ ExchangeCapture ─▶ RecordGroup ─▶ Archive ─▶ NAME-00000.warc.gz.open
//!           digests,    one exchange   appends
//!           compresses
//! ```
//!
//! A worker gives the bytes of one exchange to a [`ExchangeCapture`], which makes finished records of them: a request, a
//! response and metadata, each a gzip member of its own. The [`Archive`] only appends them. The records of a page
//! wait there until the outcome of the page is final, so the order of pages in the file is the order of outcomes.
//! This module never waits and starts no thread: its callers choose the thread.

mod body;
mod capture;
mod deflate;
mod digest;
mod exchange_records;
mod files;
mod group;
mod head;
mod held;
mod open_file;
mod payloads;
mod record;
mod recover;
mod writer;

pub use capture::{CaptureUse, CapturedPage, ExchangeCapture};
pub use exchange_records::{CapturedExchange, Truncation};
pub use files::ArchiveFiles;
pub use group::RecordGroup;
pub use head::ArchivedHead;
pub use payloads::EarlierPayloads;
pub use writer::{Archive, ArchiveMemory, ArchiveSettings};
