//! Counters of the fetches under way. Fetchers update them, and reporters read them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Live figures of a run, for display only.
#[derive(Debug, Default)]
pub struct Meter {
    wire_bytes: AtomicU64,
    in_flight: AtomicU32,
    peak: AtomicU32,
}

impl Meter {
    /// Adds received body bytes.
    pub fn received(&self, bytes: u64) {
        self.wire_bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts a fetch as in flight until the guard is dropped.
    pub fn begin(&self) -> UnderWay<'_> {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        // A plain load first: the peak is reached early and then only read.
        if now > self.peak.load(Relaxed) {
            self.peak.fetch_max(now, Relaxed);
        }
        UnderWay(self)
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
pub struct UnderWay<'a>(&'a Meter);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
