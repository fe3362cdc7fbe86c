//! The path of a state, and its files below a folder that is opened once.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{COMPANIONS, StateError, with_suffix};
use crate::output_folder::{FileInfo, OpenFolder, OutputFolder};

/// The state that an output folder has unless another is named, below that folder.
pub const OWN: &str = ".fetchall/state.db";

/// The path of a state, links resolved.
#[derive(Debug, Clone)]
pub struct StatePath {
    folder: OutputFolder,
    /// Below that folder.
    file: PathBuf,
    /// As the user spelled it.
    path: PathBuf,
}

impl StatePath {
    /// The state of an output folder, which a run uses unless another is named. Below the folder no link is followed.
    pub fn own(folder: &OutputFolder) -> Self {
        Self { folder: folder.clone(), file: OWN.into(), path: folder.path().join(OWN) }
    }

    /// The state at a path of the user. Links in it are resolved now and never again.
    ///
    /// # Errors
    /// If the path names no file.
    pub fn named(path: &Path) -> Result<Self, StateError> {
        let found = OutputFolder::of_file(path);
        let (folder, file) = found.map_err(|source| StateError::Io { path: path.to_owned(), source })?;
        Ok(Self { folder, file: file.into(), path: path.to_owned() })
    }

    /// The path as the user spelled it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether these are two spellings of one path.
    pub fn is_same(&self, other: &Self) -> bool {
        self.resolved() == other.resolved()
    }

    /// The path without links.
    pub fn resolved(&self) -> PathBuf {
        self.folder.resolved_path().join(&self.file)
    }

    /// Opens the folder of the state. `None` if it does not exist.
    pub(super) fn open(&self) -> Result<Option<StateFiles>, StateError> {
        match self.folder.open_parent(&self.file) {
            Ok((folder, _)) => Ok(Some(self.files(folder))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.error(self.folder.explain(self.file.parent().unwrap_or(Path::new("")), e))),
        }
    }

    /// Whether there is no database at the path, or no folder.
    pub fn is_missing(&self) -> bool {
        self.open().is_ok_and(|files| files.is_none_or(|files| matches!(files.info(""), Ok(None))))
    }

    /// Opens the folder of the state, and makes it if it is missing. With `sync` its name is then on the disk.
    pub(super) fn make(&self, sync: bool) -> Result<StateFiles, StateError> {
        let made = self.folder.make_parent(&self.file, sync);
        made.map(|(folder, _)| self.files(folder)).map_err(|e| self.error(e))
    }

    fn files(&self, folder: OpenFolder) -> StateFiles {
        let resolved = self.resolved();
        let name = self.file.file_name().unwrap_or_default().to_owned();
        let sqlite = folder.lasting_path().map_or(resolved, |folder| folder.join(&name));
        StateFiles { folder, name, path: self.path.clone(), found: self.folder.path().join(&self.file), sqlite }
    }

    fn error(&self, source: io::Error) -> StateError {
        StateError::Io { path: self.path.clone(), source }
    }
}

/// The advice about a database with hard links.
const LINKED: &str = "it has another name (a hard link), which it would be written through; \
                      replace it by a copy, or name another place with --state";

/// The files of a state in its open folder. A file is named by its suffix: none is the database.
#[derive(Debug)]
pub(super) struct StateFiles {
    folder: OpenFolder,
    /// Of the database.
    name: OsString,
    /// The database, as the user spelled it.
    path: PathBuf,
    /// The database without a link in its own place.
    found: PathBuf,
    /// The database for SQLite: a path through the descriptor, if the system has such paths.
    sqlite: PathBuf,
}

impl StateFiles {
    /// The database, as the user spelled it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The database for SQLite.
    pub(super) fn sqlite_path(&self) -> &Path {
        &self.sqlite
    }

    /// The path of a file for messages.
    pub(super) fn shown(&self, suffix: &str) -> PathBuf {
        if suffix.is_empty() { self.path.clone() } else { with_suffix(&self.found, suffix) }
    }

    /// Returns the metadata of a file, `None` if it does not exist.
    pub(super) fn info(&self, suffix: &str) -> io::Result<Option<FileInfo>> {
        match self.folder.info(&self.name(suffix)) {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Opens a file to read and write; with `create`, makes a missing one.
    pub(super) fn open_to_write(&self, suffix: &str, create: bool) -> io::Result<File> {
        self.folder.open_to_write(&self.name(suffix), create)
    }

    /// Creates a file to write to.
    pub(super) fn create(&self, suffix: &str) -> io::Result<File> {
        self.folder.create_new(&self.name(suffix))
    }

    /// Opens a file to read.
    pub(super) fn open_to_read(&self, suffix: &str) -> io::Result<File> {
        self.folder.open_to_read(&self.name(suffix))
    }

    /// Removes a file, if it exists.
    pub(super) fn remove(&self, suffix: &str) -> io::Result<()> {
        match self.folder.remove(&self.name(suffix)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Syncs the names of the files to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.folder.sync()
    }

    /// Refuses anything but a file with one name in the place of the database.
    pub(super) fn refuse_no_database(&self) -> Result<(), StateError> {
        let found = self.info("").map_err(|source| self.error("", source))?;
        let what = match found {
            Some(found) if found.is_dir => "it is a folder; move it away, or name another file",
            Some(found) if found.is_link => "it is a symbolic link; remove it, or name a place with --state",
            Some(found) if !found.is_file => "it is no file; move it away, or name another place with --state",
            Some(found) if found.links > 1 => LINKED,
            _ => return Ok(()),
        };
        Err(self.error("", io::Error::other(what)))
    }

    /// Refuses a database that is not this opened file, or that has got another name.
    pub(super) fn refuse_replaced(&self, file: &File) -> Result<(), StateError> {
        let ids = || Ok((self.info("")?, FileInfo::of(file)?));
        let (there, opened) = ids().map_err(|source| self.error("", source))?;
        match there {
            Some(there) if there.id == opened.id && there.links == 1 => Ok(()),
            _ => Err(self.error(
                "",
                io::Error::other("it was replaced meanwhile, and nothing is written to it; run the same command again"),
            )),
        }
    }

    /// Refuses files beside the database that are linked to elsewhere.
    pub(super) fn refuse_linked_companions(&self) -> Result<(), StateError> {
        COMPANIONS.iter().try_for_each(|suffix| self.refuse_linked(suffix))
    }

    /// Refuses a file beside the database that is a link, is no regular file, or has a second hard link. A write to
    /// it would change a foreign file.
    pub(super) fn refuse_linked(&self, suffix: &str) -> Result<(), StateError> {
        let Some(found) = self.info(suffix).map_err(|source| self.error(suffix, source))? else { return Ok(()) };
        let what = if found.is_link {
            "it is a symbolic link"
        } else if !found.is_file {
            "it is no file"
        } else if found.links > 1 {
            "it has another name (a hard link), which it would be written through"
        } else {
            return Ok(());
        };
        Err(self.error(suffix, io::Error::other(format!("{what}; remove it, or name another place with --state"))))
    }

    /// An error with the path of a file.
    pub(super) fn error(&self, suffix: &str, source: io::Error) -> StateError {
        StateError::Io { path: self.shown(suffix), source }
    }

    fn name(&self, suffix: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(suffix);
        name
    }
}
