//! The state: facts of earlier runs in one SQLite database. One thread writes it, another reads it.
//!
//! ```text
//! open ─▶ Recall  looks up the lines that were read     (on the thread of the source)
//!      ├▶ Ledger  writes down the outcomes, by batches  (on the thread of the sinks)
//!      └▶ Past    reads all other rows                  (there too, at the end of a run with `--changes`)
//! ```
//!
//! A row is written before its record, so the state knows every record after a crash.
//! `docs/guide/resuming.md` explains tables and columns for queries with `sqlite3`.

mod adopted;
mod archives;
mod files;
mod header;
mod key;
mod known;
mod ledger;
mod link_codec;
mod lock;
mod occurrences;
mod past;
mod recall;
mod robots;
mod row;
mod saved_documents;
mod schema;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod vfs;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use archives::{KnownArchive, KnownPayloads};
pub use files::{OWN, StatePath};
pub use key::Shape;
pub use known::KnownResult;
pub use ledger::Ledger;
pub use lock::Lock;
pub use past::{PastRow, PastRows};
pub use recall::Recall;
pub use saved_documents::{FileLengths, KnownLengths, SavedBatch, SavedRow};

use crate::model::shown_path;
use crate::policy::naming::fold;
use crate::policy::rerun::selection::RecordedOutcome;
use crate::policy::text::fingerprint::FingerprintSet;
use files::StateFiles;
use key::{Keys, Salt};
use row::RowContent;
use schema::Database;

use crate::output_folder::OutputFolder;

/// The state cannot be used. If it is refused, nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run has it.
    #[error("{path} is in use by another run{by}; wait for it to end, or use another folder", path = shown_path(.path))]
    InUse {
        /// The lock.
        path: PathBuf,
        /// ` (process 123)`, when that is known.
        by: String,
    },
    /// A later version wrote it.
    #[error(
        "{path} was written by a newer fetchall (version {found} of the state, this one knows {known}); \
         use that one, or --fresh to forget what it knows",
        path = shown_path(.path), known = schema::VERSION
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
    },
    /// It is no state, or damaged.
    #[error(
        "{path} is damaged or no state of fetchall ({why}); move it away, or name another with --state",
        path = shown_path(.path)
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// An error of SQLite.
        why: String,
    },
    /// There is no room to write it.
    #[error(
        "no space is left for the state {path}; free some and run the same command again, which goes on from here",
        path = shown_path(.path)
    )]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Another program took it away while the run was at work.
    #[error(
        "{path} was removed or replaced during the run: what it knew is lost, and the next run fetches that anew",
        path = shown_path(.path)
    )]
    Removed {
        /// The database.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("cannot use the state {path}: {source}", path = shown_path(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// SQLite says no.
    #[error("cannot use the state {path}: {source}", path = shown_path(.path))]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}

/// The suffixes of the companion files beside the database.
pub const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// The destination of bodies.
#[derive(Debug, Clone)]
pub enum Bodies {
    /// No file. An `ok` URL is done.
    Nowhere,
    /// Below this folder, under the names that they were given.
    Below(OutputFolder),
    /// In this one file.
    File(PathBuf),
    /// Standard output, where no later run finds them. No URL is done.
    HandedOn,
}

/// Whether the file of a row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It is not, or has another length.
    Absent,
    /// It is, or the bodies are nowhere.
    There,
    /// It is, and has another name too: its device and inode.
    Linked((u64, u64)),
}

impl Bodies {
    /// The cheap check: the file of a row is there and as long as it was.
    fn find(&self, found: &RowContent) -> Presence {
        let (len, linked) = match (self, &found.file) {
            (Bodies::Nowhere, _) => return Presence::There,
            (Bodies::Below(folder), Some(file)) => {
                let there = folder.info(file).ok().filter(|there| there.is_file);
                (there.map(|there| there.len), there.filter(|there| there.links > 1).and_then(|there| there.id))
            }
            // Named by the user, who may have named a link.
            (Bodies::File(path), _) => {
                let there = fs::metadata(path).ok().filter(fs::Metadata::is_file);
                (there.map(|there| there.len()), None)
            }
            (Bodies::Below(_) | Bodies::HandedOn, _) => return Presence::Absent,
        };
        let is_length = |len: u64| {
            let own = found.facts.file_bytes.or(found.facts.bytes);
            Some(len) == own || Some(len) == found.relinked_bytes
        };
        match (len.is_some_and(is_length), linked) {
            (false, _) => Presence::Absent,
            (true, None) => Presence::There,
            (true, Some(id)) => Presence::Linked(id),
        }
    }

