//! The time limit of one URL.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::model::{ErrorKind, FetchError};

/// The limit for one URL from start to end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimeLimit {
    ends: Option<Instant>,
    timeout: Option<Duration>,
}

impl TimeLimit {
    /// The limits of a URL that has taken `spent` already.
    pub(crate) fn new(timeout: Option<Duration>, started: Instant, spent: Duration) -> Self {
        Self { ends: timeout.map(|t| started + t.saturating_sub(spent)), timeout }
    }

    /// Returns the error of a URL that is out of time.
    pub(crate) fn out_of_time(&self, now: Instant) -> Option<FetchError> {
        let limit = self.timeout.filter(|_| self.ends.is_some_and(|ends| now >= ends))?;
        Some(FetchError::new(ErrorKind::Timeout, format!("not done within {limit:?}, the limit for one URL")))
    }

    /// Returns the earlier of this time and the end of the limit.
    pub(crate) fn or_end(&self, at: Instant) -> Instant {
        self.ends.map_or(at, |ends| ends.min(at))
    }

    /// Waits for something that the server does not delay: only the limit for the whole URL counts this time.
    pub(crate) async fn apart<F: Future>(&self, wait: F) -> Result<F::Output, FetchError> {
        let Some(ends) = self.ends else { return Ok(wait.await) };
        match timeout_at(ends, wait).await {
            Ok(done) => Ok(done),
            Err(_) => Err(self
                .out_of_time(Instant::now())
                .unwrap_or_else(|| FetchError::new(ErrorKind::Timeout, "not done within the limit for one URL"))),
        }
    }
}
