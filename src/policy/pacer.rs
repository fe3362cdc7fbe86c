//! When the next request may start: of one host, and of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::model::HostPattern;

/// What the user asked for, of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// The most fetches at once; `None`: no fixed limit.
    pub per_host: Option<u32>,
    /// The time between the starts of two requests.
    pub delay: Duration,
}

/// What the user asked for, of every host.
#[derive(Debug, Clone, Default)]
pub struct AllHostLimits {
    /// Where nothing else is said.
    pub otherwise: HostLimits,
    /// Of some hosts; the first that covers a host counts.
    pub hosts: Vec<(HostPattern, HostLimits)>,
}

impl AllHostLimits {
    /// Those of a host.
    pub fn of(&self, host: &str) -> &HostLimits {
        let own = self.hosts.iter().find(|(pattern, _)| pattern.covers_host(host));
        own.map_or(&self.otherwise, |(_, host_limits)| host_limits)
    }

    /// Whether requests of any host are to be kept apart.
    pub fn have_delays(&self) -> bool {
        !self.otherwise.delay.is_zero() || self.hosts.iter().any(|(_, host_limits)| !host_limits.delay.is_zero())
    }
}

/// Keeps requests apart: those of one host by its delay, all of them by the rate. Who is late does
/// not catch up.
#[derive(Debug)]
pub struct Pacer {
    host_limits: AllHostLimits,
    /// Between any two requests.
    gap: Duration,
    /// Where delays are from half to one and a half times as long.
    chance: Option<Rng>,
    /// The earliest next start of each host.
    hosts: HashMap<Box<str>, Instant>,
    /// The earliest next start of all.
    next: Option<Instant>,
}

/// A pacer that several ask.
#[derive(Debug, Clone)]
pub struct SharedPacer(Arc<Mutex<Pacer>>);

impl SharedPacer {
    /// The pacer, for a moment.
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
    /// One that does as asked; `None` where nothing is asked.
    pub fn new(host_limits: AllHostLimits, gap: Option<Duration>, chance: Option<Rng>) -> Option<Self> {
        let gap = gap.unwrap_or_default();
        let idle = gap.is_zero() && !host_limits.have_delays();
        (!idle).then(|| Self { host_limits, gap, chance, hosts: HashMap::new(), next: None })
    }

    /// When a request of any host may start; `None`: at any time.
    pub fn any_due(&self) -> Option<Instant> {
        self.next
    }

    /// When a request of this host may start, as far as its own delay says.
    pub fn due(&self, host: &str) -> Option<Instant> {
        self.hosts.get(host).copied()
    }

    /// The least that will be between a start and the next one of its host.
    pub fn least_gap(&self, host: &str) -> Duration {
        let delay = self.host_limits.of(host).delay;
        if self.chance.is_some() { delay / 2 } else { delay }
    }

    /// The least between any two.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// A request of this host starts, if it may.
    ///
    /// # Errors
    /// When it may.
    pub fn start(&mut self, host: &str, now: Instant) -> Result<(), Instant> {
        let due = self.due(host).max(self.next);
        if let Some(due) = due.filter(|due| *due > now) {
            return Err(due);
        }
        if !self.gap.is_zero() {
            self.next = Some(now + self.gap);
        }
        let delay = self.host_limits.of(host).delay;
        if !delay.is_zero() {
            let delay = self.chance.as_mut().map_or(delay, |chance| delay.mul_f64(0.5 + chance.f64()));
            self.note(host, now + delay, now);
        }
        Ok(())
    }

    fn note(&mut self, host: &str, next: Instant, now: Instant) {
        if let Some(due) = self.hosts.get_mut(host) {
            *due = next;
            return;
        }
        if self.hosts.len() == self.hosts.capacity() {
            // Before it grows: what is over is forgotten.
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
    fn requests_of_a_host_are_kept_apart_and_those_of_others_are_not() {
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
    fn what_is_over_is_forgotten() {
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
