//! The records of an earlier run, as a list of the URLs worth another try.
//!
//! ```text
//! report ─▶ what is worth it, by URL ─┬▶ the lines of the lists that name one of these
//!                                     └▶ the rest, as the report has it
//! ```
//!
//! A URL may have several records, of which the last counts. The report is therefore read to its end
//! before the first URL is given out. The source keeps the URLs worth another try. If there are lists,
//! it also keeps a fingerprint of every URL. List lines that are not tried again pass through as left
//! out, because names follow from the whole list.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::decompress::Unpacked;
use super::encoding::Decoded;
use super::line::{Gathered, Place, Wants};
use super::lines::{InputLines, LONGEST, LinePiece};
use super::list::ListSource;
use super::open::Wake;
use super::recorded::{RecordFormat, RecordedResult};
use super::warc_urls::WarcUrls;
use super::{Input, Interrupt, Source, SourceError};
use crate::model::{Batch, Entry, SkipReason, SourcePos};
use crate::policy::rerun::selection::{RecordedOutcome, Selection};
use crate::policy::text::fingerprint::FingerprintSet;
use crate::policy::text::redact::redact_beginning;

/// A retry of the URLs that an earlier run did not get.
#[derive(Debug)]
pub struct Retry {
    /// Its records: JSON lines, CSV or TSV.
    pub report: Input,
    /// Which of them.
    pub only: Selection,
}

/// Gives out the URLs worth another try, with the settings that lists give for them.
pub struct ReportSource {
    name: Arc<str>,
    lines: InputLines,
    format: RecordFormat,
    only: Selection,
    /// By URL, as records spell it.
    wanted: HashMap<String, RetryUrl>,
    /// Every URL of the report, to find the lines that the report does not know.
    reported: FingerprintSet,
    /// The lists, read after the report; `None` without lists, and at their end.
    lists: Option<ListSource>,
    /// How many lines of the lists were read.
    passed: u64,
    stage: ReportStage,
    wake: Arc<Wake>,
}

enum ReportStage {
    Report,
    Lists,
    /// The URLs that no list names, by the line of their record.
    Rest(std::vec::IntoIter<(u64, String)>),
}

/// A URL to be tried again.
struct RetryUrl {
    /// The line of its record.
    line: u64,
    /// Whether a list names it.
    listed: bool,
}

impl ReportSource {
    /// Opens the report and checks its first record. The source reads `lists` after the report.
    ///
    /// # Errors
    /// When the report cannot be opened, or its first line is no record.
    pub fn new(retry: Retry, lists: Option<ListSource>) -> Result<Self, SourceError> {
        let broken = |list: &str, source: io::Error| SourceError { list: list.to_owned(), source };
        let wake = Arc::new(Wake::new().map_err(|error| broken("the report", error))?);
        let (name, feed) = retry.report.open(&wake);
        let feed = feed.map_err(|error| broken(&name, error))?;
        let (only, mut lines) =
            (retry.only, InputLines::new(Decoded::new(WarcUrls::none_in(Unpacked::new(feed, &name)), None)));
        let format = RecordFormat::detect(&mut lines).map_err(|error| broken(&name, error))?;
        let (wanted, reported) = (HashMap::new(), FingerprintSet::new());
        Ok(Self {
            name: name.into(),
            lines,
            format,
            only,
            wanted,
            reported,
            lists,
            passed: 0,
            stage: ReportStage::Report,
            wake,
        })
    }

    /// Reads on in the report. Lines that are no records come out at once; `None` at its end.
    fn read(&mut self) -> Result<Option<Gathered>, SourceError> {
        let mut out = Gathered::default();
        while !out.is_full() {
            let line = self.lines.number();
            let place = |next| Place { list: &self.name, line, next };
            match self.lines.next(self.format.ending()) {
                LinePiece::Line(bytes, _) if bytes.trim_ascii().is_empty() => {}
                LinePiece::Line(bytes, next) => match self.format.record(bytes) {
                    Ok(record) => {
                        if self.lists.is_some() {
                            self.reported.insert(&record.url);
                        }
                        note(&mut self.wanted, &self.only, record, line);
                    }
                    Err(why) => out.push(place(next).bad_json_line(String::from_utf8_lossy(bytes).trim(), why), next),
                },
                LinePiece::TooLong(head, next) | LinePiece::Unclosed(head, next) => {
                    let why = format!("longer than {LONGEST} bytes; a line holds one record");
                    let head = String::from_utf8_lossy(head);
                    out.push(place(next).bad_json_line(&redact_beginning(&head), why), next);
                }
                LinePiece::End if out.entries.is_empty() => return Ok(None),
                LinePiece::End => break,
                LinePiece::Starved => {
                    if let Err(source) = self.lines.fill() {
                        return Err(SourceError { list: self.name.to_string(), source });
                    }
                }
            }
        }
        Ok(Some(out))
    }

