//! Settles jobs that come back: an outcome, another attempt, or the next hop.

use std::time::Duration;

use tokio::time::Instant;

use super::super::auto::was_turned_away;
use super::super::unfetched::{cancelled, waits_too_long};
use super::super::watch;
use super::RunState;
use crate::backend::Returned;
use crate::model::{ErrorKind, FetchError, Job, Outcome, SkipReason, Subject, Timing, Tried, Verdict};
use crate::policy::credentials::origin;
use crate::schedule::{AttemptEnd, Report};

impl RunState {
    /// Settles a job that came back.
    pub(super) fn settle(&mut self, back: Returned, now: Instant) {
        match back {
            Returned::Finished(outcome) => self.settle_attempt(outcome, now),
            Returned::Redirected(job) => self.settle_redirect(job, now),
            Returned::NotStarted(mut job) => {
                self.scheduler.finished(job.seed.id, Report::NotStarted, now);
                // A redirect belongs to an attempt that did start.
                job.attempt -= u32::from(job.redirect.is_none());
                self.put_back(job);
            }
        }
    }

    /// A redirected job waits for its next host, unless that takes too long.
    fn settle_redirect(&mut self, job: Box<Job>, now: Instant) {
        let redirect = job.redirect.as_deref();
        let (head, wait) = redirect.map(|redirect| (redirect.took, redirect.wait)).unwrap_or_default();
        self.scheduler.finished(job.seed.id, Report::Redirected(head), now);
        if let (None, Some(error)) = (self.stopping, waits_too_long(&job, self.max_wait)) {
            return self.finish(Outcome { verdict: Verdict::Failed(error), ..cancelled(Subject::Job(job)) });
        }
        let Some(mut job) = self.redirect_allowed(job) else { return };
        job.not_before = (!wait.is_zero()).then(|| (now + wait).into_std());
        self.put_back(job);
    }

    /// The job waits again, unless the run is stopping.
    fn put_back(&mut self, job: Box<Job>) {
        self.watchers.returned(job.seed.id);
        if self.stopping.is_none() {
            self.schedule(job);
        } else {
            self.finish(cancelled(Subject::Job(job)));
        }
    }

    /// An attempt has ended: its outcome is final, or the job is tried again.
    fn settle_attempt(&mut self, mut outcome: Outcome, now: Instant) {
        let Subject::Job(job) = &outcome.subject else { return self.finish(outcome) };
        // Asked before the slot of this job is free.
        let others_wait = self.auto.limit().is_some() && self.scheduler.has_ready();
        let (head, total) = (of_this_hop(job, outcome.timing.first_byte), of_this_hop(job, outcome.timing.total));
        let (verdict, facts) = (&outcome.verdict, &*outcome.facts);
        let ended = AttemptEnd { attempt: job.attempt, verdict, facts, head, total };
        let effects = self.scheduler.finished(job.seed.id, Report::Ended(ended), now);
        if let Some(back_off) = effects.back_off {
            watch::backs_off(origin::host(job.url()), &outcome, back_off);
            self.store_pace(origin::host(job.url()), now);
        }
        if !was_turned_away(&outcome) || effects.host_answers {
            self.auto.came_back(&outcome, total, self.scheduler.in_flight() as usize + 1, others_wait);
        }
        if let Some(limit) = self.auto.limit() {
            self.scheduler.set_limit(limit);
        }
        if let (Some(wait), None) = (effects.retry_after, self.stopping) {
            return self.try_again(outcome, wait, now);
        }
        let Subject::Job(job) = &mut outcome.subject else { return self.finish(outcome) };
        job.last = None;
        if matches!(outcome.verdict, Verdict::Skipped(_)) && outcome.facts.started_at.is_none() {
            // It was decided without a request.
            job.attempt -= 1;
            outcome.timing = Timing::default();
        }
        if let (Verdict::Skipped(SkipReason::NotModified), Some(known)) = (&outcome.verdict, &mut job.seed.known)
            && let Some(condition) = known.condition.take()
        {
            // The facts of the earlier run still hold.
            let records = outcome.facts.found.records.take();
            outcome.facts = Box::new(condition.facts);
            outcome.facts.validators = Some(Box::new(condition.validators));
            outcome.facts.found.links = known.links.take();
            outcome.facts.found.records = records;
        }
        self.finish(outcome);
    }

    /// The job waits for its next attempt, and takes the result of this one along.
    fn try_again(&mut self, outcome: Outcome, wait: Duration, now: Instant) {
        self.watchers.retrying(&outcome, wait);
        let Outcome { subject: Subject::Job(mut job), facts, timing, verdict } = outcome else { return };
        job.last = Some(Box::new(Tried { facts, timing, verdict }));
        // A retry begins at the URL of the seed.
        job.redirect = None;
        job.not_before = Some((now + wait).into_std());
        if let Some(job) = self.of_leased_hosts(job) {
            self.scheduler.push(job);
        }
    }

    /// The backend died and left its jobs without outcomes.
    pub(super) fn lost(&mut self) {
        for seed in self.scheduler.take_in_flight() {
            let error = FetchError::new(ErrorKind::Internal, "the backend died before it told of this URL");
            self.finish(Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Failed(error)));
        }
    }
}

/// The part of a time that the last hop took.
fn of_this_hop(job: &Job, time: Option<Duration>) -> Option<Duration> {
    let spent = job.redirect.as_ref().and_then(|redirect| redirect.timing.total).unwrap_or_default();
    time.map(|time| time.saturating_sub(spent))
}
