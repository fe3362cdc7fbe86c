//! The URLs that links lead to, until the scheduler has room: the first in memory, the others in a queue on disk.

use std::collections::{HashSet, VecDeque};

use crate::model::{Batch, JobId, Seed};
use crate::queue::{Hosts, LeaseRequest, QueueError, Queued, UrlQueue};

/// How many wait in memory.
const IN_MEMORY: usize = 16 * 1024;

/// How many go to the queue on disk and come back together.
const CHUNK: usize = 1024;

/// Makes a queue on disk.
pub type MakeQueue = fn() -> Result<Box<dyn UrlQueue>, QueueError>;

/// The URLs in the order in which they were found.
pub(super) struct WaitingUrls {
    /// The oldest.
    first: VecDeque<Seed>,
    /// Those behind them, if there are any.
    on_disk: Option<Box<dyn UrlQueue>>,
    count_on_disk: usize,
    /// The newest, until they are a chunk for the disk.
    last: Vec<Queued>,
    make: MakeQueue,
}

impl WaitingUrls {
    pub(super) fn new(make: MakeQueue) -> Self {
        Self { first: VecDeque::new(), on_disk: None, count_on_disk: 0, last: Vec::new(), make }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.count_on_disk + self.last.len()
    }

    /// The depth of the oldest.
    pub(super) fn next_depth(&self) -> Option<u32> {
        self.first.front().map(|seed| seed.depth)
    }

    /// Adds a URL behind the others.
    ///
    /// # Errors
    /// The disk is full or broken. The URL waits in memory.
    pub(super) fn push(&mut self, seed: Seed) -> Result<(), QueueError> {
        if self.count_on_disk == 0 && self.last.is_empty() && self.first.len() < IN_MEMORY {
            self.first.push_back(seed);
            return Ok(());
        }
        self.last.push(queued(seed));
        if self.last.len() < CHUNK { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), QueueError> {
        let queue = match &mut self.on_disk {
            Some(queue) => queue,
            None => self.on_disk.insert((self.make)()?),
        };
        queue.add(&self.last)?;
        self.count_on_disk += self.last.len();
        self.last.clear();
        Ok(())
    }

    /// Takes up to [`Batch::MAX`] of the oldest, for as long as `may` agrees.
    ///
    /// # Errors
    /// The disk cannot be read. What it has is lost.
    pub(super) fn take(&mut self, mut may: impl FnMut(&Seed) -> bool) -> Result<Vec<Seed>, QueueError> {
        let mut taken = Vec::new();
        while taken.len() < Batch::MAX {
            match self.first.pop_front_if(|seed| may(seed)) {
                Some(seed) => taken.push(seed),
                None if self.first.is_empty() && self.len() > 0 => self.read()?,
                None => break,
            }
        }
        Ok(taken)
    }

    /// Reads a chunk back.
    fn read(&mut self) -> Result<(), QueueError> {
        let Some(queue) = self.on_disk.as_mut().filter(|_| self.count_on_disk > 0) else {
            self.first.extend(self.last.drain(..).map(seed));
            return Ok(());
        };
        let all = HashSet::new();
        let wanted = LeaseRequest { most: CHUNK, per_host: CHUNK, hosts: Hosts::AllBut(&all) };
        let leased = queue.lease(&wanted).and_then(|leases| {
            let (ids, urls): (Vec<_>, Vec<_>) = leases.urls.into_iter().unzip();
            queue.complete(&ids).map(|()| urls)
        });
        match leased {
            Ok(urls) if !urls.is_empty() => {
                self.count_on_disk -= urls.len();
                self.first.extend(urls.into_iter().map(seed));
                if self.count_on_disk == 0 {
                    // Its space is free again.
                    self.on_disk = None;
                }
                Ok(())
            }
            other => {
                (self.on_disk, self.count_on_disk) = (None, 0);
                Err(other.err().unwrap_or_else(|| QueueError("its URLs are not there".to_owned())))
            }
        }
    }
}

/// Links have neither overrides nor facts of an earlier run yet. The set of URLs seen has dropped duplicates, so the
/// URL has no key.
fn queued(seed: Seed) -> Queued {
    let Seed { url, via, depth, kind, priority, .. } = seed;
    Queued { id: JobId::default(), url, via, depth, kind, priority, save_as: None, key: None }
}

fn seed(queued: Queued) -> Seed {
    let Queued { url, via, depth, kind, priority, .. } = queued;
    Seed { depth, kind, priority, ..Seed::new(url, via) }
}
