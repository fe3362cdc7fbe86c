//! Hosts and URLs that come from a queue which several workers share, and go back to it.

use tokio::time::Instant;

use super::super::RunFault;
use super::super::crawl::is_unrecorded;
use super::super::leased_hosts::Tenure;
use super::RunState;
use crate::model::{
    Event, FromQueue, HostPace, Job, LeaseNews, Outcome, ReturnedUrl, Seed, StopCause, ToQueue, Verdict,
};
use crate::policy::credentials::origin;

impl RunState {
    /// Takes the hosts that came with a batch.
    pub(super) fn take_news(&mut self, news: LeaseNews, now: Instant) {
        if let Some(crawl) = &mut self.crawl {
            news.scope.iter().for_each(|note| crawl.scope_note(note));
            if news.may_have_forgotten {
                crawl.forget_seen();
            }
        }
        news.hosts.into_iter().for_each(|pace| self.adopt(pace, now));
    }

    /// Takes over a host. The redirected jobs that waited for it go on.
    fn adopt(&mut self, mut pace: HostPace, now: Instant) {
        let Some(fleet) = &mut self.fleet else { return };
        if let Some(crawl) = &mut self.crawl {
            crawl.adopt_robots(std::mem::take(&mut pace.robots));
        }
        fleet.set(&pace.host, Some(Tenure::Leased));
        let parked = fleet.unpark(&pace.host);
        self.scheduler.adopt_host(&pace, now);
        parked.into_iter().for_each(|job| self.schedule(job));
    }

    /// Takes a message of the queue.
    pub(super) fn hear(&mut self, message: FromQueue) {
        match message {
            FromQueue::Host(pace) => self.adopt(*pace, Instant::now()),
            FromQueue::Idle(hosts) => hosts.iter().for_each(|host| self.leave_if_idle(host)),
            FromQueue::Wanted(hosts) => hosts.iter().for_each(|host| self.leave_host(host, Tenure::Leaving)),
            FromQueue::Lost(hosts) => hosts.iter().for_each(|host| self.leave_host(host, Tenure::Lost)),
            FromQueue::Forgot => {
                if let Some(crawl) = &mut self.crawl {
                    crawl.forget_seen();
                }
            }
            FromQueue::Paused(is_paused) => {
                if let Some(fleet) = &mut self.fleet {
                    fleet.is_paused = is_paused;
                }
            }
            FromQueue::Warning(text) => self.watchers.tell(&Event::Warning(&text)),
            FromQueue::Failed(why) => {
                self.fault.get_or_insert(RunFault::Queue(why));
                self.met.get_or_insert(StopCause::Broken);
            }
        }
    }

    /// Whether a leased seed may be fetched here. One of a host that this worker has let go of goes back.
    pub(super) fn keeps_lease(&mut self, seed: &Seed) -> bool {
        let (Some(fleet), Some(lease)) = (&self.fleet, seed.lease) else { return true };
        let has_host = fleet.has(origin::host(&seed.url));
        if !has_host {
            self.outbox.give_back(ReturnedUrl { lease: lease.id, attempts: lease.attempts });
        }
        has_host
    }

    /// Returns the job if this worker has its hosts. Otherwise the job waits for its next host, or goes back.
    pub(super) fn of_leased_hosts(&mut self, job: Box<Job>) -> Option<Box<Job>> {
        let Some(fleet) = &mut self.fleet else { return Some(job) };
        let (own, next) = (origin::host(&job.seed.url), origin::host(job.url()));
        if job.seed.lease.is_some() && !fleet.has(own) {
            self.give_back(job);
            return None;
        }
        if fleet.has(next) || own == next {
            return Some(job);
        }
        let next: Box<str> = next.into();
        if fleet.park(&next, job) && fleet.tenure(&next).is_none() {
            self.outbox.put_behind(ToQueue::LeaseHost(next));
        }
        None
    }

    /// A job that is not done goes back to the queue. A job without a lease ends.
    fn give_back(&mut self, job: Box<Job>) {
        self.watchers.returned(job.seed.id);
        if !is_unrecorded(job.seed.id) {
            self.stats.account.counts.read -= 1;
        }
        if let Some(lease) = job.seed.lease {
            // A redirect chain begins anew.
            let attempts = job.attempt - u32::from(job.redirect.is_some());
            self.outbox.give_back(ReturnedUrl { lease: lease.id, attempts });
        }
    }

