//! Small bodies, whole in memory, become files.
//!
//! Creating and renaming a file costs several times what fetching a small page does, and a slow
//! disk must not hold up every connection of a loop. So there is one thread for it; and since each
//! wake-up costs too, it takes what waits, writes that, and tells of all of it at once. A fetch
//! that is alone writes where it stands: there is nobody to hold up.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::place::{Fate, Place};

/// The most files written before their fetches are told.
const BATCH: usize = 16;

/// Writes whole bodies.
pub(super) struct Whole {
    /// The fetches that a write here would hold up, and the one that wants it.
    under_way: Arc<AtomicUsize>,
    thread: Mutex<Option<Writing>>,
}

/// The thread, while it is there.
struct Writing {
    work: mpsc::Sender<Work>,
    thread: JoinHandle<()>,
}

struct Work {
    place: Place,
    body: Vec<u8>,
    fate: Arc<Fate>,
    done: oneshot::Sender<io::Result<()>>,
}

impl Whole {
    /// For a fetcher that is doing so many fetches.
    pub(super) fn new(under_way: Arc<AtomicUsize>) -> Self {
        Self { under_way, thread: Mutex::default() }
    }

    /// Writes a body under its final name, unless its fetch is given up.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) async fn write(&self, place: Place, body: Vec<u8>, fate: Arc<Fate>) -> io::Result<()> {
        if self.under_way.load(Relaxed) <= 1 {
            return place.write_whole(&body, &fate).and_then(|()| place.sync_folder());
        }
        let (done, written) = oneshot::channel();
        match self.thread() {
            Some(thread) => thread.send(Work { place, body, fate, done }).await.map_err(|_| died())?,
            None => return place.write_whole(&body, &fate).and_then(|()| place.sync_folder()),
        }
        written.await.unwrap_or_else(|_| Err(died()))
    }

    /// The way to the thread, if there can be one.
    fn thread(&self) -> Option<mpsc::Sender<Work>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (work, inbox) = mpsc::channel(4 * BATCH);
            let started = thread::Builder::new().name("files".to_owned()).spawn(move || write_all(inbox));
            *thread = started.ok().map(|thread| Writing { work, thread });
        }
        thread.as_ref().map(|writing| writing.work.clone())
    }
}

fn died() -> io::Error {
    io::Error::other("the thread that writes files died")
}

impl Drop for Whole {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writing { work, thread }) = thread {
            drop(work);
            // Err: it died, and whoever waited for it was told.
            let _ = thread.join();
        }
    }
}

/// A file that was written, and who waits for that.
struct Written {
    place: Place,
    result: io::Result<()>,
    done: oneshot::Sender<io::Result<()>>,
}

fn write_all(mut inbox: mpsc::Receiver<Work>) {
    let mut written = Vec::with_capacity(BATCH);
    while let Some(first) = inbox.blocking_recv() {
        let more = std::iter::from_fn(|| inbox.try_recv().ok());
        for Work { place, body, fate, done } in std::iter::once(first).chain(more).take(BATCH) {
            let result = place.write_whole(&body, &fate);
            written.push(Written { place, result, done });
        }
        sync_folders(&mut written);
        for Written { result, done, .. } in written.drain(..) {
            // Err: the fetch was given up.
            let _ = done.send(result);
        }
    }
}

/// Brings the names of these files to the disk where that is asked, each folder once.
fn sync_folders(written: &mut [Written]) {
    let mut synced = HashMap::new();
    for Written { place, result, .. } in written.iter_mut().filter(|w| w.place.sync && w.result.is_ok()) {
        let folder = place.target.parent().map(Path::to_owned);
        let told = synced.entry(folder).or_insert_with(|| place.sync_folder());
        *result = told.as_ref().copied().map_err(|e| io::Error::new(e.kind(), e.to_string()));
    }
}
