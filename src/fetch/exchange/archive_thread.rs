//! Makes the records of small bodies.
//!
//! To compress the records of a small page takes longer than to fetch it. So a thread of the fetcher does it, while the
//! loop goes on with its connections. Each wake-up costs too, so the thread reports in batches. A single fetch does its
//! own work: it holds up no other fetch.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

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
        Self { under_way, running: Mutex::default() }
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
