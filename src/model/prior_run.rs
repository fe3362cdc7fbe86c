//! The results of an earlier run for a URL.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Claimed, Facts, Found, PageLinks, SkipReason, Validators};

/// A conditional request (RFC 9110, section 13).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Condition {
    /// The URL that gave the response, at the end of all redirects. Only a request for this URL is conditional.
    pub url: Url,
    /// The validators that the request sends.
    pub validators: Validators,
    /// The facts that still hold if the response has not changed.
    pub facts: Facts,
}

/// The properties that distinguish one state of a body from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// The URL that gave it, at the end of all redirects; `None` for the requested URL.
    pub final_url: Option<Url>,
    /// Its length after decoding.
    pub bytes: Option<u64>,
    /// Its SHA-256, if computed.
    pub sha256: Option<[u8; 32]>,
    /// Its BLAKE3, if computed.
    pub blake3: Option<[u8; 32]>,
    /// SHA-256 of the text of the page, if computed.
    pub text_sha256: Option<[u8; 32]>,
    /// The validators of the response.
    pub validators: Validators,
}

impl Revision {
    /// The revision of a response.
    pub fn of(facts: &Facts, validators: Validators) -> Self {
        let Facts { final_url, bytes, found, .. } = facts;
        let Found { sha256, blake3, text_sha256, .. } = found;
        let (final_url, sha256, blake3) = (final_url.clone(), *sha256, *blake3);
        Self { final_url, bytes: *bytes, sha256, blake3, text_sha256: *text_sha256, validators }
    }
}

/// The earlier body to compare with the new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriorBody {
    /// The body.
    pub body: Revision,
    /// The path of its file, valid in the start folder of the run, if the file still exists.
    pub path: Option<String>,
}

/// The results of an earlier run for a URL.
#[derive(Debug, Clone, Default)]
pub struct PriorRun {
    /// Its index among the equal requests of the input, from 0, if the run makes all of them.
    pub occurrence: u32,
    /// The name that it claimed and keeps.
    pub name: Option<Claimed>,
    /// The earlier facts if the URL is done. A done URL was ok, its file exists, and the run requests no more
    /// than then.
    pub done: Option<Box<Facts>>,
    /// Why a crawl did not follow the redirect of the URL, which is done then. The rule is among the facts.
    pub not_followed: Option<SkipReason>,
    /// Whether an earlier run saved a body, so that a different file does not count as one.
    pub was_saved: bool,
    /// The conditional request of a run that refreshes finished URLs.
    pub condition: Option<Box<Condition>>,
    /// The links of the earlier page, which count until there is a new one; only for a URL that is asked for again.
    pub links: Option<Box<PageLinks>>,
    /// The earlier body, if it was ok; only for a run that reports changes.
    pub before: Option<Box<PriorBody>>,
}
