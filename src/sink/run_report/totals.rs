//! The account of a run as its report shows it, record by record, in bounded memory.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failures::FailuresByCause;
use super::ranking::{RankedUrl, Ranking};
use super::sums::{RecordSums, SumsByWord};
use super::times::{PhaseTimes, TimeLine};
use crate::model::SkipReason;
use crate::policy::text::printable::printable;
use crate::wire::{ReportedOutcome, ReportedUrl};

/// The most hosts with sums of their own. A host takes about 150 bytes.
const HOSTS: usize = 100_000;

/// The most media types, and the most other words, with sums of their own.
const WORDS: usize = 200;

/// The most depths with sums of their own.
const DEPTHS: usize = 50;

/// The rows of each ranking.
const RANKED: usize = 20;

/// The name of a line that is no URL, in the place of its host.
pub(super) const NO_HOST: &str = "(no URL)";

/// The phases of a fetch, with their names.
pub(super) const PHASES: [&str; 5] = ["name look-up", "connect", "TLS", "first byte", "whole fetch"];

/// Adds up records.
#[derive(Debug)]
pub struct RunTotals {
    pub(super) all: RecordSums,
    pub(super) saved: u64,
    pub(super) retries: u64,
    pub(super) redirected: u64,
    pub(super) hops: BTreeMap<u16, u64>,
    pub(super) errors: SumsByWord,
    pub(super) skips: SumsByWord,
    pub(super) hosts: SumsByWord,
    pub(super) types: SumsByWord,
    pub(super) depths: SumsByWord,
    pub(super) versions: SumsByWord,
    pub(super) failures: FailuresByCause,
    pub(super) time: TimeLine,
    pub(super) phases: [PhaseTimes; PHASES.len()],
    pub(super) slowest: Ranking,
    pub(super) largest: Ranking,
    pub(super) longest_chains: Ranking,
}

impl Default for RunTotals {
    fn default() -> Self {
        Self {
            all: RecordSums::default(),
            saved: 0,
            retries: 0,
            redirected: 0,
            hops: BTreeMap::new(),
            errors: SumsByWord::new(WORDS),
            skips: SumsByWord::new(WORDS),
            hosts: SumsByWord::new(HOSTS),
            types: SumsByWord::new(WORDS),
            depths: SumsByWord::new(DEPTHS),
            versions: SumsByWord::new(WORDS),
            failures: FailuresByCause::default(),
            time: TimeLine::new(),
            phases: std::array::from_fn(|_| PhaseTimes::new()),
            slowest: Ranking::new(RANKED),
            largest: Ranking::new(RANKED),
            longest_chains: Ranking::new(RANKED),
        }
    }
}

impl RunTotals {
    /// Adds a record.
    pub fn add(&mut self, record: &ReportedUrl<'_>) {
        let is_failure = matches!(record.outcome, ReportedOutcome::HttpError | ReportedOutcome::Failed);
        self.all.add(record);
        self.saved += u64::from(record.is_saved());
        self.retries += u64::from(record.attempts.saturating_sub(1));
        if let Some(error) = &record.error {
            self.errors.add(&error.kind, record);
        }
        if let Some(skip) = &record.skip {
            self.skips.add(&skip.reason, record);
        }
        self.hosts.add(&host(&record.url), record);
        self.failures.add(record);
        if let Some(depth) = record.depth {
            self.depths.add(&depth.to_string(), record);
        }
        if record.outcome != ReportedOutcome::Skipped {
            self.fetched(record, is_failure);
        }
    }

