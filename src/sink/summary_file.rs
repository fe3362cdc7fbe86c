//! The summary as one JSON object in a file.

use std::ops::ControlFlow;

use super::{Output, Sink, SinkError};
use crate::model::{Outcome, Summary};
use crate::wire::SummaryRecord;

/// Writes the summary when the run is over, however it ended.
pub struct SummaryFile {
    output: Output,
}

impl SummaryFile {
    /// Creates a sink that writes to this file.
    pub fn new(output: Output) -> Self {
        Self { output }
    }
}

impl Sink for SummaryFile {
    fn outcome(&mut self, _outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        let mut json =
            serde_json::to_vec_pretty(&SummaryRecord::of(summary)).map_err(|e| self.output.error(e.into()))?;
        json.push(b'\n');
        self.output.write(&json).map(|_| ())
    }
}
