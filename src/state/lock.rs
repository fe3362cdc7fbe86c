//! One run at a time: a lock beside the database, one on the database itself, and one in the output folder.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
#[cfg(unix)]
use std::path::Path;

use super::StateError;
use super::files::{StateFiles, StatePath};

/// The suffix of a lock.
const LOCK: &str = ".lock";

/// Holds a lock for as long as it lives. Its file has the number of the process, for messages only:
/// what counts is the lock, which ends with the process however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The database, locked as well.
    database: Option<File>,
}

impl Lock {
    /// Takes the lock of the state at this path; folders above it are made. Several spellings of one
    /// path, links among them, have one lock.
    ///
    /// # Errors
    /// When another run has it, or the file system says no.
    pub fn of(path: &StatePath) -> Result<Self, StateError> {
        Self::beside(&path.make(false)?)
    }

    /// Takes the lock beside an opened state.
    pub(super) fn beside(files: &StateFiles) -> Result<Self, StateError> {
        files.refuse_linked(LOCK)?;
        let io = |source| files.error(LOCK, source);
        let mut file = files.open_to_write(LOCK, true).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                let holder = holder(&file).map_err(io)?;
                let Some(_) = holder else { return Err(io(io::Error::other(NO_LOCK))) };
                let written = file.set_len(0).and_then(|()| file.rewind());
                written.and_then(|()| write!(file, "{}", std::process::id())).map_err(io)?;
                Ok(Self { file, database: None })
            }
            Err(TryLockError::WouldBlock) => {
                // Err: then the message does without.
                let by = holder(&file).ok().flatten().unwrap_or_default();
                let by = if by.is_empty() { by } else { format!(" (process {by})") };
                Err(StateError::InUse { path: files.shown(""), by })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file is not enough: a child that another thread has just forked has a copy until it runs its
        // program. Err: the lock ends with the process.
        let _ = self.file.unlock();
        if let Some(database) = &self.database {
            let _ = unlock_byte(database);
        }
    }
}

/// The advice about a foreign file under the name of a lock.
const NO_LOCK: &str = "it is no lock of a run, so it is not written to; move it away, or name another state";

/// The process that wrote a lock, empty before one has; `None` where the file holds anything else.
fn holder(file: &File) -> io::Result<Option<String>> {
    let mut text = String::new();
    // A number of 64 bits has 20 digits at most.
    let read = file.take(21).read_to_string(&mut text);
    match read {
        Ok(_) => Ok((text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(e) => Err(e),
    }
}

impl Lock {
    /// Whether the database is still at this path.
    #[cfg(unix)]
    pub(super) fn is_of(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let id = |found: std::fs::Metadata| (found.dev(), found.ino());
        let opened = self.database.as_ref().and_then(|file| file.metadata().ok()).map(id);
        opened.is_none() || opened == std::fs::metadata(path).ok().map(id)
    }

    /// Other systems remove no file that is open.
    #[cfg(not(unix))]
    pub(super) fn is_of(&self, _: &std::path::Path) -> bool {
        true
    }

    /// Holds the lock on the database too.
    pub(super) fn with_file(mut self, database: File) -> Self {
        self.database = Some(database);
        self
    }

    /// The database, if this is its lock.
    pub(super) fn database(&self) -> Option<&File> {
        self.database.as_ref()
    }
}

/// Locks the database itself, which may have got another name, and so another file of the lock. `None` where it is
/// not there yet.
///
/// # Errors
/// When another run has it, or the file system says no.
pub(super) fn of_file(files: &StateFiles) -> Result<Option<File>, StateError> {
    match files.open_to_write("", false) {
        Ok(file) => locked(files, file).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(files.error("", e)),
    }
}

/// Creates the file of the database, and locks it.
///
/// # Errors
/// If anything is there, or the file system says no.
pub(super) fn of_new_file(files: &StateFiles) -> Result<File, StateError> {
    let file = files.create("").map_err(|e| files.error("", e))?;
    locked(files, file)
}

fn locked(files: &StateFiles, file: File) -> Result<File, StateError> {
    match try_lock_byte(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(StateError::InUse { path: files.shown(""), by: String::new() }),
        Err(e) => Err(files.error("", e)),
    }
}

/// Locks one byte far behind those that SQLite locks (sqlite.org/lockingv3.html). The lock belongs to
/// the open file: unlike one of the process it is held until that is closed.
#[cfg(target_os = "linux")]
fn try_lock_byte(file: &File) -> io::Result<bool> {
    use nix::errno::Errno;
    match set_byte(file, nix::libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        // The file system has no locks; SQLite says so where it needs them.
        Err(Errno::EINVAL | Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// Lets go of the byte.
#[cfg(target_os = "linux")]
fn unlock_byte(file: &File) -> io::Result<()> {
    Ok(set_byte(file, nix::libc::F_UNLCK)?)
}

/// Gives the lock of the byte this type.
#[cfg(target_os = "linux")]
fn set_byte(file: &File, kind: nix::libc::c_int) -> nix::Result<()> {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: LOCKED_BYTE,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}

/// The last byte that a lock can name but one.
#[cfg(target_os = "linux")]
const LOCKED_BYTE: nix::libc::off_t = nix::libc::off_t::MAX - 1;

/// Other systems have no such lock: there the path alone is locked.
#[cfg(not(target_os = "linux"))]
fn try_lock_byte(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn unlock_byte(_: &File) -> io::Result<()> {
    Ok(())
}
