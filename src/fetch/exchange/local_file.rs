//! Files without an entry in the state, such as those of another program. `--refresh` requests them with
//! If-Modified-Since, as wget does.

use std::path::{Path, PathBuf};

use http::header::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::fetcher::Exchange;
use crate::config::Digest;
use crate::fetch::HttpSpec;
use crate::model::{PerSeed, Validators};
use crate::output_folder::OutputFolder;

/// A regular file under the name that the body of a job would get.
pub(crate) struct LocalFile {
    path: PathBuf,
    bytes: u64,
    /// Its modification time, as an HTTP date.
    pub(crate) since: HeaderValue,
}

impl LocalFile {
    /// Finds a regular file. A link may lead out of the output folder, so it is not followed.
    fn find(folder: &OutputFolder, name: &Path) -> Option<Self> {
        let there = folder.info(name).ok().filter(|there| there.is_file)?;
        let modified = Timestamp::try_from(there.modified?).ok()?;
        // Err: a year that no HTTP date can have.
        let since = DateTimePrinter::new().timestamp_to_rfc9110_string(&modified).ok()?;
        Some(Self { path: folder.path().join(name), bytes: there.len, since: HeaderValue::try_from(since).ok()? })
    }
}

impl Exchange<'_> {
    /// Finds the file that the body would replace. Returns `None` if the run needs a digest of the body, or if an
    /// earlier run saved the file.
    pub(crate) fn find_local(&self) -> Option<Box<LocalFile>> {
        let HttpSpec { refresh, digest, saving, .. } = &*self.fetcher.spec;
        let is_declared = |wants: &PerSeed| wants.sha256.is_some() || wants.blake3.is_some();
        let was_saved = self.job.seed.known.as_ref().is_some_and(|known| known.was_saved);
        if !refresh || *digest != Digest::None || was_saved || self.wants().is_some_and(is_declared) {
            return None;
        }
        LocalFile::find(saving.folder()?, &self.fetcher.saver.file(self.job, None)?).map(Box::new)
    }

    /// Records that the file is current.
    pub(crate) fn keep_local(&mut self) {
        let Some(local) = self.local.take() else { return };
        self.facts.path = Some(local.path.to_string_lossy().into_owned());
        self.facts.bytes = Some(local.bytes);
        if self.fetcher.spec.keeps_validators && self.facts.validators.is_none() {
            let last_modified = Some(local.since.as_bytes().into());
            self.facts.validators = Some(Box::new(Validators { etag: None, last_modified }));
        }
    }
}
