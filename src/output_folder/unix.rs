//! Folders as descriptors, opened without following links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, stat, statat, unlinkat,
};
use rustix::io::Errno;

use super::{FileInfo, OutputFolder};

/// A descriptor that names are looked up in; it needs no permission to list the folder.
#[cfg(any(target_os = "linux", target_os = "android"))]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Follow no link, and do not wait for the other end of a pipe.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The modes of new files and folders, before the umask.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const PRIVATE_MODE: Mode = Mode::from_raw_mode(0o600);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// A folder that was opened without following a link.
#[derive(Debug)]
pub struct OpenFolder(OwnedFd);

impl OutputFolder {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// Returns the error of the file system: `NotFound` if there is no such folder.
    pub fn open(&self, folder: &Path) -> io::Result<OpenFolder> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use std::sync::atomic::Ordering::Relaxed;
            if !self.0.lacks_openat2.load(Relaxed) {
                match open_at_once(&self.0.resolved, folder) {
                    // An old kernel, or a sandbox that does not know the call.
                    Err(Errno::NOSYS | Errno::PERM) => self.0.lacks_openat2.store(true, Relaxed),
                    opened => return Ok(OpenFolder(opened?)),
                }
            }
        }
        self.open_by_steps(folder)
    }

    /// Opens each part of the path by itself.
    fn open_by_steps(&self, folder: &Path) -> io::Result<OpenFolder> {
        folder.iter().try_fold(self.root(None)?, |at, part| at.enter(part, None))
    }

    /// Opens a folder and makes those that are missing.
    pub(super) fn make(&self, folder: &Path, sync: bool) -> io::Result<OpenFolder> {
        let root = match self.open(Path::new("")) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.root(Some(sync))?,
            opened => opened?,
        };
        folder.iter().try_fold(root, |at, part| at.enter(part, Some(sync)))
    }

    /// Opens the output folder by steps from the root of the file system; see [`OpenFolder::enter`].
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn root(&self, make: Option<bool>) -> io::Result<OpenFolder> {
        let start = OpenFolder(openat(CWD, "/", FOLDER, Mode::empty())?);
        self.0.resolved.iter().skip(1).try_fold(start, |at, part| at.enter(part, make))
    }

    /// Other systems open a folder only to list it, and not every folder above may be listed.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn root(&self, make: Option<bool>) -> io::Result<OpenFolder> {
        let resolved = &self.0.resolved;
        if let Some(sync) = make {
            std::fs::create_dir_all(resolved)?;
            if let Some(parent) = resolved.parent().filter(|_| sync) {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(OpenFolder(openat(CWD, resolved, FOLDER, Mode::empty())?))
    }
}

/// Opens the folder with one call, which fails if any part of the path is a link.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_at_once(root: &Path, folder: &Path) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    openat2(CWD, root.join(folder), FOLDER, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

impl FileInfo {
    /// Returns the metadata of an open file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(fstat(file)?.into())
    }
}

impl From<Stat> for FileInfo {
    #[allow(clippy::unnecessary_cast, reason = "the types of the fields differ from system to system")]
    fn from(stat: Stat) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let since = Duration::from_nanos(stat.st_mtime_nsec as u64);
        let modified = match stat.st_mtime as i64 {
            seconds @ 0.. => UNIX_EPOCH.checked_add(Duration::from_secs(seconds.unsigned_abs())),
            seconds => UNIX_EPOCH.checked_sub(Duration::from_secs(seconds.unsigned_abs())),
        };
        Self {
            is_file: kind.is_file(),
            is_dir: kind.is_dir(),
            is_link: kind.is_symlink(),
            len: stat.st_size as u64,
            modified: modified.and_then(|seconds| seconds.checked_add(since)),
            id: Some((stat.st_dev as u64, stat.st_ino as u64)),
            links: stat.st_nlink as u64,
        }
    }
}

impl OpenFolder {
    /// Opens a folder in this one. With `make` a missing one is made; `make` says whether its name is synced to the
    /// disk.
    fn enter(&self, part: &OsStr, make: Option<bool>) -> io::Result<Self> {
        let open = || openat(&self.0, part, FOLDER, Mode::empty());
        match (open(), make) {
            (Err(Errno::NOENT), Some(sync)) => {
                match mkdirat(&self.0, part, FOLDER_MODE) {
                    Ok(()) if sync => self.sync()?,
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(e) => return Err(e.into()),
                }
                Ok(Self(open()?))
            }
            (opened, _) => Ok(Self(opened?)),
        }
    }

    /// Returns a path that leads here for as long as this is open, whatever becomes of the folder's name. `None` if
    /// the system has no such path.
    pub fn lasting_path(&self) -> Option<PathBuf> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        let id = |found: Stat| (found.st_dev, found.st_ino);
        let (here, there) = (fstat(&self.0).ok()?, stat(&path).ok()?);
        (id(here) == id(there)).then_some(path)
    }

    /// Creates a file to write to. It replaces an existing one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        self.create_with(name, FILE_MODE)
    }

    /// As [`OpenFolder::create`], but only the owner may read the file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create_private(&self, name: &OsStr) -> io::Result<File> {
        self.create_with(name, PRIVATE_MODE)
    }

    /// Creates a file to write to.
    ///
    /// # Errors
    /// `AlreadyExists` if anything has this name.
    pub fn create_new(&self, name: &OsStr) -> io::Result<File> {
        self.create_new_with(name, FILE_MODE)
    }

    fn create_new_with(&self, name: &OsStr, mode: Mode) -> io::Result<File> {
        self.file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)
    }

    fn create_with(&self, name: &OsStr, mode: Mode) -> io::Result<File> {
        let create = || self.create_new_with(name, mode);
        match create() {
            // It may be a link, or have another name elsewhere: replace it, do not write to it.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                create()
            }
            created => created,
        }
    }

    /// Opens a file to read and write; with `create`, makes a missing one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn open_to_write(&self, name: &OsStr, create: bool) -> io::Result<File> {
        let create = if create { OFlags::CREATE } else { OFlags::empty() };
        self.file(name, OFlags::RDWR | create, FILE_MODE)
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY, FILE_MODE)
    }

    fn file(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        Ok(openat(&self.0, name, flags | FILE, mode)?.into())
    }

    /// Returns the metadata of this name.
    ///
    /// # Errors
    /// `NotFound` if the name does not exist.
    pub fn info(&self, name: &OsStr) -> io::Result<FileInfo> {
        Ok(statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?.into())
    }

    /// Renames a file of this folder to a name in that one. It replaces an existing file or link.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn rename(&self, name: &OsStr, to: &OpenFolder, to_name: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, name, &to.0, to_name)?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// The names in this folder.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.listed()?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Syncs the names in this folder to the disk.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn sync(&self) -> io::Result<()> {
        File::from(self.listed()?).sync_all()
    }

    fn listed(&self) -> rustix::io::Result<OwnedFd> {
        openat(self.0.as_fd(), ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }
}
