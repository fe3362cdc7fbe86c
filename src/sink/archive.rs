//! Appends the records of a page to the archive once its outcome is final, before the state knows of it.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Sink, SinkError};
use crate::archive::Archive;
use crate::model::{ArchiveSummary, ChangeCounts, LeftOut, Needs, Outcome, RunInfo, StoredRobots, Summary};

/// The work on an archive after a run that was not stopped has closed it. It adds the files that it makes.
pub type ArchiveEnd = Box<dyn FnOnce(&Archive, &mut ArchiveSummary) -> io::Result<()> + Send>;

/// The archive of a run, and the sink that remembers the outcomes. After a crash the state never knows a page that the
/// archive has not.
pub struct ArchiveSink {
    archive: Arc<Archive>,
    state: Option<Box<dyn Sink>>,
    end: Option<ArchiveEnd>,
    summary: Option<ArchiveSummary>,
}

impl ArchiveSink {
    /// The archive gets every outcome before `state` does.
    pub fn new(archive: Arc<Archive>, state: Option<Box<dyn Sink>>, end: Option<ArchiveEnd>) -> Self {
        Self { archive, state, end, summary: None }
    }

    fn error(&self, source: io::Error) -> SinkError {
        SinkError { target: format!("the archive {}", self.archive.path().display()), source }
    }
}

impl Sink for ArchiveSink {
    fn must_keep(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        self.state.as_ref().map_or(Needs::empty(), |state| state.needs())
    }

    fn wants_left_out(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.wants_left_out())
    }

    fn begin(&mut self, info: &RunInfo) -> Result<(), SinkError> {
        self.state.as_mut().map_or(Ok(()), |state| state.begin(info))
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.keep(&mut [outcome.clone()])
    }

    fn keep(&mut self, outcomes: &mut [Outcome]) -> Result<ControlFlow<()>, SinkError> {
        let records = outcomes.iter_mut().filter_map(|outcome| outcome.facts.found.records.as_mut());
        self.archive.commit(records).map_err(|e| self.error(e))?;
        if let Some(why) = self.archive.failure() {
            // A worker could not write a record without an outcome.
            return Err(self.error(io::Error::other(why)));
        }
        self.state.as_mut().map_or(Ok(ControlFlow::Continue(())), |state| state.outcomes(outcomes))
    }

    fn left_out(&mut self, links: &[LeftOut]) -> Result<ControlFlow<()>, SinkError> {
        self.state.as_mut().map_or(Ok(ControlFlow::Continue(())), |state| state.left_out(links))
    }

    fn robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<(), SinkError> {
        self.state.as_mut().map_or(Ok(()), |state| state.robots(origin, robots))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        let finished = self.state.as_mut().map_or(Ok(()), |state| state.finish(summary));
        self.archive.close().map_err(|e| self.error(e))?;
        let files = self.archive.own_files().map_err(|e| self.error(e))?;
        let made = self.summary.insert(ArchiveSummary { files, ..ArchiveSummary::default() });
        finished?;
        match self.end.take().filter(|_| summary.stopped.is_none()) {
            Some(end) => end(&self.archive, made).map_err(|e| self.error(e)),
            None => Ok(()),
        }
    }

    fn archived(&self) -> Option<ArchiveSummary> {
        self.summary.clone()
    }

    fn changes(&self) -> Option<ChangeCounts> {
        self.state.as_ref().and_then(|state| state.changes())
    }
}
