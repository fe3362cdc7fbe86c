//! The window of a host: how many fetches it gets at once, and when it counts as dead.
//!
//! A window has two limits. Trouble halves its slots, and good answers give them back: an AIMD window as
//! in TCP (RFC 5681). This limit always holds. Its share holds only beside other hosts. The share begins
//! with one slot and grows with each good answer, so a tarpit never has many.
//!
//! A host is in trouble if its slots were cut and no good answer has come since. Troubled hosts share a few
//! slots and a small part of the turns.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::model::{ErrorKind, Facts, SkipReason, Verdict};

/// Slots are cut at most once in this time: fetches that were in flight together fail together.
const CUT_EVERY: Duration = Duration::from_secs(1);

/// The number of consecutive fetches without a response after which a host counts as dead.
pub const SILENT: u32 = 10;

/// How long a dead host is left alone before each probe. After the last one it is given up.
pub const PROBES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// While other hosts are ready, troubled hosts get one of this many turns.
pub const TURNS: u32 = 50;

/// While other hosts are ready, troubled hosts get one of this many slots, and at least one.
const SLOTS: u32 = 20;

/// The least time of a slow answer, if it is also slow compared with the others.
const SLOW: Duration = Duration::from_secs(1);

/// An answer is slow if it takes this many times as long as usual.
const SLOW_BY: u32 = 8;

/// The slots that troubled hosts share in a run of this concurrency while other hosts are ready.
pub fn for_troubled(concurrency: u32) -> u32 {
    (concurrency / SLOTS).max(1)
}

/// The signal that a finished fetch gives about the last host it contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostSignal {
    /// The host answered; the time until its response head, if known.
    Well(Option<Duration>),
    /// The host answered that it is busy, or broke off the response.
    Busy,
    /// The host did not respond; the time until then, if known.
    Silent(Option<Duration>),
}

/// Derives the signal of a finished fetch. Returns `None` if no host was contacted or fetchall ended the fetch.
/// `took` is the time until the last response head, `all` the time of the last request.
pub fn host_signal(
    verdict: &Verdict,
    facts: &Facts,
    took: Option<Duration>,
    all: Option<Duration>,
) -> Option<HostSignal> {
    // A redirect is the answer of the host before.
    let answered = facts.status.is_some_and(|status| !(300..400).contains(&status));
    match verdict {
        Verdict::HttpError if matches!(facts.status, Some(429 | 503)) => Some(HostSignal::Busy),
        Verdict::Ok | Verdict::HttpError | Verdict::Skipped(SkipReason::NotModified) => Some(HostSignal::Well(took)),
        Verdict::Skipped(_) | Verdict::Cancelled => None,
        Verdict::Failed(error) => match error.kind {
            ErrorKind::Connect | ErrorKind::Dns => Some(HostSignal::Silent(all)),
            ErrorKind::Timeout if !answered => Some(HostSignal::Silent(all)),
            ErrorKind::Timeout | ErrorKind::Reset => Some(HostSignal::Busy),
            // A defect, a disk error or a rule of fetchall is no signal of the host.
            ErrorKind::Internal | ErrorKind::Io | ErrorKind::Blocked | ErrorKind::Cancelled | ErrorKind::InvalidUrl => {
                None
            }
            _ => Some(HostSignal::Well(None)),
        },
    }
}

/// How long answers usually take in this run: about the median. It moves by a sixteenth with each
/// answer, so a few that take very long do not move it far.
#[derive(Debug, Clone, Copy, Default)]
pub struct LatencyEstimate(Option<Duration>);

impl LatencyEstimate {
    /// Records an answer. Returns whether it was slow compared with the others.
    pub fn is_slow(&mut self, took: Duration) -> bool {
        let took = took.max(Duration::from_millis(1));
        let usual = self.0.unwrap_or(took);
        self.0 = Some(if took > usual { (usual * 17 / 16).min(took) } else { (usual * 15 / 16).max(took) });
        took > SLOW && took > usual * SLOW_BY
    }
}

/// The consequence of a host's trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterTrouble {
    /// Fewer slots at most.
    GoOn,
    /// The host counts as dead: it gets no fetch before this time, and then a single one.
    ProbeAt(Instant),
    /// The host is dead.
    GiveUp,
}

