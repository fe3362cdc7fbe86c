//! The limits of a robots.txt.

use std::time::Duration;

/// The limits of a robots.txt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsLimits {
    /// The bytes that are read.
    pub max_bytes: usize,
    /// The redirects that are followed, to other origins too. After more of them the file counts as absent.
    pub max_redirects: u32,
    /// The time for which an answer counts.
    pub max_age: Duration,
    /// The longest pause that is kept between two requests.
    pub max_crawl_delay: Duration,
    /// The wait after a first answer without rules. It doubles with each.
    pub first_retry: Duration,
    /// The longest wait after an answer without rules.
    pub max_retry: Duration,
    /// The time after which an origin without an answer counts as one without a file.
    pub max_unreachable: Duration,
}

impl Default for RobotsLimits {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Self {
            max_bytes: 500 * 1024,
            max_redirects: 5,
            max_age: day,
            max_crawl_delay: Duration::from_secs(60),
            first_retry: Duration::from_secs(60),
            max_retry: Duration::from_secs(60 * 60),
            max_unreachable: 30 * day,
        }
    }
}
