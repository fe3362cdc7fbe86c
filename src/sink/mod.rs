//! Lossless outputs: every outcome reaches every sink once, and a sink may fail.
//!
//! A sink is one file with one type that turns outcomes into something that lasts. All sinks of a
//! run live on one thread ([`spawn`]), which alone may block on a full pipe or a slow disk. The
//! engine hands it batches through a bounded channel, whose backpressure slows the engine down.
//!
//! To add a record format: write a sink, add its line to [`FORMATS`]. The tests of the registry
//! then demand of it one write a record and a quiet end when its reader goes away.

mod archive;
mod callback;
mod changes;
mod link_check;
mod link_graph;
mod ndjson;
mod page_texts;
mod pages;
mod run_report;
mod sitemap;
mod skipped;
mod stream;
mod summary_file;
mod table;
mod text;
mod thread;
mod whole_file;

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::config::{Format, Show};
use crate::model::{
    ArchiveSummary, ChangeCounts, CheckCounts, LeftOut, Needs, Outcome, RunInfo, StoredRobots, Summary, ToQueue,
};

pub use archive::{ArchiveEnd, ArchiveSink};
pub use callback::Callback;
pub use changes::{Changes, Past, Was};
pub use link_check::LinkCheck;
pub use link_graph::LinkGraph;
pub use ndjson::Ndjson;
pub use page_texts::{PageTexts, TextDestination, WrittenTexts, read_written};
pub use pages::{PageUrls, PagesOnly};
pub use run_report::{RunNotes, RunReport, RunTotals, render as render_report};
pub use sitemap::SitemapFile;
pub use skipped::SkippedUrls;
pub use stream::{OutcomeStream, stream};
pub use summary_file::SummaryFile;
pub use table::Table;
pub use text::Text;
pub use thread::{SinkThread, ToSinks, spawn};
pub use whole_file::{WholeFile, part_of};

/// The error of a sink that failed; it breaks the run.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to {target}: {source}")]
pub struct SinkError {
    /// The output, as the user named it.
    pub target: String,
    /// The error of the write.
    pub source: io::Error,
}

/// Takes the outcomes of a run.
pub trait Sink: Send {
    /// Whether it may block, on a full pipe, a slow disk or a reader. Sinks that never do need no thread.
    fn may_block(&self) -> bool {
        true
    }

    /// Returns whether an outcome is ok only once this sink has kept it. These sinks run before all others.
    /// The other sinks get each outcome that could not be kept as failed.
    fn must_keep(&self) -> bool {
        false
    }

    /// Returns the facts that this sink needs in each outcome. A run computes only what its settings or one of its
    /// sinks need.
    fn needs(&self) -> Needs {
        Needs::empty()
    }

    /// Whether it takes the links that a crawl does not follow. Without such a sink a run does not collect them.
    fn wants_left_out(&self) -> bool {
        false
    }

    /// Called once, before the first outcome.
    ///
    /// # Errors
    /// Ends the run before it fetches anything.
    fn begin(&mut self, _info: &RunInfo) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes one outcome; outcomes arrive in the order in which they are reached. `Break` means that the
    /// reader of this sink is gone: the engine ends the run without an error.
    ///
    /// # Errors
    /// Ends the run: a record that cannot be written must not be lost silently.
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError>;

    /// Outcomes that were reached together, in order. The first sink of a run has them all before
    /// the next one has any.
    ///
    /// # Errors
    /// As [`Sink::outcome`].
    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        for outcome in outcomes {
            if self.outcome(outcome)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the archive that it has written; asked when it has finished.
    fn archived(&self) -> Option<ArchiveSummary> {
        None
    }

    /// As [`Sink::outcomes`], for a sink that must keep outcomes. It may add facts for the other sinks.
    ///
    /// # Errors
    /// As [`Sink::outcome`].
    fn keep(&mut self, outcomes: &mut [Outcome]) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(outcomes)
    }

    /// Takes links that a crawl does not follow, in the order in which they were found. A link may come again.
    ///
    /// # Errors
    /// As [`Sink::outcome`].
    fn left_out(&mut self, _links: &[LeftOut]) -> Result<ControlFlow<()>, SinkError> {
        Ok(ControlFlow::Continue(()))
    }

