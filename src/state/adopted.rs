//! The files of a crawl without `--adjust-extension`, for a run with it.

use std::path::Path;

use rusqlite::params;
use url::Url;

use super::key::Keys;
use super::{Shape, State, StateError, failed, row};
use crate::output_folder::OutputFolder;
use crate::policy::naming::missing_ending;

/// The rows that are changed in one transaction.
const BATCH: usize = 256;

/// Selects the next rows that a crawl has written.
pub(super) const SELECT: &str = "SELECT id, key, url, name, file, content_type FROM urls
    WHERE id > ?1 AND links IS NOT NULL AND outcome IN ('ok', 'skipped')
    AND octet_length(url) + coalesce(octet_length(name), 0) + coalesce(octet_length(content_type), 0) <= 4194304
    ORDER BY id LIMIT ?2";

/// Gives a row another key and file, unless another row has that key.
pub(super) const UPDATE: &str = "UPDATE OR IGNORE urls SET key = ?2, file = ?3 WHERE id = ?1";

/// A row of the earlier crawl.
struct EarlierRow {
    id: i64,
    key: [u8; 16],
    name: Option<String>,
    ending: &'static str,
}

impl State {
    /// Takes the rows of a crawl that differs by `--adjust-extension` alone, and gives their files the ending of
    /// their type. So a mirror need not fetch them again. A file stays if another one has its new name. Returns the
    /// number of rows.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn adopt(&mut self, earlier: Shape, shape: Shape, folder: &OutputFolder) -> Result<u64, StateError> {
        let [earlier, own] = [earlier, shape].map(|shape| Keys::new(shape, self.salt));
        let mut adopt = || -> rusqlite::Result<u64> {
            let (mut id, mut adopted) = (i64::MIN, 0);
            loop {
                let (rows, last) = self.rows_of(id, &earlier, &own)?;
                adopted += self.take(&rows, folder)?;
                let Some(last) = last else { return Ok(adopted) };
                id = last;
            }
        };
        adopt().map_err(|e| failed(self.files.path(), e))
    }

    /// Reads the rows of the earlier crawl among the next ones, and the number of the last one.
    fn rows_of(&self, id: i64, earlier: &Keys, own: &Keys) -> rusqlite::Result<(Vec<EarlierRow>, Option<i64>)> {
        let (mut found, mut last) = (Vec::new(), None);
        let mut statement = self.connection.prepare_cached(SELECT)?;
        let mut rows = statement.query(params![id, BATCH as i64])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            last = Some(id);
            let Some(url) = row::text(row, 2)?.and_then(|url| Url::parse(url).ok()) else { continue };
            if row.get_ref(1)?.as_blob().ok() != Some(&earlier.of_url(&url)[..]) || row::text(row, 4)?.is_some() {
                continue;
            }
            let name = row::text(row, 3)?.filter(|name| row::is_name(name));
            let ending = match name {
                Some(name) => missing_ending(name, row::text(row, 5)?),
                None => "",
            };
            found.push(EarlierRow { id, key: own.of_url(&url), name: name.map(str::to_owned), ending });
        }
        Ok((found, last))
    }

    /// Gives rows their new keys, and their files their new names.
    fn take(&mut self, rows: &[EarlierRow], folder: &OutputFolder) -> rusqlite::Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut taken = 0;
        let transaction = self.connection.transaction()?;
        {
            let mut update = transaction.prepare_cached(UPDATE)?;
            for EarlierRow { id, key, name, ending } in rows {
                let file = name.as_ref().map(|name| format!("{name}{ending}")).filter(|_| !ending.is_empty());
                if file.as_ref().is_some_and(|file| folder.info(Path::new(file)).is_ok()) {
                    continue;
                }
                taken += update.execute(params![id, key, file])? as u64;
                if let (Some(name), Some(file)) = (name, &file) {
                    // Err: the file is gone. The row says so, and the run fetches it.
                    let _ = rename(folder, name, file);
                }
            }
        }
        transaction.commit()?;
        Ok(taken)
    }
}

/// Renames a file in its folder.
fn rename(folder: &OutputFolder, from: &str, to: &str) -> std::io::Result<()> {
    let (files, name) = folder.open_parent(Path::new(from))?;
    let to = to.rsplit('/').next().unwrap_or(to);
    files.rename(name, &files, to.as_ref())
}
