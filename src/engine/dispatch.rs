//! The loop. All state of a run is in its local variables; everything else reports by message.
//!
//! ```text
//! batches ─▶ admit ─▶ frontier ─▶ hand out ─▶ jobs ─▶ backend ─▶ outcomes ─▶ settle ─▶ sinks
//! ```
//!
//! Deadlock rule: a slot in the jobs channel is reserved before a job is claimed, outcomes are
//! taken whether or not the jobs channel has room, and the loop never waits for a sink alone.

mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::auto::Auto;
use super::ends::Ends;
use super::order::InputOrder;
use super::reading::Reading;
use super::retry::{Retries, cancelled};
use super::tally::Tally;
use super::watch::{TICK, Watchers};
use super::{Plan, RunEnd, RunFault, StopLevel};
use crate::backend::{BackendError, Returned, RunContext};
use crate::config::Order;
use crate::fetch::Meter;
use crate::frontier::{Claim, Frontier};
use crate::model::{
    Batch, Claimed, Entry, ErrorKind, Event, Facts, FetchError, Job, JobId, Outcome, Progress, RunInfo, Seed,
    SkipReason, StopCause, Subject, Summary, Verdict,
};
use crate::policy::naming::Claims;
use crate::policy::origin;
use crate::sink::{SinkThread, ToSinks};

/// The most outcomes taken from the channel at once, and so the size of a batch for the sinks.
const OUTCOMES: usize = 256;

/// Outcomes that may wait for the sinks before no more are taken, and how many bytes of them.
const PENDING: usize = 4 * OUTCOMES;
const PENDING_BYTES: usize = 8 * 1024 * 1024;

/// The most bytes of outcomes that the sinks are given at once, unless a single one is longer.
const BATCH_BYTES: usize = 1024 * 1024;

/// Runs a plan.
pub(super) async fn run(plan: Plan) -> RunEnd {
    let started = Instant::now();
    let info = RunInfo { concurrency: plan.concurrency, expected: plan.source.expected() };
    let ends_at = plan.ends.max_duration.map(|most| tokio::time::Instant::now() + most);
    let order = (plan.order == Order::Input).then(InputOrder::default);
    let retries = Retries::new(plan.retry, plan.seed);
    let mut state = State::new(plan.frontier, plan.names, retries, Watchers::new(plan.reporters), started);
    (state.order, state.ends) = (order, plan.ends);
    state.auto = Auto::new(plan.auto, plan.concurrency);
    state.beyond_one_origin = plan.beyond_one_origin.map(|text| (text, None));
    let (to_sinks, sinks) = match crate::sink::spawn(plan.sinks, info.clone()) {
        Ok(spawned) => spawned,
        Err(e) => return state.failed_to_start(RunFault::Thread(e)),
    };
    let reading = match Reading::start(plan.source) {
        Ok(reading) => reading,
        Err(e) => return state.failed_to_start(RunFault::Thread(e)),
    };
    state.watchers.tell(&Event::RunStarted(&info));
    plan.warnings.iter().for_each(|text| state.watchers.tell(&Event::Warning(text)));

    // Enough that a worker finds its next job waiting, little enough that priorities matter.
    let (jobs, jobs_in) = mpsc::channel((plan.concurrency as usize / 4).clamp(1, 64));
    let (give_back, returned) = mpsc::channel(OUTCOMES);
    let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
    let ctx = RunContext {
        spec: plan.spec,
        concurrency: plan.concurrency,
        meter: state.meter.clone(),
        held: Arc::default(),
        drain: drain.clone(),
        abort: abort.clone(),
        worker_program: plan.worker_program,
    };
    let backend = tokio::spawn(plan.backend.run(jobs_in, give_back, ctx));
    let run = Run {
        state,
        reading,
        sinks,
        to_sinks,
        jobs: Some(jobs),
        returned,
        backend: Some(backend),
        stop: plan.stop.watch(),
        grace: plan.grace,
        drain,
        abort,
        aborts_at: None,
        ends_at,
    };
    run.until_over().await
}

