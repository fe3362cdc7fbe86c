//! One run at a time: a lock beside the database, one on the database itself, and one in the output folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{StateError, with_suffix};

/// Holds a lock for as long as it lives. Its file has the number of the process, for messages only:
/// what counts is the lock, which ends with the process however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    /// The database, locked as well.
    database: Option<File>,
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
                Ok(Self { _file: file, database: None })
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

impl Lock {
    /// Whether the database is still at this path.
    #[cfg(unix)]
    pub(super) fn is_of(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        let opened = self.database.as_ref().and_then(|file| file.metadata().ok()).map(id);
        opened.is_none() || opened == fs::metadata(path).ok().map(id)
    }

    /// Other systems remove no file that is open.
    #[cfg(not(unix))]
    pub(super) fn is_of(&self, _: &Path) -> bool {
        true
    }

    /// Holds the lock on the database too.
    pub(super) fn with_file(self, database: Option<File>) -> Self {
        Self { database, ..self }
    }
}

/// Locks the database itself, which may have another name (a hard link), and so another file of the
/// lock. `None` where it is not there yet.
///
/// # Errors
/// When another run has it, or the file system says no.
pub(super) fn of_file(path: &Path) -> Result<Option<File>, StateError> {
    let io = |source| StateError::Io { path: path.to_owned(), source };
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) if try_lock_byte(&file).map_err(io)? => Ok(Some(file)),
        Ok(_) => Err(StateError::InUse { path: path.to_owned(), by: String::new() }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io(e)),
    }
}

/// Locks one byte far behind those that SQLite locks (sqlite.org/lockingv3.html). The lock belongs to
/// the open file: unlike one of the process it is held until that is closed.
#[cfg(target_os = "linux")]
fn try_lock_byte(file: &File) -> io::Result<bool> {
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: LOCKED_BYTE,
        l_len: 1,
        l_pid: 0,
    };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        // The file system has no locks; SQLite says so where it needs them.
        Err(Errno::EINVAL | Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// The last byte that a lock can name but one.
#[cfg(target_os = "linux")]
const LOCKED_BYTE: nix::libc::off_t = nix::libc::off_t::MAX - 1;

/// Other systems have no such lock: there the path alone is locked.
#[cfg(not(target_os = "linux"))]
fn try_lock_byte(_: &File) -> io::Result<bool> {
    Ok(true)
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
