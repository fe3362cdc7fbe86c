//! Everything that is known to be ok, row by row.

use std::path::PathBuf;

use rusqlite::Connection;

use super::row::{self, Found};
use super::{StateError, failed};
use crate::model::Revision;

/// Tells what is known. It reads one row at a time, however many there are.
pub struct Past {
    path: PathBuf,
    connection: Connection,
    /// Where bodies are saved.
    folder: Option<PathBuf>,
}

/// A request that was ok.
pub struct PastRow {
    /// Its file, as it can be opened from where the run was started.
    pub path: Option<String>,
    /// What the body was.
    pub revision: Revision,
}

impl Past {
    pub(super) fn new(path: PathBuf, connection: Connection, folder: Option<PathBuf>) -> Self {
        Self { path, connection, folder }
    }

    /// Every request that was ok and whose URL is wanted, in the order of the rows. What is not
    /// wanted is not looked at further.
    ///
    /// # Errors
    /// What SQLite says, or an error of `each`.
    pub fn each_ok<E: From<StateError>>(
        &self,
        mut wanted: impl FnMut(&str) -> bool,
        mut each: impl FnMut(&str, PastRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sqlite = |e| E::from(failed(&self.path, e));
        let mut statement = self.connection.prepare(row::SELECT_OK).map_err(sqlite)?;
        let mut rows = statement.query([]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let url = row.get_ref(row::URL).map_err(sqlite)?;
            let Ok(url) = url.as_str() else { continue };
            if wanted(url) {
                let Found { facts, validators, .. } = row::found(row, self.folder.as_deref()).map_err(sqlite)?;
                each(url, PastRow { revision: Revision::of(&facts, validators), path: facts.path })?;
            }
        }
        Ok(())
    }
}
