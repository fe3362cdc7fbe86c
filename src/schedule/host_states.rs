//! Reports the states of hosts, for people and monitors.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::host::Host;
use super::scheduler::Scheduler;
use crate::model::{BusyHost, HostPhase, HostStates};
use crate::policy::credentials::origin;

/// The jobs of one host that wait for their time.
#[derive(Clone, Copy)]
struct DelayedOfHost {
    jobs: usize,
    first: Instant,
}

impl Scheduler {
    /// Returns the states of the hosts. It looks at each host and at each delayed job, so it is for reports only.
    pub fn host_states(&self, now: Instant) -> HostStates {
        let mut delayed = self.delayed_by_host();
        let mut states = HostStates::default();
        let idle_given_up = self.hosts.idle_given_up() as u64;
        states.counts.insert(HostPhase::GivenUp, idle_given_up);
        let mut busy = Vec::new();
        for host in self.hosts.iter() {
            let later = delayed.remove(&*host.name);
            if let Some(phase) = phase(host, later, now) {
                *states.counts.entry(phase).or_default() += 1;
                busy.push(Busy { name: &host.name, phase, host: Some(host), later });
            }
        }
        // The table forgets a host that waits for its retries alone.
        for (name, later) in delayed {
            *states.counts.entry(HostPhase::Waiting).or_default() += 1;
            busy.push(Busy { name, phase: HostPhase::Waiting, host: None, later: Some(later) });
        }
        if busy.len() > HostStates::MOST {
            busy.select_nth_unstable_by_key(HostStates::MOST, Busy::rank);
            busy.truncate(HostStates::MOST);
        }
        busy.sort_unstable_by_key(Busy::rank);
        states.busiest = busy.iter().map(|busy| busy.report(now)).collect();
        states
    }

    fn delayed_by_host(&self) -> HashMap<&str, DelayedOfHost> {
        let mut hosts: HashMap<&str, DelayedOfHost> = HashMap::new();
        for (due, job) in self.delayed.iter() {
            let of_host = hosts.entry(origin::host(job.url())).or_insert(DelayedOfHost { jobs: 0, first: due });
            of_host.jobs += 1;
            of_host.first = of_host.first.min(due);
        }
        hosts
    }
}

/// The phase of this host; `None` if it has nothing to do.
fn phase(host: &Host, later: Option<DelayedOfHost>, now: Instant) -> Option<HostPhase> {
    let waiting = host.waiting();
    let has_work = waiting > 0 || host.in_flight > 0 || later.is_some();
    let is_held = host.held_until().is_some_and(|end| end > now);
    if host.is_given_up() {
        return Some(HostPhase::GivenUp);
    }
    match has_work {
        false => None,
        true if is_held || host.window.is_troubled() => Some(HostPhase::BackingOff),
        true if host.in_flight > 0 => Some(HostPhase::InFlight),
        true if waiting == 0 || host.next_start.is_some_and(|next| next > now) => Some(HostPhase::Waiting),
        true => Some(HostPhase::Ready),
    }
}

/// A host that may be among the busiest.
struct Busy<'a> {
    name: &'a str,
    phase: HostPhase,
    host: Option<&'a Host>,
    later: Option<DelayedOfHost>,
}

impl<'a> Busy<'a> {
    fn waiting(&self) -> usize {
        self.host.map_or(0, Host::waiting) + self.later.map_or(0, |later| later.jobs)
    }

    fn in_flight(&self) -> u32 {
        self.host.map_or(0, |host| host.in_flight)
    }

    /// The lowest is the busiest: by all URLs, then by those under way, then by name.
    fn rank(&self) -> (Reverse<usize>, Reverse<u32>, &'a str) {
        (Reverse(self.waiting() + self.in_flight() as usize), Reverse(self.in_flight()), self.name)
    }

    fn report(&self, now: Instant) -> BusyHost {
        BusyHost {
            name: self.name.to_owned(),
            phase: self.phase,
            in_flight: self.in_flight(),
            waiting: self.waiting(),
            next: self.next(now),
            cause: self
                .host
                .and_then(|host| host.trouble)
                .filter(|_| matches!(self.phase, HostPhase::BackingOff | HostPhase::GivenUp)),
        }
    }

    /// The time until its next request, if all its URLs wait for one.
    fn next(&self, now: Instant) -> Option<Duration> {
        let host_allows = self.host.and_then(|host| host.held_until().max(host.next_start));
        let first = match self.host.map_or(0, Host::waiting) {
            0 => self.later.map(|later| later.first),
            _ => None,
        };
        let is_given_up = self.phase == HostPhase::GivenUp;
        host_allows.max(first).filter(|_| !is_given_up)?.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }
}
