//! Whether a URL is tried again, when, and for how long its host is left alone.

mod budget;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::{Facts, RetryOn, Verdict};

pub use budget::RetryBudget;

/// The longest that the first wait may be; each further one may be twice as long.
const BASE: Duration = Duration::from_secs(1);

/// No wait of our own choice is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Added at most to a wait that the server named, so that not all come back in the same moment.
const SPREAD: Duration = Duration::from_secs(1);

/// And at least this much may be added, where "now" was named.
const LEAST_SPREAD: Duration = Duration::from_millis(50);

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Tries beyond the first.
    pub retries: u32,
    /// The reasons to try again.
    pub on: RetryOn,
    /// The longest that a server may ask to wait.
    pub max_wait: Duration,
    /// Bodies go to a stream, so what has arrived of one cannot be taken back.
    pub streams: bool,
}

/// A wait that a server names costs no budget from here on: it is that which bounds the load then.
const FREE: Duration = Duration::from_secs(1);

/// A try that is over.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// Its number, from 1.
    pub attempt: u32,
    /// How it ended.
    pub verdict: &'a Verdict,
    /// What is known of the answer.
    pub facts: &'a Facts,
}

/// What follows from a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// How long to wait before the next try; `None`: there is none.
    pub again: Option<Duration>,
    /// What happens to the host that answered.
    pub hold: Option<Hold>,
}

/// A host asked to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// For so long.
    For(Duration),
    /// For so long, which is longer than anybody wants to wait.
    ForGood(Duration),
}

/// How long the host of this answer is to be left alone: RFC 6585, section 4, and RFC 9110, section
/// 15.6.4, are about the host; a wait with any other status is about the URL.
pub fn leave_alone(verdict: &Verdict, facts: &Facts) -> Option<Duration> {
    let about_host = *verdict == Verdict::HttpError && matches!(facts.status, Some(429 | 503));
    facts.retry_after.filter(|wait| about_host && !wait.is_zero())
}

/// Decides. `random` is at least 0 and less than 1; `afford` takes from the budget of the host, and
/// is asked only when nothing else speaks against another try.
///
/// A wait that the server named is never shortened. Where its host is held for that time it costs
/// no budget: it is the server that sets the pace then. All other waits are random, from nothing up
/// to a limit that doubles with each try.
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
    // What is out cannot be taken back, only gone on with.
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
