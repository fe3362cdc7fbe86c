//! The pass over a saved site that makes links local: each page and style sheet gets relative links to the files that
//! are there.
//!
//! Pages are saved with absolute links, so a site can be read at every moment. The pass runs at the end of a run, if
//! anything came since the last one. It replaces a file by a rename. The state has the lengths of the file before and
//! after, so an interrupted pass leaves no file that the next run takes for an incomplete one. The next pass
//! finishes the work.

mod index;
mod replacement;

use std::io;
use std::path::PathBuf;

use crate::extract::RewriteHead;
use crate::model::shown_path;
use crate::output_folder::OutputFolder;
use crate::policy::canonical::CanonicalRules;
use crate::state::{FileLengths, Ledger, SavedRow, StateError};
use index::{FileIndex, TargetRank};
use replacement::Replacement;

/// The rows that are read, and the files that are replaced, at once.
const BATCH: usize = 64;

/// The pass over the links cannot go on. Every file is whole.
#[derive(Debug, thiserror::Error)]
pub enum RelinkError {
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file cannot be written.
    #[error("cannot rewrite the links of {}: {source}", shown_path(path))]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes the links of a saved site local.
pub struct Relinker {
    /// The folder of the site.
    pub folder: OutputFolder,
    /// The folder of files that are not complete, below that folder.
    pub parts: PathBuf,
    /// Which URLs count as one.
    pub canonical: CanonicalRules,
    /// Whether a replaced file must survive a power failure.
    pub sync: bool,
}

impl Relinker {
    /// Rewrites all pages and style sheets whose links can lead to files now. Does nothing if no file came since the
    /// last complete pass.
    ///
    /// # Errors
    /// The state or a file cannot be written. A page that cannot be read stays as it is.
    pub fn relink(&self, ledger: &mut Ledger) -> Result<(), RelinkError> {
        if !ledger.has_unlinked()? {
            return Ok(());
        }
        let index = self.index(ledger)?;
        let (mut id, mut documents, mut changed) = (i64::MIN, 0_u64, 0_u64);
        loop {
            let batch = ledger.saved_after(id, BATCH)?;
            let Some(last) = batch.last else { break };
            let mut replacements = Vec::new();
            for (slot, row) in batch.rows.iter().enumerate().filter(|(_, row)| is_document(row)) {
                documents += 1;
                replacements.extend(self.replacement(row, &index, slot)?);
            }
            changed += replacements.len() as u64;
            self.replace(ledger, replacements)?;
            id = last;
        }
        ledger.set_linked()?;
        tracing::debug!(documents, changed, "made links local");
        Ok(())
    }

    /// Reads the files of all URLs.
    fn index(&self, ledger: &Ledger) -> Result<FileIndex<'_>, StateError> {
        let mut index = FileIndex::new(&self.canonical);
        let mut id = i64::MIN;
        loop {
            let batch = ledger.saved_after(id, 16 * BATCH)?;
            let Some(last) = batch.last else { return Ok(index) };
            for row in &batch.rows {
                match (&row.file, &row.final_url) {
                    (Some(file), final_url) => {
                        index.insert(&row.url, file, TargetRank::new(row.is_of_run, true));
                        if let Some(url) = final_url {
                            index.insert(url, file, TargetRank::new(row.is_of_run, false));
                        }
                    }
                    (None, Some(target)) => index.redirect(&row.url, target),
                    (None, None) => {}
                }
            }
            id = last;
        }
    }

    /// Rewrites a document beside its file; `None` if nothing changes.
    fn replacement(
        &self,
        row: &SavedRow,
        index: &FileIndex<'_>,
        slot: usize,
    ) -> Result<Option<Replacement>, RelinkError> {
        let (Some(file), Some(before)) = (&row.file, row.bytes) else { return Ok(None) };
        let head = head(row);
        let lengths = FileLengths { id: row.id, before, after: before };
        let part = self.parts.join(format!("links-{slot}"));
        match Replacement::write(&self.folder, file, part, lengths, &head, &index.links_of(file), self.sync) {
            Ok(replacement) => Ok(replacement),
            Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                tracing::warn!(file = %shown_path(&self.folder.path().join(file)), error = %source, "links stay absolute");
                Ok(None)
            }
            Err(source) => Err(self.error(file, source)),
        }
    }

    /// Replaces files, once the state knows their lengths.
    fn replace(&self, ledger: &mut Ledger, replacements: Vec<Replacement>) -> Result<(), RelinkError> {
        if replacements.is_empty() {
            return Ok(());
        }
        let lengths: Vec<_> = replacements.iter().map(|replacement| replacement.lengths).collect();
        let written = ledger.write_lengths(&lengths);
        if let Err(error) = written {
            replacements.iter().for_each(|replacement| replacement.remove(&self.folder));
            return Err(error.into());
        }
        for replacement in replacements {
            replacement.commit(&self.folder, self.sync).map_err(|source| self.error(&replacement.file, source))?;
        }
        Ok(())
    }

    fn error(&self, file: &str, source: io::Error) -> RelinkError {
        RelinkError::File { path: self.folder.path().join(file), source }
    }
}

/// Whether the links of a row's file are rewritten: it is a page or style sheet as a run wrote it. A file of a run with
/// other settings stays as it is, unless that run rewrote it too.
fn is_document(row: &SavedRow) -> bool {
    row.bytes.is_some() && (row.is_of_run || row.is_rewritten) && head(row).is_rewritable()
}

fn head(row: &SavedRow) -> RewriteHead<'_> {
    RewriteHead {
        url: row.final_url.as_ref().unwrap_or(&row.url),
        content_type: row.content_type.as_deref().map(str::as_bytes),
        is_rewritten: row.is_rewritten,
    }
}
