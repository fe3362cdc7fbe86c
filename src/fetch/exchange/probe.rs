//! Requests that only check whether something is there: HEAD, and GET where that says too little.

use http::{Method, StatusCode};

use super::state::Exchange;
use crate::fetch::config::FetchConfig;
use crate::fetch::connect::response::Response;
use crate::model::{ErrorKind, FetchError, Job, Kind, Verdict};
use crate::policy::scope::{is_css, is_html};

/// Whether a job begins with HEAD, although the run sends GET. Another attempt does not: the method may be at fault.
pub(super) fn begins_with_head(config: &FetchConfig, job: &Job) -> bool {
    is_probe(config, job) && job.attempt <= 1
}

/// Whether only the head of the answer is of interest.
fn is_probe(config: &FetchConfig, job: &Job) -> bool {
    job.seed.kind == Kind::Check || job.seed.kind == Kind::Requisite && config.checks
}

impl Exchange<'_> {
    /// Whether an answer to HEAD says too little, so that the same URL is requested with GET. Some servers do not know
    /// the method, or answer it with another error. Some requisites have links.
    pub(super) fn must_get(&self, status: StatusCode) -> bool {
        self.asks_head
            && self.fetcher.method != Method::HEAD
            && match status.as_u16() {
                200..=299 => self.has_links(),
                // The server has no time for one more request.
                429 | 503 => false,
                status => status >= 400,
            }
    }

    /// Whether a request may have failed because its method is HEAD: some servers send a body all the same.
    pub(super) fn is_about_head(&self, error: &FetchError) -> bool {
        self.asks_head && matches!(error.kind, ErrorKind::Protocol | ErrorKind::Reset | ErrorKind::Truncated)
    }

    /// Returns the verdict on a successful answer whose body is of no interest.
    pub(super) async fn probed(&mut self, status: StatusCode, response: &mut Response) -> Option<Verdict> {
        let has_no_body = self.method() == Method::HEAD;
        let is_checked = is_probe(&self.fetcher.config, self.job) && !self.has_links();
        if !status.is_success() || !(has_no_body || is_checked) {
            return None;
        }
        self.drain(response).await;
        Some(Verdict::Ok)
    }

    /// Whether a requisite has links: a style sheet, and a page that another one shows.
    fn has_links(&self) -> bool {
        let content_type = self.facts.content_type.as_deref();
        self.job.seed.kind == Kind::Requisite && (is_css(content_type) || is_html(content_type))
    }
}
