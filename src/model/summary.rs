//! The account of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ArchiveSummary, ErrorKind, FailedUrl, FailureCause, Outcome, SkipReason, SourcePos, Verdict};

/// Outcomes by kind. The five add up to `read`: that is the accounting rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines read.
    pub read: u64,
    /// Complete 2xx answers.
    pub ok: u64,
    /// 4xx and 5xx answers.
    pub http_error: u64,
    /// No usable answer.
    pub failed: u64,
    /// Not fetched, on purpose.
    pub skipped: u64,
    /// Stopped first.
    pub cancelled: u64,
}

impl Counts {
    /// Outcomes so far.
    pub const fn done(&self) -> u64 {
        self.ok + self.http_error + self.failed + self.skipped + self.cancelled
    }

    /// Whether every line read has its outcome.
    pub const fn add_up(&self) -> bool {
        self.done() == self.read
    }
}

/// Quantiles of the time from the start of a fetch to its end, over fetches that got a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half were at most this long.
    pub p50: Duration,
    /// Nine of ten were at most this long.
    pub p90: Duration,
    /// 99 of 100 were at most this long.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// The results of the digests that lists declare. A URL counts once, also with two digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digests {
    /// The body has them.
    pub verified: u64,
    /// The body has others.
    pub differs: u64,
    /// They were not compared: the URL counts as good or as there, but no body was read.
    pub unchecked: u64,
}

impl Digests {
    /// Counts an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        let declared = outcome.subject.seed().and_then(|seed| seed.overrides.as_deref());
        let Some(declared) = declared.filter(|declared| declared.sha256.is_some() || declared.blake3.is_some()) else {
            return;
        };
        let found = &outcome.facts.found;
        let is_in = |declared: Option<[u8; 32]>, found| declared.is_none() || declared == found;
        let agrees = is_in(declared.sha256, found.sha256) && is_in(declared.blake3, found.blake3);
        match &outcome.verdict {
            Verdict::Ok if agrees => self.verified += 1,
            Verdict::Failed(error) if error.kind == ErrorKind::Checksum => self.differs += 1,
            // An earlier run has verified the others of these.
            Verdict::Ok | Verdict::Skipped(SkipReason::Exists | SkipReason::Done | SkipReason::NotModified)
                if !agrees =>
            {
                self.unchecked += 1;
            }
            Verdict::Ok | Verdict::Skipped(_) | Verdict::HttpError | Verdict::Failed(_) | Verdict::Cancelled => {}
        }
    }
}

/// Why a run stopped before its input was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// A signal, or a call of the library's stop.
    Interrupt,
    /// The reader of the records closed the output.
    OutputClosed,
    /// A sink, the source or the backend broke.
    Broken,
    /// The first URL was done, as `--until first-completed` asks.
    FirstCompleted,
    /// The first URL was ok, as `--until first-success` asks.
    FirstSuccess,
    /// The first URL failed, as `--until first-error` asks.
    FirstError,
    /// As many failed as `--max-failures` allows.
    MaxFailures,
    /// The time of `--max-duration` was over.
    MaxDuration,
    /// The bytes of `--quota` were received.
    Quota,
}

impl StopCause {
    /// Every cause, in documentation order.
    pub const ALL: &[StopCause] = &[
        StopCause::Interrupt,
        StopCause::OutputClosed,
        StopCause::Broken,
        StopCause::FirstCompleted,
        StopCause::FirstSuccess,
        StopCause::FirstError,
        StopCause::MaxFailures,
        StopCause::MaxDuration,
        StopCause::Quota,
    ];

    /// The name in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            StopCause::Interrupt => "interrupt",
            StopCause::OutputClosed => "output_closed",
            StopCause::Broken => "broken",
            StopCause::FirstCompleted => "first_completed",
            StopCause::FirstSuccess => "first_success",
            StopCause::FirstError => "first_error",
            StopCause::MaxFailures => "max_failures",
            StopCause::MaxDuration => "max_duration",
            StopCause::Quota => "quota",
        }
    }
}

