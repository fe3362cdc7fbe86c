//! The hosts that this worker of a fleet has, and the jobs that wait for one that it does not have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::Renewals;
use crate::model::Job;

/// How this worker has a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenure {
    /// It fetches from the host.
    Leased,
    /// It starts nothing more there. The host goes back when the fetches under way have ended.
    Leaving,
    /// The host is lost. The fetches under way end.
    Lost,
}

/// The hosts of this worker.
pub(super) struct LeasedHosts {
    /// The name of this worker in records.
    pub(super) worker: Arc<str>,
    renewals: Renewals,
    hosts: HashMap<Box<str>, Tenure>,
    /// How many of them are to go or lost.
    leaving: usize,
    /// Redirected jobs, by the host that they wait for.
    parked: HashMap<Box<str>, Vec<Box<Job>>>,
    /// People have paused the job.
    pub(super) is_paused: bool,
}

impl LeasedHosts {
    pub(super) fn new(worker: Arc<str>, renewals: Renewals) -> Self {
        Self { worker, renewals, hosts: HashMap::new(), leaving: 0, parked: HashMap::new(), is_paused: false }
    }

    /// Whether requests may start.
    pub(super) fn may_hand_out(&self) -> bool {
        !self.is_paused && !self.renewals.are_late()
    }

    /// Why nothing starts, for people.
    pub(super) fn held_by(&self, is_idle: bool) -> Option<&'static str> {
        match () {
            () if self.is_paused => Some("a pause of the job (fetchall queue resume)"),
            () if self.renewals.are_late() => Some("the queue, which does not answer"),
            () if is_idle => Some("the queue: other workers have the hosts, or these are not due"),
            () => None,
        }
    }

    /// A time before which no other worker gets a host of this one, should this one die.
    pub(super) fn far(&self) -> Duration {
        self.renewals.fence()
    }

    /// How this worker has a host; `None` if it has not.
    pub(super) fn tenure(&self, host: &str) -> Option<Tenure> {
        self.hosts.get(host).copied()
    }

    /// Whether this worker may fetch from a host.
    pub(super) fn has(&self, host: &str) -> bool {
        self.tenure(host) == Some(Tenure::Leased)
    }

    /// Sets how this worker has a host. Returns how it was before.
    pub(super) fn set(&mut self, host: &str, tenure: Option<Tenure>) -> Option<Tenure> {
        let before = match tenure {
            Some(tenure) => self.hosts.insert(host.into(), tenure),
            None => self.hosts.remove(host),
        };
        let is_leaving = |tenure: Option<Tenure>| usize::from(!matches!(tenure, None | Some(Tenure::Leased)));
        self.leaving = self.leaving + is_leaving(tenure) - is_leaving(before);
        before
    }

    /// The hosts that are to go.
    pub(super) fn leaving(&self) -> Vec<(Box<str>, Tenure)> {
        if self.leaving == 0 {
            return Vec::new();
        }
        let leaving = self.hosts.iter().filter(|(_, tenure)| **tenure != Tenure::Leased);
        leaving.map(|(host, tenure)| (host.clone(), *tenure)).collect()
    }

    /// Takes all hosts that are not lost: the run is over.
    pub(super) fn take_all(&mut self) -> Vec<Box<str>> {
        self.leaving = 0;
        let hosts = std::mem::take(&mut self.hosts).into_iter();
        hosts.filter(|(_, tenure)| *tenure != Tenure::Lost).map(|(host, _)| host).collect()
    }

    /// Parks a job until its next host is leased. Returns whether it is the first for that host.
    pub(super) fn park(&mut self, host: &str, job: Box<Job>) -> bool {
        match self.parked.get_mut(host) {
            Some(jobs) => {
                jobs.push(job);
                false
            }
            None => {
                self.parked.insert(host.into(), vec![job]);
                true
            }
        }
    }

    /// Takes the jobs that wait for this host.
    pub(super) fn unpark(&mut self, host: &str) -> Vec<Box<Job>> {
        self.parked.remove(host).unwrap_or_default()
    }

    /// Takes the parked jobs that `chosen` selects.
    pub(super) fn unpark_where(&mut self, chosen: impl Fn(&Job) -> bool) -> Vec<Box<Job>> {
        let mut taken = Vec::new();
        for jobs in self.parked.values_mut() {
            taken.extend(jobs.extract_if(.., |job| chosen(job)));
        }
        self.parked.retain(|_, jobs| !jobs.is_empty());
        taken
    }

    /// Whether a job is parked that `is_wanted` selects.
    pub(super) fn has_parked(&self, is_wanted: impl Fn(&Job) -> bool) -> bool {
        self.parked.values().flatten().any(|job| is_wanted(job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_hear_why_nothing_starts() {
        let renewals = Renewals::new(Duration::from_secs(60));
        let mut hosts = LeasedHosts::new("w".into(), renewals);
        assert_eq!(hosts.held_by(false), None);
        assert!(hosts.held_by(true).unwrap().contains("other workers have the hosts"));
        hosts.is_paused = true;
        assert!(hosts.held_by(false).unwrap().contains("fetchall queue resume"));
        assert!(!hosts.may_hand_out());
        let late = LeasedHosts::new("w".into(), Renewals::new(Duration::ZERO));
        assert!(late.held_by(true).unwrap().contains("does not answer"));
    }
}
