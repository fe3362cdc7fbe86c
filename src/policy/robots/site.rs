//! The robots.txt of one origin over time: its rules, and when to ask for it again.
//!
//! | answer | rules |
//! | --- | --- |
//! | 2xx | those of the file |
//! | 304 | those of the last copy, as if it had come anew |
//! | 429, 5xx, no answer | those of the last copy; without one, nothing is allowed |
//! | any other status, too many redirects | none: everything is allowed |
//!
//! A state keeps the answers as [`StoredRobots`]. [`SiteRobots::restored`] makes the same rules of them again.

use std::time::{Duration, SystemTime};

use url::Url;

use super::limits::RobotsLimits;
use super::rules::{CrawlDelay, DecidedBy, RobotsRules, RobotsVerdict};
use crate::model::{RobotsCopy, RobotsFailures, RobotsText, StoredRobots};

/// How the request for a robots.txt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotsAnswer<'a> {
    /// A status of 2xx, with this body.
    Body(&'a [u8]),
    /// Any other status, and the wait of its Retry-After.
    Status(u16, Option<Duration>),
    /// More redirects than the limit.
    TooManyRedirects,
    /// No answer, for this reason.
    Unreachable(&'a str),
}

/// The beginning of the reason of an origin that answers with a status.
const STATUS: &str = "status ";

/// The robots.txt of one origin: its rules, and when to ask for it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRobots {
    rules: RobotsRules,
    access: SiteAccess,
    next_fetch: SystemTime,
    /// The first of the answers without rules since the last copy, and how many there were.
    unreachable: Option<(SystemTime, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SiteAccess {
    /// The rules decide.
    ByRules,
    /// Everything is allowed, for this reason.
    All(String),
    /// There was never an answer, and everything is allowed for this reason.
    GivenUp(String),
    /// There was no answer yet, and nothing is allowed for this reason.
    Nothing(String),
}

impl SiteRobots {
    /// Returns the rules after an answer at this time, for the crawler with this token.
    pub fn after(
        last: Option<Self>,
        answer: RobotsAnswer<'_>,
        agent: &str,
        limits: &RobotsLimits,
        now: SystemTime,
    ) -> Self {
        let later = |wait: Duration| now.checked_add(wait).unwrap_or(now);
        let known = |rules, access| Self { rules, access, next_fetch: later(limits.max_age), unreachable: None };
        match answer {
            RobotsAnswer::Body(bytes) => known(RobotsRules::parse(bytes, agent, limits), SiteAccess::ByRules),
            RobotsAnswer::Status(304, _) if last.as_ref().is_some_and(Self::is_copy) => {
                let last = last.unwrap_or_else(|| known(RobotsRules::default(), SiteAccess::ByRules));
                known(last.rules, last.access)
            }
            RobotsAnswer::Status(status @ (429 | 500..), wait) => {
                Self::unreachable(last, &format!("{STATUS}{status}"), wait, limits, now)
            }
            RobotsAnswer::Unreachable(why) => Self::unreachable(last, why, None, limits, now),
            RobotsAnswer::Status(status, _) => {
                known(RobotsRules::default(), SiteAccess::All(format!("{STATUS}{status}")))
            }
            RobotsAnswer::TooManyRedirects => {
                let why = format!("more than {} redirects", limits.max_redirects);
                known(RobotsRules::default(), SiteAccess::All(why))
            }
        }
    }

    /// Returns the rules after an answer that has none.
    fn unreachable(
        last: Option<Self>,
        why: &str,
        wait: Option<Duration>,
        limits: &RobotsLimits,
        now: SystemTime,
    ) -> Self {
        let (since, times) = last.as_ref().and_then(|last| last.unreachable).unwrap_or((now, 0));
        let backoff = limits.first_retry.saturating_mul(1 << times.min(16)).min(limits.max_retry);
        let wait = backoff.max(wait.unwrap_or_default()).min(limits.max_age);
        let is_given_up = now.duration_since(since).is_ok_and(|silence| silence > limits.max_unreachable);
        let (rules, access) = match last.filter(Self::is_copy) {
            Some(copy) => (copy.rules, copy.access),
            None if is_given_up => (RobotsRules::default(), SiteAccess::GivenUp(why.to_owned())),
            None => (RobotsRules::default(), SiteAccess::Nothing(why.to_owned())),
        };
        let next_fetch = now.checked_add(wait).unwrap_or(now);
        Self { rules, access, next_fetch, unreachable: Some((since, times.saturating_add(1))) }
    }

    /// Returns the rules after the answers that a state has kept; `None` if there were none.
    pub fn restored(stored: &StoredRobots, agent: &str, limits: &RobotsLimits) -> Option<Self> {
        let copy = stored.copy.as_ref().map(|RobotsCopy { at, text }| {
            let answer = match text {
                RobotsText::File(bytes) => RobotsAnswer::Body(bytes),
                RobotsText::Status(status) => RobotsAnswer::Status(*status, None),
                RobotsText::TooManyRedirects => RobotsAnswer::TooManyRedirects,
            };
            Self::after(None, answer, agent, limits, *at)
        });
        let Some(RobotsFailures { first, last, count, why, retry_after }) = &stored.failures else { return copy };
        let before = match copy {
            None if *count <= 1 => None,
            None => Some(Self::unreachable(None, why, None, limits, *first)),
            copy => copy,
        };
        let counted = before.map(|site| Self { unreachable: Some((*first, count.saturating_sub(1))), ..site });
        Some(Self::unreachable(counted, why, *retry_after, limits, *last))
    }

    /// Whether the origin said at any time what is allowed.
    pub fn is_copy(&self) -> bool {
        matches!(self.access, SiteAccess::ByRules | SiteAccess::All(_))
    }

    /// Whether nothing is allowed because there was no answer yet.
    pub fn is_unread(&self) -> bool {
        matches!(self.access, SiteAccess::Nothing(_))
    }

    /// Whether nothing is allowed because the origin does not answer at all.
    pub fn is_silent(&self) -> bool {
        matches!(&self.access, SiteAccess::Nothing(why) if !why.starts_with(STATUS))
    }

    /// Decides about a URL of this origin.
    pub fn check(&self, url: &Url) -> RobotsVerdict<'_> {
        match &self.access {
            SiteAccess::All(why) | SiteAccess::GivenUp(why) => {
                RobotsVerdict { is_allowed: true, decided_by: DecidedBy::Answer(why) }
            }
            SiteAccess::Nothing(why) if url.path() != "/robots.txt" => {
                RobotsVerdict { is_allowed: false, decided_by: DecidedBy::Answer(why) }
            }
            SiteAccess::Nothing(_) | SiteAccess::ByRules => self.rules.check(url),
        }
    }

    /// Whether to ask for the file again before the next request to this origin.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now >= self.next_fetch
    }

    /// The time from which the file is to be asked for again.
    pub fn next_fetch(&self) -> SystemTime {
        self.next_fetch
    }

    /// Whether the rules are those of groups that name this crawler, and not those of `*`.
    pub fn is_own_group(&self) -> bool {
        self.rules.is_own()
    }

    /// The pause between requests, if the file asks for one.
    pub fn crawl_delay(&self) -> Option<CrawlDelay> {
        self.rules.crawl_delay()
    }

    /// The sitemaps that the file names.
    pub fn sitemaps(&self) -> &[Url] {
        self.rules.sitemaps()
    }
}