    /// Adds what only a record of this run's own requests has: a skipped one repeats what an earlier run received.
    fn fetched(&mut self, record: &ReportedUrl<'_>, is_failure: bool) {
        if let Some(version) = &record.http_version {
            self.versions.add(version, record);
        }
        let field = record.content_type.as_deref().unwrap_or_default();
        let media_type = field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if record.status.is_some() {
            self.types.add(if media_type.is_empty() { "(none)" } else { &media_type }, record);
        }
        let timing = &record.timing;
        if let (Some(start), Some(total)) = (record.started_ms(), timing.total_ms) {
            let wire_bytes = record.wire_bytes.unwrap_or(0);
            self.time.add(start, start.saturating_add(total.clamp(0.0, 1e12) as i64), is_failure, wire_bytes);
        }
        // The latency of a summary is that of answers.
        let total = timing.total_ms.filter(|_| record.is_answered());
        let times = [timing.dns_ms, timing.connect_ms, timing.tls_ms, timing.first_byte_ms, total];
        for (phase, ms) in self.phases.iter_mut().zip(times) {
            if let Some(ms) = ms {
                phase.add(ms);
            }
        }
        let ranked = |value, note: &str| RankedUrl {
            value,
            url: record.url.as_ref().into(),
            status: record.status,
            note: note.into(),
        };
        if let Some(ms) = timing.total_ms {
            let kind = record.error.as_ref().map(|error| &*error.kind).unwrap_or_default();
            self.slowest.add(ms, || ranked(ms, kind));
        }
        if let Some(bytes) = record.bytes.filter(|bytes| *bytes > 0) {
            self.largest.add(bytes as f64, || ranked(bytes as f64, &media_type));
        }
        if !record.redirects.is_empty() {
            self.redirected += 1;
            for hop in &record.redirects {
                *self.hops.entry(hop.status).or_default() += 1;
            }
            let length = record.redirects.len() as f64;
            let last = record.final_url.as_deref().unwrap_or_default();
            self.longest_chains.add(length, || ranked(length, last));
        }
    }

    /// The URLs whose bodies were there before the run and still are.
    pub(super) fn in_place(&self) -> u64 {
        let reasons = [SkipReason::Done, SkipReason::NotModified, SkipReason::Exists].map(SkipReason::as_str);
        let skips = self.skips.ranked();
        skips.iter().filter(|(reason, _)| reasons.contains(reason)).map(|(_, sums)| sums.urls).sum()
    }

    /// The sums, with the names that a summary has for them.
    pub(super) fn figures(&self) -> Value {
        let RecordSums { urls, ok, http_error, failed, skipped, cancelled, bytes, wire_bytes, .. } = self.all;
        let words = |sums: &SumsByWord| -> BTreeMap<String, u64> {
            sums.ranked().into_iter().map(|(word, sums)| (printable(word).into_owned(), sums.urls)).collect()
        };
        let failures: BTreeMap<String, u64> = self
            .failures
            .ranked()
            .into_iter()
            .map(|(cause, failures)| (printable(cause).into_owned(), failures.count))
            .collect();
        let whole = &self.phases[PHASES.len() - 1];
        let latency = (whole.count() > 0).then(|| {
            json!({"p50_ms": whole.quantile(0.5), "p90_ms": whole.quantile(0.9), "p99_ms": whole.quantile(0.99),
                   "max_ms": whole.longest_ms()})
        });
        json!({"read": urls, "ok": ok, "http_error": http_error, "failed": failed, "skipped": skipped,
               "cancelled": cancelled, "errors": words(&self.errors), "skips": words(&self.skips),
               "failures": failures, "retries": self.retries, "bytes": bytes, "wire_bytes": wire_bytes,
               "saved": self.saved, "latency": latency})
    }
}

