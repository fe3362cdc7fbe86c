//! The tables of a queue, and the database in a temporary file.

use rusqlite::{Connection, OpenFlags};
use tempfile::{NamedTempFile, TempPath};

use crate::queue::QueueError;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS queue_hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS queue_lanes (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, level INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS queue_urls (id INTEGER PRIMARY KEY, url BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS queue_seen (
    host INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (host, key)
) WITHOUT ROWID;
";

pub(super) const SELECT_HOSTS: &str = "SELECT name FROM queue_hosts ORDER BY id";
pub(super) const SELECT_LANES: &str = "SELECT host, level,
    (SELECT min(id) FROM queue_urls WHERE id >= queue_lanes.id << 32 AND id < (queue_lanes.id + 1) << 32),
    (SELECT max(id) FROM queue_urls WHERE id >= queue_lanes.id << 32 AND id < (queue_lanes.id + 1) << 32)
    FROM queue_lanes ORDER BY id";
pub(super) const INSERT_HOST: &str = "INSERT INTO queue_hosts VALUES (?1, ?2)";
pub(super) const INSERT_LANE: &str = "INSERT INTO queue_lanes VALUES (?1, ?2, ?3)";
pub(super) const INSERT_SEEN: &str = "INSERT OR IGNORE INTO queue_seen VALUES (?1, ?2)";
pub(super) const INSERT_URL: &str = "INSERT INTO queue_urls VALUES (?1, ?2)";
pub(super) const SELECT_URLS: &str = "SELECT id, url FROM queue_urls WHERE id >= ?1 AND id < ?2 ORDER BY id";
pub(super) const DELETE_URLS: &str = "DELETE FROM queue_urls WHERE id BETWEEN ?1 AND ?2";

/// Large pages cost fewer writes: a URL is short, and URLs come and go in batches.
const PAGE: u64 = 16 * 1024;

/// The memory for pages of a temporary file, in KiB.
const CACHE: u32 = 2048;

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// A database in a temporary file of at most so many bytes, and its name if the system cannot remove that while the
/// file is open.
pub(super) fn temporary(most: u64) -> Result<(Connection, Option<TempPath>), QueueError> {
    let name = NamedTempFile::new().map_err(|e| QueueError(e.to_string()))?.into_temp_path();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(&name, flags)?;
    // Pages are written only when a transaction ends, and the journal is in memory. So a full disk fails
    // one transaction and keeps the rows of earlier ones.
    database.execute_batch(&format!(
        "PRAGMA page_size = {PAGE};
        PRAGMA max_page_count = {};
        PRAGMA cache_size = -{CACHE};
        PRAGMA cache_spill = OFF;
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = MEMORY;
        PRAGMA synchronous = OFF;",
        (most / PAGE).max(1)
    ))?;
    let name = match std::fs::remove_file(&name) {
        Ok(()) => {
            // There is no file to delete later. Err: there is nothing to keep.
            let _ = name.keep();
            None
        }
        Err(_) => Some(name),
    };
    Ok((database, name))
}
