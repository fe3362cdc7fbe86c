//! The tables, and how they came to be what they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files::StateFiles;
use super::header::APPLICATION;
use super::key::{self, Salt};
use super::{StateError, archives, failed, row};

/// The version that this program reads and writes.
pub(super) const VERSION: i32 = STEPS.len() as i32;

/// How long one connection waits for another.
const BUSY: Duration = Duration::from_secs(10);

/// Pages that are copied at once.
const COPIED: std::ffi::c_int = 1024;

/// The characters that a URI of SQLite escapes in its path (sqlite.org/uri.html).
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A connection, with the open folder of its files: SQLite names them through that descriptor until it is closed.
pub(super) struct Database {
    // The first field is dropped first.
    connection: Connection,
    _files: Arc<StateFiles>,
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Leads from one version to the next.
type Migration = fn(&Connection) -> rusqlite::Result<()>;

/// Each step leads from the version of its position to the next.
const STEPS: &[Migration] = &[
    |state| state.execute_batch(URLS),
    // The path of a file that is not under its assigned name.
    |state| state.execute_batch("ALTER TABLE urls ADD COLUMN file TEXT"),
    // A last try that failed, where an earlier one was ok, which stays known.
    |state| {
        state.execute_batch(
            "ALTER TABLE urls ADD COLUMN failed_status INTEGER; ALTER TABLE urls ADD COLUMN failed_at TEXT",
        )
    },
    salt_keys,
    |state| state.execute_batch(CRAWL),
    |state| state.execute_batch(archives::TABLES),
    |state| state.execute_batch(FILES),
    // The digest of the text of a page.
    |state| state.execute_batch("ALTER TABLE urls ADD COLUMN text_sha256 TEXT"),
];

/// The first table.
const URLS: &str = "
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
";

/// The titles and links of pages, and the robots.txt of origins: a later crawl needs them.
const CRAWL: &str = "
ALTER TABLE urls ADD COLUMN title TEXT;
ALTER TABLE urls ADD COLUMN links BLOB;
CREATE TABLE robots (
    origin TEXT PRIMARY KEY NOT NULL,
    fetched_at TEXT,
    status INTEGER,
    body BLOB,
    failed_since TEXT,
    failed_at TEXT,
    failures INTEGER,
    error TEXT,
    retry_after_ms INTEGER
);
";

/// The lengths of files whose links were rewritten, and whether all their links were looked at since they came.
const FILES: &str = "
ALTER TABLE urls ADD COLUMN file_bytes INTEGER;
ALTER TABLE urls ADD COLUMN relinked_bytes INTEGER;
ALTER TABLE urls ADD COLUMN linked INTEGER;
";

/// The first version whose keys are salted.
const SALTED: i32 = 4;

/// Gives a state its salt, and every row the key that it has with that.
fn salt_keys(state: &Connection) -> rusqlite::Result<()> {
    state.execute_batch("CREATE TABLE salt (salt BLOB NOT NULL); INSERT INTO salt VALUES (randomblob(32))")?;
    let salt = state.query_row(row::SELECT_SALT, [], |row| row.get(0))?;
    // In the order of ids, which stays while keys change.
    let mut keys = state.prepare("SELECT id, key FROM urls WHERE octet_length(key) = 16 ORDER BY id")?;
    let mut update = state.prepare("UPDATE urls SET key = ?2 WHERE id = ?1")?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        // A text is no key of fetchall.
        if let Ok(digest) = row.get_ref(1)?.as_blob() {
            update.execute((row.get::<_, i64>(0)?, key::salted(&salt, digest)))?;
        }
    }
    Ok(())
}

/// Reads the salt of the keys.
pub(super) fn salt(state: &Connection, path: &Path) -> Result<Salt, StateError> {
    state.query_row(row::SELECT_SALT, [], |row| row.get(0)).map_err(|e| match e {
        rusqlite::Error::QueryReturnedNoRows => {
            StateError::Damaged { path: path.to_owned(), why: "it has no salt for its keys".to_owned() }
        }
        e => failed(path, e),
    })
}

/// Opens the database, which is this file, and brings it to this version.
pub(super) fn open(files: &Arc<StateFiles>, file: &File, sync: bool) -> Result<Database, StateError> {
    let (mut connection, path) = (bare(files, Some(file))?, files.path());
    // Looked at before anything is set: what is not ours stays as it is.
    let version = version(&connection, path)?;
    let missing = missing(version, path)?;
    refuse_foreign(&connection, version, path)?;
    // The first step before there is a log, so that the file itself says whose it is from its
    // first moment on.
    take(&mut connection, missing).map_err(|e| failed(path, e))?;
    if (1..SALTED).contains(&version) {
        // No key without salt is to stay in the free space of the file.
        connection.execute_batch("VACUUM").map_err(|e| failed(path, e))?;
    }
    check(&connection, path)?;
    set_up(&connection, path, sync)?;
    Ok(connection)
}

/// That the tables are as this version knows them.
fn check(connection: &Connection, path: &Path) -> Result<(), StateError> {
    for statement in row::ALL {
        connection.prepare_cached(statement).map_err(|e| match e.sqlite_error_code() {
            // No such table, no such column.
            Some(ErrorCode::Unknown) => StateError::Damaged { path: path.to_owned(), why: e.to_string() },
            _ => failed(path, e),
        })?;
    }
    Ok(())
}

