//! The report of a job that came back: one call changes the slots, the hold and the budget of its host.

use std::time::Duration;

use tokio::time::Instant;

use super::GivenUp;
use super::host::HostState;
use super::scheduler::Scheduler;
use crate::model::{Facts, FailureCause, JobId, Verdict};
use crate::policy::credentials::origin;
use crate::policy::limits::politeness::{AfterTrouble, HostSignal, host_signal};
use crate::policy::retry::{Decision, Hold, Try, decide};

/// How a job came back.
#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    /// It has ended.
    Ended(AttemptEnd<'a>),
    /// The answer was a redirect, and its head took so long.
    Redirected(Duration),
    /// It was never started.
    NotStarted,
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEnd<'a> {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// How it ended.
    pub verdict: &'a Verdict,
    /// The known facts of the answer.
    pub facts: &'a Facts,
    /// How long the head of the last answer took.
    pub head: Option<Duration>,
    /// How long the last request took.
    pub total: Option<Duration>,
}

/// The effects of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects {
    /// Try the job again after this time.
    pub retry_after: Option<Duration>,
    /// Before this report, the last news of the host was a good answer.
    pub host_answers: bool,
    /// The host gets fewer requests from now on.
    pub back_off: Option<BackOff>,
}

/// The new limits of a host after trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// The most requests at once.
    pub slots: u32,
    /// The time without any, if there is one.
    pub hold: Option<Duration>,
}

impl Scheduler {
    /// Notes that a job came back. Its slot is free.
    pub fn finished(&mut self, id: JobId, report: Report<'_>, now: Instant) -> Effects {
        let Some(at) = self.land(id) else { return Effects::default() };
        let host_answers = self.hosts[at].window.answers();
        let (slots, was_held) = (self.hosts[at].window.slots(), self.hosts[at].held_until());
        let retry_after = match report {
            Report::Ended(ended) => self.note_end(at, ended, now),
            Report::Redirected(head) => {
                self.note_signal(at, HostSignal::Well(Some(head)), now);
                None
            }
            Report::NotStarted => None,
        };
        let host = &self.hosts[at];
        let hold = host.held_until().filter(|end| was_held.is_none_or(|before| before < *end));
        let back_off = (host.window.slots() < slots || hold.is_some())
            .then(|| BackOff { slots: host.window.slots(), hold: hold.map(|end| end.saturating_duration_since(now)) });
        self.hosts[at].end();
        if self.last_host.host == at {
            self.last_host.ended = self.last_host.ended.saturating_add(1);
        }
        self.hosts.list(at);
        self.limit_returned_bytes();
        Effects { retry_after, host_answers, back_off }
    }

    /// Returns after which time the job is tried again.
    fn note_end(&mut self, at: usize, ended: AttemptEnd<'_>, now: Instant) -> Option<Duration> {
        let AttemptEnd { attempt, verdict, facts, head, total } = ended;
        let budget = &mut self.hosts[at].budget;
        if self.retry.retries > 0 {
            if attempt == 1 {
                budget.earn();
            } else if !self.retry.on.covers(verdict, facts.status) {
                budget.give_back();
            }
        }
        let mut retry_after = None;
        if matches!(verdict, Verdict::HttpError | Verdict::Failed(_)) {
            let tried = Try { attempt, verdict, facts };
            let Decision { again, hold } = decide(&self.retry, tried, self.jitter.f64(), || budget.take());
            retry_after = again;
            match hold {
                Some(Hold::For(wait)) => self.hosts[at].hold(now + wait),
                Some(Hold::ForGood(wait)) => self.give_up(at, GivenUp::HeldUntil(now.checked_add(wait))),
                None => {}
            }
        }
        let signal = host_signal(verdict, facts, head, total);
        if let Some(HostSignal::Busy | HostSignal::Silent(_)) = signal {
            self.hosts[at].trouble = FailureCause::new(verdict, facts);
        }
        if let Some(AfterTrouble::GiveUp) = signal.map(|signal| self.note_signal(at, signal, now))
            && let Verdict::Failed(error) = verdict
        {
            self.give_up(at, GivenUp::Dead(error.clone()));
        }
        retry_after
    }

    fn note_signal(&mut self, at: usize, signal: HostSignal, now: Instant) -> AfterTrouble {
        let host = &mut self.hosts[at];
        let now_std = now.into_std();
        let after = match signal {
            HostSignal::Well(took) => {
                let is_slow = took.is_some_and(|took| self.latency.is_slow(took));
                host.window.well(is_slow, self.concurrency);
                host.unanswered_since = None;
                AfterTrouble::GoOn
            }
            HostSignal::Busy => host.window.trouble(None, host.in_flight, now_std),
            HostSignal::Silent(took) => {
                let since = took.and_then(|took| now_std.checked_sub(took)).unwrap_or(now_std);
                host.window.trouble(Some(since), host.in_flight, now_std)
            }
        };
        if let AfterTrouble::ProbeAt(end) = after {
            host.hold(Instant::from_std(end));
        }
        after
    }

    /// Gives a host up. Its jobs are refused, and delayed ones need not wait for their time.
    fn give_up(&mut self, at: usize, why: GivenUp) {
        let host = &mut self.hosts[at];
        host.state = HostState::GivenUp(why);
        let name = host.name.clone();
        for job in self.delayed.take_where(|job| *origin::host(job.url()) == *name) {
            self.hosts[at].queue.push_returned(job);
        }
    }
}
