//! The reasons to retry a URL.

use super::{ErrorKind, Verdict};

/// One reason to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryCause {
    /// A failure of this kind.
    Kind(ErrorKind),
    /// A response with this status, from the server or from a proxy.
    Status(u16),
    /// A response whose status has this first digit, 4 or 5; 5 includes everything above.
    Class(u8),
}

/// The reasons to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOn(pub Vec<RetryCause>);

impl Default for RetryOn {
    fn default() -> Self {
        use RetryCause::{Kind, Status};
        let kinds = [ErrorKind::Timeout, ErrorKind::Connect, ErrorKind::Reset, ErrorKind::Truncated];
        let statuses = [408, 425, 429, 500, 502, 503, 504];
        Self(kinds.into_iter().map(Kind).chain(statuses.into_iter().map(Status)).collect())
    }
}

impl RetryOn {
    /// The kinds that may be a reason. No retry can change the others.
    pub fn kinds() -> impl Iterator<Item = ErrorKind> {
        use ErrorKind::{Blocked, Cancelled, HttpStatus, InvalidUrl};
        let no_reason = |kind: &ErrorKind| matches!(kind, InvalidUrl | Blocked | HttpStatus | Cancelled);
        ErrorKind::ALL.iter().copied().filter(move |kind| !no_reason(kind))
    }

    /// Whether this verdict and its status are a reason.
    pub fn covers(&self, verdict: &Verdict, status: Option<u16>) -> bool {
        let (kind, status) = match verdict {
            Verdict::HttpError => (None, status),
            Verdict::Failed(error) => (Some(error.kind), error.proxy.as_ref().map(|answer| answer.status)),
            _ => return false,
        };
        self.0.iter().any(|cause| match cause {
            RetryCause::Kind(wanted) => kind == Some(*wanted),
            RetryCause::Status(wanted) => status == Some(*wanted),
            RetryCause::Class(class) => status.is_some_and(|status| (status / 100).min(5) == u16::from(*class)),
        })
    }
}
