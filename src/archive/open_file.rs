//! The file that grows, and those that are full but not yet closed.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::files::ArchiveFiles;
use super::group::RecordGroup;
use crate::model::{ArchivePosition, shown_path};

/// The most bytes of records that wait to be written.
const MOST_WAITING: usize = 256 * 1024;

/// The file to which records are appended. A lock keeps other runs away from it.
pub(super) struct OpenFile {
    files: ArchiveFiles,
    sync: bool,
    number: u32,
    /// The path that it has when it is closed.
    shown_name: Arc<str>,
    /// `None` once the archive is closed.
    file: Option<File>,
    /// The length up to the last whole record.
    length: u64,
    /// Whole records that are not written yet: one write for many.
    waiting: Vec<u8>,
    /// Whether it has records besides the warcinfo.
    pub(super) has_records: bool,
    /// The error that ended the archive.
    pub(super) failure: Option<String>,
    /// Full files. They keep the name of an open one until the state knows their records.
    full: Vec<u32>,
}

impl OpenFile {
    /// An archive whose files so far are closed; the next one has this number.
    pub(super) fn new(files: ArchiveFiles, sync: bool, number: u32) -> Self {
        let full = Vec::new();
        let (waiting, shown_name) = (Vec::new(), shown_path(&files.closed(number)).into());
        Self {
            files,
            sync,
            number,
            shown_name,
            file: None,
            length: 0,
            waiting,
            has_records: false,
            failure: None,
            full,
        }
    }

    /// Goes on with a file that was open, which is as long as its last whole record says.
    pub(super) fn resume(&mut self, file: File, position: ArchivePosition) {
        self.set_number(position.file);
        (self.length, self.has_records) = (position.length, true);
        self.file = Some(file);
    }

    /// Whether there is a file to append to.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The path that the file has when it is closed, for people.
    pub(super) fn shown_name(&self) -> Arc<str> {
        self.shown_name.clone()
    }

    /// The length with all records, also those that are not written yet.
    pub(super) fn length(&self) -> u64 {
        self.length + self.waiting.len() as u64
    }

    /// Begins another file. The one before is full.
    pub(super) fn begin(&mut self, number: u32) -> io::Result<()> {
        self.flush()?;
        let path = self.files.open(number);
        let file = File::options().append(true).create_new(true).open(&path).map_err(|e| of_path(&path, e))?;
        lock(&file, &path)?;
        if let Some(full) = self.file.replace(file) {
            if self.sync {
                full.sync_all()?;
            }
            self.full.push(self.number);
        }
        self.set_number(number);
        (self.length, self.has_records) = (0, false);
        Ok(())
    }

    fn set_number(&mut self, number: u32) {
        (self.number, self.shown_name) = (number, shown_path(&self.files.closed(number)).into());
    }

    /// Appends records. [`OpenFile::flush`] must follow.
    pub(super) fn write(&mut self, group: &RecordGroup) -> io::Result<()> {
        let is_copied = group.copy_to(&mut self.waiting);
        if is_copied && self.waiting.len() < MOST_WAITING {
            return Ok(());
        }
        self.flush()?;
        if is_copied { Ok(()) } else { self.write_out(group.len(), |file| group.write_to(file)) }
    }

    /// Writes the records that wait.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        self.write_out(waiting.len() as u64, |file| file.write_all(&waiting))?;
        self.waiting = waiting;
        self.waiting.clear();
        Ok(())
    }

    /// Appends so many bytes, or leaves the file as it was. After an error it takes no more.
    fn write_out(&mut self, length: u64, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.clone()));
        }
        let Some(file) = &mut self.file else { return Err(io::Error::other("the archive is closed")) };
        let written = write(file).and_then(|()| if self.sync { file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.length += length;
                Ok(())
            }
            Err(error) => {
                // Err: a part of a record stays, which the error below reports.
                let _ = file.set_len(self.length);
                self.failure = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// Gives the full files their final names.
    pub(super) fn close_full(&mut self) -> io::Result<()> {
        std::mem::take(&mut self.full).into_iter().try_for_each(|number| close(&self.files, number))
    }

    /// Gives all files their final names. One without records is removed.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        self.close_full()?;
        let Some(file) = self.file.take() else { return Ok(()) };
        if !self.has_records {
            // The run has got no response.
            let path = self.files.open(self.number);
            return std::fs::remove_file(&path).map_err(|e| of_path(&path, e));
        }
        if self.sync {
            file.sync_all()?;
        }
        close(&self.files, self.number)
    }
}

/// Gives a file its final name.
pub(super) fn close(files: &ArchiveFiles, number: u32) -> io::Result<()> {
    let path = files.open(number);
    std::fs::rename(&path, files.closed(number)).map_err(|e| of_path(&path, e))
}

/// Keeps other runs away from an open file.
pub(super) fn lock(file: &File, path: &Path) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let why = "another run writes it; wait for its end, or name another archive";
            Err(of_path(path, io::Error::new(io::ErrorKind::ResourceBusy, why)))
        }
        // The file system has no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(of_path(path, error)),
    }
}

/// Adds the path to an error.
pub(super) fn of_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
