//! The states of the hosts of a run at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FailureCause;

/// The state of a host. Each host with something to do is in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPhase {
    /// Its next URL may start as soon as the run has a free slot.
    Ready,
    /// It has fetches under way.
    InFlight,
    /// Its next URL waits for a time: a delay between requests, or the wait before a retry or a redirect.
    Waiting,
    /// It asked for a wait or is in trouble, and gets no request or fewer than before.
    BackingOff,
    /// It gets no more requests in this run.
    GivenUp,
}

impl HostPhase {
    /// Every phase, in the order of the documentation.
    pub const ALL: [HostPhase; 5] =
        [HostPhase::Ready, HostPhase::InFlight, HostPhase::Waiting, HostPhase::BackingOff, HostPhase::GivenUp];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            HostPhase::Ready => "ready",
            HostPhase::InFlight => "in_flight",
            HostPhase::Waiting => "waiting",
            HostPhase::BackingOff => "backing_off",
            HostPhase::GivenUp => "given_up",
        }
    }
}

/// A host with something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyHost {
    /// Its name and port.
    pub name: String,
    /// Its state.
    pub phase: HostPhase,
    /// Its fetches under way.
    pub in_flight: u32,
    /// Its URLs that wait in the scheduler.
    pub waiting: usize,
    /// The time until its next request, if it gets none now.
    pub next: Option<Duration>,
    /// Its latest trouble.
    pub cause: Option<FailureCause>,
}

/// The hosts of a run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostStates {
    /// How many hosts are in each phase. A host without a URL in the scheduler counts only if it is given up.
    pub counts: BTreeMap<HostPhase, u64>,
    /// Those with the most URLs, at most [`HostStates::MOST`].
    pub busiest: Vec<BusyHost>,
}

impl HostStates {
    /// The most hosts that are named.
    pub const MOST: usize = 50;
}