/// The host of a URL with its port, without a name and a password.
fn host(url: &str) -> String {
    let Some((_, rest)) = url.split_once("://") else { return NO_HOST.to_owned() };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() { NO_HOST.to_owned() } else { host.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_have_no_credentials() {
        for (url, expected) in [
            ("http://A.test:81/x", "a.test:81"),
            ("https://ann:pw@a.test?q=@b", "a.test"),
            ("http://[::1]:8/", "[::1]:8"),
            ("no url", NO_HOST),
            ("http:///x", NO_HOST),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    proptest! {
        /// The parts of each table add up to all records.
        #[test]
        fn parts_add_up_to_the_whole(
            records in proptest::collection::vec((0..5_usize, 0..400_u32, 0..900_u64, 200..600_u16, 0..99_u32), 0..600)
        ) {
            let mut totals = RunTotals::default();
            for (outcome, host, bytes, status, depth) in &records {
                let outcome = ["ok", "http_error", "failed", "skipped", "cancelled"][*outcome];
                let error = match outcome {
                    "ok" | "skipped" => "null".to_owned(),
                    _ => format!(r#"{{"kind":"k{}","message":"m"}}"#, host % 300),
                };
                let line = format!(
                    r#"{{"url":"http://h{host}/","outcome":"{outcome}","status":{status},"bytes":{bytes},"depth":{depth},"error":{error}}}"#
                );
                totals.add(&ReportedUrl::parse(&line).unwrap());
            }
            let all = totals.all;
            prop_assert_eq!(all.urls, records.len() as u64);
            prop_assert_eq!(all.ok + all.http_error + all.failed + all.skipped + all.cancelled, all.urls);
            for words in [&totals.hosts, &totals.depths] {
                for most in [0, 3, 1000] {
                    let (shown, rest) = words.shown(most, most);
                    let sum = |get: fn(&RecordSums) -> u64| shown.iter().map(|row| get(row.1)).sum::<u64>() + get(&rest);
                    prop_assert_eq!(sum(|sums| sums.urls), all.urls);
                    prop_assert_eq!(sum(RecordSums::all_failed), all.all_failed());
                    prop_assert_eq!(sum(|sums| sums.bytes), all.bytes);
                }
            }
            let causes: u64 = totals.failures.ranked().iter().map(|(_, failures)| failures.count).sum();
            prop_assert_eq!(causes, all.all_failed());
        }
    }

    #[test]
    fn skipped_records_have_no_bytes_and_no_times() {
        let mut totals = RunTotals::default();
        let lines = [
            r#"{"url":"http://a.test/1","outcome":"ok","status":200,"bytes":10,"wire_bytes":5,"path":"x","attempts":3,"started_at":"2026-01-02T03:04:05.000Z","timing":{"total_ms":20.0},"redirects":[{"status":301,"url":"u"}]}"#,
            r#"{"url":"http://a.test/1","outcome":"skipped","status":200,"bytes":10,"wire_bytes":5,"path":"x","attempts":1,"started_at":"2025-01-02T03:04:05.000Z","timing":{"total_ms":90.0},"skip":{"reason":"done","rule":null}}"#,
            r#"{"url":"http://b.test/1","outcome":"http_error","status":404,"bytes":1,"attempts":1,"timing":{"total_ms":10.0},"error":{"kind":"http_status","message":"m"}}"#,
            r#"{"url":"nothing","outcome":"failed","error":{"kind":"invalid_url","message":"m"}}"#,
            r#"{"url":"http://b.test/2","outcome":"cancelled","attempts":0,"error":{"kind":"cancelled","message":"m"}}"#,
        ];
        for line in lines {
            totals.add(&ReportedUrl::parse(line).unwrap());
        }
        let figures = totals.figures();
        assert_eq!(
            figures.to_string(),
            r#"{"bytes":11,"cancelled":1,"errors":{"cancelled":1,"http_status":1,"invalid_url":1},"failed":1,"failures":{"404":1,"invalid_url":1},"http_error":1,"latency":{"max_ms":20.0,"p50_ms":10.007,"p90_ms":20.0,"p99_ms":20.0},"ok":1,"read":5,"retries":2,"saved":1,"skipped":1,"skips":{"done":1},"wire_bytes":5}"#
        );
        let (first, last) = totals.time.span().unwrap();
        assert_eq!(last - first, 20);
        assert_eq!((totals.redirected, totals.hops.get(&301)), (1, Some(&1)));
        assert_eq!(
            totals.hosts.ranked().first().map(|(host, sums)| (*host, sums.urls, sums.bytes)),
            Some(("a.test", 2, 10))
        );
        assert_eq!(totals.slowest.rows().len(), 2);
    }
}