/// What the loop knows.
struct State {
    frontier: Box<dyn Frontier>,
    names: Option<Claims>,
    retries: Retries,
    watchers: Watchers,
    tally: Tally,
    meter: Arc<Meter>,
    started: Instant,
    /// Jobs handed to the backend whose outcomes have not come back: should it die, they have
    /// their records all the same.
    out: BTreeMap<JobId, Seed>,
    /// Outcomes on their way to the sinks.
    pending: Vec<Outcome>,
    pending_bytes: usize,
    /// Those whose turn has not come, where records keep the order of the input.
    order: Option<InputOrder>,
    ends: Ends,
    auto: Auto,
    /// Lines that are left out although nobody has told of them.
    unreported: u64,
    /// What is told once there is a second origin, and the first one; not there when it was told.
    beyond_one_origin: Option<(String, Option<Url>)>,
    /// An outcome met an end; the loop stops the run.
    met: Option<StopCause>,
    stopping: Option<StopCause>,
    fault: Option<RunFault>,
}

impl State {
    fn new(
        frontier: Box<dyn Frontier>,
        names: Option<Claims>,
        retries: Retries,
        watchers: Watchers,
        started: Instant,
    ) -> Self {
        Self {
            frontier,
            names,
            retries,
            watchers,
            tally: Tally::new(),
            meter: Arc::default(),
            started,
            out: BTreeMap::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            order: None,
            ends: Ends::default(),
            auto: Auto::default(),
            unreported: 0,
            beyond_one_origin: None,
            met: None,
            stopping: None,
            fault: None,
        }
    }

    fn failed_to_start(self, fault: RunFault) -> RunEnd {
        let summary = self.tally.summary(self.started.elapsed(), 0, None, false, Some(StopCause::Broken));
        RunEnd { summary, fault: Some(fault) }
    }

    /// Steps 3 and 4 of the walk: lines become waiting seeds, or outcomes at once.
    fn admit(&mut self, batch: Batch) {
        batch.notes.iter().for_each(|text| self.watchers.tell(&Event::Warning(text)));
        for entry in batch.entries {
            match entry {
                Entry::LeftOut { seed, reported } => self.leave_out(seed, reported),
                Entry::Bad(mut bad) => {
                    bad.number = self.count();
                    self.finish(Outcome::bad_line(bad));
                }
                Entry::Seed(mut seed) => {
                    let place = std::mem::replace(&mut seed.number, self.count());
                    self.admit_seed(seed, place);
                }
            }
        }
    }

    /// Counts a line; its number.
    fn count(&mut self) -> u64 {
        self.tally.counts.read += 1;
        self.tally.counts.read - 1
    }

    fn admit_seed(&mut self, mut seed: Seed, place: u64) {
        if self.stopping.is_some() {
            self.finish(cancelled(Subject::Seed(Box::new(seed))));
        } else if self.seen(&seed) {
            let verdict = Verdict::Skipped(SkipReason::Duplicate);
            self.finish(Outcome::unfetched(Subject::Seed(Box::new(seed)), verdict));
        } else if let Some(facts) = self.take_done(&mut seed) {
            self.finish(done(seed, *facts));
        } else {
            self.push(seed, place);
        }
    }

    /// What is known of a seed that is done. Its file is taken up: no other line of this run writes it.
    fn take_done(&mut self, seed: &mut Seed) -> Option<Box<Facts>> {
        let known = seed.known.as_mut()?;
        let facts = known.done.take()?;
        let (Some(names), Some(name)) = (&mut self.names, &known.name) else { return Some(facts) };
        if names.take_up(name) {
            return Some(facts);
        }
        // The file is that of another line.
        known.name = None;
        None
    }

    /// A line that is no part of this run: only its name is claimed, as if it were.
    fn leave_out(&mut self, seed: Seed, reported: bool) {
        self.unreported += u64::from(!reported);
        let Some(names) = &mut self.names else { return };
        if let Some(name) = seed.known.as_ref().and_then(|known| known.name.as_ref()) {
            names.take_up(name);
        } else if !self.seen(&seed) {
            // Err: it would have no name in a whole run either.
            let _ = self.name(&seed, seed.number);
        }
    }

