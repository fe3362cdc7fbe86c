//! A rewritten document that takes the place of its file.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::extract::{LinkTargets, RewriteHead};
use crate::output_folder::OutputFolder;
use crate::rewrite::rewrite;
use crate::state::FileLengths;

/// A complete rewritten document under a name of its own.
pub(super) struct Replacement {
    part: PathBuf,
    /// The file that it replaces, below the output folder.
    pub file: String,
    pub lengths: FileLengths,
}

impl Replacement {
    /// Rewrites a file into `part`; `None` if nothing changes. The copy has the modification time of the file.
    pub fn write(
        folder: &OutputFolder,
        file: &str,
        part: PathBuf,
        lengths: FileLengths,
        head: &RewriteHead<'_>,
        targets: &dyn LinkTargets,
        sync: bool,
    ) -> io::Result<Option<Self>> {
        let modified = folder.info(Path::new(file))?.modified;
        let open = || {
            let (folder, name) = folder.open_parent(Path::new(file))?;
            folder.open_to_read(name)
        };
        let create = || {
            let (folder, name) = folder.make_parent(&part, sync)?;
            Ok(BufWriter::new(folder.create(name)?))
        };
        let Some((writer, after)) = rewrite(head, targets, open, create)? else { return Ok(None) };
        let copy = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Some(modified) = modified {
            // Err: the file system does not support it; the document is complete all the same.
            let _ = copy.set_modified(modified);
        }
        if sync {
            copy.sync_all()?;
        }
        Ok(Some(Self { part, file: file.to_owned(), lengths: FileLengths { after, ..lengths } }))
    }

    /// Replaces the file.
    pub fn commit(&self, folder: &OutputFolder, sync: bool) -> io::Result<()> {
        let (parts, part) = folder.open_parent(&self.part)?;
        let (files, file) = folder.open_parent(Path::new(&self.file))?;
        folder.refuse_reserved(&files, file)?;
        parts.rename(part, &files, file)?;
        if sync { files.sync() } else { Ok(()) }
    }

    /// Removes the copy.
    pub fn remove(&self, folder: &OutputFolder) {
        // Err: it is harmless, and the next run removes it.
        let _ = folder.remove(&self.part);
    }
}