    /// Starts nothing more at this host. Its waiting jobs go back.
    fn leave_host(&mut self, host: &str, tenure: Tenure) {
        let Some(fleet) = &mut self.fleet else { return };
        match fleet.tenure(host) {
            None | Some(Tenure::Lost) => return,
            Some(Tenure::Leaving | Tenure::Leased) => fleet.set(host, Some(tenure)),
        };
        let parked = fleet.unpark_where(|job| origin::host(&job.seed.url) == host);
        let jobs = self.scheduler.let_go(host);
        parked.into_iter().chain(jobs).for_each(|job| self.give_back(job));
    }

    /// Leaves a host without work. Its URLs may be on the way here.
    fn leave_if_idle(&mut self, host: &str) {
        let Some(fleet) = &self.fleet else { return };
        let is_idle = fleet.has(host)
            && !fleet.has_parked(|job| origin::host(&job.seed.url) == host)
            && !self.scheduler.has_work_of(host);
        if is_idle {
            self.leave_host(host, Tenure::Leaving);
        }
    }

    /// Releases the hosts that are to go and have no fetch under way.
    pub(super) fn release_hosts(&mut self, now: Instant) {
        let leaving = self.fleet.as_ref().map(|fleet| fleet.leaving()).unwrap_or_default();
        let mut paces = Vec::new();
        for (host, tenure) in leaving {
            if self.scheduler.has_work_of(&host) {
                continue;
            }
            let pace = self.pace_of(&host, now);
            let Some(fleet) = &mut self.fleet else { continue };
            fleet.set(&host, None);
            let is_awaited = fleet.has_parked(|job| origin::host(job.url()) == &*host);
            if tenure == Tenure::Leaving {
                paces.push(pace);
            }
            if is_awaited {
                self.outbox.put_behind(ToQueue::ReleaseHosts(std::mem::take(&mut paces)));
                self.outbox.put_behind(ToQueue::LeaseHost(host));
            }
        }
        if !paces.is_empty() {
            self.outbox.put_behind(ToQueue::ReleaseHosts(paces));
        }
    }

    /// Lets the queue know when a host may get its next request, if that is far off: this worker may die before.
    pub(super) fn store_pace(&mut self, host: &str, now: Instant) {
        let Some(far) = self.fleet.as_ref().map(|fleet| fleet.far()) else { return };
        if let Some(pace) = self.scheduler.far_pace(host, far, now) {
            self.outbox.put_behind(ToQueue::StorePace(vec![pace]));
        }
    }

    /// The pace of a host that leaves this worker.
    fn pace_of(&mut self, host: &str, now: Instant) -> HostPace {
        let robots = self.crawl.as_mut().map(|crawl| crawl.take_robots(host)).unwrap_or_default();
        HostPace { robots, ..self.scheduler.release_host(host, now) }
    }

    /// Releases all hosts: the run is over.
    pub(super) fn release_all_hosts(&mut self) -> Option<ToQueue> {
        let (hosts, now) = (self.fleet.as_mut()?.take_all(), Instant::now());
        Some(ToQueue::ReleaseHosts(hosts.iter().map(|host| self.pace_of(host, now)).collect()))
    }

    /// Takes the jobs that wait for a host.
    pub(super) fn take_parked(&mut self) -> Vec<Box<Job>> {
        self.fleet.as_mut().map(|fleet| fleet.unpark_where(|_| true)).unwrap_or_default()
    }

    /// Whether a job waits for a host, or a host is to go.
    pub(super) fn is_moving(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.has_parked(|_| true) || !fleet.leaving().is_empty())
    }

    /// Ends the lease of a job without a record.
    pub(super) fn end_unrecorded(&mut self, outcome: &Outcome) {
        let Some(lease) = outcome.subject.seed().and_then(|seed| seed.lease) else { return };
        match outcome.verdict {
            Verdict::Cancelled => self.outbox.give_back(ReturnedUrl { lease: lease.id, attempts: lease.attempts }),
            _ => self.outbox.put_unrecorded(lease.id),
        }
    }

    /// Sends the links that the crawl has found to the queue.
    pub(super) fn send_urls(&mut self) {
        let Some(crawl) = self.crawl.as_mut().filter(|_| self.fleet.is_some()) else { return };
        if let Some(note) = crawl.take_scope_note() {
            self.outbox.put_scope(note);
        }
        self.outbox.put_urls(crawl.take_found());
    }
}
