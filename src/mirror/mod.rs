//! The pass over a saved site that makes links local: each page and style sheet gets relative links to the files that
//! are there.
//!
//! Pages are saved with absolute links, so a site can be read at every moment. The pass runs at the end of a run, if
//! anything came since the last one. It replaces a file by a rename. The state has the lengths of the file before and
//! after, so an interrupted pass leaves no file that the next run takes for an incomplete one. The next pass
//! finishes the work.

mod index;
mod pass;
mod replacement;
mod start_page;

use std::io;
use std::path::PathBuf;

use crate::model::shown_path;
use crate::output_folder::OutputFolder;
use crate::policy::canonical::CanonicalRules;
use crate::state::{Ledger, SavedRow, StateError};
use index::{FileIndex, TargetRank};
use pass::LinkPass;
use start_page::StartPage;

pub use start_page::{START_PAGE, check_start_page};

/// The rows that are read at once.
const BATCH: usize = 1024;

/// The pass over the links cannot go on, or the start page cannot be written. Every file is whole.
#[derive(Debug, thiserror::Error)]
pub enum RelinkError {
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", shown_path(path))]
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
    /// Whether the folder gets a start page.
    pub start_page: bool,
}

impl Relinker {
    /// Rewrites all pages and style sheets whose links can lead to files now. Does nothing if no file came since the
    /// last complete pass.
    ///
    /// # Errors
    /// The state or a file cannot be written. A page that cannot be read stays as it is.
    pub fn relink(&self, ledger: &mut Ledger) -> Result<(), RelinkError> {
        if ledger.has_unlinked()? {
            self.relink_all(ledger)?;
        }
        if self.start_page { self.write_start_page(ledger) } else { Ok(()) }
    }

    /// Writes the start page.
    fn write_start_page(&self, ledger: &Ledger) -> Result<(), RelinkError> {
        let mut start_page = StartPage::default();
        self.each_row(ledger, |row| start_page.add(row))?;
        let part = self.parts.join("start-page");
        start_page.write(&self.folder, &part, self.sync).map_err(|source| self.error(START_PAGE, source))
    }

    fn relink_all(&self, ledger: &mut Ledger) -> Result<(), RelinkError> {
        let index = self.index(ledger)?;
        let part = self.parts.join("links");
        let parts = self.folder.make_parent(&part, self.sync);
        let (parts, _) = parts.map_err(|source| RelinkError::File { path: self.parts.clone(), source })?;
        LinkPass { folder: &self.folder, parts, index, sync: self.sync }.run(ledger)
    }

    /// Reads the files of all URLs.
    fn index(&self, ledger: &Ledger) -> Result<FileIndex<'_>, StateError> {
        let mut index = FileIndex::new(&self.canonical);
        self.each_row(ledger, |row| match (&row.file, &row.final_url) {
            (Some(file), final_url) => {
                index.insert(&row.url, file, TargetRank::new(row.is_of_run, true));
                if let Some(url) = final_url {
                    index.insert(url, file, TargetRank::new(row.is_of_run, false));
                }
            }
            (None, Some(target)) => index.redirect(&row.url, target),
            (None, None) => {}
        })?;
        Ok(index)
    }

    /// Reads all rows whose file is there, and redirects.
    fn each_row(&self, ledger: &Ledger, mut each: impl FnMut(&SavedRow)) -> Result<(), StateError> {
        let mut id = i64::MIN;
        loop {
            let batch = ledger.saved_after(id, BATCH)?;
            let Some(last) = batch.last else { return Ok(()) };
            let is_there = |row: &&SavedRow| row.file.as_deref().is_none_or(|file| ledger.has_file(file));
            batch.rows.iter().filter(is_there).for_each(&mut each);
            id = last;
        }
    }

    fn error(&self, file: &str, source: io::Error) -> RelinkError {
        RelinkError::File { path: self.folder.path().join(file), source }
    }
}
