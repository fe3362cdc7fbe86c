//! The text of each page, one JSON object a line.
//!
//! A file that exists already goes on: a page whose text is in it gets another line only if its text has changed.

mod destination;
mod repeats;
mod written;

use std::io;
use std::ops::ControlFlow;

use super::{Sink, SinkError};
use crate::model::{Hex, Needs, Outcome, PageText, RunInfo, TextFormat};
use crate::wire::PageTextRecord;
use repeats::Repeats;

pub use destination::TextDestination;
pub use written::{WrittenTexts, read_written};

/// Writes the text of each page that was fetched.
pub struct PageTexts {
    destination: TextDestination,
    written: WrittenTexts,
    repeats: Repeats,
    format: TextFormat,
    line: Vec<u8>,
}

impl PageTexts {
    /// Writes to `destination`, which has the lines of `written`.
    pub fn new(destination: TextDestination, written: WrittenTexts, format: TextFormat) -> Self {
        Self { destination, written, repeats: Repeats::new(), format, line: Vec::new() }
    }

    fn write(&mut self, outcome: &Outcome, page: &PageText) -> Result<ControlFlow<()>, SinkError> {
        let url = outcome.subject.url();
        let digest = outcome.facts.found.text_sha256.as_ref().map(|digest| Hex(digest).to_string());
        if !self.written.insert(url, digest.as_deref()) {
            return Ok(ControlFlow::Continue(()));
        }
        let final_url = outcome.facts.final_url.as_ref().or(outcome.subject.seed().map(|seed| &seed.url));
        let Some(final_url) = final_url else { return Ok(ControlFlow::Continue(())) };
        let (kept, repeated) = match self.format {
            TextFormat::Markdown | TextFormat::Plain => {
                self.repeats.leave_out(final_url.host_str().unwrap_or_default(), &page.text)
            }
            TextFormat::Html => (0..page.text.len(), 0),
        };
        self.line.clear();
        let record = PageTextRecord::of(outcome, page, kept, repeated);
        record.append(&mut self.line).map_err(|e| self.destination.error(io::Error::from(e)))?;
        self.destination.write(final_url, &self.line)
    }
}

impl Sink for PageTexts {
    fn needs(&self) -> Needs {
        Needs::TEXT
    }

    fn begin(&mut self, _info: &RunInfo) -> Result<(), SinkError> {
        self.destination.begin()
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        match &outcome.facts.found.text {
            Some(page) => self.write(outcome, page),
            None => Ok(ControlFlow::Continue(())),
        }
    }
}
