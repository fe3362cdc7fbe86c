//! A file that appears only when it is complete: written beside its target, then renamed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::SinkError;
use crate::model::shown_path;
use crate::output_folder::{OpenFolder, OutputFolder};

/// The size of the buffer of a file.
const BUFFER: usize = 64 * 1024;

/// A file that is being written. If it is dropped before [`WholeFile::finish`], the previous file stays.
pub struct WholeFile {
    target: PathBuf,
    /// The folder of the target; `None` for a device or a pipe.
    folder: Option<OutputFolder>,
    writer: Writer,
}

enum Writer {
    /// A temporary file beside the target, which it replaces at the end.
    Beside(BufWriter<File>, Beside),
    /// A device or a pipe, which a rename would replace.
    Direct(BufWriter<File>),
    /// The file is complete and has its name.
    Finished,
}

/// The name of a temporary file. Unless that was renamed, it is removed with this.
struct Beside {
    folder: OpenFolder,
    part: OsString,
    name: OsString,
    is_renamed: bool,
}

impl Beside {
    fn rename(mut self) -> io::Result<()> {
        self.folder.rename(&self.part, &self.folder, &self.name)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Err: the next run replaces it.
            let _ = self.folder.remove(&self.part);
        }
    }
}

impl WholeFile {
    /// Begins a file in an existing folder, so that an unusable path fails at once. With `private` only the owner may
    /// read the file. It stays in that folder, also if the folder gets another name later.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn beside(folder: &OutputFolder, name: &OsStr, private: bool) -> io::Result<Self> {
        let (target, place) = (folder.path().join(name), Some(folder.clone()));
        let folder = folder.open(Path::new(""))?;
        // A fixed name: the next run replaces the leftover of a killed run.
        let part = part_name(name);
        let file = if private { folder.create_private(&part)? } else { folder.create(&part)? };
        let beside = Beside { folder, part, name: name.to_owned(), is_renamed: false };
        Ok(Self { target, folder: place, writer: Writer::Beside(BufWriter::with_capacity(BUFFER, file), beside) })
    }

    /// Writes to an open device or pipe.
    pub fn direct(path: &Path, file: File) -> Self {
        Self { target: path.to_owned(), folder: None, writer: Writer::Direct(BufWriter::new(file)) }
    }

    /// Begins another file in the same folder.
    ///
    /// # Errors
    /// When it cannot be written there, or the target is no file.
    pub fn sibling(&self, name: &OsStr) -> Result<Self, SinkError> {
        let no_folder = || io::Error::new(io::ErrorKind::Unsupported, "a second file has no place beside it");
        let begun = self.folder.as_ref().ok_or_else(no_folder).and_then(|folder| Self::beside(folder, name, false));
        begun.map_err(|e| self.error(e))
    }

    /// The path of the target.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Appends.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let written = match &mut self.writer {
            Writer::Beside(writer, _) => writer.write_all(bytes),
            Writer::Direct(writer) => writer.write_all(bytes),
            Writer::Finished => Err(io::ErrorKind::BrokenPipe.into()),
        };
        written.map_err(|e| self.error(e))
    }

    /// Completes the file and renames it to its target.
    ///
    /// # Errors
    /// Returns the error of the file system. The previous file then stays.
    pub fn finish(&mut self) -> Result<(), SinkError> {
        let finished = match std::mem::replace(&mut self.writer, Writer::Finished) {
            Writer::Beside(mut writer, beside) => writer.flush().and_then(|()| beside.rename()),
            Writer::Direct(mut writer) => writer.flush(),
            Writer::Finished => Ok(()),
        };
        finished.map_err(|e| self.error(e))
    }

    /// An error with the name of the file.
    pub fn error(&self, source: io::Error) -> SinkError {
        SinkError { target: shown_path(&self.target), source }
    }
}

/// Returns the path of the temporary file of a target; `None` if the path names no file.
pub fn part_of(target: &Path) -> Option<PathBuf> {
    Some(target.with_file_name(part_name(target.file_name()?)))
}

fn part_name(name: &OsStr) -> OsString {
    let mut part = OsString::from(".");
    part.push(name);
    part.push(".part");
    part
}
