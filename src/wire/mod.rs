//! The versioned JSON output: the types of `model` as programs read them.
//!
//! Sinks and reporters write these and know no field name of their own.

pub mod changes;
pub mod explanation;
pub mod graph;
pub mod json;
pub mod left_out;
pub(crate) mod line;
pub mod page_text;
pub mod record;
pub mod reported;
pub mod summary;

pub use changes::{ChangeRecord, ChangeTotals, ChangesWriter, RevisionRecord};
pub use explanation::{Explanation, LinkedFrom, RobotsRule, StateEntry};
pub use graph::GraphRecord;
pub use json::JsonWriter;
pub use left_out::LeftOutRecord;
pub use page_text::{PageTextRecord, WrittenPageText};
pub use record::Record;
pub use reported::{ReportedOutcome, ReportedUrl};
pub use summary::{CrawlRecord, SummaryRecord};

/// The version of record, summary and report of changes. Raised when a meaning changes, not when a field is added.
pub const VERSION: u32 = 1;
