//! One run at a time: a lock beside the database, and one in the output folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{StateError, with_suffix};

/// Holds a lock for as long as it lives. Its file has the number of the process, for messages only:
/// what counts is the lock, which ends with the process however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of what is at this path; folders above it are made. Several spellings of one
    /// path, links among them, have one lock.
    ///
    /// # Errors
    /// When another run has it, or the file system says no.
    pub fn of(path: &Path) -> Result<Self, StateError> {
        make_folder(path)?;
        let io = |source| StateError::Io { path: path.to_owned(), source };
        let path = with_suffix(&real(path).map_err(io)?, ".lock");
        let io = |source| StateError::Io { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                written.map_err(io)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Err: then the message does without.
                let _ = file.read_to_string(&mut by);
                let by = by.parse::<u32>().map_or_else(|_| String::new(), |id| format!(" (process {id})"));
                Err(StateError::InUse { path, by })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

/// Whether these are two spellings of one place, in folders that are there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    matches!((real(one), real(other)), (Ok(one), Ok(other)) if one == other)
}

/// Makes the folders above a path.
fn make_folder(path: &Path) -> Result<(), StateError> {
    let io = |source| StateError::Io { path: path.to_owned(), source };
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            let what = format!("{} is no folder; move away what is there", folder.display());
            io(io::Error::new(io::ErrorKind::NotADirectory, what))
        }
        _ => io(e),
    })
}

/// The path without links, also of a file that is still to be made.
pub(super) fn real(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        resolved => return resolved,
    }
    if fs::symlink_metadata(path).is_ok() {
        // A link to what is not there yet: only once that is made can it be told where it is.
        OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        return fs::canonicalize(path);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(fs::canonicalize(folder)?.join(name))
}
