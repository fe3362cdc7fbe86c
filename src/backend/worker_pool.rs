//! A pool of workers that run one job at a time each. Workers start as jobs come and stay until the end.
//!
//! A worker that has finished takes the next job itself while one waits, so under load no other task is
//! woken for a job. A worker without a job waits at its own inbox. [`WorkerPool::dispatch`] sends it the
//! next job. It starts another worker only if all are busy and the limit is not reached.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::{BackendError, Returned, RunContext};
use crate::model::Job;

/// Brings an idle worker its next job. It closes when no more come.
pub(super) type Inbox = mpsc::Receiver<Box<Job>>;

/// The source of all jobs. Several pools may share it.
pub(super) type Jobs = Arc<Mutex<mpsc::Receiver<Box<Job>>>>;

/// The state that all workers share.
pub(super) struct WorkerPool {
    pub(super) ctx: RunContext,
    most: usize,
    jobs: Jobs,
    returned: mpsc::Sender<Returned>,
    /// One permit for each worker that is idle or may still be started.
    free: Semaphore,
    /// The numbers of the idle workers. The one that worked last is on top.
    idle: StdMutex<Vec<usize>>,
}

impl WorkerPool {
    /// A pool of as many workers as the concurrency allows.
    pub(super) fn new(jobs: mpsc::Receiver<Box<Job>>, returned: mpsc::Sender<Returned>, ctx: RunContext) -> Self {
        let most = ctx.concurrency as usize;
        Self::of(most, Arc::new(Mutex::new(jobs)), returned, ctx)
    }

    /// A pool of at most `most` workers.
    pub(super) fn of(most: usize, jobs: Jobs, returned: mpsc::Sender<Returned>, ctx: RunContext) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { ctx, most, jobs, returned, free: Semaphore::new(most), idle: StdMutex::default() }
    }

    /// Hands out jobs until the channel closes. `start` starts the worker with a number. Then the
    /// inboxes close.
    ///
    /// # Errors
    /// When not even one worker can be started. Every job is returned then.
    pub(super) async fn dispatch(
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
                    self.return_unstarted(job).await;
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
                                self.return_unstarted(job).await;
                                self.return_all().await;
                                return Err(BackendError(why));
                            }
                            Err(why) => {
                                let workers = inboxes.len();
                                tracing::warn!(workers, why, "cannot start another worker; going on with fewer");
                                // This permit is taken already. Take those of the other missing workers.
                                self.free.forget_permits(self.most - workers - 1);
                                all_started = true;
                            }
                        }
                        if all_started { None } else { inboxes.last() }
                    }
                };
                // The inbox of an idle or new worker is empty, and has room for one.
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

    /// Takes a permit, which the worker gives back. Returns false when the run is draining.
    async fn free(&self) -> bool {
        if let Ok(permit) = self.free.try_acquire() {
            permit.forget();
            return true;
        }
        tokio::select! {
            biased;
            () = self.ctx.drain.cancelled() => false,
            permit = self.free.acquire() => permit.map(tokio::sync::SemaphorePermit::forget).is_ok(),
        }
    }

    /// Returns every job that is still to come.
    pub(super) async fn return_all(&self) {
        let mut jobs = self.jobs.lock().await;
        jobs.close();
        while let Some(job) = jobs.recv().await {
            self.return_unstarted(job).await;
        }
    }

    /// Returns a job to the engine and waits for the next one of this worker. `None`: no more come.
    pub(super) async fn next(&self, number: usize, inbox: &mut Inbox, back: Returned) -> Option<Box<Job>> {
        // Err: the engine is gone.
        self.returned.send(back).await.ok()?;
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
        // If it is locked, `dispatch` waits there and no job is left over.
        self.jobs.try_lock().ok()?.try_recv().ok()
    }

    async fn return_unstarted(&self, job: Box<Job>) {
        // Err: the engine is gone.
        let _ = self.returned.send(Returned::NotStarted(job)).await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<usize>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the tasks of a pool.
///
/// # Errors
/// When one of them died.
pub(super) async fn join(mut tasks: JoinSet<()>) -> Result<(), BackendError> {
    let mut died = Ok(());
    while let Some(ended) = tasks.join_next().await {
        died = died.and(ended.map_err(|e| BackendError(format!("a task of the backend died: {e}"))));
    }
    died
}
