//! `fetchall wacz`.

use std::path::{Path, PathBuf};

use fetchall::wacz::{WaczError, pack};

use crate::cli::exit::{Exit, UsageError};
use crate::cli::screen;

/// Packs an archive, and says what the package holds.
pub fn run(paths: &[PathBuf], output: &Path) -> anyhow::Result<Exit> {
    let packed = pack(paths, output).map_err(|error| match error {
        WaczError::Archive(problem) => UsageError::one(problem).into(),
        error @ WaczError::Io { .. } => anyhow::Error::from(error),
    })?;
    let (files, captures, pages) = (packed.files, packed.captures, packed.pages);
    screen::say(&format!("WARC files: {files}, captures: {captures}, pages: {pages}"));
    Ok(Exit::Ok)
}