    /// Keeps the wanted lines of a batch. A repeated line is a duplicate, which the run reports.
    fn pick(&mut self, batch: &mut Batch) {
        let entries = std::mem::take(&mut batch.entries);
        batch.entries = entries.into_iter().filter_map(|entry| self.picked(entry)).collect();
    }

    fn picked(&mut self, entry: Entry) -> Option<Entry> {
        self.passed += 1;
        let url = match &entry {
            Entry::Seed(seed) | Entry::LeftOut { seed, .. } => seed.url.as_str(),
            Entry::Bad(bad) => bad.text.as_str(),
        };
        let wanted = self.wanted.get_mut(url).map(|wanted| wanted.listed = true).is_some();
        match entry {
            Entry::Bad(_) => wanted.then_some(entry),
            Entry::Seed(mut seed) | Entry::LeftOut { mut seed, .. } => {
                seed.place = NonZeroU64::new(self.passed);
                let reported = self.reported.contains(seed.url.as_str());
                Some(if wanted { Entry::Seed(seed) } else { Entry::LeftOut { seed, reported } })
            }
        }
    }

    /// Makes the entry of a URL that no list names. It comes after all listed URLs, and so does its name.
    fn unlisted(&mut self, line: u64, url: &str) -> Entry {
        let mut entry = Place { list: &self.name, line, next: line + 1 }.value_entry(url, Wants::default());
        if let (Entry::Seed(seed), Some(_)) = (&mut entry, &self.lists) {
            self.passed += 1;
            seed.place = NonZeroU64::new(self.passed);
        }
        entry
    }

    /// Returns the URLs that no list names, in the order of the report.
    fn rest(&mut self) -> ReportStage {
        let wanted = std::mem::take(&mut self.wanted).into_iter().filter(|(_, wanted)| !wanted.listed);
        let mut rest: Vec<_> = wanted.map(|(url, RetryUrl { line, .. })| (line, url)).collect();
        rest.sort_unstable();
        ReportStage::Rest(rest.into_iter())
    }

    fn origin(&self, line: u64) -> SourcePos {
        SourcePos { list: Arc::clone(&self.name), line }
    }
}

impl Source for ReportSource {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        while !self.wake.is_set() {
            match &mut self.stage {
                ReportStage::Report => match self.read() {
                    Ok(Some(bad)) => {
                        return Ok(Some(Batch {
                            entries: bad.entries,
                            next: self.position(),
                            notes: Vec::new(),
                            leased: None,
                        }));
                    }
                    Ok(None) if self.lists.is_some() => self.stage = ReportStage::Lists,
                    Ok(None) => self.stage = self.rest(),
                    Err(_) if self.wake.is_set() => break,
                    Err(error) => return Err(error),
                },
                ReportStage::Lists => match self.lists.as_mut().map_or(Ok(None), Source::next_batch)? {
                    Some(mut batch) => {
                        self.pick(&mut batch);
                        if !batch.entries.is_empty() || !batch.notes.is_empty() {
                            return Ok(Some(batch));
                        }
                    }
                    // An interrupted list ends too.
                    None if self.wake.is_set() => break,
                    None => self.stage = self.rest(),
                },
                ReportStage::Rest(rest) => {
                    let rest: Vec<_> = rest.take(Batch::MAX).collect();
                    let entries: Vec<_> = rest.into_iter().map(|(line, url)| self.unlisted(line, &url)).collect();
                    if entries.is_empty() {
                        break;
                    }
                    return Ok(Some(Batch { entries, next: self.position(), notes: Vec::new(), leased: None }));
                }
            }
        }
        Ok(None)
    }

    fn position(&self) -> SourcePos {
        match (&self.stage, &self.lists) {
            (ReportStage::Lists, Some(lists)) => lists.position(),
            (ReportStage::Rest(rest), _) => {
                let next = rest.as_slice().first();
                self.origin(next.map_or_else(|| self.lines.number(), |(line, _)| *line))
            }
            (ReportStage::Report | ReportStage::Lists, _) => self.origin(self.lines.number()),
        }
    }

    fn interrupt(&self) -> Interrupt {
        let wake = Arc::clone(&self.wake);
        let lists = self.lists.as_ref().map(Source::interrupt);
        Arc::new(move || {
            wake.set();
            if let Some(lists) = &lists {
                lists();
            }
        })
    }
}

/// Notes a record: the last one of a URL decides.
fn note(wanted: &mut HashMap<String, RetryUrl>, only: &Selection, record: RecordedResult, line: u64) {
    let RecordedResult { url, outcome, status, kind, skip_reason } = record;
    // The record is about a line that came again, not about the URL.
    if skip_reason.as_deref() == Some(SkipReason::Duplicate.as_str()) {
        return;
    }
    if only.takes(RecordedOutcome { outcome: &outcome, kind: kind.as_deref(), status }) {
        wanted.insert(url, RetryUrl { line, listed: false });
    } else {
        wanted.remove(&url);
    }
}
