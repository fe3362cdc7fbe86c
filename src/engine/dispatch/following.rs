//! A crawl follows links: pages that were fetched lead to seeds, and robots.txt comes before each origin's first page.

use std::time::Instant;

use url::Url;

use super::super::RunFault;
use super::super::crawl::{Redirected, RobotsNeed, is_unrecorded};
use super::super::unfetched::disallowed;
use super::RunState;
use crate::config::show_time;
use crate::model::{Event, Job, Kind, Outcome, Seed, SkipReason, StopCause, Subject, Verdict, Via};
use crate::policy::credentials::origin;
use crate::policy::refusal::LinkRefusal;
use crate::policy::text::printable::printable;

impl RunState {
    /// Adds a job to the scheduler. In a crawl its host waits until the robots.txt of its origin is known.
    pub(super) fn schedule(&mut self, job: Box<Job>) {
        let Some(job) = self.of_leased_hosts(job) else { return };
        if matches!(job.seed.kind, Kind::Page | Kind::Requisite | Kind::Check) {
            self.know_robots(job.url());
        }
        self.scheduler.push(job);
    }

    /// Sees to the robots.txt of the origin of this URL.
    fn know_robots(&mut self, url: &Url) {
        match self.crawl.as_mut().map(|crawl| crawl.ask_robots(url)) {
            None | Some(RobotsNeed::Nothing) => {}
            Some(RobotsNeed::Asks(robots)) => {
                self.scheduler.await_rules(origin::host(url));
                self.scheduler.push(robots);
            }
            Some(RobotsNeed::Unasked(file)) => self.robots_known(&file),
        }
    }

    /// Decides about the target of a redirect. Returns the job if it goes on.
    pub(super) fn redirect_allowed(&mut self, mut job: Box<Job>) -> Option<Box<Job>> {
        let Some(crawl) = &mut self.crawl else { return Some(job) };
        let redirected = crawl.redirected(&job);
        if let Some(note) = crawl.take_scope_note() {
            self.outbox.put_scope(note);
        }
        match redirected {
            Redirected::Follow(message) => {
                if let Some(message) = message {
                    self.watchers.tell(&Event::Warning(&message));
                }
                Some(job)
            }
            Redirected::Check => {
                crawl.give_back(&job.seed);
                job.seed.kind = Kind::Check;
                Some(job)
            }
            Redirected::Refuse(refusal) => {
                self.finish(disallowed(job, &refusal));
                None
            }
        }
    }

    /// Takes the outcome of a job without a record. Returns any other.
    pub(super) fn recorded(&mut self, mut outcome: Outcome) -> Option<Outcome> {
        if !is_unrecorded(outcome.subject.id()) {
            return Some(outcome);
        }
        self.watchers.returned(outcome.subject.id());
        if outcome.subject.seed().is_some_and(|seed| seed.kind == Kind::Robots) {
            self.robots_answered(&outcome);
            return None;
        }
        // The usual sitemap of an origin: a missing one is no failure.
        if outcome.verdict != Verdict::Ok {
            self.end_unrecorded(&outcome);
        }
        let (Verdict::Ok, Subject::Job(job)) = (&outcome.verdict, &mut outcome.subject) else { return None };
        job.seed.id = self.count();
        Some(outcome)
    }

    /// The host goes on, by the rules of its robots.txt.
    fn robots_answered(&mut self, outcome: &Outcome) {
        let (Some(crawl), Some(seed)) = (&mut self.crawl, outcome.subject.seed()) else { return };
        if let Some((origin, robots)) = crawl.stored_robots(outcome) {
            self.outbox.put_robots(origin, robots);
        }
        crawl.robots_answered(outcome);
        self.robots_known(&seed.url);
        self.scheduler.rules_known(origin::host(&seed.url));
    }

    /// Keeps the delay of a robots.txt, and takes up its sitemaps.
    fn robots_known(&mut self, file: &Url) {
        let rules = self.crawl.as_ref().and_then(|crawl| crawl.robots_rules(file));
        let sitemaps = rules.map(|rules| rules.sitemaps().to_vec()).unwrap_or_default();
        if let Some(delay) = rules.and_then(|rules| rules.crawl_delay()) {
            self.scheduler.keep_delay(origin::host(file), delay.kept);
            let (url, line, asked) = (printable(file.as_str()), delay.line, show_time(delay.asked));
            let kept =
                if delay.asked > delay.kept { format!("; {} are kept", show_time(delay.kept)) } else { String::new() };
            if !delay.kept.is_zero() {
                self.watchers.tell(&Event::Warning(&format!("{url}:{line}: Crawl-delay is {asked}{kept}")));
            }
        }
        let Some(crawl) = self.crawl.as_mut().filter(|_| self.stopping.is_none()) else { return };
        for seed in crawl.sitemaps_of(file, &sitemaps) {
            self.admit_sitemap(seed);
        }
        self.send_urls();
    }

