//! The pass over all pages and style sheets of a site.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::RelinkError;
use super::index::FileIndex;
use super::replacement::Replacement;
use crate::extract::RewriteHead;
use crate::model::shown_path;
use crate::output_folder::{OpenFolder, OutputFolder};
use crate::state::{Ledger, SavedRow};

/// The rows that are read, and the files that are replaced, at once. Each needs an open folder.
const BATCH: usize = 64;
/// The most threads that rewrite documents.
const MOST_THREADS: usize = 8;

/// One pass over the documents of a site.
pub(super) struct LinkPass<'a> {
    pub folder: &'a OutputFolder,
    /// The folder of files that are not complete.
    pub parts: OpenFolder,
    pub index: FileIndex<'a>,
    pub sync: bool,
}

impl LinkPass<'_> {
    /// Rewrites each document whose links can lead to other files now.
    pub fn run(&self, ledger: &mut Ledger) -> Result<(), RelinkError> {
        let (mut id, mut documents, mut changed) = (i64::MIN, 0_u64, 0_u64);
        loop {
            let batch = ledger.saved_after(id, BATCH)?;
            let Some(last) = batch.last else { break };
            let rows: Vec<_> = batch.rows.iter().filter(|row| is_document(row)).collect();
            let replacements = self.replacements(&rows)?;
            documents += rows.len() as u64;
            changed += replacements.len() as u64;
            self.replace(ledger, &replacements)?;
            id = last;
        }
        ledger.set_linked()?;
        tracing::debug!(documents, changed, "made links local");
        Ok(())
    }

    /// Rewrites documents beside their files, on a few threads. Returns those in which something changes.
    fn replacements(&self, rows: &[&SavedRow]) -> Result<Vec<Replacement>, RelinkError> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<Replacement>, RelinkError> {
            let mut written = Vec::new();
            loop {
                let slot = next.fetch_add(1, Ordering::Relaxed);
                let Some(row) = rows.get(slot) else { return Ok(written) };
                written.extend(self.replacement(row, slot)?);
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS).min(rows.len());
        thread::scope(|scope| {
            // Err: a thread that cannot start leaves its work to the others.
            let spawn = |_| thread::Builder::new().name("links".to_owned()).spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..threads).filter_map(spawn).collect();
            let mut all = work();
            for other in others {
                let written = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                all = all.and_then(|all| written.map(|written| all.into_iter().chain(written).collect()));
            }
            all
        })
    }

    /// Rewrites a document beside its file; `None` if nothing changes.
    fn replacement(&self, row: &SavedRow, slot: usize) -> Result<Option<Replacement>, RelinkError> {
        let part = format!("links-{slot}").into();
        let file = row.file.as_deref().unwrap_or_default();
        match Replacement::write(self.folder, row, (&self.parts, part), &self.index.links_of(file), self.sync) {
            Ok(replacement) => Ok(replacement),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(file = %shown_path(&self.folder.path().join(file)), %error, "links stay absolute");
                Ok(None)
            }
            Err(source) => Err(self.error(file, source)),
        }
    }

    /// Replaces files, once the state knows their lengths.
    fn replace(&self, ledger: &mut Ledger, replacements: &[Replacement]) -> Result<(), RelinkError> {
        if replacements.is_empty() {
            return Ok(());
        }
        let lengths: Vec<_> = replacements.iter().map(|replacement| replacement.lengths).collect();
        if let Err(error) = ledger.write_lengths(&lengths) {
            replacements.iter().for_each(|replacement| replacement.remove(&self.parts));
            return Err(error.into());
        }
        for replacement in replacements {
            let committed = replacement.commit(self.folder, &self.parts, self.sync);
            committed.map_err(|source| self.error(&replacement.file, source))?;
        }
        Ok(())
    }

    fn error(&self, file: &str, source: io::Error) -> RelinkError {
        RelinkError::File { path: self.folder.path().join(file), source }
    }
}

/// Whether the links of a row's file are rewritten: it is a page or style sheet. A file of a run with other settings
/// stays as it is, unless that run rewrote it too.
fn is_document(row: &SavedRow) -> bool {
    row.file.is_some() && (row.is_of_run || row.is_rewritten) && head(row).is_rewritable()
}

/// The facts of a document that decide how it is rewritten.
pub(super) fn head(row: &SavedRow) -> RewriteHead<'_> {
    RewriteHead {
        url: row.final_url.as_ref().unwrap_or(&row.url),
        content_type: row.content_type.as_deref().map(str::as_bytes),
        is_rewritten: row.is_rewritten,
    }
}
