//! Reads all rows of `ok` requests.

use std::path::PathBuf;

use super::row::{self, RowContent};
use super::schema::Database;
use super::{Bodies, Presence, StateError, failed};
use crate::model::Revision;
use crate::policy::text::redact::redact_url;

/// Reads rows one at a time, however many there are.
pub struct PastRows {
    path: PathBuf,
    connection: Database,
    bodies: Bodies,
}

/// A request that was ok.
pub struct PastRow {
    /// The path of its file from the working folder, if the file still exists.
    pub path: Option<String>,
    /// The version of the body.
    pub revision: Revision,
}

impl PastRows {
    pub(super) fn new(path: PathBuf, connection: Database, bodies: Bodies) -> Self {
        Self { path, connection, bodies }
    }

    /// Calls `each` for every `ok` request whose URL is wanted, in the order of the rows.
    ///
    /// # Errors
    /// An error of SQLite or of `each`.
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
                let Some(found) = row::found(row, &self.bodies).map_err(sqlite)? else { continue };
                let there = self.bodies.find(&found) != Presence::Absent;
                let RowContent { facts, validators, .. } = found;
                let revision = Revision::of(&facts, validators);
                each(&redact_url(url), PastRow { revision, path: facts.path.filter(|_| there) })?;
            }
        }
        Ok(())
    }
}
