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
    /// When each fetch under way began; `None` if no reporter shows them.
    begun: Option<Mutex<BTreeMap<JobId, Instant>>>,
}

impl Meter {
    /// A meter that knows which fetches are under way.
    pub fn of_jobs() -> Self {
        Self { begun: Some(Mutex::default()), ..Self::default() }
    }

    /// Adds received body bytes.
    pub fn received(&self, bytes: u64) {
        self.wire_bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts a fetch as in flight until the guard is dropped.
    pub fn begin(&self, id: JobId) -> UnderWay<'_> {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        // A plain load first: the peak is reached early and then only read.
        if now > self.peak.load(Relaxed) {
            self.peak.fetch_max(now, Relaxed);
        }
        if let Some(begun) = &self.begun {
            begun.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
        }
        UnderWay { meter: self, id }
    }

    /// The fetches that have been under way longest, at most `most`, and when they began, oldest first.
    pub fn oldest(&self, most: usize) -> Vec<(JobId, Instant)> {
        let Some(begun) = &self.begun else { return Vec::new() };
        let begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest: Vec<_> = begun.iter().map(|(id, at)| (*id, *at)).collect();
        drop(begun);
        oldest.sort_by_key(|(_, at)| *at);
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
        if let Some(begun) = &self.meter.begun {
            begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        }
    }
}
