//! One host: its jobs, its state and its limits.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::GivenUp;
use super::host_queue::HostQueue;
use super::spilled_jobs::SpilledJobs;
use crate::model::FailureCause;
use crate::policy::limits::politeness::HostWindow;
use crate::policy::retry::RetryBudget;

/// A host is slow to answer if its first fetch has been in flight for so long without an answer.
const UNANSWERED: Duration = Duration::from_secs(1);

/// Whether a host may get requests.
#[derive(Debug)]
pub(super) enum HostState {
    /// It may.
    Open,
    /// Not before this time.
    Held(Instant),
    /// Never again in this run.
    GivenUp(GivenUp),
}

/// The rank of a ready host; the lowest is next. A host below its share goes first, then the
/// highest priority, then the fewest in flight, then the host that has waited longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostRank {
    /// It has as many fetches in flight as it may have beside others.
    pub(super) has_its_share: bool,
    pub(super) priority: Reverse<i32>,
    pub(super) in_flight: u32,
    pub(super) number: u64,
}

/// The list of the table that a host is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// On none: nothing waits, or all its slots are taken.
    Nowhere,
    /// Ready.
    Ready(HostRank),
    /// Ready, and in trouble.
    Troubled(HostRank),
    /// Not before this time.
    Timed(Instant),
    /// Given up, with jobs to refuse.
    GivenUp(u64),
}

/// One host.
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) state: HostState,
    pub(super) queue: HostQueue,
    /// The jobs behind `queue`, most of them on disk.
    pub(super) spilled: Option<Box<SpilledJobs>>,
    pub(super) listed: Listed,
    pub(super) window: HostWindow,
    /// The latest trouble.
    pub(super) trouble: Option<FailureCause>,
    pub(super) budget: RetryBudget,
    pub(super) in_flight: u32,
    /// The most in flight that the user allows.
    pub(super) most: u32,
    /// Since when fetches have been in flight while no answer has come.
    pub(super) unanswered_since: Option<Instant>,
    /// The earliest next start, if starts are kept apart.
    pub(super) next_start: Option<Instant>,
    /// How many robots.txt are asked for before its other jobs go on: http and https share a host.
    pub(super) awaited_rules: u32,
    /// Its place in the list of idle hosts that are remembered.
    pub(super) remembered: Option<u64>,
    /// Its part in the sums of the table.
    pub(super) counted: HostCounts,
}

/// The part of one host in the sums of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HostCounts {
    /// Fetches in flight, if it is in trouble.
    pub(super) troubled: u32,
    /// Jobs in memory, if it is held, in trouble or full.
    pub(super) parked: usize,
    /// Jobs on disk, if it is fast by now.
    pub(super) fast_in_queue: usize,
}

impl Host {
    pub(super) fn new(name: Arc<str>, most: u32) -> Self {
        Self {
            name,
            state: HostState::Open,
            queue: HostQueue::default(),
            spilled: None,
            listed: Listed::Nowhere,
            window: HostWindow::new(),
            trouble: None,
            budget: RetryBudget::default(),
            in_flight: 0,
            most,
            unanswered_since: None,
            next_start: None,
            awaited_rules: 0,
            remembered: None,
            counted: HostCounts::default(),
        }
    }

    /// The list that it belongs on. With `only_returned`, new jobs are not handed out.
    pub(super) fn belongs(&self, number: u64, only_returned: bool) -> Listed {
        let only_returned = only_returned && !self.is_given_up();
        let priority = match (self.awaits_rules(), only_returned) {
            (true, _) => self.queue.priority_of_robots(),
            (false, true) => self.queue.priority_of_returned(),
            (false, false) => self.queue.priority(),
        };
        match (&self.state, self.next_start, priority) {
            (HostState::GivenUp(_), _, None) => Listed::Nowhere,
            (HostState::GivenUp(_), _, Some(_)) => Listed::GivenUp(number),
            (HostState::Held(end), next, _) => Listed::Timed(next.map_or(*end, |next| next.max(*end))),
            (HostState::Open, ..) if self.in_flight >= self.slots() => Listed::Nowhere,
            (HostState::Open, Some(next), _) => Listed::Timed(next),
            (HostState::Open, None, None) => Listed::Nowhere,
            (HostState::Open, None, Some(priority)) => {
                let has_its_share = self.in_flight >= self.window.beside_others();
                let rank = HostRank { has_its_share, priority: Reverse(priority), in_flight: self.in_flight, number };
                if self.window.is_troubled() { Listed::Troubled(rank) } else { Listed::Ready(rank) }
            }
        }
    }

