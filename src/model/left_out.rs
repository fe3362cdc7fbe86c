//! Links that a crawl does not follow.

use std::sync::Arc;

use super::SkipReason;

/// A link that a crawl does not follow. It never becomes a seed, so it has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The URL, without user name and password.
    pub url: String,
    /// The reason.
    pub reason: SkipReason,
    /// The rule behind it: a line of robots.txt, a pattern, a setting.
    pub rule: Option<Box<str>>,
    /// The URL of the document with the link.
    pub parent: Option<Arc<str>>,
}