    /// Whether this was read before. The same URL for another user is another request.
    fn seen(&mut self, seed: &Seed) -> bool {
        match seed.wants.as_ref().and_then(|wants| wants.credentials.as_ref()) {
            None => self.frontier.seen(seed.url.as_str()),
            Some(user) => self.frontier.seen(&format!("{}\0{}:{}", seed.url, user.username, user.password)),
        }
    }

    /// Claims the name of a seed, in list order, and lets it wait. `place` is its line in the
    /// lists, from 1; 0 where that is how many were read.
    fn push(&mut self, mut seed: Seed, place: u64) {
        if self.beyond_one_origin.is_some() {
            self.count_origins(&seed.url);
        }
        let Some(names) = &mut self.names else { return self.frontier.push(seed, None) };
        if let Some(known) = seed.known.as_mut()
            && let Some(name) = known.name.take()
        {
            if names.take_up(&name) {
                // It has had it for longer than this run.
                return self.frontier.push(seed, Some(name));
            }
            // What is known is of a file that another line is about to write.
            known.condition = None;
        }
        let place = if place == 0 { seed.number + 1 } else { place };
        match self.name(&seed, place) {
            Ok(claimed) => self.frontier.push(seed, claimed),
            Err(error) => self.finish(Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Failed(error))),
        }
    }

    fn name(&mut self, seed: &Seed, place: u64) -> Result<Option<Claimed>, FetchError> {
        let Some(names) = &mut self.names else { return Ok(None) };
        let out = seed.wants.as_ref().and_then(|w| w.out.as_deref());
        names.claim_for(&seed.url, place, out).map(Some)
    }

    /// Warns, once, when a URL is of another origin than the first.
    fn count_origins(&mut self, url: &Url) {
        let is_second = match &mut self.beyond_one_origin {
            None => false,
            Some((_, Some(first))) => !origin::same(first, url),
            Some((_, first)) => {
                *first = Some(url.clone());
                false
            }
        };
        if let Some((text, _)) = self.beyond_one_origin.take_if(|_| is_second) {
            self.watchers.tell(&Event::Warning(&text));
        }
    }

    /// The next job, if one waits.
    fn claim(&mut self) -> Option<Box<Job>> {
        for _ in 0..OUTCOMES {
            let claim = match self.waits_for() {
                None => self.frontier.claim(),
                Some(number) => self.frontier.claim_first(number),
            };
            match claim {
                Claim::Job(job) => {
                    self.out.insert(job.id, job.seed.clone());
                    self.watchers.handed_out(&job);
                    return Some(job);
                }
                Claim::Refused(subject) => {
                    let outcome = self.retries.refused(*subject);
                    self.finish(outcome);
                    if self.met.is_some() {
                        return None;
                    }
                }
                Claim::NotBefore(_) | Claim::Waiting | Claim::Empty => return None,
            }
        }
        // What is refused goes to the sinks before there is more of it.
        None
    }

    /// What waited for its time and need wait no longer can be claimed.
    fn wake(&mut self) {
        if let Some(due) = self.frontier.next_due() {
            let now = tokio::time::Instant::now();
            if due <= now {
                self.frontier.wake(now);
            }
        }
    }

    /// Counts an outcome and sends it on its way.
    fn finish(&mut self, outcome: Outcome) {
        self.tally.add(&outcome);
        self.watchers.done(&outcome);
        if self.met.is_none() && self.stopping.is_none() {
            let asked = matches!(outcome.subject, Subject::Job(_));
            self.met = self.ends.after(&outcome.verdict, asked, self.tally.failed());
        }
        let before = self.pending.len();
        match &mut self.order {
            None => self.pending.push(outcome),
            Some(order) => order.put(outcome, &mut self.pending),
        }
        self.pending_bytes += self.pending[before..].iter().map(Outcome::size).sum::<usize>();
    }

    /// Whether the sinks keep up.
    fn takes_more(&self) -> bool {
        self.pending.len() < PENDING && self.pending_bytes < PENDING_BYTES
    }

    /// The line that alone may be handed out: what is done and waits for it is much.
    fn waits_for(&self) -> Option<u64> {
        self.order.as_ref().and_then(InputOrder::waits_for)
    }

    /// Says how much of the lists nobody has told of.
    fn tell_unreported(&mut self) {
        let (n, lines) = match self.unreported {
            0 => return,
            1 => (1, "line of the lists is"),
            n => (n, "lines of the lists are"),
        };
        let text = format!("{n} {lines} not in the report, so left out; a run of the whole list fetches what is left");
        self.watchers.tell(&Event::Warning(&text));
    }

    /// Whether a job waits that may be handed out.
    fn may_hand_out(&self) -> bool {
        let takes_more = self.stopping.is_none() && self.takes_more();
        takes_more && (self.waits_for().is_some() || self.frontier.has_ready()) && self.auto.allows(self.out.len())
    }

    /// Whether there is something to let go, and the sinks take it.
    fn may_let_go(&self) -> bool {
        self.stopping.is_some() && !self.frontier.is_empty() && self.takes_more()
    }

    /// Where the run is stopping: what waits is cancelled, some at a time.
    fn let_go(&mut self) {
        if self.may_let_go() {
            for subject in self.frontier.drain(OUTCOMES) {
                self.finish(cancelled(subject));
            }
        }
    }

    /// Whether another batch of lines may be read.
    fn may_read(&self) -> bool {
        self.frontier.room() >= Batch::MAX
            && self.takes_more()
            && self.order.as_ref().is_none_or(|order| order.room(self.tally.counts.read) >= Batch::MAX)
    }

    /// What waits for the sinks, as much as they are given at once. The next batch will be about as long
    /// as this one, and outcomes are too large to be moved each time that a list grows.
    fn take_pending(&mut self) -> Vec<Outcome> {
        let room = self.pending.len();
        if self.pending_bytes <= BATCH_BYTES {
            self.pending_bytes = 0;
            return std::mem::replace(&mut self.pending, Vec::with_capacity(room));
        }
        let mut taken = 0;
        let fits = |outcome: &&Outcome| {
            let begins = taken < BATCH_BYTES;
            taken += if begins { outcome.size() } else { 0 };
            begins
        };
        let many = self.pending.iter().take_while(fits).count();
        self.pending_bytes -= taken;
        self.pending.drain(..many).collect()
    }

    fn progress(&self, reading: &Reading) -> Progress {
        Progress {
            read: self.tally.counts.read,
            input_complete: reading.complete(),
            done: self.tally.counts.done(),
            failed: self.tally.failed(),
            wire_bytes: self.meter.wire_bytes(),
            in_flight: self.meter.in_flight(),
            elapsed: self.started.elapsed(),
            slowest: Vec::new(),
        }
    }
}

