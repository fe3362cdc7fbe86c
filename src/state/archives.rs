//! The archives that runs with a state write: how far each is written, and its payloads.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::schema::{self, Database};
use super::{Ledger, State, StateError, failed};
use crate::model::{ArchivePosition, ArchiveProgress, ArchivedPayload};

/// The tables.
pub(super) const TABLES: &str = "
CREATE TABLE archives (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    file INTEGER,
    length INTEGER
);
CREATE TABLE payloads (
    archive INTEGER NOT NULL,
    digest TEXT NOT NULL,
    target TEXT NOT NULL,
    date TEXT NOT NULL,
    PRIMARY KEY (archive, digest)
) WITHOUT ROWID;
";

pub(super) const INSERT_ARCHIVE: &str = "INSERT OR IGNORE INTO archives (name) VALUES (?1)";
pub(super) const SELECT_ARCHIVE: &str = "SELECT id, file, length FROM archives WHERE name = ?1";
pub(super) const UPDATE_ARCHIVE: &str = "UPDATE archives SET file = ?2, length = ?3 WHERE id = ?1";
pub(super) const INSERT_PAYLOAD: &str =
    "INSERT OR IGNORE INTO payloads (archive, digest, target, date) VALUES (?1, ?2, ?3, ?4)";
pub(super) const SELECT_PAYLOAD: &str = "SELECT target, date FROM payloads WHERE archive = ?1 AND digest = ?2";

/// An archive that the state knows.
pub struct KnownArchive {
    /// How far it is written.
    pub position: Option<ArchivePosition>,
    /// Its payloads.
    pub payloads: KnownPayloads,
}

/// The payloads of an archive in the state.
pub struct KnownPayloads {
    path: PathBuf,
    connection: Database,
    archive: i64,
}

impl State {
    /// Returns what is known of the archive of this name, which may be new.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn archive(&self, name: &str) -> Result<KnownArchive, StateError> {
        let path = self.files.path().to_owned();
        let read = || {
            self.connection.execute(INSERT_ARCHIVE, [name])?;
            self.connection.query_row(SELECT_ARCHIVE, [name], |row| {
                // A number that makes no sense counts as absent.
                let position = match (row.get::<_, Option<u32>>(1), row.get::<_, Option<i64>>(2)) {
                    (Ok(Some(file)), Ok(Some(length))) => u64::try_from(length).ok().map(|length| (file, length)),
                    _ => None,
                };
                Ok((row.get(0)?, position))
            })
        };
        let (archive, position): (i64, Option<(u32, u64)>) = read().map_err(|e| failed(&path, e))?;
        let position = position.map(|(file, length)| ArchivePosition { file, length });
        let connection = schema::connect(&self.files, self.file())?;
        Ok(KnownArchive { position, payloads: KnownPayloads { path, connection, archive } })
    }
}

impl KnownPayloads {
    /// The number of the archive in the state.
    pub fn archive(&self) -> i64 {
        self.archive
    }

    /// Returns the response with this payload digest.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn find(&self, digest: &str) -> Result<Option<ArchivedPayload>, StateError> {
        let read = || {
            let mut select = self.connection.prepare_cached(SELECT_PAYLOAD)?;
            let found = select.query_row(params![self.archive, digest], |row| {
                let (target, date): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(ArchivedPayload { digest: digest.into(), target: target.into(), date: date.into() })
            });
            found.optional()
        };
        read().map_err(|e| failed(&self.path, e))
    }
}

impl Ledger {
    /// Writes down the progress of this archive with the outcomes.
    pub fn writes_archive(&mut self, archive: i64) {
        self.archive = Some(archive);
    }
}

/// Writes the progress of an archive.
pub(super) fn write(connection: &Connection, archive: i64, progress: &ArchiveProgress) -> rusqlite::Result<()> {
    let ArchivePosition { file, length } = progress.position;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    connection.prepare_cached(UPDATE_ARCHIVE)?.execute(params![archive, file, length])?;
    let mut insert = connection.prepare_cached(INSERT_PAYLOAD)?;
    for ArchivedPayload { digest, target, date } in &progress.payloads {
        insert.execute(params![archive, digest, target, date])?;
    }
    Ok(())
}
