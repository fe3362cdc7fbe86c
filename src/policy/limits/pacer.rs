//! Decides when the next request may start, of one host and of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::model::HostPattern;

/// The user's limits for one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// The most fetches at once; `None`: no fixed limit.
    pub per_host: Option<u32>,
    /// The time between the starts of two requests.
    pub delay: Duration,
}

/// The user's limits for all hosts.
#[derive(Debug, Clone, Default)]
pub struct AllHostLimits {
    /// The limits of all other hosts.
    pub otherwise: HostLimits,
    /// The limits of some hosts; the first pattern that covers a host counts.
    pub hosts: Vec<(HostPattern, HostLimits)>,
}

impl AllHostLimits {
    /// The limits of a host.
    pub fn of(&self, host: &str) -> &HostLimits {
        let own = self.hosts.iter().find(|(pattern, _)| pattern.covers_host(host));
        own.map_or(&self.otherwise, |(_, host_limits)| host_limits)
    }

    /// Whether any host has a delay between requests.
    pub fn have_delays(&self) -> bool {
        !self.otherwise.delay.is_zero() || self.hosts.iter().any(|(_, host_limits)| !host_limits.delay.is_zero())
    }
}

/// Spaces requests: those of one host by its delay, all of them by the rate. A late request does not shorten
/// later gaps.
#[derive(Debug)]
pub struct Pacer {
    host_limits: AllHostLimits,
    /// The gap between any two requests.
    gap: Duration,
    /// The random source of the jitter, which scales delays by 0.5 to 1.5; `None` without jitter.
    chance: Option<Rng>,
    /// The delays that hosts have asked for.
    asked: HashMap<Box<str>, Duration>,
    /// The earliest next start of each host.
    hosts: HashMap<Box<str>, Instant>,
    /// The earliest next start of all.
    next: Option<Instant>,
}

/// A pacer with several users.
#[derive(Debug, Clone)]
pub struct SharedPacer(Arc<Mutex<Pacer>>);

impl SharedPacer {
    /// Locks the pacer.
    pub fn lock(&self) -> MutexGuard<'_, Pacer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Pacer> for SharedPacer {
    fn from(pacer: Pacer) -> Self {
        Self(Arc::new(Mutex::new(pacer)))
    }
}

impl Pacer {
    /// Creates a pacer; `None` if there is neither a gap nor a delay.
    pub fn new(host_limits: AllHostLimits, gap: Option<Duration>, chance: Option<Rng>) -> Option<Self> {
        let gap = gap.unwrap_or_default();
        let idle = gap.is_zero() && !host_limits.have_delays();
        (!idle).then(|| Self::of_crawl(host_limits, gap, chance))
    }

    /// Creates a pacer of a crawl, in which hosts may ask for delays.
    pub fn of_crawl(host_limits: AllHostLimits, gap: Duration, chance: Option<Rng>) -> Self {
        Self { host_limits, gap, chance, asked: HashMap::new(), hosts: HashMap::new(), next: None }
    }

    /// Notes the delay that a host asks for. It counts if it is longer than that of the user.
    pub fn ask(&mut self, host: &str, delay: Duration) {
        self.asked.insert(host.into(), delay);
    }

    fn delay(&self, host: &str) -> Duration {
        let delay = self.host_limits.of(host).delay;
        // Most runs have none.
        if self.asked.is_empty() { delay } else { self.asked.get(host).map_or(delay, |asked| delay.max(*asked)) }
    }

    /// When a request of any host may start; `None`: at any time.
    pub fn any_due(&self) -> Option<Instant> {
        self.next
    }

    /// Returns when the host's own delay lets its next request start.
    pub fn due(&self, host: &str) -> Option<Instant> {
        self.hosts.get(host).copied()
    }

    /// The least time between a start and the next one of its host.
    pub fn least_gap(&self, host: &str) -> Duration {
        let delay = self.delay(host);
        if self.chance.is_some() { delay / 2 } else { delay }
    }

