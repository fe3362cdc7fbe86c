//! The summary as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VERSION;
use super::record::{Ms, RecordSource};
use crate::model::{ArchiveSummary, ChangeCounts, CheckCounts, Counts, CrawlSummary, Digests, Summary, TrapCount};

#[derive(Serialize)]
struct LatencyRecord {
    p50_ms: Ms,
    p90_ms: Ms,
    p99_ms: Ms,
    max_ms: Ms,
}

#[derive(Serialize)]
struct ChangeSums {
    added: u64,
    changed: u64,
    removed: u64,
    unchanged: u64,
}

#[derive(Serialize)]
struct CheckSums {
    checked: u64,
    broken: u64,
    broken_fragments: u64,
    pages: u64,
    unchecked: u64,
}

impl From<CheckCounts> for CheckSums {
    fn from(counts: CheckCounts) -> Self {
        let CheckCounts { checked, broken, broken_fragments, pages, unchecked } = counts;
        Self { checked, broken, broken_fragments, pages, unchecked }
    }
}

#[derive(Serialize)]
struct AutoLimit<'a> {
    limit: u32,
    why: &'a str,
}

#[derive(Serialize)]
struct DigestCounts {
    verified: u64,
    differs: u64,
    unchecked: u64,
}

/// The account of a crawl as it is written.
#[derive(Serialize)]
pub struct CrawlRecord<'a> {
    pages: u64,
    pages_by_depth: &'a [u64],
    requisites: u64,
    sitemaps: u64,
    hosts: u64,
    robots_files: u64,
    robots_unread: u64,
    links_seen: u64,
    links_in_scope: u64,
    links_new: u64,
    left_out: BTreeMap<&'static str, u64>,
    traps: Vec<TrapRecord<'a>>,
    queue_left: u64,
}

#[derive(Serialize)]
struct TrapRecord<'a> {
    rule: &'a str,
    links: u64,
    first: &'a str,
}

impl<'a> CrawlRecord<'a> {
    /// The record of an account.
    pub fn of(crawl: &'a CrawlSummary) -> Self {
        Self {
            pages: crawl.pages(),
            pages_by_depth: &crawl.pages_by_depth,
            requisites: crawl.requisites,
            sitemaps: crawl.sitemaps,
            hosts: crawl.hosts,
            robots_files: crawl.robots_files,
            robots_unread: crawl.robots_unread,
            links_seen: crawl.links_seen,
            links_in_scope: crawl.links_in_scope,
            links_new: crawl.links_new,
            left_out: crawl.left_out.iter().map(|(reason, &n)| (reason.as_str(), n)).collect(),
            traps: crawl
                .traps
                .iter()
                .map(|(rule, TrapCount { links, first })| TrapRecord { rule, links: *links, first })
                .collect(),
            queue_left: crawl.queue_left,
        }
    }
}

/// The summary as it is written.
#[derive(Serialize)]
pub struct SummaryRecord<'a> {
    v: u32,
    read: u64,
    ok: u64,
    http_error: u64,
    failed: u64,
    skipped: u64,
    cancelled: u64,
    errors: BTreeMap<&'static str, u64>,
    skips: BTreeMap<&'static str, u64>,
    retries: u64,
    bytes: u64,
    wire_bytes: u64,
    wall_ms: Ms,
    latency: Option<LatencyRecord>,
    peak_concurrency: u32,
    auto_concurrency: Option<AutoLimit<'a>>,
    input_complete: bool,
    next_line: Option<RecordSource<'a>>,
    stopped: Option<&'static str>,
    failures: BTreeMap<String, u64>,
    saved: u64,
    continued: u64,
    not_begun: u64,
    changes: Option<ChangeSums>,
    digests: DigestCounts,
    crawl: Option<CrawlRecord<'a>>,
    archive: Option<ArchiveFilesRecord<'a>>,
    check: Option<CheckSums>,
}

#[derive(Serialize)]
struct ArchiveFilesRecord<'a> {
    files: &'a [String],
    indexes: &'a [String],
    package: Option<&'a str>,
}

impl<'a> SummaryRecord<'a> {
    /// The record of a summary.
    pub fn of(summary: &'a Summary) -> Self {
        let Digests { verified, differs, unchecked } = summary.digests;
        let Counts { read, ok, http_error, failed, skipped, cancelled } = summary.counts;
        Self {
            v: VERSION,
            read,
            ok,
            http_error,
            failed,
            skipped,
            cancelled,
            errors: summary.errors.iter().map(|(kind, &n)| (kind.as_str(), n)).collect(),
            skips: summary.skips.iter().map(|(reason, &n)| (reason.as_str(), n)).collect(),
            retries: summary.retries,
            bytes: summary.bytes,
            wire_bytes: summary.wire_bytes,
            wall_ms: Ms(summary.wall),
            latency: summary.latency.map(|l| LatencyRecord {
                p50_ms: Ms(l.p50),
                p90_ms: Ms(l.p90),
                p99_ms: Ms(l.p99),
                max_ms: Ms(l.max),
            }),
            peak_concurrency: summary.peak_concurrency,
            auto_concurrency: summary.auto.as_ref().map(|auto| AutoLimit { limit: auto.limit, why: &auto.why }),
            input_complete: summary.input_complete,
            next_line: summary.next_line.as_ref().map(|o| RecordSource { file: &o.list, line: o.line }),
            stopped: summary.stopped.map(crate::model::StopCause::as_str),
            failures: summary.failures.iter().map(|(cause, &n)| (cause.to_string(), n)).collect(),
            saved: summary.saved,
            continued: summary.continued,
            not_begun: summary.not_begun,
            changes: summary.changes.map(|ChangeCounts { added, changed, removed, unchanged }| ChangeSums {
                added,
                changed,
                removed,
                unchanged,
            }),
            digests: DigestCounts { verified, differs, unchecked },
            crawl: summary.crawl.as_ref().map(CrawlRecord::of),
            archive: summary.archive.as_ref().map(|ArchiveSummary { files, indexes, package }| ArchiveFilesRecord {
                files,
                indexes,
                package: package.as_deref(),
            }),
            check: summary.check.map(CheckSums::from),
        }
    }
}