    /// Takes what is known of the robots.txt of an origin, such as `https://example.com`, after an answer.
    ///
    /// # Errors
    /// As [`Sink::outcome`].
    fn robots(&mut self, _origin: &str, _robots: &StoredRobots) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes a message for the queue that the run shares with other workers. It comes behind the outcomes that were
    /// reached before, but links come before the outcome of their page.
    ///
    /// # Errors
    /// As [`Sink::outcome`].
    fn to_queue(&mut self, _message: &ToQueue) -> Result<(), SinkError> {
        Ok(())
    }

    /// Called once, after the last outcome, however the run ended.
    ///
    /// # Errors
    /// Reported as the run's own failure.
    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        Ok(())
    }

    /// Returns the changes that this sink has counted. Called after [`Sink::finish`]; the sinks behind this one see
    /// them in the summary.
    fn changes(&self) -> Option<ChangeCounts> {
        None
    }

    /// Returns the counts of a link check of this sink. Called as [`Sink::changes`].
    fn check(&self) -> Option<CheckCounts> {
        None
    }
}

/// The destination of records, each written with one write.
pub struct Output {
    target: String,
    writer: Box<dyn Write + Send>,
    /// A regular file, and its length up to the last complete record.
    file: Option<(File, u64)>,
}

impl Output {
    /// `target` is its name in messages.
    pub fn new(target: impl Into<String>, writer: Box<dyn Write + Send>) -> Self {
        Self { target: target.into(), writer, file: None }
    }

    /// An output to a new file. A failed write truncates the file to its last whole record.
    ///
    /// # Errors
    /// When the metadata of the file cannot be read.
    pub fn file(target: impl Into<String>, file: File) -> io::Result<Self> {
        let handle = if file.metadata()?.is_file() { Some((file.try_clone()?, 0)) } else { None };
        Ok(Self { target: target.into(), writer: Box::new(file), file: handle })
    }

    /// An output to the end of a file, which is at `length`.
    fn appending(target: impl Into<String>, file: File, length: u64) -> io::Result<Self> {
        let handle = file.try_clone()?;
        Ok(Self { target: target.into(), writer: Box::new(file), file: Some((handle, length)) })
    }

    /// Writes one record with one write.
    fn write(&mut self, record: &[u8]) -> Result<ControlFlow<()>, SinkError> {
        match self.writer.write_all(record).and_then(|()| self.writer.flush()) {
            Ok(()) => {
                if let Some((_, whole)) = &mut self.file {
                    *whole += record.len() as u64;
                }
                Ok(ControlFlow::Continue(()))
            }
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(source) => {
                if let Some((file, whole)) = &self.file {
                    // Err: half a record stays. The error below reports the failed write.
                    let _ = file.set_len(*whole);
                }
                Err(self.error(source))
            }
        }
    }

    /// An error with the name of the output.
    fn error(&self, source: io::Error) -> SinkError {
        SinkError { target: self.target.clone(), source }
    }
}

/// The style of text records. Other formats have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextStyle {
    /// Marks failures with colours.
    pub color: bool,
    /// Which results are listed; `Auto` lists all.
    pub show: Show,
    /// Returns the width of the terminal, in which each line fits; `None` if nothing is to be cut.
    pub columns: Option<fn() -> Option<usize>>,
    /// Says at a 401 what gives credentials; for a run without any.
    pub advises_credentials: bool,
}

/// A way to write records.
#[derive(Debug, Clone, Copy)]
pub struct FormatEntry {
    /// The setting that selects it.
    pub format: Format,
    /// Makes a sink.
    pub make: fn(Output, TextStyle) -> Box<dyn Sink>,
}

/// Every record format.
pub const FORMATS: &[FormatEntry] = &[
    FormatEntry { format: Format::Text, make: |out, style| Box::new(Text::new(out, style)) },
    FormatEntry { format: Format::Ndjson, make: |out, _| Box::new(Ndjson::new(out)) },
    FormatEntry { format: Format::Csv, make: |out, _| Box::new(Table::csv(out)) },
    FormatEntry { format: Format::Tsv, make: |out, _| Box::new(Table::tsv(out)) },
];
