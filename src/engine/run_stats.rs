//! The account of a run, outcome by outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::model::{
    Counts, Digests, ErrorKind, FailedUrl, FailureCause, Latency, Outcome, SkipReason, SourcePos, StopCause, Subject,
    Summary, Verdict,
};

/// Latencies are kept with this many significant digits.
const DIGITS: u8 = 3;

/// Counts outcomes.
pub(super) struct RunStats {
    pub(super) counts: Counts,
    errors: BTreeMap<ErrorKind, u64>,
    pub(super) failures: BTreeMap<FailureCause, u64>,
    first_failures: Vec<FailedUrl>,
    pub(super) skips: BTreeMap<SkipReason, u64>,
    saved: u64,
    continued: u64,
    not_begun: u64,
    retries: u64,
    digests: Digests,
    bytes: u64,
    wire_bytes: u64,
    /// The longest, exactly: the histogram rounds up.
    slowest: Duration,
    /// Microseconds. `None` if the library refuses its own documented arguments.
    latency: Option<Histogram<u64>>,
}

impl RunStats {
    pub(super) fn new() -> Self {
        Self {
            counts: Counts::default(),
            errors: BTreeMap::new(),
            failures: BTreeMap::new(),
            first_failures: Vec::new(),
            skips: BTreeMap::new(),
            saved: 0,
            continued: 0,
            not_begun: 0,
            retries: 0,
            digests: Digests::default(),
            bytes: 0,
            wire_bytes: 0,
            slowest: Duration::ZERO,
            latency: Histogram::new(DIGITS).ok(),
        }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        match &outcome.verdict {
            Verdict::Ok => {
                self.counts.ok += 1;
                self.saved += u64::from(outcome.facts.path.is_some());
                self.continued += u64::from(outcome.facts.continued);
            }
            Verdict::HttpError => self.counts.http_error += 1,
            Verdict::Failed(_) => self.counts.failed += 1,
            Verdict::Skipped(reason) => {
                self.counts.skipped += 1;
                *self.skips.entry(*reason).or_default() += 1;
            }
            Verdict::Cancelled => {
                self.counts.cancelled += 1;
                self.not_begun += u64::from(!matches!(&outcome.subject, Subject::Job(job) if job.attempt > 0));
            }
        }
        if let Some(kind) = outcome.verdict.error_kind() {
            *self.errors.entry(kind).or_default() += 1;
        }
        if let Some(cause) = FailureCause::of(outcome) {
            *self.failures.entry(cause).or_default() += 1;
            if self.first_failures.len() < FailedUrl::MOST {
                self.first_failures.push(FailedUrl::new(outcome, cause));
            }
        }
        if let Subject::Job(job) = &outcome.subject {
            self.retries += u64::from(job.attempt.saturating_sub(1));
        }
        self.digests.add(outcome);
        // A skipped record repeats the bytes that an earlier run received; this run did not receive them.
        if !matches!(outcome.verdict, Verdict::Skipped(_)) {
            self.bytes += outcome.facts.bytes.unwrap_or(0);
            self.wire_bytes += outcome.facts.wire_bytes.unwrap_or(0);
        }
        let answered = matches!(outcome.verdict, Verdict::Ok | Verdict::HttpError);
        if let (true, Some(total), Some(latency)) = (answered, outcome.timing.total, &mut self.latency) {
            self.slowest = self.slowest.max(total);
            // The histogram grows as needed; a latency of ages would be refused, and is not missed.
            let _ = latency.record(u64::try_from(total.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// The bytes of bodies that the run has received, as they were sent.
    pub(super) fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    pub(super) fn failed(&self) -> u64 {
        self.counts.http_error + self.counts.failed
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
        Summary {
            counts: self.counts,
            errors: self.errors.clone(),
            failures: self.failures.clone(),
            first_failures: self.first_failures.clone(),
            skips: self.skips.clone(),
            saved: self.saved,
            continued: self.continued,
            not_begun: self.not_begun,
            changes: None,
            retries: self.retries,
            bytes: self.bytes,
            wire_bytes: self.wire_bytes,
            wall,
            latency,
            peak_concurrency,
            auto: None,
            input_complete,
            next_line,
            stopped,
            digests: self.digests,
            crawl: None,
        }
    }
}
