//! The answers of an origin to requests for its robots.txt, as a state keeps them between runs.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The last answers of an origin. `policy::robots` makes its rules of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRobots {
    /// The last answer that says what is allowed.
    pub copy: Option<RobotsCopy>,
    /// The answers since then, which do not say it.
    pub failures: Option<RobotsFailures>,
}

/// An answer that says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotsCopy {
    /// Its time, or that of the 304 that confirmed it.
    pub at: SystemTime,
    /// The answer.
    pub text: RobotsText,
}

/// The content of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RobotsText {
    /// The file, up to the first byte behind the limit.
    File(Box<[u8]>),
    /// No file, but this status.
    Status(u16),
    /// Redirects without an end.
    TooManyRedirects,
}

/// Requests in a row that brought no rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotsFailures {
    /// The time of the first one.
    pub first: SystemTime,
    /// The time of the last one.
    pub last: SystemTime,
    /// How many there were, at least 1.
    pub count: u32,
    /// The reason of the last one, such as `status 503`.
    pub why: Box<str>,
    /// The wait that the last one asked for.
    pub retry_after: Option<Duration>,
}
