//! The scheduler: jobs come in, and go out when their host and their time allow it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::delayed::DelayedJobs;
use super::host::HostState;
use super::host_queue::{DEFAULT_PRIORITY, bytes_of};
use super::hosts::ActiveHosts;
use super::spilled_jobs::SpillQueue;
use super::{Gate, NextJob, Rules};
use crate::model::{BadLine, Job, JobId, Kind, Seed};
use crate::policy::credentials::origin;
use crate::policy::limits::pacer::SharedPacer;
use crate::policy::limits::politeness::{LatencyEstimate, TURNS};
use crate::policy::retry::Limits;

/// How many jobs may wait. Reading stops at this number, so it bounds the memory of a run.
const ROOM: usize = 10_000;

/// How many jobs may wait if most are of hosts that are held, in trouble or full. Beyond that they go
/// to the disk.
const ROOM_PARKED: usize = 100_000;

/// How many bytes of text the waiting jobs may hold: URLs may be long.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

/// The first moments of a run, in which more hosts may still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    /// They begin with the first job and last so long.
    For(Duration),
    Until(Instant),
    Over,
}

/// The host that had the last turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastHost {
    pub(super) host: usize,
    /// How many of its fetches have ended since another host was handed out.
    pub(super) ended: u32,
}

/// A job in flight.
pub(super) struct JobInFlight {
    pub(super) host: usize,
    /// Makes the record if the backend dies.
    pub(super) seed: Seed,
}

/// Decides which job is next, see [`super`].
pub struct Scheduler {
    pub(super) hosts: ActiveHosts,
    pub(super) delayed: DelayedJobs,
    pub(super) in_flight: BTreeMap<JobId, JobInFlight>,
    pub(super) latency: LatencyEstimate,
    pub(super) retry: Limits,
    pub(super) jitter: Rng,
    pub(super) concurrency: u32,
    /// The most in flight now: fewer than `concurrency` if the run finds its own limit.
    pub(super) limit: u32,
    pub(super) pacer: Option<SharedPacer>,
    /// The earliest next start of any host, if there is a rate.
    pub(super) next_start: Option<Instant>,
    /// How many turns other hosts had since one in trouble.
    pub(super) turns_of_others: u32,
    pub(super) refused_in_a_row: usize,
    pub(super) last_host: LastHost,
    /// How many jobs wait, in memory, on disk or for their time.
    pub(super) waiting: usize,
    pub(super) waiting_bytes: usize,
    /// How many of those bytes are of returned jobs.
    pub(super) returned_bytes: usize,
    pub(super) spill_queue: SpillQueue,
    /// Lines of `lost_host` that could not be read back from the disk: one segment at most.
    pub(super) lost: VecDeque<BadLine>,
    pub(super) lost_host: usize,
    /// [`ROOM`] and [`ROOM_PARKED`].
    pub(super) room: (usize, usize),
    /// When to look for room for more jobs.
    pub(super) room_due: Option<Instant>,
    pub(super) early: Early,
    pub(super) input_ended: bool,
    /// The next host that a drain looks at.
    pub(super) drained: usize,
}

impl Scheduler {
    /// An empty scheduler.
    pub fn new(rules: Rules) -> Self {
        Self {
            hosts: ActiveHosts::new(rules.host_limits),
            delayed: DelayedJobs::default(),
            in_flight: BTreeMap::new(),
            latency: LatencyEstimate::default(),
            retry: rules.retry,
            jitter: Rng::with_seed(rules.jitter),
            concurrency: rules.concurrency,
            limit: rules.concurrency,
            pacer: rules.pacer,
            next_start: None,
            turns_of_others: TURNS,
            refused_in_a_row: 0,
            last_host: LastHost::default(),
            waiting: 0,
            waiting_bytes: 0,
            returned_bytes: 0,
            spill_queue: SpillQueue::default(),
            lost: VecDeque::new(),
            lost_host: 0,
            room: (ROOM, ROOM_PARKED),
            room_due: None,
            early: if rules.first_moments.is_zero() { Early::Over } else { Early::For(rules.first_moments) },
            input_ended: false,
            drained: 0,
        }
    }

    /// Adds a job. A new one goes behind the others of its priority. A job that was handed out before is a
    /// redirect, a retry or a job that did not start. It goes to the front of the queue of its next host,
    /// at [`Job::not_before`] if that is set.
    pub fn push(&mut self, job: Box<Job>) {
        let bytes = bytes_of(&job);
        self.waiting += 1;
        self.waiting_bytes += bytes;
        self.returned_bytes += if job.handed_out { bytes } else { 0 };
        if job.handed_out || job.seed.kind == Kind::Robots {
            self.push_returned(job);
        } else {
            self.push_new(job);
        }
    }

    /// Hands out no job of this host, but those for a robots.txt, until [`Scheduler::rules_known`].
    pub fn await_rules(&mut self, host: &str) {
        let at = self.hosts.find_or_add(host);
        self.hosts[at].awaited_rules += 1;
        self.hosts.list(at);
    }

