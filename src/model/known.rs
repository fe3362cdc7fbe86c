//! What an earlier run left behind about a URL.

use url::Url;

use super::{Claimed, Facts};

/// What lets a server say that its answer has not changed (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The octets of the ETag field, as they came.
    pub etag: Option<Box<[u8]>>,
    /// The octets of the Last-Modified field, as they came.
    pub last_modified: Option<Box<[u8]>>,
}

/// A question whether an answer has changed (RFC 9110, section 13).
#[derive(Debug, Clone)]
pub struct Condition {
    /// The URL that gave the answer, at the end of all redirects; only this one is asked so.
    pub url: Url,
    /// What it is asked with.
    pub validators: Validators,
    /// What holds if it has not.
    pub facts: Facts,
}

/// What tells one state of a body from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// The URL that gave it, at the end of all redirects; `None` where that is the URL asked for.
    pub final_url: Option<Url>,
    /// Its length after decoding.
    pub bytes: Option<u64>,
    /// Its SHA-256, where that was computed.
    pub sha256: Option<[u8; 32]>,
    /// Its BLAKE3, where that was computed.
    pub blake3: Option<[u8; 32]>,
    /// What the server said of it.
    pub validators: Validators,
}

impl Revision {
    /// Of an answer.
    pub fn of(facts: &Facts, validators: Validators) -> Self {
        let Facts { final_url, bytes, sha256, blake3, .. } = facts;
        Self { final_url: final_url.clone(), bytes: *bytes, sha256: *sha256, blake3: *blake3, validators }
    }
}

/// What a body was that is compared with the one that comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The body.
    pub body: Revision,
    /// Its file, as it can be opened from where the run was started, where it is still there.
    pub path: Option<String>,
}

/// What an earlier run left behind about a URL.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Which of the equal requests of the input it is, from 0, where all of them are made.
    pub occurrence: u32,
    /// The name that it claimed; it keeps it.
    pub name: Option<Claimed>,
    /// What was found out, where the URL is done: ok, its file there, and nothing more asked now
    /// than then.
    pub done: Option<Box<Facts>>,
    /// Whether an earlier run saved a body, so a file that differs from it is not taken for one.
    pub was_saved: bool,
    /// What a run that refreshes asks of what is done.
    pub condition: Option<Box<Condition>>,
    /// What the body was, where it was ok; only for a run that tells what has changed.
    pub before: Option<Box<Before>>,
}
