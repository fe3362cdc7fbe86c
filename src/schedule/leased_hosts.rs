//! Hosts that move between workers, with their pace.

use std::time::Duration;

use tokio::time::Instant;

use super::GivenUp;
use super::host::HostState;
use super::scheduler::Scheduler;
use crate::model::{HostPace, Job};
use crate::policy::credentials::origin;
use crate::policy::limits::politeness::HostWindow;

impl Scheduler {
    /// Takes over a host from another worker, with its pace.
    pub fn adopt_host(&mut self, pace: &HostPace, now: Instant) {
        let at = self.hosts.find_or_add(&pace.host);
        // A time beyond the clock is as far away as it can be.
        let due = now.checked_add(pace.due_in).filter(|due| *due > now);
        if let (Some(pacer), Some(due)) = (&self.pacer, due) {
            pacer.lock().hold(&pace.host, due.into_std(), now.into_std());
        }
        let host = &mut self.hosts[at];
        host.window = HostWindow::restored(pace.slots, pace.failures, due.unwrap_or(now).into_std());
        host.next_start = due.max(host.next_start);
        if let Some(why) = &pace.given_up {
            host.state = HostState::GivenUp(GivenUp::Elsewhere(why.clone()));
        }
        self.hosts.list(at);
    }

    /// Whether a job of this host waits or is in flight: its URL is of this host, or its next request.
    pub fn has_work_of(&self, host: &str) -> bool {
        let is_of = |job: &Job| is_of_host(job, host);
        self.is_in_flight(host)
            || self.delayed.any(is_of)
            || self.hosts.iter().any(|other| (*other.name == *host && other.has_jobs()) || other.queue.any(is_of))
    }

    /// Whether a fetch of this host is under way.
    pub fn is_in_flight(&self, host: &str) -> bool {
        self.in_flight.values().any(|job| *self.hosts[job.host].name == *host || origin::host(&job.seed.url) == host)
    }

    /// Takes all waiting jobs of a host. Those in flight end first, see [`Scheduler::release_host`].
    pub fn let_go(&mut self, host: &str) -> Vec<Box<Job>> {
        let mut jobs = self.delayed.take_where(|job| is_of_host(job, host));
        for at in self.hosts.places() {
            if self.hosts[at].name.is_empty() || !self.hosts[at].queue.any(|job| is_of_host(job, host)) {
                continue;
            }
            jobs.extend(self.hosts[at].queue.take_where(|job| is_of_host(job, host)));
            self.hosts.list(at);
        }
        jobs.iter().for_each(|job| self.leaves(job));
        jobs
    }

    /// Forgets a host without jobs and returns its pace, for the next worker.
    pub fn release_host(&mut self, name: &str, now: Instant) -> HostPace {
        let at = self.hosts.find_or_add(name);
        let pace = self.pace(at, name, now);
        self.hosts.reset(at);
        pace
    }

    /// The pace of a host, if it may get no request for longer than `far`.
    pub fn far_pace(&mut self, name: &str, far: Duration, now: Instant) -> Option<HostPace> {
        let at = self.hosts.find(name)?;
        Some(self.pace(at, name, now)).filter(|pace| pace.due_in > far)
    }

    fn pace(&self, at: usize, name: &str, now: Instant) -> HostPace {
        let paced = self.pacer.as_ref().and_then(|pacer| pacer.lock().due(name)).map(Instant::from_std);
        let host = &self.hosts[at];
        let due = host.held_until().max(host.next_start).max(paced);
        let (slots, failures) = host.window.pace();
        let given_up = match &host.state {
            HostState::GivenUp(why) => Some(reason(why)),
            HostState::Open | HostState::Held(_) => None,
        };
        let due_in = due.map(|due| due.saturating_duration_since(now)).unwrap_or_default();
        HostPace { host: name.into(), due_in, slots, failures, given_up, robots: Vec::new() }
    }
}

fn is_of_host(job: &Job, host: &str) -> bool {
    origin::host(&job.seed.url) == host || origin::host(job.url()) == host
}

