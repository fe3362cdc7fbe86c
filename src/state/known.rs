//! Reads what a state knows of one URL, and which pages link to it.

use rusqlite::OptionalExtension as _;

use super::{Recall, StateError, failed, link_codec, row};
use crate::model::{Facts, PageLinks, Seed, SkipReason, Validators, shown_path};

/// The facts that a state knows of a URL.
#[derive(Debug, Clone)]
pub struct KnownResult {
    /// The outcome of the last request.
    pub outcome: String,
    /// The kind of its error.
    pub error: Option<String>,
    /// Its status.
    pub status: Option<u16>,
    /// The facts of the body, which may be older.
    pub facts: Facts,
    /// Its validators.
    pub validators: Validators,
    /// Why a crawl did not follow its redirect; the rule is among the facts.
    pub not_followed: Option<SkipReason>,
    /// The name that was given to its file.
    pub name: Option<Box<str>>,
}

impl Recall {
    /// The path of the state, for messages.
    pub fn shown_path(&self) -> String {
        shown_path(&self.path)
    }

    /// Reads the last result of a seed.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn result(&self, seed: &Seed) -> Result<Option<KnownResult>, StateError> {
        let key = self.keys.of(seed, 0);
        let read = || -> rusqlite::Result<Option<KnownResult>> {
            let mut crawled = self.connection.prepare_cached(row::SELECT_CRAWLED)?;
            let content = crawled.query_row([key], |row| {
                let Some(mut found) = row::found(row, &self.bodies)? else { return Ok(None) };
                found.facts.found.links = row::links(row)?;
                Ok(Some(found))
            });
            let Some(content) = content.optional()?.flatten() else { return Ok(None) };
            let mut last = self.connection.prepare_cached(row::SELECT_RESULT)?;
            last.query_row([key], |row| {
                let last = row::last_result(row)?;
                Ok(KnownResult {
                    outcome: last.outcome.to_owned(),
                    error: last.kind.map(str::to_owned),
                    status: last.status,
                    facts: content.facts,
                    validators: content.validators,
                    not_followed: content.not_followed,
                    name: content.name,
                })
            })
            .optional()
        };
        read().map_err(|e| failed(&self.path, e))
    }

    /// Calls `each` for every request: its URL, the URL to which its redirects led to a body, and the links of that.
    /// One page is in memory at a time.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn each_page(&self, mut each: impl FnMut(&str, Option<&str>, Option<&PageLinks>)) -> Result<(), StateError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut pages = self.connection.prepare(row::SELECT_PAGES)?;
            let mut rows = pages.query([])?;
            while let Some(row) = rows.next()? {
                // A value that is no text is no URL.
                let Ok(url) = row.get_ref(0)?.as_str() else { continue };
                let links = row.get_ref(1)?.as_blob().ok().and_then(link_codec::read);
                each(url, row.get_ref(2)?.as_str().ok(), links.as_ref());
            }
            Ok(())
        };
        read().map_err(|e| failed(&self.path, e))
    }
}