/// The differences between a run and the runs before it, of a run that compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// Ok now, and not before.
    pub added: u64,
    /// Ok before and now, and not the same.
    pub changed: u64,
    /// Ok before, and gone now or no longer listed.
    pub removed: u64,
    /// Ok before and now, and the same.
    pub unchanged: u64,
}

/// The counts of a link check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// The URLs with an answer, or without a usable one.
    pub checked: u64,
    /// The URLs among these that are broken.
    pub broken: u64,
    /// The links whose fragment names no place of their page, by page and target.
    pub broken_fragments: u64,
    /// The pages that have such links.
    pub pages: u64,
    /// The URLs that were not asked for: robots.txt forbids it, or the run was stopped first.
    pub unchecked: u64,
}

/// The concurrency that `--concurrency auto` chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoConcurrency {
    /// The limit at the end.
    pub limit: u32,
    /// The reason, in words for people.
    pub why: String,
}

/// The account of a crawl, beside that of its outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrawlSummary {
    /// The pages that were fetched or are known from an earlier run, by the length of the way to them from a start
    /// page.
    pub pages_by_depth: Vec<u64>,
    /// The requisites of pages: images, scripts, style sheets.
    pub requisites: u64,
    /// The sitemaps that were read.
    pub sitemaps: u64,
    /// The hosts that were asked.
    pub hosts: u64,
    /// The robots.txt files that were asked for.
    pub robots_files: u64,
    /// The origins of which nothing was fetched, because their robots.txt got no answer or a status 429 or 5xx.
    pub robots_unread: u64,
    /// The links of all documents, each text of a document once.
    pub links_seen: u64,
    /// Those that the scope has.
    pub links_in_scope: u64,
    /// Those that led to URLs not seen before.
    pub links_new: u64,
    /// The links that were not followed, by reason.
    pub left_out: BTreeMap<SkipReason, u64>,
    /// The traps among these, by the name of the limit.
    pub traps: BTreeMap<Box<str>, TrapCount>,
    /// The URLs that still waited when the run ended.
    pub queue_left: u64,
}

/// The links that one rule for traps left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapCount {
    /// How many.
    pub links: u64,
    /// The first one.
    pub first: String,
}

impl CrawlSummary {
    /// The pages of all depths.
    pub fn pages(&self) -> u64 {
        self.pages_by_depth.iter().sum()
    }
}

/// The account of a run, complete even when it was stopped.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Outcomes by kind.
    pub counts: Counts,
    /// http_error, failed and cancelled outcomes by error kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// http_error and failed outcomes by cause.
    pub failures: BTreeMap<FailureCause, u64>,
    /// The first of them, at most [`FailedUrl::MOST`].
    pub first_failures: Vec<FailedUrl>,
    /// Skipped outcomes by reason.
    pub skips: BTreeMap<SkipReason, u64>,
    /// Ok outcomes whose body became a file.
    pub saved: u64,
    /// Ok outcomes whose body continues one that was cut off.
    pub continued: u64,
    /// Cancelled outcomes that were never requested.
    pub not_begun: u64,
    /// The changes, if the run compares.
    pub changes: Option<ChangeCounts>,
    /// The archive, if the run writes one.
    pub archive: Option<ArchiveSummary>,
    /// Tries beyond the first of each URL.
    pub retries: u64,
    /// Decoded body bytes of all outcomes.
    pub bytes: u64,
    /// Body bytes as received, before decoding.
    pub wire_bytes: u64,
    /// From start to end.
    pub wall: Duration,
    /// The latency; `None` without any response.
    pub latency: Option<Latency>,
    /// The most fetches under way at once, as counted by the backend.
    pub peak_concurrency: u32,
    /// The choice of `--concurrency auto`.
    pub auto: Option<AutoConcurrency>,
    /// Whether the input was read to its end.
    pub input_complete: bool,
    /// The first line that was not read, when the input was not read to its end.
    pub next_line: Option<SourcePos>,
    /// Why the run stopped early, if it did.
    pub stopped: Option<StopCause>,
    /// The digests that lists declare.
    pub digests: Digests,
    /// The account of a crawl; `None` for a list.
    pub crawl: Option<CrawlSummary>,
    /// The counts of a link check.
    pub check: Option<CheckCounts>,
}
