//! Holds that responses have just requested, for the workers.
//!
//! The scheduler hands out no job of a held host. But jobs may be on their way already, and a worker takes
//! its next job before the loop has seen the answer. So the worker notes the hold here at once, and workers
//! return jobs of such a host unstarted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Facts, Job, Verdict};
use crate::policy::credentials::origin;
use crate::policy::retry::leave_alone;

/// The longest time that a job may be on its way. The scheduler holds hosts for longer; here there may be many.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// Hosts and the ends of their holds.
#[derive(Debug, Default)]
pub struct HostHolds {
    /// Whether there was a hold, so that a run without holds takes no lock.
    any: AtomicBool,
    hosts: Mutex<HashMap<Box<str>, Instant>>,
}

impl HostHolds {
    /// Records the hold that a response requests.
    pub(super) fn note(&self, job: &Job, verdict: &Verdict, facts: &Facts) {
        if let Some(wait) = leave_alone(verdict, facts) {
            self.hold(origin::host(job.url()), Instant::now() + wait.min(ON_ITS_WAY));
        }
    }

    /// Holds a host until `end`. A hold is never shortened.
    fn hold(&self, host: &str, end: Instant) {
        let mut hosts = self.lock();
        if hosts.len() == hosts.capacity() {
            // Forget holds that have ended before the table grows.
            let now = Instant::now();
            hosts.retain(|_, end| *end > now);
        }
        match hosts.get_mut(host) {
            Some(old) => *old = end.max(*old),
            None => drop(hosts.insert(host.into(), end)),
        }
        self.any.store(true, Relaxed);
    }

    /// Whether the host of this job is held.
    pub(super) fn covers(&self, job: &Job) -> bool {
        self.any.load(Relaxed) && self.lock().get(origin::host(job.url())).is_some_and(|end| *end > Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Instant>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::{RedirectState, Seed, SourcePos, Timing, Via};

    fn job(url: &str) -> Job {
        let origin = SourcePos { list: Arc::from("l"), line: 1 };
        let url = url::Url::parse(url).unwrap();
        let seed = Seed::new(url, Via::List(origin));
        Job::new(seed, None, std::time::Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_lasts_until_its_latest_end() {
        let holds = HostHolds::default();
        let (a, b, mut there) = (job("http://a.test/"), job("http://b.test/"), job("http://a.test/"));
        let facts = Facts { final_url: Some(b.seed.url.clone()), ..Facts::default() };
        let (timing, took) = (Timing::default(), Duration::ZERO);
        there.redirect = Some(Box::new(RedirectState {
            facts: Box::new(facts),
            timing,
            took,
            wait: took,
            from: None,
            cookies: Vec::new(),
            deaths: 0,
            hop_bytes: 0,
        }));
        for secs in [5, 2] {
            let mut facts = Facts { status: Some(429), ..Facts::default() };
            holds.note(&a, &Verdict::HttpError, &facts);
            facts.retry_after = Some(Duration::from_secs(secs));
            holds.note(if secs == 2 { &there } else { &a }, &Verdict::HttpError, &facts);
        }
        assert!(
            holds.covers(&a) && holds.covers(&b) && holds.covers(&there),
            "the one that answered, after redirects too"
        );
        holds.hold("a.test", Instant::now() + Duration::from_secs(1));
        tokio::time::advance(Duration::from_millis(4999)).await;
        assert!(holds.covers(&a) && !holds.covers(&b));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!holds.covers(&a));
    }

    #[tokio::test(start_paused = true)]
    async fn expired_holds_are_removed() {
        let holds = HostHolds::default();
        for n in 0..10_000 {
            holds.hold(&n.to_string(), Instant::now() + Duration::from_millis(1));
            tokio::time::advance(Duration::from_millis(2)).await;
        }
        assert!(holds.lock().capacity() < 100, "{}", holds.lock().capacity());
    }
}
