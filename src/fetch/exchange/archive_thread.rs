//! Makes the records of small bodies.
//!
//! To compress the records of a small page takes longer than to fetch it. So a thread of the fetcher does it, while the
//! loop goes on with its connections. Each wake-up costs too, so the thread reports in batches. A single fetch does its
//! own work: it holds up no other fetch. Long bodies are compressed on threads that may block, few at a time.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::fetch::save::part::blocking;
use crate::model::ArchivedRecords;

/// The most exchanges whose records are made before their fetches go on.
const BATCH: usize = 16;

/// The result of some work.
type Archived = io::Result<ArchivedRecords>;

/// Makes the records of exchanges.
pub(crate) struct ArchiveThread {
    /// The number of fetches of this fetcher, the caller's included.
    under_way: Arc<AtomicUsize>,
    running: Mutex<Option<RunningArchiver>>,
    /// A permit for each long body that is compressed: a compressor has tables of 400 KiB, and more of them than there
    /// are cores make nothing faster.
    long: Semaphore,
}

struct RunningArchiver {
    work: mpsc::Sender<ArchiveWork>,
    thread: JoinHandle<()>,
}

struct ArchiveWork {
    work: Box<dyn FnOnce() -> Archived + Send>,
    done: oneshot::Sender<Archived>,
}

impl ArchiveThread {
    /// Makes the thread of a fetcher with this counter of fetches. It starts on first use.
    pub(crate) fn new(under_way: Arc<AtomicUsize>) -> Self {
        let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self { under_way, running: Mutex::default(), long: Semaphore::new(cores) }
    }

    /// Does some work on a long body.
    ///
    /// # Errors
    /// Returns the error of the work.
    pub(crate) async fn run_long<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        // Err: it is never closed.
        let _permit = self.long.acquire().await;
        blocking(work).await
    }

    /// Does some work.
    ///
    /// # Errors
    /// Returns the error of the work.
    pub(crate) async fn run(&self, work: impl FnOnce() -> Archived + Send + 'static) -> Archived {
        if self.under_way.load(Relaxed) <= 1 {
            return work();
        }
        let Some(queue) = self.queue() else { return work() };
        let (done, archived) = oneshot::channel();
        match queue.try_send(ArchiveWork { work: Box::new(work), done }) {
            Ok(()) => archived.await.unwrap_or_else(|_| Err(died())),
            // The thread is behind: the fetcher helps, so that both cores have work.
            Err(TrySendError::Full(ArchiveWork { work, .. })) => work(),
            Err(TrySendError::Closed(_)) => Err(died()),
        }
    }

    /// Returns the queue of the thread. `None` if it cannot start.
    fn queue(&self) -> Option<mpsc::Sender<ArchiveWork>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            let (work, inbox) = mpsc::channel(4 * BATCH);
            let started = thread::Builder::new().name("archive".to_owned()).spawn(move || work_off(inbox));
            *running = started.ok().map(|thread| RunningArchiver { work, thread });
        }
        running.as_ref().map(|running| running.work.clone())
    }
}

fn died() -> io::Error {
    io::Error::other("the thread that makes records died")
}

impl Drop for ArchiveThread {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(RunningArchiver { work, thread }) = running {
            drop(work);
            // Err: it panicked, and each waiting fetch got an error.
            let _ = thread.join();
        }
    }
}

fn work_off(mut inbox: mpsc::Receiver<ArchiveWork>) {
    let mut results = Vec::with_capacity(BATCH);
    while let Some(first) = inbox.blocking_recv() {
        let more = std::iter::from_fn(|| inbox.try_recv().ok());
        results.extend(std::iter::once(first).chain(more).take(BATCH).map(|ArchiveWork { work, done }| (work(), done)));
        for (result, done) in results.drain(..) {
            // Err: the fetch was given up.
            let _ = done.send(result);
        }
    }
}
