//! The crawl: which links of fetched pages become seeds.
//!
//! ```text
//! outcome ─▶ found ─▶ seen? scope? traps? ─▶ waiting ─▶ take ─▶ admission, as of a list
//! ```
//!
//! The links of a page are the next lines of a list that never ends by itself: they are read while the scheduler has
//! room. A link that waits is not admitted yet, so it has no record if the run stops before.

mod links;
mod robots;
mod shared;
mod waiting;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use jiff::Timestamp;
use url::{Position, Url};

use crate::model::{
    Facts, FoundLink, Job, JobId, Kind, LeftOut, LinkChoice, Outcome, RobotsMode, Seed, SkipReason, SourcePos,
    StoredRobots, TrapLimits, Via,
};
use crate::policy::canonical::CanonicalRules;
use crate::policy::credentials::origin;
use crate::policy::refusal::LinkRefusal;
use crate::policy::robots::SiteRobots;
use crate::policy::scope::{Scope, ScopeVerdict, is_wanted_type};
use crate::policy::text::fingerprint::FingerprintSet;
use crate::policy::traps::Traps;

use crate::queue::QueueError;

use links::{LinkCounts, TextChains};
use robots::RobotsFiles;
pub(super) use robots::RobotsNeed;
use shared::{SharedCrawl, sitemap_key};
use waiting::WaitingUrls;

pub use robots::{AGENT as ROBOTS_AGENT, answer as robots_answer};
pub use waiting::MakeQueue;

