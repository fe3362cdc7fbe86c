//! The destination of the bodies: a folder, one file, a pipe, or none.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{CheckedFiles, Document, SetupError};
use crate::config::Config;
use crate::fetch::{Saving, SharedWriter};
use crate::model::shown_path;

/// Checks the destination of the bodies, and makes their folder. Returns the writer too, if it is a stream.
pub(super) fn saving(
    config: &Config,
    document: Document,
    files: &CheckedFiles,
) -> Result<(Saving, Option<SharedWriter>), SetupError> {
    if config.head {
        return Ok((Saving::Discard, None));
    }
    let saving = match (document, &config.dir) {
        (Document::File(path), _) => {
            let unusable = |source| SetupError::Path { path: path.clone(), purpose: "the body", source };
            let Some((folder, name)) = files.document().filter(|_| !path.is_dir()) else {
                let what = "it is a folder (--dir saves into one)";
                return Err(unusable(io::Error::new(io::ErrorKind::IsADirectory, what)));
            };
            if std::fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
                // A device or a pipe: a rename would replace it.
                let path = path.clone();
                return Ok((Saving::Stream, Some(Arc::new(Mutex::new(Late { path, file: None })))));
            }
            folder.open(Path::new("")).map_err(|e| unusable(folder.explain(Path::new(""), e)))?;
            Saving::File(folder, name)
        }
        (Document::Stream(writer), _) => return Ok((Saving::Stream, Some(writer))),
        (Document::None, None) => Saving::Discard,
        (Document::None, Some(dir)) => {
            let folder = files.dir(dir);
            let made = if config.dry_run { could_be_made(dir) } else { folder.make_all(config.sync) };
            made.map_err(|source| SetupError::Path { path: dir.clone(), purpose: "saved bodies", source })?;
            Saving::Dir(folder)
        }
    };
    Ok((saving, None))
}

/// Whether a folder is there, or nothing is.
fn could_be_made(folder: &Path) -> io::Result<()> {
    match std::fs::metadata(folder) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder; name another")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// A device or a pipe, opened when the first byte comes: to open a pipe is to wait for its reader.
struct Late {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Late {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", shown_path(&self.path)));
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open_pipe(&self.path).map_err(named)?),
        };
        file.write(data).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a pipe or a device that was one when the outputs were checked.
///
/// # Errors
/// An error of the file system, or a file in its place.
pub fn open_pipe(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).open(path)?;
    match file.metadata()?.is_file() {
        false => Ok(file),
        true => Err(io::Error::other("a file has taken the place of the pipe; nothing is written to it")),
    }
}
