//! The state of a run, but for its channels.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::auto::AutoTuner;
use super::super::crawl::Crawl;
use super::super::leased_hosts::LeasedHosts;
use super::super::order::InputOrder;
use super::super::reading::InputReading;
use super::super::run_stats::RunStats;
use super::super::unfetched::{cancelled, disallowed, refused};
use super::super::watch::Watchers;
use super::super::{Plan, RunEnd, RunFault, StopConditions};
use super::admission::Admission;
use super::outbox::{OUTCOMES, Outbox};
use crate::config::Order;
use crate::fetch::Meter;
use crate::fleet::Renewals;
use crate::model::{Batch, Job, JobId, Outcome, Progress, StopCause, Subject, Verdict, Waits};
use crate::policy::credentials::origin;
use crate::schedule::{NextJob, Scheduler};

/// The state of a run.
pub(super) struct RunState {
    pub(super) scheduler: Scheduler,
    pub(super) admission: Admission,
    pub(super) crawl: Option<Box<Crawl>>,
    /// The hosts that are leased from a queue which several workers share.
    pub(super) fleet: Option<LeasedHosts>,
    /// The number of the next job.
    next_id: u64,
    /// Whether the input was read to its end.
    pub(super) input_ended: bool,
    pub(super) watchers: Watchers,
    pub(super) stats: RunStats,
    /// The failures of jobs. A bad line is no job.
    failed_jobs: u64,
    pub(super) meter: Arc<Meter>,
    pub(super) outbox: Outbox,
    pub(super) auto: AutoTuner,
    ends: StopConditions,
    /// As in the plan.
    backend_limit: u32,
    /// The most URLs that are in flight or whose outcomes are not kept yet. A crawl that is killed asks for them again.
    most_unkept: Option<u64>,
    /// Whether jobs may be handed out before a worker is free. With one slot they may not: a redirect is
    /// followed before the next URL, as one after another means.
    may_prefetch: bool,
    /// The longest wait that a server may ask for.
    pub(super) max_wait: Duration,
    pub(super) started: Instant,
    /// The stop condition that an outcome has met. The loop stops the run.
    pub(super) met: Option<StopCause>,
    pub(super) stopping: Option<StopCause>,
    /// Nothing is handed out for now.
    pub(super) is_paused: bool,
    pub(super) fault: Option<RunFault>,
}

impl RunState {
    /// Takes from the plan what the state needs.
    pub(super) fn new(plan: &mut Plan) -> Self {
        let order = (plan.order == Order::Input).then(InputOrder::default);
        let tells_left_out = plan.sinks.iter().any(|sink| sink.wants_left_out());
        let crawl = plan.crawl.take().map(|plan| Box::new(Crawl::new(plan, tells_left_out)));
        let keeps =
            plan.sinks.iter().any(|sink| sink.must_keep()) && crawl.as_ref().is_some_and(|crawl| !crawl.is_list());
        let watchers = Watchers::new(std::mem::take(&mut plan.reporters));
        Self {
            scheduler: Scheduler::new(plan.schedule.clone()),
            admission: Admission::new(plan.skip_duplicates, plan.names.take(), plan.beyond_one_origin.take()),
            crawl,
            fleet: None,
            next_id: 0,
            input_ended: false,
            stats: RunStats::new(),
            failed_jobs: 0,
            meter: Arc::new(watchers.meter()),
            watchers,
            outbox: Outbox::new(order),
            auto: AutoTuner::new(plan.auto, plan.schedule.concurrency),
            ends: plan.ends,
            backend_limit: plan.backend_limit,
            most_unkept: keeps.then(|| plan.schedule.concurrency.into()),
            may_prefetch: plan.schedule.concurrency > 1,
            max_wait: plan.schedule.retry.max_wait,
            started: Instant::now(),
            met: None,
            stopping: None,
            is_paused: false,
            fault: None,
        }
    }

    /// Takes hosts and URLs from a queue that several workers share.
    pub(super) fn share(&mut self, worker: Arc<str>, renewals: Renewals) {
        self.fleet = Some(LeasedHosts::new(worker, renewals));
        if let Some(crawl) = &mut self.crawl {
            crawl.share();
        }
    }

    /// Counts a line that is part of the run. Returns its number.
    pub(super) fn count(&mut self) -> JobId {
        self.stats.account.counts.read += 1;
        self.next_id += 1;
        JobId(self.next_id - 1)
    }

    pub(super) fn failed_to_start(self, fault: RunFault) -> RunEnd {
        let summary = self.stats.summary(self.started.elapsed(), 0, None, false, Some(StopCause::Broken));
        RunEnd { summary, fault: Some(fault) }
    }

    /// The next job, if one may be handed out.
    pub(super) fn claim(&mut self, now: tokio::time::Instant) -> Option<Box<Job>> {
        for _ in 0..OUTCOMES {
            let (waits_for, crawl) = (self.waits_for(), &mut self.crawl);
            let mut gate = |job: &Job| crawl.as_mut()?.gate(job);
            let next = match waits_for {
                None => self.scheduler.next(now, &mut gate),
                Some(id) => self.scheduler.next_is(id, now, &mut gate),
            };
            match next? {
                NextJob::Fetch(job) => {
                    self.watchers.handed_out(&job);
                    self.store_pace(origin::host(job.url()), now);
                    return Some(job);
                }
                NextJob::Refused(job, why) => self.finish(refused(job, &why, self.max_wait, now)),
                NextJob::Disallowed(job, refusal) => self.finish(disallowed(job, &refusal)),
                NextJob::Lost(line) => self.finish_line(Outcome::bad_line(*line)),
            }
            if self.met.is_some() {
                return None;
            }
        }
        // Flush refusals to the sinks before claiming more.
        None
    }

