//! One run at a time: a lock beside the database, one on the database itself, and one in the output folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
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
        refuse_linked(&path)?;
        let io = |source| StateError::Io { path: path.clone(), source };
        let mut file = open_lock(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                let holder = holder(&file).map_err(io)?;
                let Some(_) = holder else { return Err(io(io::Error::other(NO_LOCK))) };
                let written = file.set_len(0).and_then(|()| file.rewind());
                written.and_then(|()| write!(file, "{}", std::process::id())).map_err(io)?;
                Ok(Self { _file: file, database: None })
            }
            Err(TryLockError::WouldBlock) => {
                // Err: then the message does without.
                let by = holder(&file).ok().flatten().unwrap_or_default();
                let by = if by.is_empty() { by } else { format!(" (process {by})") };
                Err(StateError::InUse { path, by })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
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

/// Opens a lock, or makes it. A link that has come here since it was looked at is not followed.
fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    options.open(path)
}

/// Refuses a file beside a state that is a link, is no regular file, or has a second hard link. A
/// write to it would change a foreign file.
///
/// # Errors
/// Such a file, with advice.
pub(super) fn refuse_linked(path: &Path) -> Result<(), StateError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let what = if found.is_symlink() {
        "it is a symbolic link"
    } else if !found.is_file() {
        "it is no file"
    } else if has_other_names(&found) {
        "it has another name (a hard link), which it would be written through"
    } else {
        return Ok(());
    };
    let source = io::Error::other(format!("{what}; remove it, or name another place with --state"));
    Err(StateError::Io { path: path.to_owned(), source })
}

#[cfg(unix)]
fn has_other_names(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 1
}

/// Other systems tell only of open files.
#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    false
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
        // A dangling link. Its target has a path only after it is created.
        OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        return fs::canonicalize(path);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(fs::canonicalize(folder)?.join(name))
}
