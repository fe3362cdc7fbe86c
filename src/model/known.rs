//! What an earlier run left behind about a URL.

use url::Url;

use super::{Claimed, Facts};

/// What lets a server say that its answer has not changed (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The ETag field, as it came.
    pub etag: Option<Box<str>>,
    /// The Last-Modified field, as it came.
    pub last_modified: Option<Box<str>>,
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

/// What an earlier run left behind about a URL.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The name that it claimed; it keeps it.
    pub name: Option<Claimed>,
    /// What was found out, where the URL is done: ok, its file there, and nothing more asked now
    /// than then.
    pub done: Option<Box<Facts>>,
    /// What a run that refreshes asks of what is done.
    pub condition: Option<Box<Condition>>,
}
