//! What becomes of a job that comes back.

use std::time::Duration;

use tokio::sync::oneshot;

use super::super::auto::was_turned_away;
use super::super::retry::cancelled;
use super::State;
use crate::backend::Returned;
use crate::frontier::Settled;
use crate::model::{ErrorKind, FetchError, Job, JobId, Outcome, SkipReason, Subject, Timing, Tried, Verdict};
use crate::policy::origin;
use crate::policy::politeness::{self, Sign};
use crate::policy::retry::Decision;

impl State {
    /// A job came back.
    pub(super) fn settle(&mut self, back: Returned) {
        match back {
            Returned::Ended(outcome) => self.ended(outcome),
            Returned::NotBegun(mut job) => {
                self.is_back(job.id);
                // A redirect belongs to a try that did begin.
                job.attempt -= u32::from(job.onward.is_none());
                self.let_wait(job);
            }
            Returned::Onward(job, again) => {
                if let Some(onward) = job.onward.as_deref() {
                    let sign = Sign::Well(Some(onward.took));
                    self.frontier.heard(origin::host(job.asked()), sign, &tokio::time::Instant::now);
                }
                self.lead_on(job, again);
            }
        }
    }

    /// A redirect goes on at once, or waits for the host that it leads to.
    fn lead_on(&mut self, job: Box<Job>, again: oneshot::Sender<Box<Job>>) {
        let id = job.id;
        if self.stopping.is_some() {
            self.is_back(id);
            self.frontier.settle(Settled::Done(job.asked()));
            return self.finish(cancelled(Subject::Job(job)));
        }
        if let Some(error) = self.retries.waits_too_long(&job) {
            self.is_back(id);
            self.frontier.settle(Settled::Done(job.asked()));
            return self.finish(Outcome { verdict: Verdict::Failed(error), ..cancelled(Subject::Job(job)) });
        }
        match self.frontier.lead_on(job, &tokio::time::Instant::now) {
            // Err: the backend died; what was out is told of then.
            Some(job) => drop(again.send(job)),
            None => {
                self.is_back(id);
                self.watchers.led_on(id);
            }
        }
    }

    /// A job is no longer out.
    fn is_back(&mut self, id: JobId) {
        self.out.remove(&id);
    }

    /// A job has ended: its outcome is told, or it is tried again.
    fn ended(&mut self, mut outcome: Outcome) {
        self.steer(&outcome);
        let Subject::Job(job) = &outcome.subject else { return self.finish(outcome) };
        self.is_back(job.id);
        let Subject::Job(job) = &mut outcome.subject else { return self.finish(outcome) };
        let Decision { again, hold } = self.retries.after(job, &outcome.verdict, &outcome.facts);
        let host = origin::host(job.url());
        if let Some(hold) = hold {
            let until = self.retries.hold(host, hold);
            self.frontier.hold_host(host, until);
        }
        let timing = &outcome.timing;
        let (took, all) = (of_this_hop(job, timing.first_byte), of_this_hop(job, timing.total));
        let sign = politeness::sign(&outcome.verdict, &outcome.facts, took, all);
        if sign.is_some_and(|sign| self.frontier.heard(host, sign, &tokio::time::Instant::now)) {
            self.retries.dead(host, &outcome.verdict);
        }
        if let (Some(wait), None) = (again, self.stopping) {
            return self.again(outcome, wait);
        }
        job.last = None;
        if matches!(outcome.verdict, Verdict::Skipped(_)) && outcome.facts.started_at.is_none() {
            // Decided without asking anybody.
            job.attempt -= 1;
            outcome.timing = Timing::default();
        }
        self.frontier.settle(Settled::Done(job.url()));
        let condition = job.seed.known.as_mut().and_then(|known| known.condition.take());
        if let (Verdict::Skipped(SkipReason::NotModified), Some(condition)) = (&outcome.verdict, condition) {
            // What was found out then still holds.
            outcome.facts = Box::new(condition.facts);
        }
        self.finish(outcome);
    }

    /// Where the run finds its limit by itself: what this outcome says of that.
    fn steer(&mut self, outcome: &Outcome) {
        if let (Some(_), Subject::Job(job)) = (self.auto.limit(), &outcome.subject)
            && (!was_turned_away(outcome) || self.frontier.answers(origin::host(job.url())))
        {
            self.auto.came_back(outcome, self.out.len(), self.frontier.has_ready());
        }
        if let Some(limit) = self.auto.limit() {
            self.frontier.limit(limit);
        }
    }

    /// A job came back that has not ended: it waits, unless the run is stopping.
    fn let_wait(&mut self, job: Box<Job>) {
        if self.stopping.is_none() {
            self.frontier.settle(Settled::Released(job));
        } else {
            self.frontier.settle(Settled::Done(job.url()));
            self.finish(cancelled(Subject::Job(job)));
        }
    }

    /// Lets a job wait for its next try; what this one brought goes with it.
    fn again(&mut self, outcome: Outcome, wait: Duration) {
        self.watchers.retrying(&outcome, wait);
        let Outcome { subject: Subject::Job(mut job), facts, timing, verdict } = outcome else { return };
        job.last = Some(Box::new(Tried { facts, timing, verdict }));
        let due = tokio::time::Instant::now() + wait;
        self.frontier.settle(Settled::RetryAt(due, job));
    }

    /// The backend is gone without a word about those that it had.
    pub(super) fn lost(&mut self) {
        for (_, seed) in std::mem::take(&mut self.out) {
            let error = FetchError::new(ErrorKind::Internal, "the backend died before it told of this URL");
            self.finish(Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Failed(error)));
        }
    }
}

/// A time from the start of the first hop, as it is from that of the last.
fn of_this_hop(job: &Job, time: Option<Duration>) -> Option<Duration> {
    let spent = job.onward.as_ref().and_then(|onward| onward.timing.total).unwrap_or_default();
    time.map(|time| time.saturating_sub(spent))
}
