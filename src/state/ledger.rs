//! Writes outcomes into the state, a batch at a time.

use std::path::PathBuf;

use super::key::Keys;
use super::schema::Database;
use super::{Bodies, Lock, StateError, archives, failed, row};
use crate::model::{ArchiveProgress, Outcome, SkipReason, Subject, Verdict};

/// Writes outcomes into the state. It belongs to the thread of the sinks and is the only writer.
pub struct Ledger {
    pub(super) path: PathBuf,
    pub(super) connection: Database,
    pub(super) keys: Keys,
    pub(super) bodies: Bodies,
    /// Held for as long as the run lasts.
    lock: Option<Lock>,
    /// Whether rows have links.
    crawls: bool,
    /// The archive whose progress is written too.
    pub(super) archive: Option<i64>,
}

impl Ledger {
    pub(super) fn new(path: PathBuf, connection: Database, lock: Option<Lock>, keys: Keys, bodies: Bodies) -> Self {
        Self { path, connection, keys, bodies, lock, crawls: false, archive: None }
    }

    /// Writes the links of each URL. One without links has an empty list, for a crawl has fetched it.
    pub fn writes_links(&mut self) {
        self.crawls = true;
    }

    /// Checks that the database is still in its place.
    ///
    /// # Errors
    /// When the database was removed or replaced.
    pub fn check_place(&self) -> Result<(), StateError> {
        match self.lock.as_ref().is_none_or(|lock| lock.is_of(&self.path)) {
            true => Ok(()),
            false => Err(StateError::Removed { path: self.path.clone() }),
        }
    }

    /// As [`Ledger::write_archived`], without an archive.
    ///
    /// # Errors
    /// An error of SQLite; then none of them is written.
    pub fn write(&mut self, outcomes: &[Outcome]) -> Result<(), StateError> {
        self.write_archived(outcomes, None)
    }

    /// Writes these outcomes and the progress of the archive in one transaction. A cancelled, skipped or unstarted URL changes no row.
    /// A failure keeps the facts of an earlier body, unless the server says that it is gone.
    ///
    /// # Errors
    /// An error of SQLite; then none of them is written.
    pub fn write_archived(
        &mut self,
        outcomes: &[Outcome],
        archived: Option<&ArchiveProgress>,
    ) -> Result<(), StateError> {
        let mut write = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            {
                let mut whole = transaction.prepare_cached(row::UPSERT)?;
                for outcome in outcomes {
                    let Subject::Job(job) = &outcome.subject else { continue };
                    match outcome.verdict {
                        Verdict::Cancelled => {}
                        Verdict::Skipped(SkipReason::NotModified) if !row::was_saved(&job.seed) => {
                            // Another program saved the file, and its server says that it is current.
                            row::upsert(&mut whole, &self.keys, &self.bodies, job, outcome, self.crawls)?;
                        }
                        Verdict::Skipped(SkipReason::NotModified) => {
                            let key = self.keys.of(&job.seed, row::occurrence(&job.seed));
                            transaction.prepare_cached(row::UPDATE_HOLDS)?.execute([key])?;
                        }
                        Verdict::Skipped(SkipReason::Duplicate | SkipReason::Scope | SkipReason::Type)
                            if self.crawls =>
                        {
                            // The redirect of the URL is not followed. A run that goes on need not ask for it again.
                            row::upsert(&mut whole, &self.keys, &self.bodies, job, outcome, false)?;
                        }
                        Verdict::Skipped(_) => {}
                        Verdict::HttpError | Verdict::Failed(_) if !is_gone(outcome) => {
                            let mut failed = transaction.prepare_cached(row::UPDATE_FAILED)?;
                            if !row::update_failed(&mut failed, &self.keys, job, outcome)? {
                                row::upsert(&mut whole, &self.keys, &self.bodies, job, outcome, self.crawls)?;
                            }
                        }
                        Verdict::Ok | Verdict::HttpError | Verdict::Failed(_) => {
                            row::upsert(&mut whole, &self.keys, &self.bodies, job, outcome, self.crawls)?;
                        }
                    }
                }
            }
            if let (Some(archive), Some(progress)) = (self.archive, archived) {
                archives::write(&transaction, archive, progress)?;
            }
            transaction.commit()
        };
        write().map_err(|e| failed(&self.path, e))
    }
}

/// Whether the server says that there is no such thing any more (RFC 9110, sections 15.5.5 and 15.5.11).
fn is_gone(outcome: &Outcome) -> bool {
    outcome.verdict == Verdict::HttpError && matches!(outcome.facts.status, Some(404 | 410))
}
