//! Conditional requests (RFC 9110, section 13): for the response of an earlier run, and for a file that no run knows.
//!
//! `--refresh` requests a file without an entry in the state with If-Modified-Since, as wget does.

use http::header::{self, HeaderName, HeaderValue};
use url::Url;

use super::state::Exchange;
use crate::fetch::config::FetchConfig;
use crate::fetch::save::local_file::LocalFile;
use crate::fetch::save::saver::FileNaming;
use crate::model::{Condition, Needs, RequestOverrides, Validators};

impl Exchange<'_> {
    /// Returns the condition of the request for this URL: its validators of an earlier run.
    pub(crate) fn condition(&self, url: &Url) -> Option<&Condition> {
        let condition = self.job.seed.known.as_ref()?.condition.as_deref()?;
        (condition.url == *url).then_some(condition)
    }

    /// Finds the file that the body would replace. Returns `None` if the run needs a digest or the links of the
    /// body, or if an earlier run saved the file.
    pub(crate) fn find_local(&self) -> Option<Box<LocalFile>> {
        let FetchConfig { refresh, needs, saving, adjust_extension, convert_links, .. } = &*self.fetcher.config;
        let is_declared = |overrides: &RequestOverrides| overrides.sha256.is_some() || overrides.blake3.is_some();
        let was_saved = self.job.seed.known.as_ref().is_some_and(|known| known.was_saved);
        // A file whose links were rewritten is not what the server has.
        let is_other = *adjust_extension || *convert_links;
        let reads_body = needs.has_digest() || needs.contains(Needs::LINKS) || is_other;
        if !refresh || reads_body || was_saved || self.overrides().is_some_and(is_declared) {
            return None;
        }
        LocalFile::find(saving.folder()?, &self.fetcher.saver.file(self.job, FileNaming::default())?).map(Box::new)
    }

    /// Records that the file is current.
    pub(crate) fn keep_local(&mut self) {
        let Some(local) = self.local.take() else { return };
        self.facts.path = Some(local.path.to_string_lossy().into_owned());
        self.facts.bytes = Some(local.bytes);
        if self.fetcher.config.needs.contains(Needs::VALIDATORS) && self.facts.validators.is_none() {
            let last_modified = Some(local.since.as_bytes().into());
            self.facts.validators = Some(Box::new(Validators { etag: None, last_modified }));
        }
    }
}

/// RFC 9110, section 13.1: If-None-Match has precedence over If-Modified-Since.
pub(crate) fn condition_field(condition: &Condition) -> Option<(HeaderName, HeaderValue)> {
    let Validators { etag, last_modified } = &condition.validators;
    let field = |name, octets: &Option<Box<[u8]>>| Some((name, HeaderValue::from_bytes(octets.as_deref()?).ok()?));
    field(header::IF_NONE_MATCH, etag).or_else(|| field(header::IF_MODIFIED_SINCE, last_modified))
}
