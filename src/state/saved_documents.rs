//! The saved files of a state, for the pass over the links of pages.

use std::path::Path;

use rusqlite::{Row, params};
use url::Url;

use super::{Bodies, Ledger, StateError, failed, row};

/// Whether a row has a file, or a redirect that a crawl did not follow.
macro_rules! has_target {
    () => {
        "(outcome = 'ok' AND name IS NOT NULL OR outcome = 'skipped' AND final_url IS NOT NULL)"
    };
}

/// Selects the next rows with a file, or with a redirect that a crawl did not follow.
pub(super) const SELECT: &str = concat!(
    "SELECT id, key, url, final_url, outcome, coalesce(file, name), content_type, bytes, file_bytes, relinked_bytes, title
    FROM urls WHERE id > ?1 AND ",
    has_target!(),
    " AND octet_length(url) + coalesce(octet_length(final_url), 0) + coalesce(octet_length(name), 0)
    + coalesce(octet_length(file), 0) + coalesce(octet_length(content_type), 0)
    + coalesce(octet_length(title), 0) <= 4194304 ORDER BY id LIMIT ?2"
);

/// Whether a request came to its end after the last pass.
pub(super) const HAS_UNLINKED: &str =
    concat!("SELECT EXISTS (SELECT 1 FROM urls WHERE linked IS NULL AND ", has_target!(), ")");

/// Writes the length of a file before it is rewritten and after.
pub(super) const UPDATE_LENGTHS: &str = "UPDATE urls SET file_bytes = ?2, relinked_bytes = ?3 WHERE id = ?1";

/// Notes the end of a pass.
pub(super) const UPDATE_LINKED: &str = "UPDATE urls SET linked = 1 WHERE linked IS NULL";

/// Rows that come after one another.
#[derive(Debug, Default)]
pub struct SavedBatch {
    /// Those with a file, and redirects.
    pub rows: Vec<SavedRow>,
    /// The number of the last row; `None` after the end.
    pub last: Option<i64>,
}

/// A request of a state, by what links to it need.
#[derive(Debug, Clone)]
pub struct SavedRow {
    /// The number of the row.
    pub id: i64,
    /// The URL of the request.
    pub url: Url,
    /// The URL to which its redirects led.
    pub final_url: Option<Url>,
    /// The file of its body below the output folder, which may be gone; `None` if its redirect was not followed.
    pub file: Option<String>,
    /// The lengths of the file.
    pub lengths: KnownLengths,
    /// The Content-Type field.
    pub content_type: Option<String>,
    /// The title of the page.
    pub title: Option<String>,
    /// Whether the links of the file were rewritten.
    pub is_rewritten: bool,
    /// Whether it is a request as this run makes them, with the same settings.
    pub is_of_run: bool,
}

/// The lengths that a file may have, if it is as a run wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLengths([Option<u64>; 2]);

impl KnownLengths {
    /// Whether this is one of them.
    pub fn has(&self, length: u64) -> bool {
        self.0.contains(&Some(length))
    }
}

/// The lengths of a file before and after it is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLengths {
    /// The number of the row.
    pub id: i64,
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

impl Ledger {
    /// Whether files came, or redirects were met, since the last complete pass over the links.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn has_unlinked(&self) -> Result<bool, StateError> {
        self.connection.query_row(HAS_UNLINKED, [], |row| row.get(0)).map_err(|e| failed(&self.path, e))
    }

    /// Returns the requests after this row that were saved, and the redirects that were not followed. `most` bounds the rows that are read.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn saved_after(&self, id: i64, most: usize) -> Result<SavedBatch, StateError> {
        let read = || -> rusqlite::Result<SavedBatch> {
            let mut batch = SavedBatch::default();
            let mut statement = self.connection.prepare_cached(SELECT)?;
            let mut rows = statement.query(params![id, i64::try_from(most).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                batch.last = Some(row.get(0)?);
                batch.rows.extend(self.saved(row)?);
            }
            Ok(batch)
        };
        read().map_err(|e| failed(&self.path, e))
    }

    /// Writes the lengths of files that are about to be replaced, in one transaction.
    ///
    /// # Errors
    /// An error of SQLite; then none of them is written.
    pub fn write_lengths(&mut self, lengths: &[FileLengths]) -> Result<(), StateError> {
        let mut write = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            {
                let mut update = transaction.prepare_cached(UPDATE_LENGTHS)?;
                for FileLengths { id, before, after } in lengths {
                    let [before, after] = [before, after].map(|length| i64::try_from(*length).unwrap_or(i64::MAX));
                    update.execute(params![id, before, after])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|e| failed(&self.path, e))
    }

    /// Notes that a pass over the links is complete.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn set_linked(&mut self) -> Result<(), StateError> {
        self.connection.execute(UPDATE_LINKED, []).map(drop).map_err(|e| failed(&self.path, e))
    }

    /// Reads a row; `None` if no run could have written it.
    fn saved(&self, row: &Row<'_>) -> rusqlite::Result<Option<SavedRow>> {
        let parsed = |column| row::text(row, column).map(|text| text.and_then(|text| Url::parse(text).ok()));
        let Some(url) = parsed(2)? else { return Ok(None) };
        let is_saved = row::text(row, 4)? == Some("ok");
        let file = row::text(row, 5)?.filter(|file| is_saved && row::is_name(file));
        if is_saved && file.is_none() {
            return Ok(None);
        }
        let [body, before, after] = [7, 8, 9].map(|column| row::count::<u64>(row, column));
        let (body, before, after) = (body?, before?, after?);
        Ok(Some(SavedRow {
            id: row.get(0)?,
            final_url: parsed(3)?,
            file: file.map(str::to_owned),
            lengths: KnownLengths([before.or(body), after]),
            content_type: row::text(row, 6)?.map(str::to_owned),
            title: row::text(row, 10)?.map(str::to_owned),
            is_rewritten: before.is_some(),
            is_of_run: row.get_ref(1)?.as_blob().is_ok_and(|key| key == self.keys.of_url(&url)),
            url,
        }))
    }

    /// Whether a file is there.
    pub fn has_file(&self, file: &str) -> bool {
        let Bodies::Below(folder) = &self.bodies else { return false };
        folder.info(Path::new(file)).is_ok_and(|there| there.is_file)
    }
}