    /// Keeps the starts of requests of this host so far apart, if they are paced.
    pub fn keep_delay(&mut self, host: &str, delay: Duration) {
        if let Some(pacer) = &self.pacer {
            pacer.lock().ask(host, delay);
        }
    }

    /// Goes on with this host after [`Scheduler::await_rules`].
    pub fn rules_known(&mut self, host: &str) {
        let Some(at) = self.hosts.find(host) else { return };
        self.hosts[at].awaited_rules = self.hosts[at].awaited_rules.saturating_sub(1);
        self.hosts.list(at);
    }

    fn push_returned(&mut self, mut job: Box<Job>) {
        let at = self.hosts.find_or_add(origin::host(job.url()));
        match job.not_before.take() {
            Some(due) if !self.hosts[at].is_given_up() => self.delayed.push(Instant::from_std(due), job),
            // A job that is refused need not wait.
            _ => self.hosts[at].queue.push_returned(job),
        }
        self.hosts.list(at);
        self.limit_returned_bytes();
    }

    fn push_new(&mut self, job: Box<Job>) {
        let (admitted, priority) = (Instant::from_std(job.admitted), job.seed.priority);
        if let Early::For(moments) = self.early {
            self.early = Early::Until(admitted + moments);
        }
        let at = self.hosts.find_or_add(origin::host(&job.seed.url));
        if self.hosts[at].spilled.is_some() && priority == DEFAULT_PRIORITY {
            self.push_spilled(at, job);
        } else {
            let queue = &mut self.hosts[at].queue;
            let before = queue.priority();
            queue.push(job);
            // Otherwise the host is on a list already and keeps its turn.
            if before.is_none_or(|before| before < priority) {
                self.hosts.list(at);
            } else if self.hosts[at].is_parked() {
                self.hosts.count(at);
            }
        }
        if self.room_due.is_none() && !self.has_room() {
            self.room_due = Some(admitted);
        }
    }

    /// The next job: the highest priority first. Of one priority, the host with the fewest in flight is
    /// next, then the host that has waited longest. Returned jobs of a host go before its new ones, and
    /// those in the order of admission. While others are ready, a host that has its share comes after
    /// them, and hosts in trouble have few slots and turns.
    ///
    /// `gate` refuses a job before it is handed out. Such a job uses up no slot and no turn of its host.
    pub fn next(&mut self, now: Instant, gate: &mut Gate<'_>) -> Option<NextJob> {
        let next = self.take_next(now, gate);
        self.limit_returned_bytes();
        next
    }

    /// The job with this id, out of turn, if its host may be asked now. It must be the first of the input
    /// that is neither done nor in flight.
    pub fn next_is(&mut self, id: JobId, now: Instant, gate: &mut Gate<'_>) -> Option<NextJob> {
        let next = if self.lost.is_empty() { self.take_job(id, now, gate) } else { self.take_next(now, gate) };
        self.limit_returned_bytes();
        next
    }

