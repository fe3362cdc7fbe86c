//! The account of a run, outcome by outcome.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::model::{Latency, Outcome, SourcePos, StopCause, Summary};

/// Latencies are kept with this many significant digits.
const DIGITS: u8 = 3;

/// Counts outcomes and their latencies.
pub(super) struct RunStats {
    /// The account so far, without what is known at the end only.
    pub(super) account: Summary,
    /// The longest, exactly: the histogram rounds up.
    slowest: Duration,
    /// Microseconds. `None` if the library refuses its own documented arguments.
    latency: Option<Histogram<u64>>,
}

impl RunStats {
    pub(super) fn new() -> Self {
        Self { account: Summary::default(), slowest: Duration::ZERO, latency: Histogram::new(DIGITS).ok() }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.account.add(outcome);
        if let (Some(took), Some(latency)) = (outcome.answered_in(), &mut self.latency) {
            self.slowest = self.slowest.max(took);
            // The histogram grows as needed; a latency of ages would be refused, and is not missed.
            let _ = latency.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn summary(
        &self,
        wall: Duration,
        peak_concurrency: u32,
        next_line: Option<SourcePos>,
        input_complete: bool,
        stopped: Option<StopCause>,
    ) -> Summary {
        let latency = self.latency.as_ref().filter(|h| !h.is_empty()).map(|h| {
            let at = |q| Duration::from_micros(h.value_at_quantile(q)).min(self.slowest);
            Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: self.slowest }
        });
        Summary { wall, peak_concurrency, next_line, input_complete, stopped, latency, ..self.account.clone() }
    }
}
