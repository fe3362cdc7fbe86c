//! Folders as paths, for systems without descriptors of folders.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{FileInfo, OutputFolder};

/// A folder that was seen to be one, and no link.
#[derive(Debug)]
pub struct OpenFolder(PathBuf);

impl OutputFolder {
    /// Opens a folder that is there.
    ///
    /// # Errors
    /// What the file system says: `NotFound` where there is none.
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

impl OpenFolder {
    /// Creates a file to write to, in the place of one that is there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let create = || OpenOptions::new().write(true).create_new(true).open(self.0.join(name));
        match create() {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                create()
            }
            created => created,
        }
    }

    /// Opens a file to read and write; with `create` makes it where there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_to_write(&self, name: &OsStr, create: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(create).open(self.0.join(name))
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    /// What there is under this name.
    ///
    /// # Errors
    /// `NotFound` where there is nothing.
    pub fn info(&self, name: &OsStr) -> io::Result<FileInfo> {
        let found = fs::symlink_metadata(self.0.join(name))?;
        Ok(FileInfo {
            is_file: found.is_file(),
            is_dir: found.is_dir(),
            len: found.len(),
            modified: found.modified().ok(),
            id: None,
            links: 1,
        })
    }

    /// Gives a file of this folder a name in that one. What has the name is replaced, be it a link.
    ///
    /// # Errors
    /// What the file system says.
    pub fn rename(&self, name: &OsStr, to: &OpenFolder, to_name: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(name), to.0.join(to_name))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// The names in this folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// Such systems have no call for it: names are on the disk when a rename returns.
    ///
    /// # Errors
    /// Never.
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