    /// When [`Scheduler::advance`] has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        let early = if let Early::Until(end) = self.early { Some(end) } else { None };
        let times = [self.delayed.next_due(), self.hosts.next_time(), self.next_start, self.room_due, early];
        times.into_iter().flatten().min()
    }

    /// Moves the jobs whose time has come to the queues of their hosts, ends holds, and makes room.
    pub fn advance(&mut self, now: Instant) {
        if self.next_wake().is_none_or(|due| due > now) {
            return;
        }
        self.next_start = self.next_start.filter(|next| *next > now);
        if matches!(self.early, Early::Until(end) if end <= now) {
            self.early = Early::Over;
        }
        if self.room_due.is_some_and(|due| due <= now) {
            self.look_for_room(now);
        }
        while let Some(job) = self.delayed.pop_due(now) {
            let at = self.hosts.find_or_add(origin::host(job.url()));
            self.hosts[at].queue.push_returned(job);
            self.hosts.list(at);
        }
        self.hosts.wake(now);
    }

    /// How many more jobs it takes. Their number and the bytes of their text are bounded.
    pub fn capacity(&self) -> usize {
        if self.waiting_bytes >= ROOM_BYTES {
            return 0;
        }
        let sums = self.hosts.sums();
        let in_memory = self.waiting - self.spill_queue.jobs();
        let others = self.room.0.saturating_sub(in_memory - sums.parked + sums.fast_in_queue);
        others.min(self.room.1.saturating_sub(in_memory))
    }

    /// Whether [`Scheduler::next`] has something to hand out.
    pub fn has_ready(&self) -> bool {
        !self.lost.is_empty() || self.next_host().is_some()
    }

    /// Whether no job waits. Jobs may be in flight.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many jobs are in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.len() as u32
    }

    /// Takes the seeds of all jobs in flight: the backend died.
    pub fn take_in_flight(&mut self) -> Vec<Seed> {
        let jobs = std::mem::take(&mut self.in_flight);
        for job in jobs.values() {
            self.hosts[job.host].end();
            self.hosts.list(job.host);
        }
        jobs.into_values().map(|job| job.seed).collect()
    }

    /// No new job will come, so no slot is reserved for other hosts.
    pub fn end_input(&mut self) {
        (self.input_ended, self.early) = (true, Early::Over);
    }

    /// Sets the most fetches in flight; no more than [`Rules::concurrency`].
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit.min(self.concurrency);
    }

    fn take_next(&mut self, now: Instant, gate: &mut Gate<'_>) -> Option<NextJob> {
        if let Some(lost) = self.take_lost() {
            return Some(NextJob::Lost(lost));
        }
        while let Some(at) = self.next_host() {
            let starts = (self.hosts[at].next_start, self.next_start);
            if self.hosts[at].is_given_up() || self.may_start(at, now) {
                let job = self.pop(at, Some(now))?;
                return Some(self.hand_out(at, job, starts, now, gate));
            }
            self.hosts.list(at);
        }
        None
    }

    fn take_job(&mut self, id: JobId, now: Instant, gate: &mut Gate<'_>) -> Option<NextJob> {
        let at = self.hosts.places().find(|at| self.hosts[*at].queue.has(id))?;
        let host = &self.hosts[at];
        let starts = (host.next_start, self.next_start);
        if !host.is_given_up() {
            let is_free = self.next_start.is_none() && host.has_free_slot();
            if !is_free || !self.may_start(at, now) {
                self.hosts.list(at);
                return None;
            }
        }
        let job = self.hosts[at].queue.take(id)?;
        self.refill(at, Some(now));
        Some(self.hand_out(at, job, starts, now, gate))
    }

    /// The next job of this host.
    pub(super) fn pop(&mut self, at: usize, now: Option<Instant>) -> Option<Box<Job>> {
        let only_returned = self.hosts.is_only_returned();
        let host = &mut self.hosts[at];
        // While rules are awaited, a job for robots.txt is the first of those.
        let only_returned = (only_returned && !host.is_given_up()) || host.awaits_rules() && now.is_some();
        let job = if only_returned { host.queue.pop_returned() } else { host.queue.pop() };
        self.refill(at, now);
        job
    }

    /// If starts are kept apart: whether this host may start one now. Otherwise notes when it may.
    fn may_start(&mut self, at: usize, now: Instant) -> bool {
        let Some(pacer) = &self.pacer else { return true };
        let pacer = pacer.lock();
        let later = |due: Option<std::time::Instant>| due.map(Instant::from_std).filter(|due| *due > now);
        let host = &mut self.hosts[at];
        let (own, any) = (later(pacer.due(&host.name)), later(pacer.any_due()));
        if own.is_some() || any.is_some() {
            // Workers have started other requests since.
            (host.next_start, self.next_start) = (own, any);
            return false;
        }
        host.next_start = Some(now + pacer.least_gap(&host.name)).filter(|next| *next > now);
        self.next_start = Some(now + pacer.gap()).filter(|next| *next > now);
        true
    }

    /// Hands out a job of this host, or refuses it. `starts` are the next starts of the host and of all before the
    /// turn of this job.
    fn hand_out(
        &mut self,
        at: usize,
        mut job: Box<Job>,
        starts: (Option<Instant>, Option<Instant>),
        now: Instant,
        gate: &mut Gate<'_>,
    ) -> NextJob {
        self.leaves(&job);
        if let HostState::GivenUp(why) = &self.hosts[at].state {
            let why = why.clone();
            self.hosts.list(at);
            self.refused_in_a_row += 1;
            return NextJob::Refused(job, why);
        }
        if let Some(refusal) = gate(&job) {
            (self.hosts[at].next_start, self.next_start) = starts;
            self.hosts.list(at);
            return NextJob::Disallowed(job, refusal);
        }
        self.refused_in_a_row = 0;
        self.hosts[at].begin(now);
        let is_troubled = self.hosts[at].window.is_troubled();
        self.turns_of_others = if is_troubled { 0 } else { self.turns_of_others.saturating_add(1) };
        if self.last_host.host != at {
            self.last_host = LastHost { host: at, ended: 0 };
        }
        // A redirect belongs to the same attempt.
        job.attempt += u32::from(job.redirect.is_none());
        job.handed_out = true;
        self.in_flight.insert(job.seed.id, JobInFlight { host: at, seed: job.seed.clone() });
        self.hosts.list(at);
        NextJob::Fetch(job)
    }

    /// The host of a job that is no longer in flight. The host is to be listed anew.
    pub(super) fn land(&mut self, id: JobId) -> Option<usize> {
        Some(self.in_flight.remove(&id)?.host)
    }

    /// The job waits no longer.
    pub(super) fn leaves(&mut self, job: &Job) {
        let bytes = bytes_of(job);
        self.waiting -= 1;
        self.waiting_bytes -= bytes;
        if job.handed_out {
            self.returned_bytes -= bytes;
        }
    }
}
