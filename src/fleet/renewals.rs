//! When the leases of this worker were last renewed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time of the last renewal, for several threads.
#[derive(Debug, Clone)]
pub struct Renewals {
    since: Instant,
    last: Arc<AtomicU64>,
    lease: Duration,
}

impl Renewals {
    /// Leases that are new now and hold for so long.
    pub fn new(lease: Duration) -> Self {
        Self { since: Instant::now(), last: Arc::default(), lease }
    }

    /// Notes a renewal that was asked for at this time.
    pub fn note(&self, asked: Instant) {
        let millis = asked.saturating_duration_since(self.since).as_millis();
        self.last.fetch_max(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Half of the time that leases hold.
    pub fn fence(&self) -> Duration {
        self.lease / 2
    }

    /// Whether half of the time has passed. No request may start then: another worker may soon have the hosts.
    pub fn are_late(&self) -> bool {
        let last = self.since + Duration::from_millis(self.last.load(Ordering::Relaxed));
        last.elapsed() > self.fence()
    }
}
