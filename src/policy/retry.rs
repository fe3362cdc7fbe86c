//! Decides whether and when to retry a URL, and how long to hold its host.

mod budget;
pub mod retry_after;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::{Facts, RetryOn, Verdict};

pub use budget::RetryBudget;

/// The upper limit of the first wait; it doubles with each further try.
const BASE: Duration = Duration::from_secs(1);

/// The upper limit of every wait that the server did not name.
const LONGEST: Duration = Duration::from_secs(30);

/// The most jitter added to a wait that the server named, so that retries do not coincide.
const SPREAD: Duration = Duration::from_secs(1);

/// The least upper limit of that jitter, for short waits such as "now".
const LEAST_SPREAD: Duration = Duration::from_millis(50);

/// The user's retry settings.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Tries beyond the first.
    pub retries: u32,
    /// The reasons to try again.
    pub on: RetryOn,
    /// The longest that a server may ask to wait.
    pub max_wait: Duration,
    /// Bodies go to a stream, so received bytes cannot be taken back.
    pub streams: bool,
}

/// From this length on, a wait that holds the host costs no budget: the server then bounds the load.
const FREE: Duration = Duration::from_secs(1);

/// A finished try.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// Its number, from 1.
    pub attempt: u32,
    /// How it ended.
    pub verdict: &'a Verdict,
    /// The facts of the response.
    pub facts: &'a Facts,
}

/// The consequence of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// How long to wait before the next try; `None`: there is none.
    pub again: Option<Duration>,
    /// The hold on the host that responded, if any.
    pub hold: Option<Hold>,
}

/// The hold that a host requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Holds the host for this duration.
    For(Duration),
    /// Gives the host up: this wait exceeds the limit of the user.
    ForGood(Duration),
}

/// The hold that a response requests for its host. RFC 6585, section 4 (429) and RFC 9110, section 15.6.4 (503)
/// are about the host. A wait with any other status is about the URL.
pub fn leave_alone(verdict: &Verdict, facts: &Facts) -> Option<Duration> {
    let about_host = *verdict == Verdict::HttpError && matches!(facts.status, Some(429 | 503));
    facts.retry_after.filter(|wait| about_host && !wait.is_zero())
}

/// Decides on a retry and a hold. `random` is at least 0 and less than 1. `afford` takes from the host's
/// budget; the function calls it only if all other conditions permit a retry.
///
/// The function never shortens a wait that the server named. A named wait costs no budget if it is long enough
/// and holds the host, because the server then sets the pace. All other waits are random, from zero up to a
/// limit that doubles with each try.
pub fn decide(limits: &Limits, tried: Try<'_>, random: f64, afford: impl FnOnce() -> bool) -> Decision {
    let Try { attempt, verdict, facts } = tried;
    let named = match verdict {
        Verdict::HttpError => facts.retry_after,
        Verdict::Failed(error) => error.proxy.as_ref().and_then(|answer| answer.retry_after),
        _ => None,
    };
    let held = leave_alone(verdict, facts);
    let too_long = named.is_some_and(|wait| wait > limits.max_wait);
    let hold = held.map(|wait| if too_long { Hold::ForGood(wait) } else { Hold::For(wait) });
    // Bytes in a stream cannot be taken back; a retry can only continue after them.
    let goes_on =
        || facts.validators.as_ref().is_some_and(|v| v.etag.as_ref().is_some_and(|tag| tag.starts_with(b"\"")));
    let partly_out = limits.streams && facts.bytes.is_some_and(|bytes| bytes > 0) && !goes_on();
    let may = attempt <= limits.retries && !too_long && !partly_out && limits.on.covers(verdict, facts.status);
    let again = (may && (held.is_some_and(|wait| wait >= FREE) || afford())).then(|| match named {
        Some(wait) => wait + (wait / 10).clamp(LEAST_SPREAD, SPREAD).mul_f64(random),
        None => backoff(attempt, limits.max_wait).mul_f64(random),
    });
    Decision { again, hold }
}

/// The longest wait after this try.
fn backoff(attempt: u32, max_wait: Duration) -> Duration {
    let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    BASE.saturating_mul(doubled).min(LONGEST).min(max_wait)
}
