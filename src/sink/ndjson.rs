//! One JSON object a line (RFC 8259), safe to look at in a terminal.

use std::ops::ControlFlow;

use super::{Output, Sink, SinkError};
use crate::model::Outcome;
use crate::wire::{JsonWriter, Record};

/// Writes records as NDJSON.
pub struct Ndjson {
    output: Output,
    json: JsonWriter,
    line: Vec<u8>,
}

impl Ndjson {
    /// Creates a sink that writes to this output.
    pub fn new(output: Output) -> Self {
        Self { output, json: JsonWriter::default(), line: Vec::with_capacity(1024) }
    }
}

impl Sink for Ndjson {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.line.clear();
        self.json.record(&Record::of(outcome), &mut self.line);
        self.line.push(b'\n');
        self.output.write(&self.line)
    }
}