impl RobotsAnswer<'_> {
    /// Returns what a state keeps after this answer.
    pub fn stored_after(self, last: Option<StoredRobots>, now: SystemTime) -> StoredRobots {
        let last = last.unwrap_or_default();
        let copy = |text| StoredRobots { copy: Some(RobotsCopy { at: now, text }), failures: None };
        match (self, last.copy) {
            (Self::Status(304, _), Some(known)) => copy(known.text),
            (Self::Status(status @ (429 | 500..), retry_after), known) => {
                let failures = failed_again(last.failures, format!("{STATUS}{status}").into(), retry_after, now);
                StoredRobots { copy: known, failures: Some(failures) }
            }
            (Self::Unreachable(why), known) => {
                StoredRobots { copy: known, failures: Some(failed_again(last.failures, why.into(), None, now)) }
            }
            (Self::Body(bytes), _) => copy(RobotsText::File(bytes.into())),
            (Self::Status(status, _), _) => copy(RobotsText::Status(status)),
            (Self::TooManyRedirects, _) => copy(RobotsText::TooManyRedirects),
        }
    }
}

/// One more failure.
fn failed_again(
    before: Option<RobotsFailures>,
    why: Box<str>,
    retry_after: Option<Duration>,
    now: SystemTime,
) -> RobotsFailures {
    let (first, count) = before.map_or((now, 0), |before| (before.first, before.count));
    RobotsFailures { first, last: now, count: count.saturating_add(1), why, retry_after }
}
