//! Failures as the summary counts them.

use std::fmt;

use super::{ANONYMOUS, ErrorKind, Facts, Outcome, Verdict, cut};

/// The cause of a failure. Its text is a word that `--only` accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureCause {
    /// The status of an HTTP error.
    Status(u16),
    /// The kind of any other error.
    Kind(ErrorKind),
}

impl FailureCause {
    /// Returns the cause of an outcome that is http_error or failed, and `None` for the others.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        Self::new(&outcome.verdict, &outcome.facts)
    }

    /// As [`FailureCause::of`], of the parts of an outcome.
    pub fn new(verdict: &Verdict, facts: &Facts) -> Option<Self> {
        match verdict {
            Verdict::HttpError => Some(facts.status.map_or(Self::Kind(ErrorKind::HttpStatus), FailureCause::Status)),
            Verdict::Failed(error) => Some(Self::Kind(error.kind)),
            Verdict::Ok | Verdict::Skipped(_) | Verdict::Cancelled => None,
        }
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureCause::Status(status) => write!(f, "{status}"),
            FailureCause::Kind(kind) => f.write_str(kind.as_str()),
        }
    }
}

/// A URL that failed, as the summary names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedUrl {
    /// The URL, or the text of a line that is none.
    pub url: Box<str>,
    /// The cause.
    pub cause: FailureCause,
    /// The message of the error, with the line of a list that is itself at fault. An HTTP error has one only if
    /// credentials were withheld.
    pub message: Option<Box<str>>,
}

impl FailedUrl {
    /// The most failed URLs that a summary names.
    pub const MOST: usize = 5;

    /// The most bytes of a URL and of a message.
    const LONGEST: usize = 2048;

    /// The URL of an outcome that failed for this cause.
    pub fn new(outcome: &Outcome, cause: FailureCause) -> Self {
        let message = match (&outcome.verdict, outcome.wrong_line()) {
            (Verdict::Failed(error), Some(line)) => Some(format!("{}, {line}", error.message)),
            (Verdict::Failed(error), None) => Some(error.message.to_string()),
            (Verdict::HttpError, _) if outcome.facts.is_anonymous => Some(ANONYMOUS.to_owned()),
            _ => None,
        };
        let short = |text: &str| cut(text, Self::LONGEST).into();
        Self { url: short(outcome.subject.url()), cause, message: message.as_deref().map(short) }
    }
}