fn reason(why: &GivenUp) -> Box<str> {
    match why {
        GivenUp::Dead(error) => format!("nobody answers; the last of many tries: {}", error.message).into(),
        GivenUp::HeldUntil(_) => "it asked for a longer wait than --retry-max-wait".into(),
        GivenUp::Elsewhere(why) => why.clone(),
        GivenUp::Forgotten => "an earlier record says why".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use url::Url;

    use super::*;
    use crate::model::{ErrorKind, Facts, FetchError, JobId, LeaseId, Seed, SeedLease, SourcePos, Verdict, Via};
    use crate::policy::limits::pacer::{AllHostLimits, HostLimits, Pacer, SharedPacer};
    use crate::policy::retry::Limits;
    use crate::schedule::{AttemptEnd, NextJob, Report, Rules};

    fn rules(delay: Duration) -> Rules {
        let host_limits = AllHostLimits { otherwise: HostLimits { per_host: None, delay }, hosts: Vec::new() };
        Rules {
            concurrency: 4,
            first_moments: Duration::ZERO,
            pacer: Pacer::new(host_limits.clone(), None, None).map(SharedPacer::from),
            host_limits,
            retry: Limits::default(),
            jitter: 1,
        }
    }

    fn job(id: u64, url: &str, now: Instant) -> Box<Job> {
        let via = Via::List(SourcePos { list: Arc::from("l"), line: id });
        let lease = Some(SeedLease { id: LeaseId(id as i64), attempts: 0 });
        let seed = Seed { id: JobId(id), lease, ..Seed::new(Url::parse(url).unwrap(), via) };
        Box::new(Job::new(seed, None, now.into_std()))
    }

    fn pace(host: &str, due_in: Duration) -> HostPace {
        HostPace { host: host.into(), due_in, ..HostPace::default() }
    }

    fn fetch(scheduler: &mut Scheduler, now: Instant) -> Option<JobId> {
        scheduler.advance(now);
        match scheduler.next(now, &mut |_| None)? {
            NextJob::Fetch(job) => Some(job.seed.id),
            other => panic!("{other:?}"),
        }
    }

    fn end(scheduler: &mut Scheduler, id: JobId, verdict: &Verdict, facts: &Facts, now: Instant) {
        let ended = AttemptEnd { attempt: 1, verdict, facts, head: None, total: None };
        scheduler.finished(id, Report::Ended(ended), now);
    }

    #[test]
    fn an_adopted_host_waits_for_its_due_time() {
        let (wait, now) = (Duration::from_secs(5), Instant::now());
        for delay in [Duration::ZERO, Duration::from_secs(1)] {
            let mut scheduler = Scheduler::new(rules(delay));
            scheduler.adopt_host(&pace("a.test", wait), now);
            scheduler.push(job(1, "http://a.test/1", now));
            scheduler.push(job(2, "http://b.test/2", now));
            assert_eq!(fetch(&mut scheduler, now), Some(JobId(2)));
            assert_eq!(fetch(&mut scheduler, now + wait - Duration::from_millis(1)), None);
            assert_eq!(fetch(&mut scheduler, now + wait), Some(JobId(1)));
        }
    }

    #[test]
    fn the_delay_of_the_last_request_goes_with_the_host() {
        let (delay, now) = (Duration::from_secs(3), Instant::now());
        let mut scheduler = Scheduler::new(rules(delay));
        scheduler.pacer.as_ref().unwrap().lock().start("a.test", now.into_std()).unwrap();
        let later = now + Duration::from_secs(1);
        assert_eq!(scheduler.release_host("a.test", later), pace("a.test", Duration::from_secs(2)));
    }

    #[test]
    fn all_waiting_jobs_of_a_host_come_back() {
        let now = Instant::now();
        let mut scheduler = Scheduler::new(rules(Duration::ZERO));
        for (id, url) in
            [(1, "http://a.test/1"), (2, "http://a.test/2"), (3, "http://b.test/3"), (4, "http://a.test/4")]
        {
            scheduler.push(job(id, url, now));
        }
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(1)));
        let mut retry = job(5, "http://a.test/5", now);
        (retry.handed_out, retry.not_before) = (true, Some((now + Duration::from_secs(9)).into_std()));
        scheduler.push(retry);
        let mut back: Vec<_> = scheduler.let_go("a.test").iter().map(|job| job.seed.id.0).collect();
        back.sort_unstable();
        assert_eq!(back, [2, 4, 5]);
        assert!(scheduler.is_in_flight("a.test") && scheduler.has_work_of("a.test"));
        end(&mut scheduler, JobId(1), &Verdict::Ok, &Facts::default(), now);
        assert!(!scheduler.has_work_of("a.test") && scheduler.has_work_of("b.test"));
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(3)));
        assert!(scheduler.is_empty());
    }

    #[test]
    fn slots_and_failures_go_with_the_host_and_are_forgotten_here() {
        let now = Instant::now();
        let mut scheduler = Scheduler::new(rules(Duration::ZERO));
        scheduler.push(job(1, "http://a.test/1", now));
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(1)));
        let silent = Verdict::Failed(FetchError::new(ErrorKind::Connect, "refused"));
        end(&mut scheduler, JobId(1), &silent, &Facts::default(), now);
        let released = scheduler.release_host("a.test", now);
        assert_eq!((released.slots, released.failures, &released.given_up), (Some(1), 1, &None));
        assert_eq!(scheduler.release_host("a.test", now), pace("a.test", Duration::ZERO));
        let mut next = Scheduler::new(rules(Duration::ZERO));
        next.adopt_host(&released, now);
        assert_eq!(next.release_host("a.test", now), released);
    }

    #[test]
    fn a_drain_forgets_neither_holds_nor_hosts_that_were_given_up() {
        let (wait, now) = (Duration::from_secs(10), Instant::now());
        let retry = Limits { max_wait: wait, ..Limits::default() };
        let mut scheduler = Scheduler::new(Rules { retry, ..rules(Duration::from_secs(3)) });
        scheduler.push(job(1, "http://a.test/1", now));
        scheduler.push(job(2, "http://a.test/2", now));
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(1)));
        let busy = Facts { status: Some(429), retry_after: Some(wait), ..Facts::default() };
        end(&mut scheduler, JobId(1), &Verdict::HttpError, &busy, now);
        scheduler.push(job(3, "http://c.test/3", now));
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(3)));
        scheduler.push(job(4, "http://c.test/4", now));
        let dead = HostPace { given_up: Some("dead".into()), ..pace("b.test", Duration::ZERO) };
        scheduler.adopt_host(&dead, now);
        scheduler.push(job(5, "http://b.test/5", now));
        assert_eq!(scheduler.drain(usize::MAX).len(), 3);
        let later = now + Duration::from_secs(1);
        assert_eq!(scheduler.release_host("a.test", later).due_in, Duration::from_secs(9));
        assert_eq!(scheduler.release_host("b.test", later).given_up.as_deref(), Some("dead"));
        assert_eq!(scheduler.release_host("c.test", later).due_in, Duration::from_secs(2), "the delay");
    }

    #[test]
    fn a_host_that_was_given_up_is_refused_by_the_next_worker() {
        let now = Instant::now();
        let mut scheduler = Scheduler::new(rules(Duration::ZERO));
        scheduler.adopt_host(&HostPace { given_up: Some("dead".into()), ..pace("a.test", Duration::ZERO) }, now);
        scheduler.push(job(1, "http://a.test/1", now));
        assert!(matches!(scheduler.next(now, &mut |_| None), Some(NextJob::Refused(..))));
        assert_eq!(scheduler.release_host("a.test", now).given_up.as_deref(), Some("dead"));
        scheduler.push(job(2, "http://a.test/2", now));
        assert_eq!(fetch(&mut scheduler, now), Some(JobId(2)), "what is released is forgotten");
    }
}
