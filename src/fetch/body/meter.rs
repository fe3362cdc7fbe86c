//! Counters of the fetches under way. Fetchers update them, and reporters read them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::model::JobId;

/// Live figures of a run, for display only.
#[derive(Debug, Default)]
pub struct Meter {
    wire_bytes: AtomicU64,
    in_flight: AtomicU32,
    peak: AtomicU32,
    /// Each fetch under way; `None` if no reporter shows them.
    under_way: Option<Mutex<BTreeMap<JobId, MeteredFetch>>>,
}

/// The progress of a fetch under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeteredFetch {
    /// When it began.
    pub begun: Instant,
    /// Body bytes so far.
    pub received: u64,
    /// The length of its body, if the server has told it.
    pub length: Option<u64>,
}

impl Meter {
    /// A meter that knows which fetches are under way.
    pub fn of_jobs() -> Self {
        Self { under_way: Some(Mutex::default()), ..Self::default() }
    }

    /// Adds received body bytes of a fetch.
    pub fn received(&self, id: JobId, bytes: u64) {
        self.wire_bytes.fetch_add(bytes, Relaxed);
        self.change(id, |fetch| fetch.received += bytes);
    }

    /// Notes the length of a body that is about to come.
    pub fn expects(&self, id: JobId, length: Option<u64>) {
        self.change(id, |fetch| fetch.length = length);
    }

    fn change(&self, id: JobId, change: impl FnOnce(&mut MeteredFetch)) {
        if let Some(under_way) = &self.under_way {
            under_way.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id).map(change);
        }
    }

    /// Counts a fetch as in flight until the guard is dropped.
    pub fn begin(&self, id: JobId) -> UnderWay<'_> {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        // A plain load first: the peak is reached early and then only read.
        if now > self.peak.load(Relaxed) {
            self.peak.fetch_max(now, Relaxed);
        }
        if let Some(under_way) = &self.under_way {
            let fetch = MeteredFetch { begun: Instant::now(), received: 0, length: None };
            under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id, fetch);
        }
        UnderWay { meter: self, id }
    }

    /// The fetches that have been under way longest, at most `most`, oldest first.
    pub fn oldest(&self, most: usize) -> Vec<(JobId, MeteredFetch)> {
        let Some(under_way) = &self.under_way else { return Vec::new() };
        let under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest: Vec<_> = under_way.iter().map(|(id, fetch)| (*id, *fetch)).collect();
        drop(under_way);
        oldest.sort_by_key(|(_, fetch)| fetch.begun);
        oldest.truncate(most);
        oldest
    }

    /// Body bytes so far.
    pub fn wire_bytes(&self) -> u64 {
        self.wire_bytes.load(Relaxed)
    }

    /// Fetches under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// The most fetches that were ever under way at once.
    pub fn peak(&self) -> u32 {
        self.peak.load(Relaxed)
    }
}

/// One fetch under way.
#[derive(Debug)]
pub struct UnderWay<'a> {
    meter: &'a Meter,
    id: JobId,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.meter.in_flight.fetch_sub(1, Relaxed);
        if let Some(under_way) = &self.meter.under_way {
            under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        }
    }
}
