//! Outcomes written down, a batch at a time.

use std::fs::File;
use std::path::PathBuf;

use rusqlite::Connection;

use super::row::{self, Shape};
use super::{StateError, failed};
use crate::model::{Outcome, Subject, Verdict};

/// Writes outcomes down. It lives on the thread of the sinks and is the only writer.
pub struct Ledger {
    path: PathBuf,
    connection: Connection,
    shape: Shape,
    /// Where bodies are saved.
    folder: Option<PathBuf>,
    /// Held for as long as the run lasts.
    _lock: Option<File>,
}

impl Ledger {
    pub(super) fn new(
        path: PathBuf,
        connection: Connection,
        lock: Option<File>,
        shape: Shape,
        folder: Option<PathBuf>,
    ) -> Self {
        Self { path, connection, shape, folder, _lock: lock }
    }

    /// Writes these down in one transaction. What was cancelled, skipped or never handed out
    /// leaves what was known before.
    ///
    /// # Errors
    /// What SQLite says; then none of them is written down.
    pub fn write(&mut self, outcomes: &[Outcome]) -> Result<(), StateError> {
        let mut write = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            {
                let mut statement = transaction.prepare_cached(row::INSERT)?;
                for outcome in outcomes {
                    if let Subject::Job(job) = &outcome.subject
                        && !matches!(outcome.verdict, Verdict::Cancelled | Verdict::Skipped(_))
                    {
                        row::insert(&mut statement, &self.shape, self.folder.as_deref(), job, outcome)?;
                    }
                }
            }
            transaction.commit()
        };
        write().map_err(|e| failed(&self.path, e))
    }
}