/// What an earlier run found out, told again.
fn done(seed: Seed, facts: Facts) -> Outcome {
    Outcome {
        facts: Box::new(facts),
        ..Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Skipped(SkipReason::Done))
    }
}

/// The state and what it talks to.
struct Run {
    state: State,
    reading: Reading,
    sinks: SinkThread,
    to_sinks: mpsc::Sender<ToSinks>,
    /// `None` once nothing more is handed out.
    jobs: Option<mpsc::Sender<Box<Job>>>,
    returned: mpsc::Receiver<Returned>,
    /// `None` once it has ended.
    backend: Option<JoinHandle<Result<(), BackendError>>>,
    stop: watch::Receiver<StopLevel>,
    grace: Duration,
    drain: CancellationToken,
    abort: CancellationToken,
    aborts_at: Option<tokio::time::Instant>,
    /// The end of `--max-duration`.
    ends_at: Option<tokio::time::Instant>,
}

impl Run {
    async fn until_over(mut self) -> RunEnd {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = Vec::with_capacity(OUTCOMES);
        let mut watch_sinks = true;
        let mut watch_stop = true;
        // Handles of their own, so that a permit does not borrow the state.
        let (jobs, to_sinks) = (self.jobs.clone(), self.to_sinks.clone());
        loop {
            if let Some(cause) = self.state.met.take() {
                self.end_for(cause);
            }
            if self.reading.ended() {
                self.state.frontier.complete();
            }
            self.state.wake();
            self.hand_out();
            self.state.let_go();
            self.flush_some();
            if self.state.met.is_some() {
                continue;
            }
            if self.over() {
                break;
            }
            let state = &mut self.state;
            let (aborts_at, ends_at, due) = (self.aborts_at, self.ends_at, state.frontier.next_due());
            // The line that all others wait for was tried above; something else has to happen first.
            let ready = self.jobs.is_some() && state.waits_for().is_none() && state.may_hand_out();
            tokio::select! {
                biased;
                raised = self.stop.changed(), if watch_stop => match raised {
                    Ok(()) => {
                        let level = *self.stop.borrow_and_update();
                        if level >= StopLevel::Drain {
                            self.stop_for(StopCause::Interrupt);
                        }
                        if level == StopLevel::Abort {
                            self.abort.cancel();
                            watch_stop = false;
                        }
                    }
                    Err(_) => watch_stop = false,
                },
                () = at(aborts_at), if aborts_at.is_some() => {
                    self.abort.cancel();
                    self.aborts_at = None;
                }
                () = at(ends_at), if ends_at.is_some() => {
                    self.ends_at = None;
                    self.end_for(StopCause::MaxDuration);
                }
                // The loop begins with waking what is due.
                () = at(due), if due.is_some() => {}
                cause = self.sinks.trouble(), if watch_sinks => {
                    watch_sinks = false;
                    self.stop_for(cause);
                }
                ended = ended(&mut self.backend), if self.backend.is_some() => self.backend_ended(ended),
                permit = to_sinks.reserve(), if !state.pending.is_empty() => match permit {
                    Ok(permit) => permit.send(ToSinks::Outcomes(state.take_pending())),
                    // The thread is gone; why, is asked when it is joined.
                    Err(_) => (state.pending_bytes, _) = (0, state.pending.clear()),
                },
                n = self.returned.recv_many(&mut buffer, OUTCOMES), if !state.out.is_empty() && state.takes_more() => {
                    if n == 0 {
                        state.lost();
                    }
                    buffer.drain(..).for_each(|back| state.settle(back));
                }
                permit = reserve(jobs.as_ref()), if ready => match permit {
                    Some(permit) => {
                        if let Some(job) = state.claim() {
                            permit.send(job);
                        }
                    }
                    // The backend takes no more; why, its end will tell.
                    None => self.jobs = None,
                },
                batch = self.reading.next(), if !self.reading.ended() && state.may_read() => match batch {
                    Ok(Some(batch)) => state.admit(batch),
                    Ok(None) => {}
                    Err(error) => {
                        // What was read is still fetched; only the rest of the input is lost.
                        state.fault.get_or_insert(error.into());
                    }
                },
                _ = tick.tick(), if state.watchers.want_progress() => {
                    let progress = state.progress(&self.reading);
                    state.watchers.tick(progress);
                }
                // The loop begins with letting some of it go.
                () = std::future::ready(()), if state.may_let_go() => {}
            }
        }
        drop((jobs, to_sinks));
        self.finish().await
    }

