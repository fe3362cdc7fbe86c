//! The report of a run as one HTML page: sums, tables and drawings.
//!
//! ```text
//! Outcome ─────────────┐
//!                      ├▶ ReportedUrl ─▶ RunTotals ─▶ page
//! a line of records ───┘                 (bounded)
//! ```
//!
//! A run and `fetchall report` share all of it, so that both give the same page for the same records.

mod failures;
mod page;
mod ranking;
mod sums;
mod tables;
mod times;
mod totals;

use std::ops::ControlFlow;

use super::{Sink, SinkError, WholeFile};
use crate::model::{Outcome, Summary};
use crate::wire::ReportedUrl;
pub use page::{RunNotes, render};
pub use totals::RunTotals;

/// Writes the page when the run is over, however it ended.
pub struct RunReport {
    file: WholeFile,
    totals: RunTotals,
    about: String,
}

impl RunReport {
    /// Writes to `file`. `about` names the inputs of the run.
    pub fn new(file: WholeFile, about: String) -> Self {
        Self { file, totals: RunTotals::default(), about }
    }
}

impl Sink for RunReport {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.totals.add(&ReportedUrl::of(outcome));
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        let notes = RunNotes { about: &self.about, summary: Some(summary), no_records: 0 };
        self.file.write(render(&self.totals, &notes).as_bytes())?;
        self.file.finish()
    }
}
