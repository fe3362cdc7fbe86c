//! What becomes of a try that is over: the decision is `policy::retry`'s, what it needs is kept here.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::config::show_time;
use crate::frontier::HoldUntil;
use crate::model::{ErrorKind, Facts, FetchError, Job, Outcome, Subject, Tried, Verdict};
use crate::policy::origin;
use crate::policy::retry::{Budgets, Decision, Hold, Jitter, Limits, Try, decide};

/// Of so many hosts it is kept why nothing more is asked of them. Whether is the frontier's to know.
const REASONS: usize = 1 << 16;

/// Why nothing more is asked of a host.
enum GivenUp {
    /// It asked to be left alone until then, and nobody waits for that.
    Until(Option<Timestamp>),
    /// Nobody answers there. The error of the last try.
    Dead(FetchError),
}

/// Budgets, chance, and the hosts that are left alone for good.
pub(super) struct Retries {
    limits: Limits,
    budgets: Budgets,
    jitter: Jitter,
    /// The hosts of which nothing more is asked.
    given_up: HashMap<Box<str>, GivenUp>,
}

impl Retries {
    pub(super) fn new(limits: Limits, seed: u64) -> Self {
        Self { limits, budgets: Budgets::default(), jitter: Jitter::new(seed), given_up: HashMap::new() }
    }

    /// What follows from a try.
    pub(super) fn after(&mut self, job: &Job, verdict: &Verdict, facts: &Facts) -> Decision {
        let Self { limits, budgets, jitter, .. } = self;
        let host = origin::host(job.url());
        if limits.retries > 0 {
            if job.attempt == 1 {
                budgets.earn(host);
            } else if !limits.on.covers(verdict, facts.status) {
                budgets.give_back(host);
            }
        }
        if !matches!(verdict, Verdict::HttpError | Verdict::Failed(_)) {
            return Decision { again: None, hold: None };
        }
        let tried = Try { attempt: job.attempt, verdict, facts };
        decide(limits, tried, jitter.roll(), || budgets.take(host))
    }

    /// Why a redirect is not followed that asks for more patience than there is.
    pub(super) fn waits_too_long(&self, job: &Job) -> Option<FetchError> {
        let wait = job.onward.as_ref().map(|onward| onward.wait).filter(|wait| *wait > self.limits.max_wait)?;
        let (wait, most) = (show_time(wait), show_time(self.limits.max_wait));
        let message =
            format!("the redirect is not to be followed before {wait} have passed; see --retry-max-wait ({most})");
        Some(FetchError::new(ErrorKind::Redirect, message))
    }

    /// Until when a host is left alone.
    pub(super) fn hold(&mut self, host: &str, hold: Hold) -> HoldUntil {
        match hold {
            Hold::For(wait) => HoldUntil::Time(Instant::now() + wait),
            Hold::ForGood(wait) => {
                // Err: a time that no calendar has.
                let until = Timestamp::now().checked_add(wait).ok();
                self.give_up(host, GivenUp::Until(until));
                HoldUntil::ForGood
            }
        }
    }

    /// Nobody answers at this host; this was the last try.
    pub(super) fn dead(&mut self, host: &str, verdict: &Verdict) {
        if let Verdict::Failed(error) = verdict {
            self.give_up(host, GivenUp::Dead(error.clone()));
        }
    }

    fn give_up(&mut self, host: &str, why: GivenUp) {
        if self.given_up.len() >= REASONS
            && let Some(other) = self.given_up.keys().next().cloned()
        {
            self.given_up.remove(&other);
        }
        self.given_up.insert(host.into(), why);
    }

    /// The outcome of what was not asked, or not again, because its host was given up; or because it
    /// was lost while it waited.
    pub(super) fn refused(&self, subject: Subject) -> Outcome {
        let subject = match subject {
            Subject::Job(mut job) => match job.last.take() {
                // One of redirects has more to tell than the try before.
                Some(last) if job.onward.is_none() => return told(job, *last),
                _ => Subject::Job(job),
            },
            Subject::Bad(bad) => return Outcome::bad_line(*bad),
            subject => subject,
        };
        Outcome { verdict: Verdict::Failed(self.reason(&subject)), ..so_far(subject) }
    }

    fn reason(&self, subject: &Subject) -> FetchError {
        let host = match subject {
            Subject::Job(job) => origin::host(job.url()),
            Subject::Seed(seed) => origin::host(&seed.url),
            Subject::Bad(_) => "",
        };
        let until = match self.given_up.get(host) {
            Some(GivenUp::Dead(error)) => {
                let message = format!("not asked: nobody answers at {host}; the last of many tries: {}", error.message);
                return FetchError::new(error.kind, message);
            }
            Some(GivenUp::Until(Some(until))) => format!("until {until:.0}"),
            Some(GivenUp::Until(None)) => "for ever".to_owned(),
            // One of very many.
            None => {
                let message = format!("not asked: nothing more is asked of {host}, as another record of it says");
                return FetchError::new(ErrorKind::Blocked, message);
            }
        };
        let most = show_time(self.limits.max_wait);
        let message = format!(
            "not asked: {host} wants to be left alone {until}; run it again then, or raise --retry-max-wait ({most})"
        );
        FetchError::new(ErrorKind::Blocked, message)
    }
}

/// A job whose last try is the one to tell of.
pub(super) fn told(job: Box<Job>, tried: Tried) -> Outcome {
    let Tried { facts, timing, verdict } = tried;
    Outcome { subject: Subject::Job(job), facts, timing, verdict }
}

/// The outcome of what was stopped before its turn. A URL that waited for another try has what the
/// last one brought.
pub(super) fn cancelled(subject: Subject) -> Outcome {
    match subject {
        Subject::Job(mut job) => match job.last.take() {
            Some(last) if job.onward.is_none() => Outcome { verdict: Verdict::Cancelled, ..told(job, *last) },
            _ => so_far(Subject::Job(job)),
        },
        subject => so_far(subject),
    }
}

/// The outcome of what was stopped, with what redirects have brought.
fn so_far(mut subject: Subject) -> Outcome {
    let onward = match &mut subject {
        Subject::Job(job) => job.onward.take(),
        Subject::Seed(_) | Subject::Bad(_) => None,
    };
    match onward {
        Some(onward) => Outcome { subject, facts: onward.facts, timing: onward.timing, verdict: Verdict::Cancelled },
        None => Outcome::unfetched(subject, Verdict::Cancelled),
    }
}
