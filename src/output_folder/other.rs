//! Folders as paths, on systems without descriptors of folders.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{FileInfo, OutputFolder};

/// A folder that was checked to be a folder, not a link.
#[derive(Debug)]
pub struct OpenFolder(PathBuf);

impl OutputFolder {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// Returns the error of the file system: `NotFound` if there is no such folder.
    pub fn open(&self, folder: &Path) -> io::Result<OpenFolder> {
        let mut path = self.0.resolved.clone();
        for part in folder {
            path.push(part);
            if !fs::symlink_metadata(&path)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Ok(OpenFolder(path))
    }

    /// Opens a folder and makes those that are missing.
    pub(super) fn make(&self, folder: &Path, _sync: bool) -> io::Result<OpenFolder> {
        let mut path = self.0.resolved.clone();
        fs::create_dir_all(&path)?;
        for part in folder {
            path.push(part);
            match fs::create_dir(&path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        self.open(folder)
    }
}

impl FileInfo {
    /// Returns the metadata of an open file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(file.metadata()?.into())
    }
}

impl From<Metadata> for FileInfo {
    fn from(found: Metadata) -> Self {
        Self {
            is_file: found.is_file(),
            is_dir: found.is_dir(),
            is_link: found.is_symlink(),
            len: found.len(),
            modified: found.modified().ok(),
            id: None,
            links: 1,
        }
    }
}

impl OpenFolder {
    /// Returns the path of this folder: the system has none that outlasts a new name.
    pub fn lasting_path(&self) -> Option<PathBuf> {
        Some(self.0.clone())
    }

    /// As [`OpenFolder::create`]: the rights are those of the folder.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create_private(&self, name: &OsStr) -> io::Result<File> {
        self.create(name)
    }

    /// Creates a file to write to. It replaces an existing one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let create = || self.create_new(name);
        match create() {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                create()
            }
            created => created,
        }
    }

    /// Creates a file to write to.
    ///
    /// # Errors
    /// `AlreadyExists` if anything has this name.
    pub fn create_new(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.0.join(name))
    }

    /// Opens a file to read and write; with `create`, makes a missing one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn open_to_write(&self, name: &OsStr, create: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(create).open(self.0.join(name))
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    /// Returns the metadata of this name.
    ///
    /// # Errors
    /// `NotFound` if the name does not exist.
    pub fn info(&self, name: &OsStr) -> io::Result<FileInfo> {
        Ok(fs::symlink_metadata(self.0.join(name))?.into())
    }

    /// Renames a file of this folder to a name in that one. It replaces an existing file or link.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn rename(&self, name: &OsStr, to: &OpenFolder, to_name: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(name), to.0.join(to_name))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// The names in this folder.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// A no-op: these systems have no such call, and names are on the disk when a rename returns.
    ///
    /// # Errors
    /// Never.
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