    /// Counts the outcome of a job, or of one that was refused, and sends it to the watchers and the sinks.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        let Some(mut outcome) = self.recorded(outcome) else { return };
        self.follow(&mut outcome);
        self.failed_jobs += u64::from(matches!(outcome.verdict, Verdict::HttpError | Verdict::Failed(_)));
        if self.met.is_none() && self.stopping.is_none() {
            let asked = matches!(outcome.subject, Subject::Job(_));
            self.met = self.ends.after(&outcome.verdict, asked, self.failed_jobs);
        }
        self.finish_line(outcome);
        if self.met.is_none() && self.stopping.is_none() {
            self.met = self.ends.after_bytes(self.stats.account.wire_bytes);
        }
    }

    /// Counts the outcome of a line that never became a job. It meets no stop condition.
    pub(super) fn finish_line(&mut self, mut outcome: Outcome) {
        outcome.facts.worker = self.fleet.as_ref().map(|fleet| fleet.worker.clone());
        self.stats.add(&outcome);
        self.watchers.done(&outcome);
        self.outbox.put(outcome);
    }

    /// The only job that may be handed out: too many bytes of outcomes wait for its outcome.
    pub(super) fn waits_for(&self) -> Option<JobId> {
        self.outbox.order.as_ref().and_then(InputOrder::waits_for).map(JobId)
    }

    /// Whether a job waits that may be handed out.
    pub(super) fn may_hand_out(&self) -> bool {
        self.stopping.is_none()
            && !self.is_paused
            && self.outbox.has_room()
            // A start page that is read later may widen the scope.
            && (self.has_scope() || self.input_ended || !self.may_read())
            && (self.waits_for().is_some() || self.scheduler.has_ready())
            && self.auto.allows(self.scheduler.in_flight() as usize)
            && (self.may_prefetch || self.scheduler.in_flight() == 0)
            && !self.waits_for_sinks()
            && self.fleet.as_ref().is_none_or(LeasedHosts::may_hand_out)
    }

    /// Whether the scope is known before the input has ended. A shared queue tells it before a leased URL.
    fn has_scope(&self) -> bool {
        self.fleet.is_some() || self.crawl.as_ref().is_none_or(|crawl| crawl.is_list())
    }

    /// Whether as many URLs as may be lost are in flight or not kept yet.
    pub(super) fn waits_for_sinks(&self) -> bool {
        let unkept = self.outbox.unkept();
        unkept > 0 && self.most_unkept.is_some_and(|most| u64::from(self.scheduler.in_flight()) + unkept >= most)
    }

    /// Whether the run is stopping and a job waits that the sinks have room for.
    pub(super) fn may_let_go(&self) -> bool {
        self.stopping.is_some() && (!self.scheduler.is_empty() || self.is_moving()) && self.outbox.has_room()
    }

    /// Cancels some of the waiting jobs if the run is stopping.
    pub(super) fn let_go(&mut self) {
        if self.may_let_go() {
            for job in self.take_parked() {
                self.finish(cancelled(Subject::Job(job)));
            }
            for subject in self.scheduler.drain(OUTCOMES) {
                self.finish(cancelled(subject));
            }
        }
    }

    /// Whether another batch of lines may be read.
    pub(super) fn may_read(&self) -> bool {
        let in_order = |order: &InputOrder| order.room(self.stats.account.counts.read) >= Batch::MAX;
        self.scheduler.capacity() >= Batch::MAX
            && self.outbox.has_room()
            && self.outbox.order.as_ref().is_none_or(in_order)
    }

    pub(super) fn progress(&self, reading: &InputReading) -> Progress {
        let mut waits = self.scheduler.waits(tokio::time::Instant::now());
        if self.crawl.as_ref().is_some_and(|crawl| crawl.waiting() > 0 && !crawl.has_next(false)) {
            // Pages wait for those of a lesser depth.
            waits.limits.push("--depth");
        }
        let is_idle = self.scheduler.is_empty() && self.scheduler.in_flight() == 0 && !reading.ended();
        waits.limits.extend(self.fleet.as_ref().and_then(|fleet| fleet.held_by(is_idle)));
        let limit = waits.limit.min(self.backend_limit);
        let account = &self.stats.account;
        Progress {
            read: account.counts.read + self.crawl.as_ref().map_or(0, |crawl| crawl.waiting() as u64),
            input_complete: reading.complete(),
            grows: self.crawl.as_ref().is_some_and(|crawl| crawl.finds_links()),
            done: account.counts.done(),
            fetched: account.counts.ok + account.failed(),
            failed: account.failed(),
            failures: account.failures.clone(),
            skips: account.skips.clone(),
            crawl: self.crawl.as_ref().filter(|crawl| !crawl.is_list()).map(|crawl| crawl.summary()),
            wire_bytes: self.meter.wire_bytes(),
            in_flight: self.meter.in_flight(),
            elapsed: self.started.elapsed(),
            waits: Waits { limit, ..waits },
            stopping: None,
            slowest: Vec::new(),
        }
    }
}
