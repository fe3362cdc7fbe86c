//! What earlier runs know, in one SQLite database; it is written by one thread, read by another.
//!
//! ```text
//! open ─▶ Recall  looks up the lines that were read     (on the thread of the source)
//!      ├▶ Ledger  writes down the outcomes, by batches  (on the thread of the sinks)
//!      └▶ Past    tells what else is known              (there too, at the end of a run that asks)
//! ```
//!
//! A row is written before the record of its outcome is: whatever was told is known after a crash.
//! `docs/guide/resuming.md` explains tables and columns for those who look with `sqlite3`.

mod key;
mod ledger;
mod lock;
mod occurrences;
mod past;
mod recall;
mod row;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use key::Shape;
pub use ledger::Ledger;
pub use lock::{Lock, is_same};
pub use past::{Past, PastRow};
pub use recall::Recall;

use crate::model::shown_path;
use crate::policy::naming::fold;
use crate::policy::text::fingerprint::FingerprintSet;
use key::{Keys, Salt};
use row::Found;

use crate::output_folder::OutputFolder;

/// The state cannot be used. Nothing of it was changed.
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
        "{path} is damaged or no state of fetchall ({why}); move it away, or name another",
        path = shown_path(.path)
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
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
        path = .path.display()
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

/// What the names of the files end in that are made beside the database.
pub const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// Where bodies are saved.
#[derive(Debug, Clone)]
pub enum Bodies {
    /// Nowhere: what was ok is done.
    Nowhere,
    /// Below this folder, under the names that they were given.
    Below(OutputFolder),
    /// In this one file.
    File(PathBuf),
    /// They are handed on, and are not there when they are asked for again: nothing is done.
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
    fn find(&self, found: &Found) -> Presence {
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
        match (len.is_some() && len == found.facts.bytes, linked) {
            (false, _) => Presence::Absent,
            (true, None) => Presence::There,
            (true, Some(id)) => Presence::Linked(id),
        }
    }

    /// Opens the file of a row.
    fn open(&self, found: &Found) -> io::Result<fs::File> {
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
    path: PathBuf,
    connection: Connection,
    salt: Salt,
    /// Files of more than one row, folded: no run of ours writes such rows, and none of them is done.
    shared: HashSet<String>,
    /// Absent where it is only looked at.
    lock: Option<Lock>,
}

impl State {
    /// Opens or creates it; `fresh` forgets what is there, if that is a state; with `sync` what is
    /// written outlasts a loss of power. Folders above it are made.
    ///
    /// # Errors
    /// When it is in use, damaged, of a newer version, or the file system says no.
    pub fn open(path: &Path, fresh: bool, sync: bool) -> Result<Self, StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        // SQLite would only say that it cannot be opened.
        if path.is_dir() {
            let what = "it is a folder; move it away, or name another file";
            return Err(io(io::Error::new(io::ErrorKind::IsADirectory, what)));
        }
        let lock = Lock::of(path)?;
        refuse_linked_companions(path)?;
        let mut file = lock::of_file(path)?;
        if fresh {
            if !schema::is_ours(path).map_err(io)? {
                let why = "it does not begin as one does, so it is not replaced".to_owned();
                return Err(StateError::Damaged { path: path.to_owned(), why });
            }
            // SQLite has its files beside the one that a link leads to.
            let real = lock::real(path).map_err(io)?;
            file = None;
            for suffix in ["", "-wal", "-shm", "-journal"] {
                match fs::remove_file(with_suffix(&real, suffix)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
                    _ => {}
                }
            }
        }
        let connection = schema::open(path, sync)?;
        if file.is_none() {
            file = lock::of_file(path)?;
        }
        if sync {
            sync_names(path).map_err(io)?;
        }
        let (lock, salt) = (lock.with_file(file), schema::salt(&connection, path)?);
        Ok(Self { path: path.to_owned(), connection, salt, shared: HashSet::new(), lock: Some(lock) })
    }

    /// Opens it to look at it: nothing is changed, made or locked. `None` where there is no state.
    ///
    /// # Errors
    /// When it is damaged, of a newer version, or the file system says no.
    pub fn look_at(path: &Path) -> Result<Option<Self>, StateError> {
        if path.exists() {
            refuse_linked_companions(path)?;
        }
        let Some(connection) = schema::look_at(path)? else { return Ok(None) };
        let salt = schema::salt(&connection, path)?;
        Ok(Some(Self { path: path.to_owned(), connection, salt, shared: HashSet::new(), lock: None }))
    }

    /// Every name that was claimed so far.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn names(&mut self, mut each: impl FnMut(&str)) -> Result<(), StateError> {
        let mut seen = FingerprintSet::new();
        let mut read = || -> rusqlite::Result<()> {
            let mut names = self.connection.prepare(row::SELECT_NAMES)?;
            let mut rows = names.query([])?;
            while let Some(row) = rows.next()? {
                // A value that is no text names no file.
                if let Ok(name) = row.get_ref(0)?.as_str() {
                    each(name);
                }
                if let Ok(file) = row.get_ref(1)?.as_str() {
                    let file = fold(file);
                    if !seen.insert(&file) {
                        self.shared.insert(file);
                    }
                }
            }
            Ok(())
        };
        read().map_err(|e| failed(&self.path, e))
    }

    /// Tells everything that was ok, for a run that says what is no longer listed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn past(&self, bodies: &Bodies) -> Result<Past, StateError> {
        // Which of the rows the one file belongs to, nobody knows.
        let bodies = if let Bodies::Below(_) = bodies { bodies.clone() } else { Bodies::Nowhere };
        Ok(Past::new(self.path.clone(), schema::connect(&self.path, false)?, bodies))
    }

    /// The end that looks things up alone, of a state that is only looked at.
    pub fn recall(self, shape: Shape, bodies: Bodies) -> Recall {
        Recall::new(self.path, self.connection, Keys::new(shape, self.salt), bodies, self.shared)
    }

    /// The two ends of it: one to look things up, one to write them down.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn split(self, shape: Shape, bodies: Bodies) -> Result<(Recall, Ledger), StateError> {
        let reading = schema::connect(&self.path, false)?;
        let keys = Keys::new(shape, self.salt);
        let recall = Recall::new(self.path.clone(), reading, keys.clone(), bodies.clone(), self.shared);
        let Self { path, connection, lock, .. } = self;
        Ok((recall, Ledger::new(path, connection, lock, keys, bodies)))
    }
}

/// Brings the names of the database and of the folders that may have been made for it to the disk.
#[cfg(unix)]
fn sync_names(path: &Path) -> io::Result<()> {
    let here = |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    path.ancestors().skip(1).take(3).try_for_each(|folder| fs::File::open(here(folder))?.sync_all())
}

/// Other systems have no such call.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Refuses what is linked to elsewhere of the files that are made beside the database.
fn refuse_linked_companions(path: &Path) -> Result<(), StateError> {
    let real = lock::real(path).map_err(|source| StateError::Io { path: path.to_owned(), source })?;
    COMPANIONS.iter().try_for_each(|suffix| lock::refuse_linked(&with_suffix(&real, suffix)))
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
