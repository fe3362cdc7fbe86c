//! The folder that a run saves into: every file below it is opened, renamed and removed through here.
//!
//! No name below it leads through a symbolic link, not even when a folder becomes a link during the run. Each
//! operation opens the folder of its file without following links, and names the file relative to that
//! descriptor. Nothing is cached between two operations, so a folder that was moved or removed is noticed.
//! Links in the path of the output folder itself are the user's: they are resolved once, at the start. A part of
//! that path that becomes a link later is not followed either.

#[cfg(not(unix))]
mod other;
pub mod path_octets;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

#[cfg(not(unix))]
pub use other::OpenFolder;
#[cfg(unix)]
pub use unix::OpenFolder;

/// The most symbolic links in the place of one file that are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// The folder that a run saves into.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Paths", into = "Paths")]
pub struct OutputFolder(Arc<Inner>);

/// The serialised form of a folder, which spares a child process the resolution of links.
#[derive(Serialize, Deserialize)]
struct Paths {
    #[serde(with = "path_octets")]
    path: PathBuf,
    #[serde(with = "path_octets")]
    resolved: PathBuf,
}

impl From<Paths> for OutputFolder {
    fn from(Paths { path, resolved }: Paths) -> Self {
        Self::resolved(path, resolved)
    }
}

impl From<OutputFolder> for Paths {
    fn from(folder: OutputFolder) -> Self {
        Self { path: folder.path().to_owned(), resolved: folder.resolved_path().to_owned() }
    }
}

#[derive(Debug)]
struct Inner {
    /// As the user spelled it.
    path: PathBuf,
    /// The same without links.
    resolved: PathBuf,
    /// Files that no body takes a name of, by device and inode, with a noun for messages.
    reserved: Vec<((u64, u64), String)>,
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
    /// Whether it is a symbolic link.
    pub is_link: bool,
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

    /// The same folder for a run with files of its own: by device and inode, with a noun for messages.
    #[must_use]
    pub fn reserving(&self, reserved: Vec<((u64, u64), String)>) -> Self {
        Self::build(self.0.path.clone(), self.0.resolved.clone(), reserved)
    }

    /// The folder and the name of a file that the user named. Links in the path are resolved now and never again,
    /// also that of the file.
    ///
    /// # Errors
    /// `InvalidInput` if the path names no file.
    pub fn of_file(path: &Path) -> io::Result<(Self, OsString)> {
        let mut file = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Ok(target) = std::fs::read_link(&file) else { break };
            file.pop();
            file.push(target);
        }
        let (folder, name) = split(&file)?;
        Ok((Self::new(folder.to_owned()), name.to_owned()))
    }

    /// The folder at a path that was resolved already.
    pub fn resolved(path: PathBuf, resolved: PathBuf) -> Self {
        Self::build(path, resolved, Vec::new())
    }

    fn build(path: PathBuf, resolved: PathBuf, reserved: Vec<((u64, u64), String)>) -> Self {
        Self(Arc::new(Inner {
            path,
            resolved,
            reserved,
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

    /// Makes the folder, and those above it that are missing. With `sync` their names are on the disk when this
    /// returns.
    ///
    /// # Errors
    /// Returns the error of the file system: `NotADirectory` if anything else than a folder is there.
    pub fn make_all(&self, sync: bool) -> io::Result<()> {
        let made = self.make(Path::new(""), sync);
        made.map(drop).map_err(|e| self.in_the_way(Path::new("")).unwrap_or(e))
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

    /// Refuses a name under which a file of the run already lies, by a hard link.
    ///
    /// # Errors
    /// Which file that is.
    pub fn refuse_reserved(&self, folder: &OpenFolder, name: &OsStr) -> io::Result<()> {
        if self.0.reserved.is_empty() {
            return Ok(());
        }
        // Err: nothing has this name.
        let there = folder.info(name).ok().and_then(|there| there.id);
        match self.0.reserved.iter().find(|(id, _)| Some(*id) == there) {
            None => Ok(()),
            Some((_, file)) => {
                let what = format!("it is another name (a hard link) of {file}; remove it, or save elsewhere");
                Err(io::Error::new(io::ErrorKind::AlreadyExists, what))
            }
        }
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
    pub fn explain(&self, folder: &Path, e: io::Error) -> io::Error {
        let shown = self.0.path.join(folder);
        let explain = || io::Error::new(e.kind(), format!("the folder {}: {e}", shown.display()));
        self.in_the_way(folder).unwrap_or_else(explain)
    }

    /// The error of a part of the path that is no folder.
    fn in_the_way(&self, folder: &Path) -> Option<io::Error> {
        let Inner { resolved, path, .. } = &*self.0;
        let mut parts: Vec<_> =
            resolved.ancestors().skip(1).map(|above| (above.to_owned(), above.to_owned())).collect();
        parts.reverse();
        let mut below = (resolved.clone(), path.clone());
        parts.push(below.clone());
        for part in folder {
            below.0.push(part);
            below.1.push(part);
            parts.push(below.clone());
        }
        parts.into_iter().find_map(|(at, shown)| {
            let what = match std::fs::symlink_metadata(at) {
                Ok(there) if there.is_symlink() => "a symbolic link",
                Ok(there) if !there.is_dir() => "no folder",
                _ => return None,
            };
            let what = format!("{} is in the way: it is {what}; move it away, or name another folder", shown.display());
            Some(io::Error::new(io::ErrorKind::NotADirectory, what))
        })
    }
}

/// The folder and the last part of a name.
fn split(name: &Path) -> io::Result<(&Path, &OsStr)> {
    name.parent().zip(name.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Resolves the links of a path. Its last parts may be missing: they are made under these names.
#[cfg(unix)]
fn resolve(path: &Path) -> PathBuf {
    use std::path::Component;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (mut there, mut missing) = (absolute.components(), Vec::new());
    loop {
        if let Ok(mut resolved) = std::fs::canonicalize(there.as_path()) {
            for part in missing.iter().rev() {
                match part {
                    Component::ParentDir => _ = resolved.pop(),
                    part => resolved.push(part),
                }
            }
            return resolved;
        }
        match there.next_back() {
            Some(part) => missing.push(part),
            None => return absolute,
        }
    }
}

/// Elsewhere resolved paths have a syntax of their own.
#[cfg(not(unix))]
fn resolve(path: &Path) -> PathBuf {
    path.to_owned()
}