    /// Opens the file of a row.
    fn open(&self, found: &RowContent) -> io::Result<fs::File> {
        match (self, &found.file) {
            (Bodies::Below(folder), Some(file)) => {
                let (folder, name) = folder.open_parent(file)?;
                folder.open_to_read(name)
            }
            (Bodies::File(path), _) => fs::File::open(path),
            (Bodies::Below(_) | Bodies::Nowhere | Bodies::HandedOn, _) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// A state that is open.
pub struct State {
    files: Arc<StateFiles>,
    connection: Database,
    /// For the thread that reads, beside the one that writes. Absent if the state is only read.
    reading: Option<Database>,
    salt: Salt,
    /// Files of more than one row, folded. fetchall writes no such rows, so none of them is done.
    shared: HashSet<String>,
    /// Absent if the state is only read.
    lock: Option<Lock>,
}

impl State {
    /// Opens or creates it; `fresh` forgets what is there, if that is a state; with `sync` what is
    /// written outlasts a loss of power. Folders above it are made.
    ///
    /// # Errors
    /// When it is in use, damaged, of a newer version, or the file system says no.
    pub fn open(path: &StatePath, fresh: bool, sync: bool) -> Result<Self, StateError> {
        match Self::open_once(path, fresh, sync) {
            // Another program removed it meanwhile: nothing was fetched yet, so it is made again.
            Err(_) if path.is_missing() => Self::open_once(path, fresh, sync),
            opened => opened,
        }
    }

    fn open_once(path: &StatePath, fresh: bool, sync: bool) -> Result<Self, StateError> {
        let files = Arc::new(path.make(sync)?);
        let io = |source| files.error("", source);
        files.refuse_no_database()?;
        let lock = Lock::beside(&files)?;
        files.refuse_linked_companions()?;
        let mut file = lock::of_file(&files)?;
        if let Some((suffix, why)) = header::why_foreign(&files, file.as_ref())? {
            let is_kept = fresh && suffix.is_empty();
            let why = if is_kept { "it does not begin as one does, so it is not replaced" } else { why }.to_owned();
            return Err(StateError::Damaged { path: files.shown(suffix), why });
        }
        if fresh {
            file = None;
            ["", "-wal", "-shm", "-journal"].iter().try_for_each(|suffix| files.remove(suffix)).map_err(io)?;
        }
        let file = file.map_or_else(|| lock::of_new_file(&files), Ok)?;
        let connection = schema::open(&files, &file, sync)?;
        if sync {
            files.sync().map_err(io)?;
        }
        let salt = schema::salt(&connection, files.path())?;
        let reading = Some(schema::connect(&files, Some(&file))?);
        let lock = Some(lock.with_file(file));
        Ok(Self { files, connection, reading, salt, shared: HashSet::new(), lock })
    }

    /// Opens it to look at it: nothing is changed, made or locked. `None` where there is no state.
    ///
    /// # Errors
    /// When it is damaged, of a newer version, or the file system says no.
    pub fn look_at(path: &StatePath) -> Result<Option<Self>, StateError> {
        let Some(files) = path.open()?.map(Arc::new) else { return Ok(None) };
        files.refuse_no_database()?;
        if matches!(files.info(""), Ok(Some(_))) {
            files.refuse_linked_companions()?;
        }
        let Some(connection) = schema::look_at(&files)? else { return Ok(None) };
        let salt = schema::salt(&connection, files.path())?;
        Ok(Some(Self { files, connection, reading: None, salt, shared: HashSet::new(), lock: None }))
    }

    /// Calls `each` for every name that was assigned so far, and for that of a file with an ending of its own.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn names(&mut self, mut each: impl FnMut(&str)) -> Result<(), StateError> {
        let mut seen = FingerprintSet::new();
        let mut read = || -> rusqlite::Result<()> {
            let mut names = self.connection.prepare(row::SELECT_NAMES)?;
            let mut rows = names.query([])?;
            while let Some(row) = rows.next()? {
                // A value that is no text names no file.
                let name = row.get_ref(0)?.as_str();
                if let Ok(name) = name {
                    each(name);
                }
                if let Ok(file) = row.get_ref(1)?.as_str() {
                    let rest = name.ok().and_then(|name| file.strip_prefix(name));
                    // A file in the folder of the name is in nobody's way.
                    if rest.is_some_and(|rest| rest.starts_with('.')) {
                        each(file);
                    }
                    let file = fold(file);
                    if !seen.insert(&file) {
                        self.shared.insert(file);
                    }
                }
            }
            Ok(())
        };
        read().map_err(|e| failed(self.files.path(), e))
    }

    /// Calls `each` for the last result of every request, the oldest one first.
    ///
    /// # Errors
    /// An error of SQLite or of `each`.
    pub fn each_result<E: From<StateError>>(
        &self,
        mut each: impl FnMut(&str, RecordedOutcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sqlite = |e| E::from(failed(self.files.path(), e));
        let mut statement = self.connection.prepare(row::SELECT_RESULTS).map_err(sqlite)?;
        let mut rows = statement.query([]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            // A value that is no text is no URL.
            if let Ok(url) = row.get_ref(row::URL_OF_RESULT).map_err(sqlite)?.as_str() {
                each(url, row::last_result(row).map_err(sqlite)?)?;
            }
        }
        Ok(())
    }

    /// Reads all `ok` rows, for a run that reports URLs missing in its list.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn past(&self, bodies: &Bodies) -> Result<PastRows, StateError> {
        // One file of several rows belongs to no row in particular.
        let bodies = if let Bodies::Below(_) = bodies { bodies.clone() } else { Bodies::Nowhere };
        Ok(PastRows::new(self.files.path().to_owned(), schema::connect(&self.files, self.file())?, bodies))
    }

    /// The file of the database, unless the state is only read.
    fn file(&self) -> Option<&fs::File> {
        self.lock.as_ref().and_then(Lock::database)
    }

    /// Returns the reader of a state that is only read.
    pub fn recall(self, shape: Shape, bodies: Bodies) -> Recall {
        Recall::new(self.files.path().to_owned(), self.connection, Keys::new(shape, self.salt), bodies, self.shared)
    }

    /// Opens another reader, for the links of a crawl; `None` if the state is empty.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn links(&self, shape: Shape, bodies: Bodies) -> Result<Option<Recall>, StateError> {
        let is_empty = self.connection.query_row(row::IS_EMPTY, [], |row| row.get(0));
        if is_empty.map_err(|e| failed(self.files.path(), e))? {
            return Ok(None);
        }
        let connection = schema::connect(&self.files, self.file())?;
        let (path, keys) = (self.files.path().to_owned(), Keys::new(shape, self.salt));
        Ok(Some(Recall::new(path, connection, keys, bodies, self.shared.clone())))
    }

    /// Returns the reader and the writer.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn split(self, shape: Shape, bodies: Bodies) -> Result<(Recall, Ledger), StateError> {
        let reading = self.reading.map_or_else(|| schema::connect(&self.files, None), Ok)?;
        let keys = Keys::new(shape, self.salt);
        let path = self.files.path().to_owned();
        let recall = Recall::new(path.clone(), reading, keys.clone(), bodies.clone(), self.shared);
        let Self { connection, lock, .. } = self;
        Ok((recall, Ledger::new(path, connection, lock, keys, bodies)))
    }
}

/// The version of SQLite.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// An error of SQLite, with advice where there is some.
fn failed(path: &Path, source: rusqlite::Error) -> StateError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StateError::Damaged { path, why: source.to_string() },
        Some(DiskFull) => StateError::Full { path },
        _ => StateError::Sqlite { path, source },
    }
}
