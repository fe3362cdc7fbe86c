//! The folder that a run saves into: every file below it is opened, renamed and removed through here.
//!
//! No name below it leads through a symbolic link, not even when a folder becomes a link during the run. Each
//! operation opens the folder of its file without following links, and names the file relative to that
//! descriptor. Nothing is cached between two operations, so a folder that was moved or removed is noticed.
//! Links in the path of the output folder itself are the user's: they are resolved once, at the start.

#[cfg(not(unix))]
mod other;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

#[cfg(not(unix))]
pub use other::OpenFolder;
#[cfg(unix)]
pub use unix::OpenFolder;

/// The folder that a run saves into.
#[derive(Debug, Clone)]
pub struct OutputFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// As the user spelled it.
    path: PathBuf,
    /// The same without links.
    resolved: PathBuf,
    /// Held with `sync` while folders are made: no task uses a folder before its name is on the disk.
    making: Mutex<()>,
    /// Whether the kernel has no `openat2`.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    lacks_openat2: std::sync::atomic::AtomicBool,
}

/// The metadata of a name. A link is not followed.
#[derive(Debug, Clone, Copy)]
pub struct FileInfo {
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Its length in bytes.
    pub len: u64,
    /// The time of its last modification, if the system reports it.
    pub modified: Option<SystemTime>,
    /// The device and the inode, if the system has them.
    pub id: Option<(u64, u64)>,
    /// The number of hard links; 1 if the system does not report it.
    pub links: u64,
}

impl OutputFolder {
    /// The folder at this path. Links in the path are resolved now and never again.
    pub fn new(path: PathBuf) -> Self {
        let resolved = resolve(if path.as_os_str().is_empty() { Path::new(".") } else { &path });
        Self::resolved(path, resolved)
    }

    /// The folder at a path that another process has resolved already.
    pub fn resolved(path: PathBuf, resolved: PathBuf) -> Self {
        Self(Arc::new(Inner {
            path,
            resolved,
            making: Mutex::default(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            lacks_openat2: Default::default(),
        }))
    }

    /// The path as the user spelled it.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The path without links.
    pub fn resolved_path(&self) -> &Path {
        &self.0.resolved
    }

    /// The folder of the file `name`, and the last part of that name.
    ///
    /// # Errors
    /// Returns the error of the file system: `NotFound` if there is no such folder.
    pub fn open_parent<'a>(&self, name: &'a Path) -> io::Result<(OpenFolder, &'a OsStr)> {
        let (folder, file) = split(name)?;
        Ok((self.open(folder)?, file))
    }

    /// As [`OutputFolder::open_parent`], and makes the folders that are missing, the output folder too.
    /// With `sync` their names are on the disk when this returns.
    ///
    /// # Errors
    /// Returns the error of the file system, with the folder that is in the way or cannot be made.
    pub fn make_parent<'a>(&self, name: &'a Path, sync: bool) -> io::Result<(OpenFolder, &'a OsStr)> {
        let (folder, file) = split(name)?;
        let _making = sync.then(|| self.0.making.lock().unwrap_or_else(PoisonError::into_inner));
        let opened = match self.open(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.make(folder, sync),
            opened => opened,
        };
        Ok((opened.map_err(|e| self.explain(folder, e))?, file))
    }

    /// Returns the metadata of this name.
    ///
    /// # Errors
    /// `NotFound` if the name does not exist.
    pub fn info(&self, name: &Path) -> io::Result<FileInfo> {
        let (folder, file) = self.open_parent(name)?;
        folder.info(file)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        let (folder, file) = self.open_parent(name)?;
        folder.remove(file)
    }

    /// The error of a folder that cannot be opened or made, with the folder that is at fault.
    fn explain(&self, folder: &Path, e: io::Error) -> io::Error {
        let mut path = self.0.resolved.clone();
        let mut spelled = self.0.path.clone();
        let mut parts = folder.components();
        loop {
            if std::fs::symlink_metadata(&path).is_ok_and(|there| !there.is_dir()) {
                let what = format!("{} is in the way: it is no folder; move it away", spelled.display());
                return io::Error::new(io::ErrorKind::NotADirectory, what);
            }
            let Some(part) = parts.next() else { break };
            path.push(part);
            spelled.push(part);
        }
        io::Error::new(e.kind(), format!("the folder {}: {e}", spelled.display()))
    }
}

/// The folder and the last part of a name.
fn split(name: &Path) -> io::Result<(&Path, &OsStr)> {
    name.parent().zip(name.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Resolves the links of a path. A path that cannot be resolved, such as a missing one, stays as it is.
#[cfg(unix)]
fn resolve(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Elsewhere resolved paths have a syntax of their own.
#[cfg(not(unix))]
fn resolve(path: &Path) -> PathBuf {
    path.to_owned()
}
