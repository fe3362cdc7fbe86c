//! The robots.txt of each origin of a crawl: asked for once, before the first request there.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use url::{Position, Url};

use crate::model::{ErrorKind, Job, JobId, Kind, Outcome, RobotsMode, Seed, SourcePos, StoredRobots, Verdict, Via};
use crate::policy::refusal::LinkRefusal;
use crate::policy::robots::{RobotsAnswer, RobotsLimits, SiteRobots};

/// The name of the crawler in robots rules.
pub const AGENT: &str = "fetchall";

/// The robots.txt of one origin.
enum SiteState {
    /// Asked for; with the rules of the last answer, if there was one.
    Asked(Option<SiteRobots>),
    Known(SiteRobots),
}

/// The need of a robots.txt before the request for a URL.
pub(in crate::engine) enum RobotsNeed {
    /// Nothing: the rules are known, on their way, or of no use.
    Nothing,
    /// This job asks for the robots.txt.
    Asks(Box<Job>),
    /// The robots.txt at this URL is ignored, or is as an earlier run has stored it. The delay and the sitemaps of the
    /// origin count from now on.
    Unasked(Url),
}

/// The rules of all origins.
pub(super) struct RobotsFiles {
    mode: RobotsMode,
    limits: RobotsLimits,
    sites: HashMap<Box<str>, SiteState>,
    /// How many files were asked for.
    pub(super) asked: u64,
}

impl RobotsFiles {
    pub(super) fn new(mode: RobotsMode) -> Self {
        Self { mode, limits: RobotsLimits::default(), sites: HashMap::new(), asked: 0 }
    }

    /// Returns what a request for this URL needs. `stored` returns the answers that an earlier run got from an origin.
    pub(super) fn ask(
        &mut self,
        url: &Url,
        id: JobId,
        now: SystemTime,
        stored: impl FnOnce(&str) -> Option<StoredRobots>,
    ) -> RobotsNeed {
        let Ok(file) = url.join("/robots.txt") else { return RobotsNeed::Nothing };
        let origin = origin(url);
        if self.mode == RobotsMode::Ignore {
            let is_known = self.sites.insert(origin.into(), SiteState::Asked(None)).is_some();
            return if is_known { RobotsNeed::Nothing } else { RobotsNeed::Unasked(file) };
        }
        let last = match self.sites.get(origin) {
            None => {
                let last = stored(origin).and_then(|stored| SiteRobots::restored(&stored, AGENT, &self.limits));
                match last {
                    Some(rules) if !rules.is_due(now) && rules.is_copy() => {
                        self.sites.insert(origin.into(), SiteState::Known(rules));
                        return RobotsNeed::Unasked(file);
                    }
                    last => last,
                }
            }
            Some(SiteState::Known(rules)) if rules.is_due(now) => Some(rules.clone()),
            Some(_) => return RobotsNeed::Nothing,
        };
        self.sites.insert(origin.into(), SiteState::Asked(last));
        self.asked += 1;
        let via = Via::Link(SourcePos { list: url.as_str().into(), line: 0 });
        let seed = Seed { id, kind: Kind::Robots, priority: i32::MAX, ..Seed::new(file, via) };
        RobotsNeed::Asks(Box::new(Job::new(seed, None, Instant::now())))
    }

    /// The rules of the origin of a robots.txt, if they are known.
    pub(super) fn rules(&self, file: &Url) -> Option<&SiteRobots> {
        match self.sites.get(origin(file))? {
            SiteState::Known(rules) => Some(rules),
            SiteState::Asked(_) => None,
        }
    }

    /// Takes the answer to the request for a robots.txt.
    pub(super) fn answered(&mut self, outcome: &Outcome, now: SystemTime) {
        let state = outcome.subject.seed().and_then(|seed| self.sites.get_mut(origin(&seed.url)));
        let Some(state) = state else { return };
        let last = match state {
            SiteState::Asked(last) => last.take(),
            SiteState::Known(rules) => Some(rules.clone()),
        };
        let answer = answer(outcome).unwrap_or(RobotsAnswer::Unreachable("the run was stopped first"));
        *state = SiteState::Known(SiteRobots::after(last, answer, AGENT, &self.limits, now));
    }

    /// Forgets the files of some origins.
    pub(super) fn forget(&mut self, is_of: impl Fn(&str) -> bool) {
        self.sites.retain(|origin, _| !is_of(origin));
    }

    /// How many origins are disallowed as a whole, because their files could not be had. With `checks` the links to
    /// silent origins are asked for.
    pub(super) fn unread(&self, checks: bool) -> u64 {
        let is_unread = |rules: &SiteRobots| rules.is_unread() && !(checks && rules.is_silent());
        let is_unread = |site: &&SiteState| matches!(site, SiteState::Known(rules) if is_unread(rules));
        let obeyed = self.sites.values().filter(|_| self.mode == RobotsMode::Obey);
        obeyed.filter(is_unread).count() as u64
    }

    /// Whether the origin of a URL does not answer, so that it has no rules to obey.
    pub(super) fn is_silent(&self, url: &Url) -> bool {
        matches!(self.sites.get(origin(url)), Some(SiteState::Known(rules)) if rules.is_silent())
    }

    /// The rule that disallows a URL, if the crawl obeys it.
    pub(super) fn refusal(&self, url: &Url) -> Option<LinkRefusal<'static>> {
        if self.mode == RobotsMode::Obey { self.disallows(url) } else { None }
    }

    /// The rule that disallows a URL, if the crawl reports it and fetches the URL all the same.
    pub(super) fn reported(&self, url: &Url) -> Option<LinkRefusal<'static>> {
        if self.mode == RobotsMode::Report { self.disallows(url) } else { None }
    }

    fn disallows(&self, url: &Url) -> Option<LinkRefusal<'static>> {
        match self.sites.get(origin(url))? {
            SiteState::Known(rules) => rules.check(url).refusal(),
            SiteState::Asked(_) => None,
        }
    }
}

/// The answer to the request for a robots.txt; `None` if the run was stopped first.
pub fn answer(outcome: &Outcome) -> Option<RobotsAnswer<'_>> {
    let facts = &outcome.facts;
    if facts.redirects.len() > RobotsLimits::default().max_redirects as usize {
        return Some(RobotsAnswer::TooManyRedirects);
    }
    Some(match (&outcome.verdict, facts.status) {
        (Verdict::Ok, _) => RobotsAnswer::Body(facts.found.robots.as_deref().unwrap_or_default()),
        (Verdict::HttpError, Some(status)) => RobotsAnswer::Status(status, facts.retry_after),
        (Verdict::Failed(error), _) if error.kind == ErrorKind::Redirect => RobotsAnswer::TooManyRedirects,
        (Verdict::Failed(error), _) => RobotsAnswer::Unreachable(&error.message),
        _ => return None,
    })
}

/// The scheme, host and port: the unit of a robots.txt (RFC 9309, section 2.3).
fn origin(url: &Url) -> &str {
    &url[..Position::BeforePath]
}
