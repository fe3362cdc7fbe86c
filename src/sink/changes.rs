//! The differences between a run and the runs before it.

use std::io;
use std::ops::ControlFlow;

use super::{Sink, SinkError, WholeFile};
use crate::model::{ChangeCounts, CrawlSummary, Needs, Outcome, PriorBody, Revision, SkipReason, Summary, Verdict};
use crate::policy::rerun::change::difference;
use crate::policy::text::fingerprint::FingerprintSet;
use crate::wire::{ChangeRecord, ChangeTotals, ChangesWriter, RevisionRecord};

/// A request that was ok before the run.
#[derive(Debug, Clone, Copy)]
pub struct Was<'a> {
    /// Its URL.
    pub url: &'a str,
    /// Its file.
    pub path: Option<&'a str>,
    /// Its body.
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

/// The file of the changes.
struct ChangesFile {
    file: WholeFile,
    json: ChangesWriter,
    line: Vec<u8>,
}

impl ChangesFile {
    fn write(&mut self, change: &ChangeRecord<'_>) -> Result<(), SinkError> {
        self.line.clear();
        self.json.change(change, &mut self.line).map_err(|e| self.file.error(e.into()))?;
        self.file.write(&self.line)
    }
}

/// Counts the differences, and writes each as it is found if there is a file. At the end of a run that saw its
/// whole input, the URLs that are no longer listed count too. It keeps one fingerprint per URL, so memory hardly
/// grows.
pub struct Changes {
    report: Option<ChangesFile>,
    past: Box<dyn Past>,
    /// Whether the texts of pages are compared, instead of their bytes.
    by_text: bool,
    /// Whether other workers see the rest of the input.
    is_shared: bool,
    /// Every URL of the input.
    listed: FingerprintSet,
    totals: ChangeTotals,
}

impl Changes {
    /// Compares with `past`, and writes to `file` if there is one. With `by_text` the texts of pages are compared.
    pub fn new(file: Option<WholeFile>, past: Box<dyn Past>, by_text: bool) -> Self {
        let report =
            file.map(|file| ChangesFile { file, json: ChangesWriter::default(), line: Vec::with_capacity(1024) });
        let (listed, totals) = (FingerprintSet::new(), ChangeTotals::default());
        Self { report, past, by_text, is_shared: false, listed, totals }
    }

    /// This run is one worker of several. A URL that it does not see may be another one's, and so is not removed.
    #[must_use]
    pub fn of_one_worker(self) -> Self {
        Self { is_shared: true, ..self }
    }

    fn write(&mut self, change: &ChangeRecord<'_>) -> Result<(), SinkError> {
        self.report.as_mut().map_or(Ok(()), |report| report.write(change))
    }

    /// Handles a success: a new body, a changed one, or the same.
    fn good(&mut self, outcome: &Outcome) -> Result<(), SinkError> {
        let validators = outcome.facts.validators.as_deref().cloned().unwrap_or_default();
        let now = Revision::of(&outcome.facts, validators);
        let mut change = ChangeRecord::new(outcome.subject.url(), "added", Some(outcome.subject.origin()));
        match before(outcome) {
            None => self.totals.added += 1,
            Some(PriorBody { body: before, .. }) => match difference(before, &now, self.by_text) {
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

    /// Handles an error status. Only 404 and 410 mean that the page was removed.
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

    /// Writes a removal for each request that was ok before and is no longer in the input.
    fn unlisted(&mut self) -> Result<(), SinkError> {
        let Self { report, past, listed, totals, .. } = self;
        let mut write = |was: Was<'_>| {
            let mut change = ChangeRecord::new(was.url, "removed", None);
            (change.reason, change.path) = (Some("not_listed"), was.path);
            change.before = Some(RevisionRecord::of(was.body));
            totals.removed += 1;
            report.as_mut().map_or(Ok(()), |report| report.write(&change)).map_err(|e| e.source)
        };
        // Each URL once, even if several requests had it.
        let ended = past.each_ok(&mut |url| listed.insert(url), &mut write);
        ended.map_err(|source| SinkError { target: "the changes".to_owned(), source })
    }
}

/// Returns the prior body, if the request was ok before.
fn before(outcome: &Outcome) -> Option<&PriorBody> {
    outcome.subject.seed()?.known.as_deref()?.before.as_deref()
}

impl Sink for Changes {
    /// If a server sends neither tag nor time, only a digest reveals a change of equal length. A mere count is not
    /// worth its cost.
    fn needs(&self) -> Needs {
        let text = if self.by_text { Needs::TEXT_DIGEST } else { Needs::empty() };
        text | if self.report.is_some() { Needs::VALIDATORS | Needs::DIGEST } else { Needs::VALIDATORS }
    }

    fn begin(&mut self, _info: &crate::model::RunInfo) -> Result<(), SinkError> {
        let Some(ChangesFile { file, json, line }) = &mut self.report else { return Ok(()) };
        json.begin(line);
        file.write(line)
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
            // The file existed before the request.
            Verdict::Skipped(SkipReason::Exists) => self.totals.unchanged += 1,
            // The first line of a URL reports its change. A dry run has no change to report, and a URL that the
            // rules of a crawl keep from being fetched has none.
            Verdict::Skipped(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        // A crawl with a limit, or without the robots.txt of a site, has not looked at all that is there.
        let is_cut = |crawl: &CrawlSummary| {
            crawl.robots_unread > 0 || crawl.queue_left > 0 || crawl.left_out.contains_key(&SkipReason::Budget)
        };
        let has_seen_all = !self.is_shared && !summary.crawl.as_ref().is_some_and(is_cut);
        self.totals.complete = summary.input_complete && summary.stopped.is_none() && has_seen_all;
        if self.totals.complete {
            self.unlisted()?;
        }
        let Some(ChangesFile { file, json, line }) = &mut self.report else { return Ok(()) };
        line.clear();
        json.end(&self.totals, line).map_err(|e| file.error(e.into()))?;
        file.write(line)?;
        file.finish()
    }

    fn changes(&self) -> Option<ChangeCounts> {
        let ChangeTotals { added, changed, removed, unchanged, .. } = self.totals;
        Some(ChangeCounts { added, changed, removed, unchanged })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An earlier run with one URL.
    struct OneUrl(Revision);

    impl Past for OneUrl {
        fn each_ok(
            &self,
            wanted: &mut dyn FnMut(&str) -> bool,
            each: &mut dyn FnMut(Was<'_>) -> io::Result<()>,
        ) -> io::Result<()> {
            let url = "http://a.test/";
            if wanted(url) { each(Was { url, path: None, body: &self.0 }) } else { Ok(()) }
        }
    }

    #[test]
    fn urls_of_other_workers_are_not_removed() {
        let removed = |mut changes: Changes| {
            changes.finish(&Summary { input_complete: true, ..Summary::default() }).unwrap();
            changes.changes().unwrap().removed
        };
        let new = || {
            let body = Revision::of(&crate::model::Facts::default(), crate::model::Validators::default());
            Changes::new(None, Box::new(OneUrl(body)), false)
        };
        assert_eq!([removed(new()), removed(new().of_one_worker())], [1, 0]);
    }
}
