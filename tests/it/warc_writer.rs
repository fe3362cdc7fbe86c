//! `--warc-file`: what the records of an archive hold, checked with a strict reader of its own.

mod bytes;
mod crawls;
#[cfg(unix)]
mod kills;
mod packages;
pub mod reader;
mod records;
mod revisits;
mod validators;