    /// The least time between any two starts.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// Starts a request of this host, if its time has come.
    ///
    /// # Errors
    /// The time at which the request may start.
    pub fn start(&mut self, host: &str, now: Instant) -> Result<(), Instant> {
        let due = self.due(host).max(self.next);
        if let Some(due) = due.filter(|due| *due > now) {
            return Err(due);
        }
        if !self.gap.is_zero() {
            self.next = Some(now + self.gap);
        }
        let delay = self.delay(host);
        if !delay.is_zero() {
            let delay = self.chance.as_mut().map_or(delay, |chance| delay.mul_f64(0.5 + chance.f64()));
            self.note(host, now + delay, now);
        }
        Ok(())
    }

    /// Lets no request of this host start before this time.
    pub fn hold(&mut self, host: &str, until: Instant, now: Instant) {
        self.note(host, until, now);
    }

    fn note(&mut self, host: &str, next: Instant, now: Instant) {
        if let Some(due) = self.hosts.get_mut(host) {
            *due = next;
            return;
        }
        if self.hosts.len() == self.hosts.capacity() {
            // Forget past times before the map grows.
            self.hosts.retain(|_, due| *due > now);
        }
        self.hosts.insert(host.into(), next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn host_limits(delay: u64) -> AllHostLimits {
        let own = (HostPattern::parse("own.test").unwrap(), HostLimits { per_host: Some(1), delay: ms(50) });
        AllHostLimits { otherwise: HostLimits { per_host: None, delay: ms(delay) }, hosts: vec![own] }
    }

    #[test]
    fn nothing_asked_is_no_pacer() {
        assert!(Pacer::new(AllHostLimits::default(), None, None).is_none());
        assert!(Pacer::new(host_limits(0), None, None).is_some());
        assert!(Pacer::new(AllHostLimits::default(), Some(ms(1)), None).is_some());
    }

    #[test]
    fn the_delay_separates_requests_of_one_host_only() {
        let now = Instant::now();
        let mut pacer = Pacer::new(host_limits(1000), None, None).unwrap();
        assert_eq!(pacer.start("a.test", now), Ok(()));
        assert_eq!(pacer.start("a.test", now + ms(999)), Err(now + ms(1000)));
        assert_eq!(pacer.start("b.test", now), Ok(()));
        assert_eq!(pacer.start("own.test", now), Ok(()));
        assert_eq!(pacer.start("own.test", now + ms(50)), Ok(()));
        assert_eq!(pacer.start("a.test", now + ms(1700)), Ok(()));
        assert_eq!(pacer.due("a.test"), Some(now + ms(2700)), "who is late does not catch up");
    }

    #[test]
    fn past_turns_are_removed() {
        let now = Instant::now();
        let mut pacer = Pacer::new(host_limits(1), None, None).unwrap();
        for n in 0..10_000 {
            pacer.start(&n.to_string(), now + ms(2 * n)).unwrap();
        }
        assert!(pacer.hosts.capacity() < 100, "{}", pacer.hosts.capacity());
    }

    proptest! {
        #[test]
        fn no_two_starts_are_too_close(
            asks in prop::collection::vec((0_usize..3, 0_u64..400), 1..200),
            random: bool,
            gap in 0_u64..200,
        ) {
            let mut now = Instant::now();
            let chance = random.then(|| fastrand::Rng::with_seed(7));
            let mut pacer = Pacer::new(host_limits(300), Some(ms(gap)), chance).unwrap();
            let mut starts: Vec<(usize, Instant)> = Vec::new();
            for (host, later) in asks {
                now += ms(later);
                let name = ["a.test", "b.test", "own.test"][host];
                let mut at = now;
                while let Err(due) = pacer.start(name, at) {
                    prop_assert!(due > at);
                    at = due;
                }
                now = at;
                let delay = if host == 2 { ms(50) } else { ms(300) };
                let least = if random { delay / 2 } else { delay };
                for (other, before) in &starts {
                    prop_assert!(now - *before >= ms(gap));
                    prop_assert!(*other != host || now - *before >= least);
                }
                starts.push((host, now));
            }
        }
    }
}
