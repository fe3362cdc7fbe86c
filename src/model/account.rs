//! Adds outcomes up to the account of a run. The engine and the live view both count with it.

use super::{ErrorKind, FailedUrl, FailureCause, Outcome, SkipReason, Subject, Summary, Verdict};

/// Ok outcomes that could not be kept, so that a later run fetches their URLs again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnkeptCounts {
    /// All of them.
    pub ok: u64,
    /// Those whose body became a file.
    pub saved: u64,
    /// Those whose body continues one that was cut off.
    pub continued: u64,
}

impl UnkeptCounts {
    /// Counts an ok outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        self.ok += 1;
        self.saved += u64::from(outcome.facts.path.is_some());
        self.continued += u64::from(outcome.facts.continued);
    }
}

impl Summary {
    /// Counts an outcome. It leaves [`read`](super::Counts::read) and the latency to the caller.
    pub fn add(&mut self, outcome: &Outcome) {
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
    }

    /// Counts these outcomes as failed instead of ok.
    pub fn fail_ok(&mut self, unkept: UnkeptCounts, kind: ErrorKind) {
        let UnkeptCounts { ok, saved, continued } = unkept;
        self.counts.ok = self.counts.ok.saturating_sub(ok);
        self.saved = self.saved.saturating_sub(saved);
        self.continued = self.continued.saturating_sub(continued);
        self.counts.failed += ok;
        if ok > 0 {
            *self.errors.entry(kind).or_default() += ok;
            *self.failures.entry(FailureCause::Kind(kind)).or_default() += ok;
        }
    }

    /// Returns the number of http_error and failed outcomes.
    pub fn failed(&self) -> u64 {
        self.counts.http_error + self.counts.failed
    }

    /// Returns the number of skipped URLs whose body is there: from an earlier run, or as a file of another program.
    pub fn good_before(&self) -> u64 {
        let good = [SkipReason::Done, SkipReason::NotModified, SkipReason::Exists];
        good.iter().filter_map(|reason| self.skips.get(reason)).sum()
    }
}