    /// Hands out jobs while the channel takes them without waiting.
    fn hand_out(&mut self) {
        let Some(jobs) = &self.jobs else { return };
        while self.state.may_hand_out() {
            let Ok(permit) = jobs.try_reserve() else { return };
            let Some(job) = self.state.claim() else { return };
            permit.send(job);
        }
    }

    /// Gives the sinks what waits, if they have room now.
    fn flush_some(&mut self) {
        if self.state.pending.is_empty() {
            return;
        }
        if let Ok(permit) = self.to_sinks.try_reserve() {
            permit.send(ToSinks::Outcomes(self.state.take_pending()));
        }
    }

    /// The end of the run: the input is done, nothing waits, nothing is out, nothing is owed to
    /// the sinks, or they can take nothing more.
    fn over(&self) -> bool {
        let state = &self.state;
        self.reading.ended() && state.frontier.is_empty() && state.out.is_empty() && state.pending.is_empty()
    }

    /// Stops reading and handing out. What was read and did not begin is cancelled.
    fn stop_for(&mut self, cause: StopCause) {
        if self.state.stopping.is_some() {
            return;
        }
        self.state.stopping = Some(cause);
        self.drain.cancel();
        self.aborts_at = Some(tokio::time::Instant::now() + self.grace);
        for batch in self.reading.stop() {
            self.state.admit(batch);
        }
        let in_flight = self.state.meter.in_flight();
        self.state.watchers.tell(&Event::Stopping { cause, grace: self.grace, in_flight });
    }

