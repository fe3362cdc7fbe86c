//! A file that appears only when it is complete: written beside its target, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::SinkError;
use crate::model::shown_path;

/// A file that is being written. If it is dropped before [`WholeFile::finish`], the previous file stays.
pub struct WholeFile {
    target: PathBuf,
    writer: Writer,
}

enum Writer {
    /// A temporary file beside the target, which it replaces at the end.
    Beside(BufWriter<NamedTempFile>),
    /// A device or a pipe, which a rename would replace.
    Direct(BufWriter<File>),
    /// The file is complete and has its name.
    Finished,
}

impl WholeFile {
    /// Begins a file, so that an unusable path fails at once.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::begin(path, false)
    }

    /// As [`WholeFile::create`], but only the owner may read the file.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create_private(path: &Path) -> io::Result<Self> {
        Self::begin(path, true)
    }

    fn begin(path: &Path, private: bool) -> io::Result<Self> {
        let is_there = fs::metadata(path);
        if is_there.as_ref().is_ok_and(fs::Metadata::is_dir) {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file in it"));
        }
        if is_there.as_ref().is_ok_and(|file| !file.is_file()) {
            let file = fs::OpenOptions::new().write(true).open(path)?;
            return Ok(Self { target: path.to_owned(), writer: Writer::Direct(BufWriter::new(file)) });
        }
        // Replace the target of a link, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(part) = part_of(&target) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        };
        // Remove the leftover of a killed run. This removes a link and does not follow it.
        match fs::remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        if !private {
            // The umask takes its share, as of any file; by itself `tempfile` uses 0600.
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = private;
        let (folder, name) = (part.parent().unwrap_or(Path::new("")), part.file_name().unwrap_or_default());
        // A fixed name: the next run replaces the leftover of a killed run.
        let file = builder.prefix(name).rand_bytes(0).tempfile_in(folder)?;
        Ok(Self { target, writer: Writer::Beside(BufWriter::with_capacity(64 * 1024, file)) })
    }

    /// Appends.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let written = match &mut self.writer {
            Writer::Beside(writer) => writer.write_all(bytes),
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
            Writer::Beside(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
                file.persist(&self.target)?;
                Ok(())
            }),
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
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name()?);
    name.push(".part");
    Some(target.with_file_name(name))
}
