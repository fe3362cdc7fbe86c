//! The loop. All state of a run is in its local variables; everything else reports by message.
//!
//! ```text
//! batches ─▶ admit ─▶ scheduler ─▶ hand out ─▶ jobs ─▶ backend ─▶ returned ─▶ settle ─▶ sinks
//! ```
//!
//! Deadlock rule: a slot in the jobs channel is reserved before a job is claimed. Returned jobs are
//! taken whether or not the jobs channel has room. The loop never waits for a sink alone.

mod admission;
mod following;
mod leases;
mod outbox;
mod settle;
mod state;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::reading::InputReading;
use super::shutdown::RunControl;
use super::watch::TICK;
use super::{Plan, RunEnd, RunFault, StopLevel};
use crate::backend::{BackendError, Returned, RunContext};
use crate::model::{ErrorKind, Event, FromQueue, Job, RunInfo, StopCause};
use crate::sink::{SinkThread, ToSinks};
use outbox::OUTCOMES;
use state::RunState;

/// Runs a plan.
pub(super) async fn run(mut plan: Plan) -> RunEnd {
    let info = RunInfo { concurrency: plan.schedule.concurrency, expected: plan.source.expected() };
    let ends_at = plan.ends.max_duration.map(|most| Instant::now() + most);
    let mut state = RunState::new(&mut plan);
    let from_queue = plan.fleet.take().map(|link| {
        state.share(link.worker, link.renewals);
        link.messages
    });
    let (to_sinks, sinks) = match crate::sink::spawn(plan.sinks, info.clone()) {
        Ok(spawned) => spawned,
        Err(e) => return state.failed_to_start(RunFault::Thread(e)),
    };
    let reading = match InputReading::start(plan.source) {
        Ok(reading) => reading,
        Err(e) => return state.failed_to_start(RunFault::Thread(e)),
    };
    state.watchers.tell(&Event::RunStarted(&info));
    plan.warnings.iter().for_each(|text| state.watchers.tell(&Event::Warning(text)));

    // Enough that a worker finds its next job waiting, little enough that priorities matter.
    let (jobs, jobs_in) = mpsc::channel((info.concurrency as usize / 4).clamp(1, 64));
    let (give_back, returned) = mpsc::channel(OUTCOMES);
    let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
    let ctx = RunContext {
        spec: plan.spec,
        concurrency: info.concurrency,
        meter: state.meter.clone(),
        holds: Arc::default(),
        drain: drain.clone(),
        abort: abort.clone(),
        worker_program: plan.worker_program,
    };
    let backend = tokio::spawn(plan.backend.run(jobs_in, give_back, ctx));
    let run = RunLoop {
        state,
        reading,
        from_queue,
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

/// The state of a run and its channels.
struct RunLoop {
    state: RunState,
    reading: InputReading,
    /// The messages of a queue that several workers share; `None` once it has ended.
    from_queue: Option<mpsc::Receiver<FromQueue>>,
    sinks: SinkThread,
    to_sinks: mpsc::Sender<ToSinks>,
    /// `None` once nothing more is handed out.
    jobs: Option<mpsc::Sender<Box<Job>>>,
    returned: mpsc::Receiver<Returned>,
    /// `None` once it has ended.
    backend: Option<JoinHandle<Result<(), BackendError>>>,
    stop: watch::Receiver<RunControl>,
    grace: Duration,
    drain: CancellationToken,
    abort: CancellationToken,
    aborts_at: Option<Instant>,
    /// The end of `--max-duration`.
    ends_at: Option<Instant>,
}

impl RunLoop {
    async fn until_over(mut self) -> RunEnd {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = Vec::with_capacity(OUTCOMES);
        let mut watch_sinks = true;
        let mut watch_stop = true;
        let mut kept = self.sinks.kept();
        // Handles of their own, so that a permit does not borrow the state.
        let (jobs, to_sinks) = (self.jobs.clone(), self.to_sinks.clone());
        loop {
            if let Some(cause) = self.state.met.take() {
                match cause {
                    // Fetches under way have the grace time to finish.
                    StopCause::Quota => self.stop_for(cause),
                    _ => self.end_for(cause),
                }
            }
            if self.reading.ended() {
                self.state.scheduler.end_input();
                self.state.input_ended = true;
            }
            self.state.take_links();
            self.hand_out(Instant::now());
            self.state.let_go();
            self.state.release_hosts(Instant::now());
            self.flush_some();
            if self.state.met.is_some() {
                continue;
            }
            if self.over() {
                break;
            }
            let state = &mut self.state;
            let (aborts_at, ends_at, due) = (self.aborts_at, self.ends_at, state.scheduler.next_wake());
            // The line that all others wait for was tried above; something else has to happen first.
            let ready = self.jobs.is_some() && state.waits_for().is_none() && state.may_hand_out();
            tokio::select! {
                biased;
                raised = self.stop.changed(), if watch_stop => match raised {
                    Ok(()) => {
                        let RunControl { level, is_paused } = *self.stop.borrow_and_update();
                        self.state.is_paused = is_paused;
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
                message = received(&mut self.from_queue), if self.from_queue.is_some() => match message {
                    Some(message) => state.hear(message),
                    None => self.from_queue = None,
                },
                cause = self.sinks.trouble(), if watch_sinks => {
                    watch_sinks = false;
                    self.stop_for(cause);
                }
                changed = kept.changed(), if state.waits_for_sinks() => {
                    // Err: the thread is gone, and nothing is kept any more.
                    state.outbox.set_kept(changed.map_or(u64::MAX, |()| *kept.borrow_and_update()));
                }
                ended = ended(&mut self.backend), if self.backend.is_some() => self.backend_ended(ended),
                permit = to_sinks.reserve(), if !state.outbox.is_empty() => match permit {
                    Ok(permit) => permit.send(state.outbox.take_message()),
                    // The thread is gone; joining it returns the reason.
                    Err(_) => state.outbox.clear(),
                },
                n = self.returned.recv_many(&mut buffer, OUTCOMES), if state.scheduler.in_flight() > 0 && state.outbox.has_room() => {
                    if n == 0 {
                        state.lost();
                    }
                    let now = Instant::now();
                    buffer.drain(..).for_each(|back| state.settle(back, now));
                }
                permit = reserve(jobs.as_ref()), if ready => match permit {
                    Some(permit) => {
                        if let Some(job) = state.claim(Instant::now()) {
                            permit.send(job);
                        }
                    }
                    // The backend takes no more; its result holds the reason.
                    None => self.jobs = None,
                },
                batch = self.reading.next(), if !self.reading.ended() && state.may_read() => match batch {
                    Ok(Some(batch)) => state.admit(batch),
                    Ok(None) => {}
                    Err(error) => {
                        // Seeds read so far are still fetched; only the rest of the input is lost.
                        state.fault.get_or_insert(error.into());
                    }
                },
                _ = tick.tick(), if state.watchers.want_progress() => {
                    let mut progress = state.progress(&self.reading);
                    progress.stopping = aborts_at.map(|at| at.saturating_duration_since(Instant::now()));
                    state.watchers.tick(progress, &state.meter);
                    let now = Instant::now();
                    if state.watchers.hosts_are_due(now) {
                        state.watchers.tell(&Event::Hosts(&state.scheduler.host_states(now)));
                    }
                }
                // The loop begins with letting some of it go.
                () = std::future::ready(()), if state.may_let_go() => {}
                // The loop begins with taking some of them.
                () = std::future::ready(()), if state.may_take_links() => {}
            }
        }
        drop((jobs, to_sinks));
        self.finish().await
    }

    /// Hands out jobs while the channel takes them without waiting.
    fn hand_out(&mut self, now: Instant) {
        self.state.scheduler.advance(now);
        let Some(jobs) = &self.jobs else { return };
        while self.state.may_hand_out() {
            let Ok(permit) = jobs.try_reserve() else { return };
            let Some(job) = self.state.claim(now) else { return };
            permit.send(job);
        }
    }

    /// Gives the sinks what waits, if they have room now.
    fn flush_some(&mut self) {
        if self.state.outbox.is_empty() {
            return;
        }
        if let Ok(permit) = self.to_sinks.try_reserve() {
            permit.send(self.state.outbox.take_message());
        }
    }

    /// Whether the run is over. The input is done, no job waits or is in flight, and the sinks have
    /// every outcome or take no more.
    fn over(&self) -> bool {
        let RunState { scheduler, outbox, .. } = &self.state;
        let is_done = scheduler.is_empty() && scheduler.in_flight() == 0 && outbox.is_empty();
        self.reading.ended() && is_done && !self.state.has_links() && !self.state.is_moving()
    }

    /// Stops reading and dispatching. Seeds that were read and did not begin are cancelled.
    fn stop_for(&mut self, cause: StopCause) {
        if self.state.stopping.is_some() {
            return;
        }
        self.state.stopping = Some(cause);
        self.drain.cancel();
        self.aborts_at = Some(Instant::now() + self.grace);
        for batch in self.reading.stop() {
            self.state.admit(batch);
        }
        let in_flight = self.state.meter.in_flight();
        self.state.watchers.tell(&Event::Stopping { cause, grace: self.grace, in_flight });
    }

    /// Stops as [`RunLoop::stop_for`] does, and ends fetches under way at once, without a grace period.
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
        // The queue must not wait for this loop while the sinks wait for the queue.
        drop(self.from_queue.take());
        let RunLoop { mut state, reading, sinks, to_sinks, .. } = self;
        // Only where the backend left outcomes out does anything wait for its turn still.
        let late = state.outbox.take_rest();
        if !late.is_empty() {
            // Err: the thread is gone; joining it returns the reason.
            let _ = to_sinks.send(ToSinks::Outcomes(late)).await;
        }
        let counts = state.stats.account.counts;
        if !counts.add_up() {
            state.fault.get_or_insert(RunFault::Accounting { read: counts.read, done: counts.done() });
        }
        // A shared queue is no list of lines.
        let next = reading.next_line().filter(|_| state.fleet.is_none());
        let complete = reading.complete();
        reading.join();
        let broken = state.fault.is_some().then_some(StopCause::Broken);
        let stopped = state.stopping.or(broken);
        let mut summary = state.stats.summary(state.started.elapsed(), state.meter.peak(), next, complete, stopped);
        summary.auto = state.auto.chosen();
        let crawl = state.crawl.as_ref();
        // Links that wait are input that was not read.
        summary.input_complete &= crawl.is_none_or(|crawl| crawl.waiting() == 0);
        summary.crawl = crawl.filter(|crawl| !crawl.is_list()).map(|crawl| crawl.summary());
        if let Some(message) = state.release_all_hosts() {
            // Err: as below.
            let _ = to_sinks.send(ToSinks::Queue(message)).await;
        }
        // Err: the thread is gone; joining it returns the reason.
        let _ = to_sinks.send(ToSinks::Finish(Box::new(summary.clone()))).await;
        drop(to_sinks);
        let end = sinks.join().await;
        summary.fail_ok(end.unkept, ErrorKind::Io);
        (summary.changes, summary.archive, summary.check) = (end.changes, end.archive, end.check);
        if let Some(error) = end.error {
            state.fault.get_or_insert(error.into());
            summary.stopped = summary.stopped.or(Some(StopCause::Broken));
        }
        if let Some(warning) = state.admission.unreported() {
            state.watchers.tell(&Event::Warning(&warning));
        }
        state.watchers.tell(&Event::RunFinished(&summary));
        RunEnd { summary, fault: state.fault }
    }
}

async fn ended(
    backend: &mut Option<JoinHandle<Result<(), BackendError>>>,
) -> Result<Result<(), BackendError>, tokio::task::JoinError> {
    match backend {
        Some(handle) => handle.await,
        None => std::future::pending().await,
    }
}

/// Waits until that time; never returns if there is none.
async fn at(time: Option<Instant>) {
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

async fn received(messages: &mut Option<mpsc::Receiver<FromQueue>>) -> Option<FromQueue> {
    match messages {
        Some(messages) => messages.recv().await,
        None => std::future::pending().await,
    }
}
