//! URLs that a program adds while the run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::sync::mpsc;

use super::line::{Gathered, Place, Wants};
use super::{Interrupt, Source, SourceError};
use crate::model::{Batch, Entry, SourcePos, Via};

/// URLs that wait between the program and the run.
const ROOM: usize = 256;

/// A URL and its place among those added, from 1. `None` only wakes the source.
type AddedUrl = Option<(u64, String)>;

/// The sender of added URLs. The input ends when every clone of it is dropped.
pub type FeedSender = mpsc::Sender<AddedUrl>;

/// The entries of another source, followed by the added ones.
pub struct FeedSource {
    /// Read first; `None` once it is at its end.
    first: Option<Box<dyn Source>>,
    list: Arc<str>,
    next: u64,
    added: mpsc::Receiver<AddedUrl>,
    wake: mpsc::WeakSender<AddedUrl>,
    interrupted: Arc<AtomicBool>,
}

impl FeedSource {
    /// The name of the list that added URLs form.
    pub const LIST: &str = "added";

    /// After `first`.
    pub fn new(first: Box<dyn Source>) -> (Self, FeedSender) {
        let (sender, added) = mpsc::channel(ROOM);
        let (wake, interrupted) = (sender.downgrade(), Arc::default());
        (Self { first: Some(first), list: Self::LIST.into(), next: 1, added, wake, interrupted }, sender)
    }
}

/// Marks an entry as added by the program.
fn as_added(mut entry: Entry) -> Entry {
    let via = match &mut entry {
        Entry::Seed(seed) | Entry::LeftOut { seed, .. } => &mut seed.via,
        Entry::Bad(bad) => &mut bad.via,
    };
    *via = Via::Added(via.origin().clone());
    entry
}

impl Source for FeedSource {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        if let Some(first) = &mut self.first {
            if let Some(batch) = first.next_batch()? {
                return Ok(Some(batch));
            }
            self.first = None;
        }
        if self.interrupted.load(SeqCst) {
            return Ok(None);
        }
        let Some(Some(added)) = self.added.blocking_recv() else { return Ok(None) };
        let mut out = Gathered::default();
        let mut more = Some(added);
        while let Some((line, url)) = more {
            self.next = self.next.max(line + 1);
            let place = Place { list: &self.list, line, next: line + 1 };
            out.push(as_added(place.entry(url.trim(), Wants::default())), place.next);
            more = if !out.is_full() { self.added.try_recv().ok().flatten() } else { None };
        }
        Ok(Some(Batch { entries: out.entries, next: self.position(), notes: Vec::new(), leased: None }))
    }

    fn position(&self) -> SourcePos {
        match &self.first {
            Some(first) => first.position(),
            None => SourcePos { list: Arc::clone(&self.list), line: self.next },
        }
    }

    fn interrupt(&self) -> Interrupt {
        let first = self.first.as_ref().map(|first| first.interrupt());
        let (wake, interrupted) = (self.wake.clone(), Arc::clone(&self.interrupted));
        Arc::new(move || {
            interrupted.store(true, SeqCst);
            if let Some(first) = &first {
                first();
            }
            if let Some(sender) = wake.upgrade() {
                // Err: it is full, so the source is not blocked and will see the flag.
                let _ = sender.try_send(None);
            }
        })
    }
}