/// The slots of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostWindow {
    /// The most at once; `None`: as many as there are.
    slots: Option<u32>,
    /// Good answers since the last slot was earned.
    earned: u32,
    /// The most fetches at once while other hosts want slots.
    shown: u32,
    /// When slots were last cut.
    cut: Option<Instant>,
    /// Whether the latest signal was a good answer that was not slow.
    answers: bool,
    /// Consecutive fetches without a response.
    silent: u32,
    /// Probes so far, and when the last one was due.
    probes: Option<(usize, Instant)>,
}

impl Default for HostWindow {
    fn default() -> Self {
        Self::new()
    }
}

impl HostWindow {
    /// The window of a host without an answer: one slot beside others.
    pub fn new() -> Self {
        Self { slots: None, earned: 0, shown: 1, cut: None, answers: false, silent: 0, probes: None }
    }

    /// The most fetches at once, with or without other hosts.
    pub fn slots(&self) -> u32 {
        if self.probes.is_some() { 1 } else { self.slots.unwrap_or(u32::MAX) }
    }

    /// The most at once while other hosts want slots.
    pub fn beside_others(&self) -> u32 {
        self.shown.min(self.slots())
    }

    /// Whether the latest signal of the host was a good answer.
    pub fn answers(&self) -> bool {
        self.answers
    }

    /// Whether the host has given no good answer since its slots were cut.
    pub fn is_troubled(&self) -> bool {
        self.cut.is_some() && !self.answers
    }

    /// Whether the window has a state worth keeping.
    pub fn is_marked(&self) -> bool {
        self.slots.is_some() || self.silent > 0
    }

    /// The window of a host whose pace another worker has found: its slots, and its consecutive fetches without a
    /// response. A dead host is probed from `due` on.
    pub fn restored(slots: Option<u32>, failures: u32, due: Instant) -> Self {
        let done = failures.saturating_sub(SILENT - 1) as usize;
        let probes = (done > 0).then(|| (done.min(PROBES.len()), due));
        Self { slots, silent: failures, probes, ..Self::new() }
    }

    /// The slots, if they were cut, and the consecutive fetches without a response. A dead host counts one more for
    /// each probe.
    pub fn pace(&self) -> (Option<u32>, u32) {
        let failures = match self.probes {
            Some((done, _)) => SILENT - 1 + done as u32,
            None => self.silent.min(SILENT - 1),
        };
        (self.slots, failures)
    }

    /// Records an answer of the host.
    pub fn well(&mut self, slow: bool, concurrency: u32) {
        (self.silent, self.probes) = (0, None);
        self.answers = !slow;
        self.shown = if slow { (self.shown / 2).max(1) } else { (self.shown + 1).min(concurrency.max(1)) };
        let Some(slots) = self.slots else { return };
        self.earned += 1;
        if self.earned >= slots {
            self.earned = 0;
            self.slots = Some(slots + 1).filter(|slots| *slots < concurrency);
        }
    }

    /// Records that the host is busy or silent; `out` fetches were under way, this one included.
    ///
    /// `since` is the start of the fetch if the host did not respond.
    pub fn trouble(&mut self, since: Option<Instant>, out: u32, now: Instant) -> AfterTrouble {
        self.answers = false;
        if self.cut.is_none_or(|cut| now >= cut + CUT_EVERY) {
            self.cut = Some(now);
            self.earned = 0;
            self.slots = Some((self.slots.unwrap_or(u32::MAX).min(out) / 2).max(1));
            self.shown = (self.shown / 2).max(1);
        }
        let Some(since) = since else {
            (self.silent, self.probes) = (0, None);
            return AfterTrouble::GoOn;
        };
        self.silent = self.silent.saturating_add(1);
        let done = match self.probes {
            // The fetch began before the host counted as dead.
            Some((_, due)) if since < due => return AfterTrouble::GoOn,
            Some((done, _)) => done,
            None if self.silent < SILENT => return AfterTrouble::GoOn,
            None => 0,
        };
        match PROBES.get(done) {
            Some(wait) => {
                self.slots = Some(1);
                self.probes = Some((done + 1, now + *wait));
                AfterTrouble::ProbeAt(now + *wait)
            }
            None => AfterTrouble::GiveUp,
        }
    }
}