    /// Stops as [`Run::stop_for`] does, and what is under way at once: nobody waits for it.
    fn end_for(&mut self, cause: StopCause) {
        if self.state.stopping.is_none() {
            self.grace = Duration::ZERO;
            self.stop_for(cause);
            self.aborts_at = None;
            self.abort.cancel();
        }
    }

    fn backend_ended(&mut self, ended: Result<Result<(), BackendError>, tokio::task::JoinError>) {
        self.backend = None;
        self.jobs = None;
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(e) => BackendError(format!("the backend died: {e}")),
        };
        self.state.fault.get_or_insert(error.into());
        self.stop_for(StopCause::Broken);
    }

    /// Closes everything in order and draws up the account.
    async fn finish(mut self) -> RunEnd {
        self.jobs = None;
        if self.backend.is_some() {
            // Nothing is out and the jobs channel is closed: it ends now.
            let ended = ended(&mut self.backend).await;
            self.backend_ended(ended);
        }
        let Run { mut state, reading, sinks, to_sinks, .. } = self;
        // Only where the backend left outcomes out does anything wait for its turn still.
        let late: Vec<_> = state.order.iter_mut().flat_map(InputOrder::rest).collect();
        if !late.is_empty() {
            // Err: the thread is gone; why, is asked when it is joined.
            let _ = to_sinks.send(ToSinks::Outcomes(late)).await;
        }
        let counts = state.tally.counts;
        if !counts.add_up() {
            state.fault.get_or_insert(RunFault::Accounting { read: counts.read, done: counts.done() });
        }
        let (next, complete) = (reading.next_line(), reading.complete());
        reading.join();
        let broken = state.fault.is_some().then_some(StopCause::Broken);
        let stopped = state.stopping.or(broken);
        let mut summary = state.tally.summary(state.started.elapsed(), state.meter.peak(), next, complete, stopped);
        summary.auto = state.auto.chosen();
        // Err: the thread is gone; why, is asked when it is joined.
        let _ = to_sinks.send(ToSinks::Finish(Box::new(summary.clone()))).await;
        drop(to_sinks);
        let end = sinks.join().await;
        summary.fail_ok(end.unkept, ErrorKind::Io);
        if let Some(error) = end.error {
            state.fault.get_or_insert(error.into());
            summary.stopped = summary.stopped.or(Some(StopCause::Broken));
        }
        state.tell_unreported();
        tell_end(&mut state.watchers, &summary);
        RunEnd { summary, fault: state.fault }
    }
}

fn tell_end(watchers: &mut Watchers, summary: &Summary) {
    watchers.tell(&Event::RunFinished(summary));
}

async fn ended(
    backend: &mut Option<JoinHandle<Result<(), BackendError>>>,
) -> Result<Result<(), BackendError>, tokio::task::JoinError> {
    match backend {
        Some(handle) => handle.await,
        None => std::future::pending().await,
    }
}

/// That time; never, where there is none.
async fn at(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn reserve(jobs: Option<&mpsc::Sender<Box<Job>>>) -> Option<mpsc::Permit<'_, Box<Job>>> {
    match jobs {
        Some(jobs) => jobs.reserve().await.ok(),
        None => std::future::pending().await,
    }
}
