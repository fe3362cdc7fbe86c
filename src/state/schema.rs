//! The tables, and how they came to be what they are.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StateError, failed};

/// The version that this program reads and writes.
pub(super) const VERSION: i32 = 1;

/// Marks the file as ours (`file` and SQLite show it): `fall`.
const APPLICATION: i32 = 0x6661_6c6c;

/// Whether a file begins as a state of ours does, or there is nothing in it.
pub(super) fn is_ours(path: &Path) -> io::Result<bool> {
    // The SQLite file format, section 1.3: the application id is at 68.
    let mut head = Vec::with_capacity(72);
    match File::open(path) {
        Ok(file) => file.take(72).read_to_end(&mut head)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(e),
    };
    Ok(head.is_empty() || head.get(68..72) == Some(&APPLICATION.to_be_bytes()))
}

/// Each step leads from the version of its position to the next.
const STEPS: [&str; VERSION as usize] = ["
CREATE TABLE urls (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    url TEXT NOT NULL,
    outcome TEXT NOT NULL,
    name TEXT,
    status INTEGER,
    final_url TEXT,
    bytes INTEGER,
    wire_bytes INTEGER,
    content_type TEXT,
    sha256 TEXT,
    blake3 TEXT,
    etag TEXT,
    last_modified TEXT,
    redirects TEXT,
    http_version TEXT,
    remote_addr TEXT,
    error_kind TEXT,
    error_message TEXT,
    attempts INTEGER NOT NULL,
    started_at TEXT,
    total_ms REAL
);
"];

/// Opens the database and brings it to this version.
pub(super) fn open(path: &Path, sync: bool) -> Result<Connection, StateError> {
    let mut connection = bare(path)?;
    // Looked at before anything is set: what is not ours stays as it is.
    let found = version(&connection, path)?;
    let Some(missing) = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)) else {
        return Err(StateError::Newer { path: path.to_owned(), found });
    };
    set_up(&connection, path, sync)?;
    let sqlite = |e| failed(path, e);
    if !missing.is_empty() {
        let transaction = connection.transaction().map_err(sqlite)?;
        for step in missing {
            transaction.execute_batch(step).map_err(sqlite)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(sqlite)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)?;
    }
    Ok(connection)
}

/// The version of a database that is ours or empty.
fn version(connection: &Connection, path: &Path) -> Result<i32, StateError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let read = || -> rusqlite::Result<(i32, i32, i64)> {
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((number("application_id")?, number("user_version")?, tables))
    };
    match read().map_err(|e| failed(path, e))? {
        (APPLICATION, version, _) => Ok(version),
        (0, 0, 0) => Ok(0),
        _ => {
            let why = "it is another program's database".to_owned();
            Err(StateError::Damaged { path: path.to_owned(), why })
        }
    }
}

/// A connection as all of ours are.
pub(super) fn connect(path: &Path, sync: bool) -> Result<Connection, StateError> {
    let connection = bare(path)?;
    set_up(&connection, path, sync)?;
    Ok(connection)
}

fn bare(path: &Path) -> Result<Connection, StateError> {
    let sqlite = |e| failed(path, e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(sqlite)?;
    Ok(connection)
}

fn set_up(connection: &Connection, path: &Path, sync: bool) -> Result<(), StateError> {
    let sqlite = |e| failed(path, e);
    // A log beside the database: readers and the writer do not wait for each other, and what is
    // committed outlives the process however that ends. Power loss may cost the last commits, never
    // the database; with --sync each commit is on the disk when it returns.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
    connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" }).map_err(sqlite)?;
    connection.pragma_update(None, "cache_size", -8192).map_err(sqlite)
}