    fn slots(&self) -> u32 {
        self.most.min(self.window.slots())
    }

    /// Whether it has a free slot now.
    pub(super) fn has_free_slot(&self) -> bool {
        matches!(self.state, HostState::Open) && self.next_start.is_none() && self.in_flight < self.slots()
    }

    /// Whether only jobs for robots.txt are handed out.
    pub(super) fn awaits_rules(&self) -> bool {
        self.awaited_rules > 0 && !self.is_given_up()
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.state, HostState::GivenUp(_))
    }

    /// Holds it until `end`. A hold is never shortened.
    pub(super) fn hold(&mut self, end: Instant) {
        self.state = match std::mem::replace(&mut self.state, HostState::Open) {
            HostState::Open => HostState::Held(end),
            HostState::Held(before) => HostState::Held(end.max(before)),
            given_up => given_up,
        };
    }

    /// The end of its hold, if it is held.
    pub(super) fn held_until(&self) -> Option<Instant> {
        if let HostState::Held(end) = self.state { Some(end) } else { None }
    }

    /// Opens it if its hold has ended.
    pub(super) fn wake(&mut self, now: Instant) {
        if matches!(self.state, HostState::Held(end) if end <= now) {
            self.state = HostState::Open;
        }
        self.next_start = self.next_start.filter(|next| *next > now);
    }

    /// One more fetch is in flight.
    pub(super) fn begin(&mut self, now: Instant) {
        self.in_flight += 1;
        if !self.window.answers() {
            self.unanswered_since.get_or_insert(now);
        }
    }

    /// One fetch is no longer in flight.
    pub(super) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight == 0 {
            self.unanswered_since = None;
        }
    }

    /// Whether its fetches have been in flight for long without an answer.
    pub(super) fn is_unanswered(&self, now: Instant) -> bool {
        self.unanswered_since.is_some_and(|since| now >= since + UNANSWERED)
    }

    /// Whether its jobs wait for the host rather than for a free slot of the run.
    pub(super) fn is_parked(&self) -> bool {
        let is_full = self.listed == Listed::Nowhere && self.window.is_marked();
        !matches!(self.state, HostState::Open) || self.awaits_rules() || is_full || self.window.is_troubled()
    }

    /// Whether it has all that the user allows, or waits for its next start.
    pub(super) fn is_capped(&self) -> bool {
        self.in_flight >= self.most || self.next_start.is_some()
    }

    /// The number of its jobs that wait in memory and on disk.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.spilled.as_ref().map_or(0, |jobs| jobs.len())
    }

    /// Whether it has jobs, waiting or in flight.
    pub(super) fn has_jobs(&self) -> bool {
        self.in_flight > 0 || self.queue.priority().is_some() || self.spilled.is_some()
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        let is_open = matches!(self.state, HostState::Open);
        !self.has_jobs() && is_open && self.next_start.is_none() && self.awaited_rules == 0
    }

    /// Whether it had trouble that is worth remembering while it is idle.
    pub(super) fn is_marked(&self) -> bool {
        self.window.is_marked() || self.budget.is_spent()
    }

    /// Computes its part in the sums of the table.
    pub(super) fn count(&self) -> HostCounts {
        let is_parked = self.is_parked();
        let (in_memory, fast) = self.spilled.as_ref().map_or((0, 0), |jobs| (jobs.in_memory(), jobs.fast_in_queue()));
        HostCounts {
            troubled: if self.window.is_troubled() { self.in_flight } else { 0 },
            parked: if is_parked { self.queue.len() + in_memory } else { 0 },
            fast_in_queue: if is_parked { 0 } else { fast },
        }
    }
}
