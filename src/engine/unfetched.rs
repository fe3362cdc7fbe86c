//! Outcomes of jobs that end without another request: refused or cancelled.

use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

use crate::config::show_time;
use crate::model::{ErrorKind, FetchError, Job, Outcome, Subject, Tried, Verdict};
use crate::policy::credentials::origin;
use crate::policy::refusal::LinkRefusal;
use crate::schedule::GivenUp;

/// The outcome of a job whose host was given up. A job that was tried before has the result of that.
pub(super) fn refused(mut job: Box<Job>, why: &GivenUp, max_wait: Duration, now: Instant) -> Outcome {
    match job.last.take() {
        // A redirect has more facts than the attempt before.
        Some(last) if job.redirect.is_none() => of_attempt(job, *last),
        _ => {
            let error = refusal(origin::host(job.url()), why, max_wait, now);
            Outcome { verdict: Verdict::Failed(error), ..with_redirects(job.into()) }
        }
    }
}

/// The outcome of a job that a rule of the crawl keeps from being fetched or followed.
pub(super) fn disallowed(job: Box<Job>, refusal: &LinkRefusal<'_>) -> Outcome {
    let mut outcome = with_redirects(job.into());
    outcome.verdict = Verdict::Skipped(refusal.reason);
    outcome.facts.rule = Some(refusal.rule.as_ref().into());
    outcome
}

fn refusal(host: &str, why: &GivenUp, max_wait: Duration, now: Instant) -> FetchError {
    let until = match why {
        GivenUp::Dead(error) => {
            let message = format!("not asked: nobody answers at {host}; the last of many tries: {}", error.message);
            return FetchError::new(error.kind, message);
        }
        GivenUp::Forgotten => {
            let message = format!("not asked: nothing more is asked of {host}, as another record of it says");
            return FetchError::new(ErrorKind::Blocked, message);
        }
        GivenUp::Elsewhere(why) => {
            let message = format!("not asked: another worker has given {host} up: {why}");
            return FetchError::new(ErrorKind::Blocked, message);
        }
        GivenUp::HeldUntil(until) => until.and_then(|until| wall_time(until, now)),
    };
    let until = until.map_or_else(|| "for ever".to_owned(), |until| format!("until {until:.0}"));
    let max_wait = show_time(max_wait);
    let message = format!(
        "not asked: {host} wants to be left alone {until}; run it again then, or raise --retry-max-wait ({max_wait})"
    );
    FetchError::new(ErrorKind::Blocked, message)
}

/// The date of a moment, to the nearest second. `None`: beyond any calendar.
fn wall_time(at: Instant, now: Instant) -> Option<Timestamp> {
    let from_now = at.saturating_duration_since(now);
    let date = Timestamp::now().checked_add(from_now).ok()?;
    date.round(jiff::Unit::Second).ok()
}

/// The error of a redirect that requests a longer wait than the run grants.
pub(super) fn waits_too_long(job: &Job, max_wait: Duration) -> Option<FetchError> {
    let wait = job.redirect.as_ref().map(|redirect| redirect.wait).filter(|wait| *wait > max_wait)?;
    let (wait, most) = (show_time(wait), show_time(max_wait));
    let message =
        format!("the redirect is not to be followed before {wait} have passed; see --retry-max-wait ({most})");
    Some(FetchError::new(ErrorKind::Redirect, message))
}

/// The outcome of a job that was stopped before its turn. A job that waited for another attempt has the
/// result of the last one.
pub(super) fn cancelled(subject: Subject) -> Outcome {
    match subject {
        Subject::Job(mut job) => match job.last.take() {
            Some(last) if job.redirect.is_none() => Outcome { verdict: Verdict::Cancelled, ..of_attempt(job, *last) },
            _ => with_redirects(Subject::Job(job)),
        },
        subject => with_redirects(subject),
    }
}

/// The outcome of an attempt that was the last one.
fn of_attempt(job: Box<Job>, tried: Tried) -> Outcome {
    let Tried { facts, timing, verdict } = tried;
    Outcome { subject: Subject::Job(job), facts, timing, verdict }
}

/// A cancelled outcome with what redirects have brought.
fn with_redirects(mut subject: Subject) -> Outcome {
    let redirect = match &mut subject {
        Subject::Job(job) => job.redirect.take(),
        Subject::Seed(_) | Subject::Bad(_) => None,
    };
    match redirect {
        Some(redirect) => {
            Outcome { subject, facts: redirect.facts, timing: redirect.timing, verdict: Verdict::Cancelled }
        }
        None => Outcome::unfetched(subject, Verdict::Cancelled),
    }
}
