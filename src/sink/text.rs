//! One aligned line a URL, for people.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use super::{Output, Sink, SinkError};
use crate::model::{Outcome, SkipReason, Verdict};
use crate::policy::naming::name_for_url;
use crate::policy::text::printable::{duration, printable, size};

/// Writes records as text: status or error kind, size, time, URL, and the error message.
pub struct Text {
    output: Output,
    color: bool,
    line: String,
}

impl Text {
    /// Creates a sink that writes to this output; `color` marks failures.
    pub fn new(output: Output, color: bool) -> Self {
        Self { output, color, line: String::new() }
    }
}

impl Sink for Text {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.line.clear();
        describe(outcome, self.color, &mut self.line);
        self.line.push('\n');
        self.output.write(self.line.as_bytes())
    }
}

/// Returns the path of a body that was not fetched now, or whose name does not follow from its URL.
/// Other paths follow from the URL on the same line, and a line has room for one of the two.
fn shown_path(outcome: &Outcome) -> Option<&str> {
    let path = outcome.facts.path.as_deref()?;
    match outcome.verdict {
        Verdict::Skipped(SkipReason::Exists | SkipReason::Done) => Some(path),
        Verdict::Ok => {
            let seed = outcome.subject.seed()?;
            (!Path::new(path).ends_with(name_for_url(&seed.url))).then_some(path)
        }
        _ => None,
    }
}

/// Appends the line of one outcome, without a newline.
fn describe(outcome: &Outcome, color: bool, line: &mut String) {
    let facts = &outcome.facts;
    if outcome.verdict == Verdict::Skipped(SkipReason::DryRun) {
        let _ = write!(line, "would fetch {}", printable(outcome.subject.url()));
        if let Some(path) = &facts.path {
            let _ = write!(line, " -> {}", printable(path));
        }
        return;
    }
    let status;
    let (word, sgr) = match &outcome.verdict {
        Verdict::Ok => {
            status = facts.status.unwrap_or_default().to_string();
            (status.as_str(), "32")
        }
        Verdict::HttpError => {
            status = facts.status.unwrap_or_default().to_string();
            (status.as_str(), "31")
        }
        Verdict::Failed(error) => (error.kind.as_str(), "31"),
        Verdict::Skipped(reason) => (reason.as_str(), "2"),
        Verdict::Cancelled => ("cancelled", "33"),
    };
    let shown_size = facts.bytes.map_or_else(|| "-".to_owned(), size);
    let time = outcome.timing.total.map_or_else(|| "-".to_owned(), duration);
    let (on, off) = if color { (format!("\x1b[{sgr}m"), "\x1b[0m") } else { (String::new(), "") };
    let _ = write!(line, "{on}{word:<11}{off} {shown_size:>10} {time:>9}  {}", printable(outcome.subject.url()));
    if let Some(url) = &facts.final_url {
        let _ = write!(line, " -> {}", printable(url.as_str()));
    }
    if let Some(path) = shown_path(outcome) {
        let _ = write!(line, "  ({})", printable(path));
    }
    if outcome.verdict == Verdict::HttpError && !facts.status_note().is_empty() {
        let _ = write!(line, " {}", facts.status_note());
    }
    if let Verdict::Failed(error) = &outcome.verdict {
        let _ = write!(line, "  ({}", printable(&error.message));
        if let crate::model::Subject::Bad(bad) = &outcome.subject {
            let _ = write!(line, ", {}", printable(&bad.via.origin().to_string()));
        }
        line.push(')');
    }
}
