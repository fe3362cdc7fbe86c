//! A rewritten document that takes the place of its file.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Read as _};
use std::path::Path;

use super::pass::head;
use crate::extract::LinkTargets;
use crate::output_folder::{OpenFolder, OutputFolder};
use crate::rewrite::rewrite;
use crate::state::{FileLengths, SavedRow};

/// The longest document that is read once, into memory.
const LARGEST_IN_MEMORY: u64 = 2 << 20;
/// The bytes that are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// A complete rewritten document under a name of its own.
pub(super) struct Replacement {
    part: OsString,
    /// The file that it replaces, below the output folder.
    pub file: String,
    /// The folder of that file.
    folder: OpenFolder,
    pub lengths: FileLengths,
}

impl Replacement {
    /// Rewrites the file of a row into a file `part` of the folder of parts; `None` if nothing changes, or if another
    /// program has changed the file. The copy has the modification time of the file.
    pub fn write(
        folder: &OutputFolder,
        row: &SavedRow,
        (parts, part): (&OpenFolder, OsString),
        targets: &dyn LinkTargets,
        sync: bool,
    ) -> io::Result<Option<Self>> {
        let Some(path) = &row.file else { return Ok(None) };
        let (files, name) = folder.open_parent(Path::new(path))?;
        let mut file = files.open_to_read(name)?;
        let info = file.metadata()?;
        let before = info.len();
        if !info.is_file() || !row.lengths.has(before) {
            return Ok(None);
        }
        let create = || Ok(BufWriter::with_capacity(WRITTEN_AT_ONCE, parts.create(&part)?));
        let copy = if before <= LARGEST_IN_MEMORY {
            let mut document = Vec::with_capacity(before as usize + 1);
            file.by_ref().take(LARGEST_IN_MEMORY + 1).read_to_end(&mut document)?;
            if document.len() as u64 != before {
                return Ok(None);
            }
            rewrite(&head(row), targets, || Ok(&*document), create)?
        } else {
            rewrite(&head(row), targets, || files.open_to_read(name), create)?
        };
        let Some((writer, after)) = copy else { return Ok(None) };
        let copy = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Ok(modified) = info.modified() {
            // Err: the file system does not support it; the document is complete all the same.
            let _ = copy.set_modified(modified);
        }
        if sync {
            copy.sync_all()?;
        }
        let lengths = FileLengths { id: row.id, before, after };
        Ok(Some(Self { part, file: path.clone(), folder: files, lengths }))
    }

    /// Replaces the file.
    pub fn commit(&self, folder: &OutputFolder, parts: &OpenFolder, sync: bool) -> io::Result<()> {
        let name = OsStr::new(self.file.rsplit('/').next().unwrap_or(&self.file));
        folder.refuse_reserved(&self.folder, name)?;
        parts.rename(&self.part, &self.folder, name)?;
        if sync { self.folder.sync() } else { Ok(()) }
    }

    /// Removes the copy.
    pub fn remove(&self, parts: &OpenFolder) {
        // Err: it is harmless, and the next run removes it.
        let _ = parts.remove(&self.part);
    }
}