/// Decides about each new link that the other rules allow.
pub type OnLink = Box<dyn FnMut(&FoundLink<'_>) -> LinkChoice + Send>;

/// The rules of a crawl.
pub struct CrawlRules {
    /// Which URLs count as one.
    pub canonical: CanonicalRules,
    /// Which links are followed, without the start pages.
    pub scope: Scope,
    /// The media types of pages that are saved; all without any.
    pub page_types: Vec<String>,
    /// The most links from a start page to a page.
    pub depth: Option<u32>,
    /// The most pages.
    pub max_pages: Option<u64>,
    /// Whether what pages need is fetched too.
    pub requisites: bool,
    /// Whether links are followed although a page forbids it.
    pub ignore_nofollow: bool,
    /// Whether the run is one over a list. Its URLs are in scope, and no links of theirs to pages are followed.
    pub is_list: bool,
    /// Whether the links of pages are followed, and not only those of sitemaps.
    pub page_links: bool,
    /// Whether the sitemaps of the start pages' origins are read.
    pub finds_sitemaps: bool,
    /// More sitemaps.
    pub sitemaps: Vec<Url>,
    /// Entries of sitemaps that were not changed since then are left out.
    pub since: Option<Timestamp>,
    /// Whether links are checked: those that are not followed are asked for too, whether they are there.
    pub checks: bool,
    /// The use of robots.txt.
    pub robots: RobotsMode,
    /// The limits of the rules for traps.
    pub traps: Option<TrapLimits>,
    /// The last word about a link.
    pub on_link: Option<OnLink>,
}

/// What earlier runs know.
pub trait KnownUrls: Send {
    /// Stores in each seed the facts of an earlier run.
    ///
    /// # Errors
    /// The state cannot be read.
    fn look_up(&mut self, seeds: &mut [Seed]) -> Result<(), String>;

    /// Calls `each` for every URL to which the redirect of a page has led.
    ///
    /// # Errors
    /// The state cannot be read.
    fn targets(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), String>;

    /// Returns the last answers of an origin to requests for its robots.txt.
    fn robots(&mut self, origin: &str) -> Option<StoredRobots>;
}

/// Everything that a crawl has beside a list.
pub struct CrawlPlan {
    /// The rules.
    pub rules: CrawlRules,
    /// What earlier runs know, if they left anything.
    pub known: Option<Box<dyn KnownUrls>>,
    /// Whether pages are asked for again, so that their redirects may have changed.
    pub refresh: bool,
    /// Makes the queue on disk of the URLs that wait.
    pub make_queue: MakeQueue,
}

/// Jobs from this number on have no record. Numbers of lines are far below.
const UNRECORDED: u64 = 1 << 63;

/// The state of a crawl.
pub(super) struct Crawl {
    rules: CrawlRules,
    known: Option<Box<dyn KnownUrls>>,
    /// Whether the targets of earlier redirects are among the URLs seen.
    knows_targets: bool,
    refresh: bool,
    /// The canonical forms of all URLs that were admitted or wait.
    seen: FingerprintSet,
    waiting: WaitingUrls,
    /// Set if links wait in a queue that several workers share.
    shared: Option<SharedCrawl>,
    /// The robots.txt that other workers have asked for, and those of this one, by origin. For a shared queue only.
    carried: HashMap<Box<str>, StoredRobots>,
    /// With a limit of pages, those that no earlier run has fetched. They wait until those that one has are counted.
    unfetched: Option<WaitingUrls>,
    /// The origins of the start pages.
    start_origins: HashSet<Box<str>>,
    robots: RobotsFiles,
    traps: Option<Traps>,
    chains: TextChains,
    /// The depth of the pages that may be taken now, if there is a limit. Pages of the next depth wait for them, so
    /// the depth of a page is that of the shortest way to it.
    level: u32,
    /// With a limit of depth: the URLs that wait for the next depth.
    next_level: FingerprintSet,
    /// The URLs that waited when a redirect or a line of the list led to them too. They wait in vain.
    overtaken: FingerprintSet,
    /// The URLs that were taken before the list ended, whose lines may come later.
    taken_early: FingerprintSet,
    pages: u64,
    unrecorded: u64,
    counts: LinkCounts,
    /// Fingerprints of the hosts that jobs went to.
    hosts: FingerprintSet,
    /// The links that are not followed, if a sink wants them.
    left_out: Option<Vec<LeftOut>>,
}

impl Crawl {
    /// `tells_left_out`: a sink wants the links that are not followed.
    pub(super) fn new(plan: CrawlPlan, tells_left_out: bool) -> Self {
        let CrawlPlan { rules, known, refresh, make_queue } = plan;
        let has_known = known.is_some();
        Self {
            robots: RobotsFiles::new(rules.robots),
            traps: rules.traps.clone().map(Traps::new),
            known,
            knows_targets: refresh,
            refresh,
            seen: FingerprintSet::new(),
            waiting: WaitingUrls::new(make_queue),
            shared: None,
            carried: HashMap::new(),
            unfetched: (rules.max_pages.is_some() && has_known && !refresh).then(|| WaitingUrls::new(make_queue)),
            start_origins: HashSet::new(),
            chains: TextChains::default(),
            level: 0,
            next_level: FingerprintSet::new(),
            overtaken: FingerprintSet::new(),
            taken_early: FingerprintSet::new(),
            pages: 0,
            unrecorded: 0,
            counts: LinkCounts::default(),
            hosts: FingerprintSet::new(),
            left_out: tells_left_out.then(Vec::new),
            rules,
        }
    }

    /// Takes the links that were not followed since the last call.
    pub(super) fn take_left_out(&mut self) -> Vec<LeftOut> {
        self.left_out.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How many URLs wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.unfetched.as_ref().map_or(0, WaitingUrls::len)
    }

    /// Whether a URL may be taken. `is_idle` says that nothing else waits or is under way.
    pub(super) fn has_next(&self, is_idle: bool) -> bool {
        let waits_for_level = self.rules.depth.is_some() && self.waiting.next_depth() > Some(self.level);
        // A page under way may turn out to be none.
        let waits_for_pages = self.rules.max_pages.is_some_and(|most| self.pages >= most);
        match self.waiting.len() {
            0 => is_idle && self.waiting() > 0,
            _ => is_idle || !(waits_for_level || waits_for_pages),
        }
    }

    /// Adds the targets of the redirects of earlier runs to the URLs seen: links to them are no new URLs either.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(super) fn know_targets(&mut self) -> Result<(), String> {
        let Some(known) = self.known.as_mut().filter(|_| !self.knows_targets) else { return Ok(()) };
        self.knows_targets = true;
        let (seen, canonical) = (&mut self.seen, &self.rules.canonical);
        known.targets(&mut |url| {
            if let Ok(url) = Url::parse(url) {
                seen.insert(&canonical.key(&url));
            }
        })
    }

    /// Turns the line of a list into a start page. Returns whether a link has led to the URL first, which is under way
    /// or done.
    pub(super) fn start(&mut self, seed: &mut Seed) -> bool {
        let key = self.rules.canonical.key(&seed.url);
        if !self.seen.insert(&key) {
            if self.taken_early.contains(&key) {
                return true;
            }
            self.overtaken.insert(&key);
        }
        if self.rules.is_list {
            return false;
        }
        if let Via::List(origin) | Via::Added(origin) = &seed.via {
            seed.via = Via::Start(origin.clone());
        }
        self.rules.scope.add_start(&seed.url);
        self.start_origins.insert(seed.url[..Position::BeforePath].into());
        self.pages += 1;
        false
    }

    /// Whether documents may have links to more URLs of the run.
    pub(super) fn finds_links(&self) -> bool {
        !self.rules.is_list || self.rules.requisites
    }

    /// Whether the run is one over a list.
    pub(super) fn is_list(&self) -> bool {
        self.rules.is_list
    }

    /// The number of a job that has no record.
    fn unrecorded(&mut self) -> JobId {
        self.unrecorded += 1;
        JobId(UNRECORDED + self.unrecorded)
    }

    /// Returns what must happen before the request for this URL.
    pub(super) fn ask_robots(&mut self, url: &Url) -> RobotsNeed {
        self.hosts.insert(origin::host(url));
        let id = self.unrecorded();
        let (known, carried) = (&mut self.known, &self.carried);
        let stored = |origin: &str| carried.get(origin).cloned().or_else(|| known.as_mut()?.robots(origin));
        self.robots.ask(url, id, SystemTime::now(), stored)
    }

    /// Takes the answer to the request for a robots.txt.
    pub(super) fn robots_answered(&mut self, outcome: &Outcome) {
        self.robots.answered(outcome, SystemTime::now());
    }

    /// The rules of a robots.txt, if they are known.
    pub(super) fn robots_rules(&self, file: &Url) -> Option<&SiteRobots> {
        self.robots.rules(file)
    }

    /// The origin of a robots.txt, and what a state keeps after this answer.
    pub(super) fn stored_robots(&mut self, outcome: &Outcome) -> Option<(Box<str>, StoredRobots)> {
        let origin = &outcome.subject.seed()?.url[..Position::BeforePath];
        let carried = self.carried.get(origin).cloned();
        let last = carried.or_else(|| self.known.as_mut()?.robots(origin));
        let robots = robots::answer(outcome)?.stored_after(last, SystemTime::now());
        if self.shared.is_some() {
            self.carried.insert(origin.into(), robots.clone());
        }
        Some((origin.into(), robots))
    }

    /// The rule that keeps a job from being fetched.
    pub(super) fn gate(&mut self, job: &Job) -> Option<LinkRefusal<'static>> {
        if job.seed.kind == Kind::Robots {
            return None;
        }
        // A link to a host that is gone is broken, and its error says why.
        let is_checked = self.rules.checks && matches!(job.seed.kind, Kind::Check | Kind::Requisite);
        if is_checked && self.robots.is_silent(job.url()) {
            return None;
        }
        let refusal = self.robots.refusal(job.url());
        if refusal.is_some() || job.handed_out || job.seed.kind != Kind::Page {
            return refusal;
        }
        let parent = job.seed.via.parent().and_then(|url| Url::parse(url).ok());
        let refusal = self.traps.as_mut()?.claim(&job.seed.url, Some(&parent?)).err()?;
        self.counts.trap(&job.seed.url, &refusal.rule);
        Some(refusal)
    }

    /// The rule of robots.txt that the record of a URL names although it was fetched.
    pub(super) fn reported_rule(&self, url: &Url) -> Option<Box<str>> {
        self.robots.reported(url).map(|refusal| refusal.rule.as_ref().into())
    }

    /// Whether the body of a seed is saved.
    pub(super) fn saves(&self, seed: &Seed) -> bool {
        match (seed.kind, &seed.via) {
            (Kind::Robots | Kind::Sitemap | Kind::Check, _) => false,
            (_, Via::List(_) | Via::Added(_)) => true,
            (kind, Via::Start(_) | Via::Link(_) | Via::Sitemap(_)) => {
                let key = self.rules.canonical.key(&seed.url);
                let done = seed.known.as_ref().and_then(|known| known.done.as_ref());
                // An earlier run has seen the type of a page that it did not save.
                let unsaved = done.filter(|facts| kind == Kind::Page && facts.path.is_none());
                let has_type = |facts: &Facts| is_wanted_type(&self.rules.page_types, facts.content_type.as_deref());
                self.rules.scope.judge(&seed.url, &key, kind) != Ok(ScopeVerdict::LinksOnly)
                    && unsaved.is_none_or(|facts| has_type(facts))
            }
        }
    }

    /// The sitemaps that the user names.
    pub(super) fn named_sitemaps(&mut self) -> Vec<Seed> {
        let urls = std::mem::take(&mut self.rules.sitemaps);
        let sitemaps = urls.into_iter().filter_map(|url| self.sitemap(url)).collect();
        self.share_sitemaps(sitemaps)
    }

    /// The sitemaps of an origin with a start page: those that its robots.txt names, and the usual one. That one has no
    /// record if it is missing.
    pub(super) fn sitemaps_of(&mut self, robots: &Url, named: &[Url]) -> Vec<Seed> {
        let is_wanted = self.rules.finds_sitemaps && self.start_origins.contains(&robots[..Position::BeforePath]);
        if !is_wanted {
            return Vec::new();
        }
        let mut sitemaps: Vec<_> = named.iter().filter_map(|url| self.sitemap(url.clone())).collect();
        let usual = robots.join("/sitemap.xml").ok().and_then(|url| self.sitemap(url));
        let is_shared = self.shared.is_some();
        sitemaps.extend(usual.map(|seed| match is_shared {
            true => Self::usual_sitemap(seed),
            false => Seed { id: self.unrecorded(), ..seed },
        }));
        self.share_sitemaps(sitemaps)
    }

    /// A sitemap, unless it was seen. A robots.txt gives no user name and password.
    fn sitemap(&mut self, mut url: Url) -> Option<Seed> {
        url.set_username("").and_then(|()| url.set_password(None)).ok()?;
        let origin = SourcePos { list: "sitemap".into(), line: 0 };
        self.is_new_sitemap(&url).then(|| Seed { kind: Kind::Sitemap, ..Seed::new(url, Via::Start(origin)) })
    }

    /// Whether a sitemap was not seen. A page may have the same URL.
    fn is_new_sitemap(&mut self, url: &Url) -> bool {
        self.seen.insert(&sitemap_key(&self.rules.canonical.key(url)))
    }

    /// Takes up to [`Batch::MAX`](crate::model::Batch::MAX) of the oldest URLs, with what earlier runs know of them.
    /// `is_idle` says that nothing else waits or is under way, `is_early` that the list may have more lines.
    ///
    /// # Errors
    /// The state or the queue cannot be read.
    pub(super) fn take(&mut self, is_idle: bool, is_early: bool) -> Result<Vec<Seed>, String> {
        if let (true, 0) = (is_idle, self.waiting.len())
            && let Some(unfetched) = self.unfetched.take()
        {
            (self.waiting, self.level) = (unfetched, 0);
        }
        if let (true, Some(depth)) = (is_idle, self.waiting.next_depth().filter(|depth| *depth > self.level)) {
            self.level = depth;
            self.next_level = FingerprintSet::new();
        }
        let (limited, level) = (self.rules.depth.is_some(), self.level);
        let left = Cell::new(self.rules.max_pages.map_or(u64::MAX, |most| most.saturating_sub(self.pages)));
        // Once nothing else is under way, those beyond the limit are taken and refused.
        let is_spent = left.get() == 0;
        let has_room =
            |seed: &Seed| seed.kind != Kind::Page || is_spent || left.replace(left.get().saturating_sub(1)) > 0;
        let may = |seed: &Seed| (!limited || seed.depth <= level) && has_room(seed);
        let mut seeds = self.waiting.take(may).map_err(|e| format!("cannot read the queue of links: {e}"))?;
        let canonical = &self.rules.canonical;
        seeds.retain(|seed| {
            seed.kind == Kind::Sitemap || {
                let key = canonical.key(&seed.url);
                !self.overtaken.contains(&key) && (!is_early || self.taken_early.insert(&key))
            }
        });
        if let Some(known) = &mut self.known {
            known.look_up(&mut seeds)?;
        }
        self.put_off(&mut seeds).map_err(|e| format!("cannot write the queue of links: {e}"))?;
        Ok(seeds)
    }

    /// Puts pages off that no earlier run has fetched, as long as others may count towards the limit.
    fn put_off(&mut self, seeds: &mut Vec<Seed>) -> Result<(), QueueError> {
        let Some(unfetched) = &mut self.unfetched else { return Ok(()) };
        let is_done = |seed: &Seed| seed.known.as_ref().is_some_and(|known| known.done.is_some());
        let new: Vec<_> = seeds.extract_if(.., |seed| seed.kind == Kind::Page && !is_done(seed)).collect();
        new.into_iter().try_for_each(|seed| unfetched.push(seed))
    }

    /// Whether a page more may be fetched. Counts it.
    pub(super) fn take_page(&mut self, seed: &Seed) -> bool {
        if seed.kind != Kind::Page {
            return true;
        }
        let may = self.rules.max_pages.is_none_or(|most| self.pages < most);
        self.pages += u64::from(may);
        may
    }

    /// Gives back a page that turned out to be none: its URL is disallowed, or leads to another page.
    pub(super) fn give_back(&mut self, seed: &Seed) {
        self.pages = self.pages.saturating_sub(u64::from(seed.kind == Kind::Page));
    }

    /// Decides about the target of a redirect.
    pub(super) fn redirected(&mut self, job: &Job) -> Redirected {
        let (from, to) = (&job.seed.url, job.url());
        let key = self.rules.canonical.key(to);
        let is_own = key == self.rules.canonical.key(from)
            || job
                .redirect
                .iter()
                .flat_map(|chain| &chain.facts.redirects)
                .any(|hop| *hop.url == to[..Position::AfterQuery]);
        let mut message = None;
        if matches!(job.seed.via, Via::Start(_)) && job.seed.kind == Kind::Page {
            message = self.rules.scope.start_redirected(from, to);
            if message.is_some() {
                self.note_scope(from, to);
            }
        }
        let is_of_list = self.rules.is_list && job.seed.kind == Kind::Page;
        if matches!(job.seed.kind, Kind::Robots | Kind::Sitemap) || is_own || is_of_list {
            return Redirected::Follow(message);
        }
        if let Err(refusal) = self.rules.scope.judge(to, &key, job.seed.kind) {
            if self.rules.checks && job.seed.kind == Kind::Page && !self.rules.scope.excludes(&key) {
                return Redirected::Check;
            }
            return Redirected::Refuse(LinkRefusal::new(refusal.reason, refusal.rule.into_owned()));
        }
        if job.seed.kind == Kind::Check {
            // The answer at the end is that of the link, whatever else leads there.
            return Redirected::Follow(None);
        }
        if self.shared.is_some() {
            // The target joins the set with the outcome: the URL may go back to the queue before.
            return match self.seen.contains(&key) {
                true => Redirected::Refuse(LinkRefusal::new(SkipReason::Duplicate, "seen before")),
                false => Redirected::Follow(message),
            };
        }
        // A later attempt goes the way of the first, and so does a later run.
        let is_first = job.attempt == 1 && (self.refresh || job.seed.known.is_none());
        if !self.seen.insert(&key) && is_first {
            // The redirect is the shorter way to a page of the next depth.
            if !self.next_level.contains(&key) || !self.overtaken.insert(&key) {
                return Redirected::Refuse(LinkRefusal::new(SkipReason::Duplicate, "seen before"));
            }
        }
        Redirected::Follow(message)
    }
}

/// Whether a job has no record.
pub(super) fn is_unrecorded(id: JobId) -> bool {
    id.0 >= UNRECORDED
}

/// The decision about a redirected job.
pub(super) enum Redirected {
    /// It goes on, with a message for the user.
    Follow(Option<String>),
    /// It goes on, and only the answer is of interest.
    Check,
    /// It ends.
    Refuse(LinkRefusal<'static>),
}
