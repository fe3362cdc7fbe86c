//! A file that is there when it is whole: written beside, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::SinkError;

/// A file on its way. Dropped before it is finished, it leaves what was there before.
pub struct WholeFile {
    target: PathBuf,
    /// Beside the target; `None` for a device or a pipe, which a rename would replace.
    part: Option<PathBuf>,
    writer: BufWriter<File>,
}

impl WholeFile {
    /// Begins one, so that a path which cannot be used is found at once.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::begin(path, false)
    }

    /// As [`WholeFile::create`]; nobody but its owner may read the file.
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
            let writer = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
            return Ok(Self { target: path.to_owned(), part: None, writer });
        }
        // Where a link leads is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(part) = part_of(&target) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        };
        // What a run that was killed left here. A link goes and is not followed.
        match fs::remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = private;
        let writer = BufWriter::with_capacity(64 * 1024, options.open(&part)?);
        Ok(Self { target, part: Some(part), writer })
    }

    /// Appends.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.writer.write_all(bytes).map_err(|e| self.error(e))
    }

    /// It is whole: it gets its name.
    ///
    /// # Errors
    /// What the file system says; then what was there before is left.
    pub fn finish(&mut self) -> Result<(), SinkError> {
        self.writer.flush().map_err(|e| self.error(e))?;
        if let Some(part) = self.part.take() {
            fs::rename(&part, &self.target).map_err(|e| {
                // Err: it stays, and the next run replaces it.
                let _ = fs::remove_file(&part);
                self.error(e)
            })?;
        }
        Ok(())
    }

    /// An error with the name of the file.
    pub fn error(&self, source: io::Error) -> SinkError {
        SinkError { target: self.target.display().to_string(), source }
    }
}

/// Where a file is written until it is whole; `None` where the path names no file.
pub fn part_of(target: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name()?);
    name.push(".part");
    Some(target.with_file_name(name))
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // Err: it stays, and the next run replaces it.
            let _ = fs::remove_file(part);
        }
    }
}
