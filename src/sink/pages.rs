//! The pages that a crawl got, as a list that can be read again.

use std::ops::ControlFlow;

use url::Position;

use super::{Output, Sink, SinkError};
use crate::model::{Kind, Needs, Outcome, RunInfo, SkipReason, Summary, Verdict};

/// Passes on the outcomes of pages that were fetched, now or by an earlier run.
pub struct PagesOnly(pub Box<dyn Sink>);

impl Sink for PagesOnly {
    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn begin(&mut self, info: &RunInfo) -> Result<(), SinkError> {
        self.0.begin(info)
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let is_page = outcome.subject.seed().is_some_and(|seed| seed.kind == Kind::Page);
        let is_there =
            matches!(outcome.verdict, Verdict::Ok | Verdict::Skipped(SkipReason::Done | SkipReason::NotModified));
        if is_page && is_there { self.0.outcome(outcome) } else { Ok(ControlFlow::Continue(())) }
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        self.0.finish(summary)
    }
}

/// Writes one URL a line: the last one of the redirects, without its fragment.
pub struct PageUrls {
    output: Output,
    line: String,
}

impl PageUrls {
    /// Creates a sink that writes to this output.
    pub fn new(output: Output) -> Self {
        Self { output, line: String::new() }
    }
}

impl Sink for PageUrls {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let Some(url) = outcome.facts.final_url.as_ref().or(outcome.subject.seed().map(|seed| &seed.url)) else {
            return Ok(ControlFlow::Continue(()));
        };
        self.line.clear();
        self.line.push_str(&url[..Position::AfterQuery]);
        self.line.push('\n');
        self.output.write(self.line.as_bytes())
    }
}
