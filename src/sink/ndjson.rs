//! One JSON object a line.

use std::io;
use std::ops::ControlFlow;

use super::{Output, Sink, SinkError};
use crate::model::Outcome;
use crate::wire::{Record, json};

/// Writes records as NDJSON.
pub struct Ndjson {
    output: Output,
    line: Vec<u8>,
}

impl Ndjson {
    /// To this output.
    pub fn new(output: Output) -> Self {
        Self { output, line: Vec::with_capacity(1024) }
    }
}

impl Sink for Ndjson {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.line.clear();
        json::append_line(&Record::of(outcome), &mut self.line)
            .map_err(|e| SinkError { target: self.output.target.clone(), source: io::Error::other(e) })?;
        self.output.write(&self.line)
    }
}
