//! Writes small bodies, complete in memory, to files.
//!
//! Creating and renaming a file costs several times what fetching a small page does, and a slow disk must not hold up
//! every connection of a loop. So one thread writes the files. Each wake-up costs too, so the thread writes waiting
//! bodies in batches and reports a batch at once. A single fetch writes on its own thread: it holds up no other
//! fetch.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::destination::{CommitState, Destination, WrittenFile};

/// The most files written before their fetches get the results.
const BATCH: usize = 16;

/// Writes whole bodies.
pub(crate) struct SmallFileWriter {
    /// The number of fetches of this fetcher, the caller's included.
    under_way: Arc<AtomicUsize>,
    thread: Mutex<Option<WriterThread>>,
}

/// The running thread.
struct WriterThread {
    work: mpsc::Sender<Work>,
    thread: JoinHandle<()>,
}

struct Work {
    destination: Destination,
    body: Vec<u8>,
    commit_state: Arc<CommitState>,
    done: oneshot::Sender<io::Result<WrittenFile>>,
}

impl SmallFileWriter {
    /// Makes the writer of a fetcher with this counter of fetches.
    pub(crate) fn new(under_way: Arc<AtomicUsize>) -> Self {
        Self { under_way, thread: Mutex::default() }
    }

    /// Writes a body under its final name, unless its fetch is given up.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub(crate) async fn write(
        &self,
        destination: Destination,
        body: Vec<u8>,
        commit_state: Arc<CommitState>,
    ) -> io::Result<WrittenFile> {
        if self.under_way.load(Relaxed) <= 1 {
            return write_now(&destination, &body, &commit_state);
        }
        let (done, written) = oneshot::channel();
        match self.thread() {
            Some(thread) => thread.send(Work { destination, body, commit_state, done }).await.map_err(|_| died())?,
            None => return write_now(&destination, &body, &commit_state),
        }
        written.await.unwrap_or_else(|_| Err(died()))
    }

    /// Returns the queue of the thread, which starts on first use. `None` if it cannot start.
    fn thread(&self) -> Option<mpsc::Sender<Work>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (work, inbox) = mpsc::channel(4 * BATCH);
            let started = thread::Builder::new().name("files".to_owned()).spawn(move || write_all(inbox));
            *thread = started.ok().map(|thread| WriterThread { work, thread });
        }
        thread.as_ref().map(|writing| writing.work.clone())
    }
}

/// Writes a body, and syncs its folder.
fn write_now(destination: &Destination, body: &[u8], commit_state: &CommitState) -> io::Result<WrittenFile> {
    let written = destination.write_whole(body, commit_state)?;
    destination.sync_folder().map(|()| written)
}

fn died() -> io::Error {
    io::Error::other("the thread that writes files died")
}

impl Drop for SmallFileWriter {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(WriterThread { work, thread }) = thread {
            drop(work);
            // Err: it panicked, and each waiting fetch got an error.
            let _ = thread.join();
        }
    }
}

/// A written file, and the sender of its result.
struct Written {
    destination: Destination,
    result: io::Result<WrittenFile>,
    done: oneshot::Sender<io::Result<WrittenFile>>,
}

fn write_all(mut inbox: mpsc::Receiver<Work>) {
    let mut written = Vec::with_capacity(BATCH);
    while let Some(first) = inbox.blocking_recv() {
        let more = std::iter::from_fn(|| inbox.try_recv().ok());
        for Work { destination, body, commit_state, done } in std::iter::once(first).chain(more).take(BATCH) {
            let result = destination.write_whole(&body, &commit_state);
            written.push(Written { destination, result, done });
        }
        sync_folders(&mut written);
        for Written { result, done, .. } in written.drain(..) {
            // Err: the fetch was given up.
            let _ = done.send(result);
        }
    }
}

/// Syncs the folders of these files to the disk with `sync`, each folder once.
fn sync_folders(written: &mut [Written]) {
    let mut synced = HashMap::new();
    for Written { destination, result, .. } in written.iter_mut().filter(|w| w.destination.sync && w.result.is_ok()) {
        let folder = destination.target.parent().map(Path::to_owned);
        let told = synced.entry(folder).or_insert_with(|| destination.sync_folder());
        if let Err(e) = told {
            *result = Err(io::Error::new(e.kind(), e.to_string()));
        }
    }
}
