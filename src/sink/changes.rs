//! What differs from what earlier runs knew.

use std::io;
use std::ops::ControlFlow;

use super::{Sink, SinkError, WholeFile};
use crate::model::{Before, Outcome, Revision, SkipReason, Summary, Verdict};
use crate::policy::change::difference;
use crate::policy::fingerprint::FingerprintSet;
use crate::wire::{ChangeRecord, ChangeTotals, ChangesWriter, RevisionRecord};

/// A request that was ok before the run.
#[derive(Debug, Clone, Copy)]
pub struct Was<'a> {
    /// Its URL.
    pub url: &'a str,
    /// Its file.
    pub path: Option<&'a str>,
    /// What its body was.
    pub body: &'a Revision,
}

/// Everything that was ok before the run.
pub trait Past: Send {
    /// Calls `each` with every request that was ok and whose URL is wanted.
    ///
    /// # Errors
    /// When it cannot be read, or `each` fails.
    fn each_ok(
        &self,
        wanted: &mut dyn FnMut(&str) -> bool,
        each: &mut dyn FnMut(Was<'_>) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// Writes each difference as it is found and, at the end of a run that saw its whole input, what
/// is no longer listed. Of a URL it keeps a fingerprint, so memory hardly grows with the list.
pub struct Changes {
    file: WholeFile,
    past: Box<dyn Past>,
    /// Every URL of the input.
    listed: FingerprintSet,
    json: ChangesWriter,
    totals: ChangeTotals,
    line: Vec<u8>,
}

impl Changes {
    /// To this file, against this past.
    pub fn new(file: WholeFile, past: Box<dyn Past>) -> Self {
        let (listed, json, totals) = (FingerprintSet::new(), ChangesWriter::default(), ChangeTotals::default());
        Self { file, past, listed, json, totals, line: Vec::with_capacity(1024) }
    }

    fn write(&mut self, change: &ChangeRecord<'_>) -> Result<(), SinkError> {
        self.line.clear();
        self.json.change(change, &mut self.line).map_err(|e| self.file.error(e.into()))?;
        self.file.write(&self.line)
    }

    /// A good answer: new, another than before, or the same.
    fn good(&mut self, outcome: &Outcome) -> Result<(), SinkError> {
        let validators = outcome.facts.validators.as_deref().cloned().unwrap_or_default();
        let now = Revision::of(&outcome.facts, validators);
        let mut change = ChangeRecord::new(outcome.subject.url(), "added", Some(outcome.subject.origin()));
        match before(outcome) {
            None => self.totals.added += 1,
            Some(Before { body: before, .. }) => match difference(before, &now) {
                None => {
                    self.totals.unchanged += 1;
                    return Ok(());
                }
                Some(by) => {
                    self.totals.changed += 1;
                    (change.change, change.reason) = ("changed", Some(by.as_str()));
                    change.before = Some(RevisionRecord::of(before));
                }
            },
        }
        change.path = outcome.facts.path.as_deref();
        change.after = Some(RevisionRecord::of(&now));
        self.write(&change)
    }

    /// An error status. 404 and 410 say that there is no such page any more; others say nothing of it.
    fn bad(&mut self, outcome: &Outcome) -> Result<(), SinkError> {
        let reason = match outcome.facts.status {
            Some(404) => "not_found",
            Some(410) => "gone",
            _ => "",
        };
        let Some(before) = before(outcome).filter(|_| !reason.is_empty()) else {
            self.totals.failed += 1;
            return Ok(());
        };
        self.totals.removed += 1;
        let mut change = ChangeRecord::new(outcome.subject.url(), "removed", Some(outcome.subject.origin()));
        (change.reason, change.before) = (Some(reason), Some(RevisionRecord::of(&before.body)));
        change.path = before.path.as_deref();
        self.write(&change)
    }

    /// What was ok and is no longer listed.
    fn unlisted(&mut self) -> Result<(), SinkError> {
        let Self { file, past, listed, json, totals, line } = self;
        let mut write = |was: Was<'_>| {
            let mut change = ChangeRecord::new(was.url, "removed", None);
            (change.reason, change.path) = (Some("not_listed"), was.path);
            change.before = Some(RevisionRecord::of(was.body));
            totals.removed += 1;
            line.clear();
            json.change(&change, line)?;
            file.write(line).map_err(|e| e.source)
        };
        // Each once, though it may have been asked for in several ways.
        let ended = past.each_ok(&mut |url| listed.insert(url), &mut write);
        ended.map_err(|e| self.file.error(e))
    }
}

/// What the body was, if it was ok.
fn before(outcome: &Outcome) -> Option<&Before> {
    outcome.subject.seed()?.known.as_deref()?.before.as_deref()
}

impl Sink for Changes {
    fn begin(&mut self, _info: &crate::model::RunInfo) -> Result<(), SinkError> {
        self.json.begin(&mut self.line);
        self.file.write(&self.line)
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        if let Some(seed) = outcome.subject.seed() {
            self.listed.insert(seed.url.as_str());
        }
        match outcome.verdict {
            Verdict::Ok => self.good(outcome)?,
            Verdict::HttpError => self.bad(outcome)?,
            Verdict::Failed(_) => self.totals.failed += 1,
            Verdict::Cancelled => self.totals.cancelled += 1,
            Verdict::Skipped(SkipReason::Done | SkipReason::NotModified) => self.totals.unchanged += 1,
            // There before anybody asked.
            Verdict::Skipped(SkipReason::Exists) => self.totals.unchanged += 1,
            // The line that came first tells of it; what would be done tells of nothing.
            Verdict::Skipped(SkipReason::Duplicate | SkipReason::DryRun) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        self.totals.complete = summary.input_complete && summary.stopped.is_none();
        if self.totals.complete {
            self.unlisted()?;
        }
        self.line.clear();
        self.json.end(&self.totals, &mut self.line).map_err(|e| self.file.error(e.into()))?;
        self.file.write(&self.line)?;
        self.file.finish()
    }
}