/// Takes the missing steps, all or none.
fn take(connection: &mut Connection, missing: &[Migration]) -> rusqlite::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in missing {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Opens the database to look at it only, and makes no file; `None` where there is none. One of an
/// earlier version is brought to this one in memory.
pub(super) fn look_at(files: &Arc<StateFiles>) -> Result<Option<Database>, StateError> {
    match files.info("").map_err(|source| files.error("", source))? {
        None => return Ok(None),
        // A run creates an empty file before it creates the tables.
        Some(file) if file.len == 0 => return Ok(None),
        Some(_) => {}
    }
    let path = files.path();
    let sqlite = |e| failed(path, e);
    // With a log beside it, SQLite reads the database with that log and creates no file. Without one,
    // SQLite would create the files of a log, unless the database is opened as immutable.
    let log = files.info("-wal").is_ok_and(|log| log.is_some_and(|log| log.len > 0));
    let mut uri = "file:".to_owned();
    uri.extend(percent_encoding::percent_encode(files.sqlite_path().as_os_str().as_encoded_bytes(), KEPT));
    uri.push_str(if log { "?mode=ro" } else { "?mode=ro&immutable=1" });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_by_name(Path::new(&uri), flags).map_err(sqlite)?;
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    harden(&connection).map_err(sqlite)?;
    let version = version(&connection, path)?;
    let missing = missing(version, path)?;
    refuse_foreign(&connection, version, path)?;
    match missing {
        [] => {
            check(&connection, path)?;
            Ok(Some(Database { connection, _files: files.clone() }))
        }
        missing => {
            let mut copy = Connection::open_in_memory().map_err(sqlite)?;
            let mut copied = || -> rusqlite::Result<()> {
                let backup = rusqlite::backup::Backup::new(&connection, &mut copy)?;
                backup.run_to_completion(COPIED, Duration::ZERO, None)
            };
            copied().map_err(sqlite)?;
            harden(&copy).map_err(sqlite)?;
            take(&mut copy, missing).map_err(sqlite)?;
            check(&copy, path)?;
            Ok(Some(Database { connection: copy, _files: files.clone() }))
        }
    }
}

/// Turns off everything that a schema could run, because a state may come from a stranger.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    for off in [
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
    ] {
        connection.set_db_config(off, false)?;
    }
    Ok(())
}

/// Refuses a schema that is not what the steps up to this version make: triggers, views, other columns.
fn refuse_foreign(connection: &Connection, version: i32, path: &Path) -> Result<(), StateError> {
    let sqlite = |e| failed(path, e);
    let expected = || -> rusqlite::Result<BTreeMap<String, String>> {
        let made = Connection::open_in_memory()?;
        for step in STEPS.iter().take(usize::try_from(version).unwrap_or_default()) {
            step(&made)?;
        }
        parts(&made)
    };
    let (mut expected, found) = (expected().map_err(sqlite)?, parts(connection).map_err(sqlite)?);
    let foreign = found.iter().find(|(name, sql)| expected.remove(*name).as_ref() != Some(*sql)).map(|(name, _)| name);
    match foreign.or(expected.keys().next()) {
        None => Ok(()),
        Some(name) => {
            let why = format!("its {} is not as fetchall makes it", name.escape_debug());
            Err(StateError::Damaged { path: path.to_owned(), why })
        }
    }
}

/// Every part of a schema, such as `table urls`, with its definition without blanks.
fn parts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let select = "SELECT substr(type, 1, 100) || ' ' || substr(name, 1, 100), coalesce(substr(sql, 1, 100000), '') FROM sqlite_schema";
    let mut statement = connection.prepare(select)?;
    let parts = statement.query_map([], |row| {
        let sql: String = row.get(1)?;
        Ok((row.get(0)?, sql.split_whitespace().collect()))
    })?;
    parts.collect()
}

/// The steps that lead from a version to this one.
fn missing(found: i32, path: &Path) -> Result<&'static [Migration], StateError> {
    let version = usize::try_from(found)
        .map_err(|_| StateError::Damaged { path: path.to_owned(), why: format!("there is no version {found}") })?;
    STEPS.get(version..).ok_or_else(|| StateError::Newer { path: path.to_owned(), found })
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

/// A connection as all of ours are, to this file if a run writes it.
pub(super) fn connect(files: &Arc<StateFiles>, file: Option<&File>) -> Result<Database, StateError> {
    let connection = bare(files, file)?;
    set_up(&connection, files.path(), false)?;
    Ok(connection)
}

fn bare(files: &Arc<StateFiles>, file: Option<&File>) -> Result<Database, StateError> {
    let sqlite = |e| failed(files.path(), e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_by_name(files.sqlite_path(), flags).map_err(sqlite)?;
    // SQLite has not read the log yet.
    file.map_or(Ok(()), |file| files.refuse_replaced(file))?;
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    harden(&connection).map_err(sqlite)?;
    Ok(Database { connection, _files: files.clone() })
}

/// Opens a database under exactly this name.
fn open_by_name(name: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    #[cfg(unix)]
    let opened = match super::vfs::name() {
        Some(vfs) => Connection::open_with_flags_and_vfs(name, flags, vfs),
        None => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), None)),
    };
    #[cfg(not(unix))]
    let opened = Connection::open_with_flags(name, flags);
    opened.map_err(|e| match e {
        // The text has the name, which says nothing to a user. The caller names the file.
        rusqlite::Error::SqliteFailure(e, Some(_)) if e.code == ErrorCode::CannotOpen => {
            rusqlite::Error::SqliteFailure(e, None)
        }
        e => e,
    })
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