    /// Admits a sitemap, which is not saved.
    pub(super) fn admit_sitemap(&mut self, mut seed: Seed) {
        if !is_unrecorded(seed.id) {
            seed.id = self.count();
        }
        self.schedule(Box::new(Job::new(seed, None, Instant::now())));
    }

    /// Reads the links of a document that has its final outcome.
    pub(super) fn follow(&mut self, outcome: &mut Outcome) {
        let Some(crawl) = &mut self.crawl else { return };
        match outcome.verdict {
            Verdict::Ok | Verdict::HttpError => {
                if let Some(seed) = outcome.subject.seed() {
                    crawl.count(seed);
                }
                let facts = &outcome.facts;
                let url = facts.final_url.as_ref().or(outcome.subject.seed().map(|seed| &seed.url));
                outcome.facts.rule = url.and_then(|url| crawl.reported_rule(url));
            }
            Verdict::Skipped(SkipReason::Done | SkipReason::NotModified) => {
                if let Some(seed) = outcome.subject.seed() {
                    crawl.count(seed);
                }
            }
            Verdict::Skipped(_) => {
                if let Some(seed) = outcome.subject.seed() {
                    crawl.give_back(seed);
                }
                // The redirect that an earlier run did not follow may lead into the scope of this one.
                if !matches!(outcome.subject, Subject::Seed(_)) || outcome.facts.final_url.is_none() {
                    return;
                }
            }
            Verdict::Failed(_) => {}
            Verdict::Cancelled => return,
        }
        let has_failed = matches!(outcome.verdict, Verdict::HttpError | Verdict::Failed(_));
        // The other workers of a fleet need the links: the page is done for them too.
        let is_last = self.stopping.is_some() && self.fleet.is_none();
        if has_failed && !has_earlier_links(outcome) || is_last {
            return;
        }
        let found = crawl.know_targets().and_then(|()| crawl.found(outcome).map_err(|e| e.to_string()));
        self.outbox.put_left_out(crawl.take_left_out());
        self.send_urls();
        if let Err(why) = found {
            self.links_failed(why);
        }
        // A start page that is done has no request of its own, but its site may have sitemaps.
        let done = outcome.subject.seed().filter(|_| outcome.verdict == Verdict::Skipped(SkipReason::Done));
        if let Some(start) = done.filter(|seed| matches!(seed.via, Via::Start(_)) && seed.kind == Kind::Page) {
            self.know_robots(&start.url);
        }
    }

    /// The crawl cannot go on: links are lost.
    fn links_failed(&mut self, why: String) {
        self.fault.get_or_insert(RunFault::Links(why));
        self.met.get_or_insert(StopCause::Broken);
    }

    /// Whether nothing waits in the scheduler and no fetch is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.input_ended && self.scheduler.is_empty() && self.scheduler.in_flight() == 0
    }

    /// Whether links wait that the scheduler has room for.
    pub(super) fn may_take_links(&self) -> bool {
        self.stopping.is_none()
            && self.met.is_none()
            // Start pages come first.
            && self.crawl.as_ref().is_some_and(|crawl| {
                (crawl.is_list() || self.input_ended) && crawl.has_next(self.is_idle())
            })
            && self.may_read()
    }

    /// Admits a batch of the URLs that links lead to.
    pub(super) fn take_links(&mut self) {
        if !self.may_take_links() {
            return;
        }
        let (is_idle, now) = (self.is_idle(), Instant::now());
        let Some(crawl) = &mut self.crawl else { return };
        match crawl.take(is_idle, !self.input_ended) {
            Ok(seeds) => seeds.into_iter().for_each(|seed| self.admit_link(seed, now)),
            Err(why) => self.links_failed(why),
        }
    }

    fn admit_link(&mut self, mut seed: Seed, now: Instant) {
        let Some(crawl) = &mut self.crawl else { return };
        if seed.kind == Kind::Sitemap {
            return self.admit_sitemap(seed);
        }
        if !crawl.take_page(&seed) {
            let refusal = LinkRefusal::new(SkipReason::Budget, "max-pages");
            crawl.leave_out(&seed.url, &refusal, seed.via.parent());
            return self.outbox.put_left_out(crawl.take_left_out());
        }
        let saves = crawl.saves(&seed);
        seed.id = self.count();
        self.admit_new(seed, saves, now);
    }

    /// Whether links wait.
    pub(super) fn has_links(&self) -> bool {
        self.stopping.is_none() && self.crawl.as_ref().is_some_and(|crawl| crawl.waiting() > 0)
    }
}

/// Whether the links of an earlier run count in place of those of a page that failed. The links of one that is gone do
/// not.
fn has_earlier_links(outcome: &Outcome) -> bool {
    let is_gone = outcome.verdict == Verdict::HttpError && matches!(outcome.facts.status, Some(404 | 410));
    !is_gone && outcome.subject.seed().and_then(|seed| seed.known.as_ref()).is_some_and(|known| known.links.is_some())
}
