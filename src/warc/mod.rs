//! Reads and indexes WARC files (ISO 28500:2017), versions 1.0 and 1.1, plain and in gzip members.
//!
//! The memory does not grow with the file or a record: a block is read in pieces.

mod cdxj;
mod check;
mod damage;
mod digest;
mod fault;
mod head;
mod head_rules;
mod http;
mod listing;
mod new_file;
mod payload;
mod reader;
mod sort;
mod stored;
mod surt;

pub use cdxj::{CdxjLine, index};
pub use check::check;
pub use damage::{Damage, WarcError};
pub use digest::{DigestHasher, base32};
pub use fault::RecordFault;
pub use head::WarcFields;
pub use http::{HttpFlaw, StoredHttpHead};
pub use listing::RecordListing;
pub use new_file::NewFile;
pub use payload::{PayloadError, PayloadForm, copy_payload};
pub use reader::{RecordEnd, WarcReader, WarcRecord};
pub use sort::SortedLines;
pub use surt::surt;
