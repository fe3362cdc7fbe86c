//! The list that a worker brings along: its URLs go to the queue, once for all workers.

use std::thread::JoinHandle;

use tokio::sync::mpsc::{Sender, WeakSender};

use super::source::Next;
use super::to_do::ToThread;
use super::{List, UrlKey, notes};
use crate::model::{BadLine, Batch, Entry, ErrorKind, FetchError, JobId, Outcome, ScopeNote, Seed, SourcePos, Via};
use crate::policy::text::fingerprint::Fingerprint;
use crate::queue::{Queued, RefusedLine};
use crate::wire::{JsonWriter, Record};

/// Loads a list on a thread of its own, for it may be a pipe.
pub(super) struct Loader {
    list: Option<List>,
    /// It does not keep the queue thread alive, which has this loader.
    to_thread: WeakSender<ToThread>,
    batches: Sender<Next>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    pub(super) fn new(list: Option<List>, to_thread: WeakSender<ToThread>, batches: Sender<Next>) -> Self {
        Self { list, to_thread, batches, thread: None }
    }

    /// The name and the digest of the list that is not claimed yet.
    pub(super) fn unclaimed(&self) -> Option<(&str, &str)> {
        self.list.as_ref().map(|list| (&*list.name, &*list.digest))
    }

    /// Another worker has loaded the list.
    pub(super) fn forget(&mut self) {
        self.list = None;
    }

    /// Begins to load the list. Returns its digest.
    pub(super) fn begin(&mut self) -> std::io::Result<Option<String>> {
        let Some(list) = self.list.take() else { return Ok(None) };
        let digest = list.digest.clone();
        // None: the run is over.
        let Some(to_thread) = self.to_thread.upgrade() else { return Ok(None) };
        let batches = self.batches.clone();
        let spawned =
            std::thread::Builder::new().name("list".to_owned()).spawn(move || load(list, &to_thread, &batches));
        self.thread = Some(spawned?);
        Ok(Some(digest))
    }

    /// Waits for the thread, which has ended or was interrupted.
    pub(super) fn join(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            // Err: it panicked, and the list was never loaded.
            let _ = thread.join();
        }
    }
}

/// Adds all lines. An error of the list ends the input of this worker.
fn load(mut list: List, to_thread: &Sender<ToThread>, batches: &Sender<Next>) {
    loop {
        match list.source.next_batch() {
            Ok(Some(batch)) => {
                let (scope, urls, rest) = sort(batch, &list.key, list.starts_crawl);
                let refused: Vec<_> = rest.entries.iter().filter_map(refused_line).collect();
                let is_sent = (scope.is_empty() || to_thread.blocking_send(ToThread::Notes(scope)).is_ok())
                    && (urls.is_empty() || to_thread.blocking_send(ToThread::Add(urls)).is_ok())
                    && (refused.is_empty() || to_thread.blocking_send(ToThread::Refuse(refused)).is_ok())
                    && (rest.entries.is_empty() && rest.notes.is_empty()
                        || batches.blocking_send(Ok(Some(rest))).is_ok());
                if !is_sent {
                    return;
                }
            }
            Ok(None) => break,
            Err(error) => {
                // Err: the run is over.
                let _ = batches.blocking_send(Err(error));
                break;
            }
        }
    }
    // Err: as above.
    let _ = to_thread.blocking_send(ToThread::ListEnded);
}

/// Sorts lines: notes about the scope, URLs for the queue, and lines that this worker itself reports.
fn sort(batch: Batch, key: &UrlKey, starts_crawl: bool) -> (Vec<Box<str>>, Vec<Queued>, Batch) {
    let (mut scope, mut urls, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for entry in batch.entries {
        match entry {
            Entry::Seed(seed) if seed.overrides.is_some() => rest.push(Entry::Bad(refused(seed))),
            Entry::Seed(mut seed) => {
                if let (true, Via::List(origin) | Via::Added(origin)) = (starts_crawl, &seed.via) {
                    seed.via = Via::Start(origin.clone());
                    scope.push(notes::encode(&ScopeNote { start: seed.url.clone(), led_to: None }));
                }
                urls.push(queued(seed, key));
            }
            other => rest.push(other),
        }
    }
    (scope, urls, Batch { entries: rest, next: batch.next, notes: batch.notes, leased: None })
}

/// The outcome of a line that is no URL, for the job.
fn refused_line(entry: &Entry) -> Option<RefusedLine> {
    let Entry::Bad(bad) = entry else { return None };
    let SourcePos { list, line } = bad.via.origin();
    let place = format!("{list}:{line}");
    let mut record = Vec::new();
    JsonWriter::default().record(&Record::of(&Outcome::bad_line(bad.clone())), &mut record);
    Some(RefusedLine { place, record })
}

/// A line with settings of its own: they may be secrets, and the queue stores none.
fn refused(seed: Seed) -> BadLine {
    let message = "a line with its own fields, name, digest or password cannot go to a queue that workers share; \
                   fetch it without --queue";
    BadLine {
        id: JobId::default(),
        text: seed.url.as_str().to_owned(),
        via: seed.via,
        error: FetchError::new(ErrorKind::InvalidUrl, message),
    }
}

fn queued(seed: Seed, key: &UrlKey) -> Queued {
    let key = Some(Fingerprint(key(&seed.url)));
    let Seed { url, via, depth, kind, priority, .. } = seed;
    Queued { id: JobId::default(), url, via, depth, kind, priority, save_as: None, key }
}
