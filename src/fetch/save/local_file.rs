//! The file that a body would replace, such as that of another program.

use std::path::{Path, PathBuf};

use http::header::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::output_folder::OutputFolder;

/// A regular file under the name that the body of a job would get.
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Its modification time, as an HTTP date.
    pub(crate) since: HeaderValue,
}

impl LocalFile {
    /// Finds a regular file. A link may lead out of the output folder, so it is not followed.
    pub(crate) fn find(folder: &OutputFolder, name: &Path) -> Option<Self> {
        let there = folder.info(name).ok().filter(|there| there.is_file)?;
        let modified = Timestamp::try_from(there.modified?).ok()?;
        // Err: a year that no HTTP date can have.
        let since = DateTimePrinter::new().timestamp_to_rfc9110_string(&modified).ok()?;
        Some(Self { path: folder.path().join(name), bytes: there.len, since: HeaderValue::try_from(since).ok()? })
    }
}
