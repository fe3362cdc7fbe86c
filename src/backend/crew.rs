//! Workers that do one job at a time each, started as jobs come and kept until the end.
//!
//! A worker that is done takes the next job itself as long as one waits: under load nobody else is
//! woken for a job. One that finds none waits at its own inbox; [`Crew::lead`] sends it the next
//! job, and starts another worker only where all are busy and there are fewer than allowed.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex, Semaphore, mpsc};

use super::{BackendError, Done, Next, Returned, RunContext, give_back};
use crate::model::Job;

/// Where an idle worker gets its next job; it ends when no more come.
pub(super) type Inbox = mpsc::Receiver<Box<Job>>;

/// Where all jobs come from; several crews may share it.
pub(super) type Jobs = Arc<Mutex<mpsc::Receiver<Box<Job>>>>;

/// What all workers share.
pub(super) struct Crew {
    pub(super) ctx: RunContext,
    most: usize,
    jobs: Jobs,
    returned: mpsc::Sender<Returned>,
    /// One permit for each worker that is idle or may still be started.
    free: Semaphore,
    /// The numbers of those that wait, the last to have worked on top.
    idle: StdMutex<Vec<usize>>,
}

impl Crew {
    /// A crew of as many workers as the run may have fetches under way.
    pub(super) fn new(jobs: mpsc::Receiver<Box<Job>>, returned: mpsc::Sender<Returned>, ctx: RunContext) -> Self {
        let most = ctx.concurrency as usize;
        Self::of(most, Arc::new(Mutex::new(jobs)), returned, ctx)
    }

    /// One of at most so many.
    pub(super) fn of(most: usize, jobs: Jobs, returned: mpsc::Sender<Returned>, ctx: RunContext) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { ctx, most, jobs, returned, free: Semaphore::new(most), idle: StdMutex::default() }
    }

    /// Hands out jobs until no more come; `start` starts the worker of a number. When this ends
    /// the workers that are done find their inboxes closed.
    ///
    /// # Errors
    /// When not even one worker can be started; every job goes back then.
    pub(super) async fn lead(
        &self,
        mut start: impl FnMut(usize, Inbox) -> Result<(), String>,
    ) -> Result<(), BackendError> {
        let mut inboxes: Vec<mpsc::Sender<Box<Job>>> = Vec::new();
        let mut all_started = false;
        loop {
            // The permit first, then the job: a job that left the channel is on its way.
            let mut free = self.free().await;
            let Some(mut job) = self.jobs.lock().await.recv().await else { return Ok(()) };
            loop {
                if !free || self.ctx.drain.is_cancelled() {
                    self.let_go(job).await;
                    break;
                }
                let idle = self.idle().pop();
                let worker = match idle {
                    Some(number) => inboxes.get(number),
                    None if all_started => None,
                    None => {
                        let (inbox, ours) = mpsc::channel(1);
                        match start(inboxes.len(), ours) {
                            Ok(()) => inboxes.push(inbox),
                            Err(why) if inboxes.is_empty() => {
                                self.let_go(job).await;
                                self.give_up().await;
                                return Err(BackendError(why));
                            }
                            Err(why) => {
                                tracing::warn!(
                                    workers = inboxes.len(),
                                    why,
                                    "going on with those that could be started"
                                );
                                // This permit is in our hands; those of the other missing workers go.
                                self.free.forget_permits(self.most - inboxes.len() - 1);
                                all_started = true;
                            }
                        }
                        if all_started { None } else { inboxes.last() }
                    }
                };
                // An inbox has room for one, and a worker that is idle or new has none.
                if let Some(inbox) = worker {
                    match inbox.try_send(job) {
                        Ok(()) => break,
                        Err(refused) => job = refused.into_inner(),
                    }
                }
                free = self.free().await;
            }
        }
    }

    /// Waits for a permit and takes it; the worker gives it back. False when the run is draining.
    async fn free(&self) -> bool {
        tokio::select! {
            biased;
            () = self.ctx.drain.cancelled() => false,
            permit = self.free.acquire() => permit.map(tokio::sync::SemaphorePermit::forget).is_ok(),
        }
    }

    /// What would have been jobs go back.
    pub(super) async fn give_up(&self) {
        let mut jobs = self.jobs.lock().await;
        jobs.close();
        while let Some(job) = jobs.recv().await {
            self.let_go(job).await;
        }
    }

    /// Gives a job back; the next one of that worker, `None` when no more come.
    pub(super) async fn next(&self, number: usize, inbox: &mut Inbox, done: Done) -> Option<Box<Job>> {
        match give_back(&self.returned, done).await {
            Next::Job(job) => return Some(job),
            Next::Any => {}
            Next::Nothing => return None,
        }
        if let Some(job) = self.waiting_job() {
            return Some(job);
        }
        self.idle().push(number);
        self.free.add_permits(1);
        inbox.recv().await
    }

    fn waiting_job(&self) -> Option<Box<Job>> {
        if self.ctx.drain.is_cancelled() {
            return None;
        }
        // Locked: the lead waits there already, so none is left over.
        self.jobs.try_lock().ok()?.try_recv().ok()
    }

    /// Gives a job back that nobody began.
    async fn let_go(&self, job: Box<Job>) {
        // Err: the engine is gone, and with it whoever wanted it.
        let _ = self.returned.send(Returned::NotBegun(job)).await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<usize>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
