//! The links of all documents of a run, one JSON object a line.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;

use url::Position;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Output, Sink, SinkError};
use crate::model::{Needs, Outcome};
use crate::policy::text::redact::redact_url;
use crate::wire::GraphRecord;

/// The bytes after which lines are written.
const WRITTEN: usize = 64 * 1024;

/// Writes each link of each document, also those that a crawl does not follow. It keeps nothing.
pub struct LinkGraph {
    output: Output,
    lines: Vec<u8>,
    /// The hashes of the links of the document that is written.
    written: HashSet<u64>,
}

impl LinkGraph {
    /// Creates a sink that writes to this output.
    pub fn new(output: Output) -> Self {
        Self { output, lines: Vec::new(), written: HashSet::new() }
    }

    fn write(&mut self) -> Result<ControlFlow<()>, SinkError> {
        if self.lines.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let written = self.output.write(&self.lines);
        self.lines.clear();
        written
    }

    /// Appends the lines of a document. Writes them once there are many.
    fn append(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let facts = &outcome.facts;
        let (Some(page), Some(seed)) = (facts.found.links.as_deref(), outcome.subject.seed()) else {
            return Ok(ControlFlow::Continue(()));
        };
        let url = facts.final_url.as_ref().unwrap_or(&seed.url);
        let parent = &url[..Position::AfterQuery];
        self.written.clear();
        for link in page.links.iter() {
            // Two spellings of a link may lead to one URL.
            if !self.written.insert(xxh3_64_with_seed(link.url.as_bytes(), link.kind as u64)) {
                continue;
            }
            let child = if link.has_user() { redact_url(link.url) } else { Cow::Borrowed(link.url) };
            let record = GraphRecord::of(parent, &child, link);
            record.append(&mut self.lines).map_err(|e| self.output.error(io::Error::from(e)))?;
            if self.lines.len() >= WRITTEN && self.write()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Sink for LinkGraph {
    fn needs(&self) -> Needs {
        Needs::LINKS | Needs::LINK_TEXTS
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(std::slice::from_ref(outcome))
    }

    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        for outcome in outcomes {
            if self.append(outcome)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.write()
    }
}
