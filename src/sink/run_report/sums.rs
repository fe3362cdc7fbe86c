//! Sums by a word: a host, a media type, a depth. Bounded, and nothing is lost: what has no row of its own is in the rest.

use std::collections::HashMap;

use crate::wire::{ReportedOutcome, ReportedUrl};

/// The sums of some records.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RecordSums {
    pub urls: u64,
    pub ok: u64,
    pub http_error: u64,
    pub failed: u64,
    pub skipped: u64,
    pub cancelled: u64,
    pub bytes: u64,
    pub wire_bytes: u64,
    /// Records with an answer and its time.
    pub timed: u64,
    pub total_ms: f64,
    pub longest_ms: f64,
}

impl RecordSums {
    pub fn add(&mut self, record: &ReportedUrl<'_>) {
        self.urls += 1;
        match record.outcome {
            ReportedOutcome::Ok => self.ok += 1,
            ReportedOutcome::HttpError => self.http_error += 1,
            ReportedOutcome::Failed => self.failed += 1,
            ReportedOutcome::Skipped => self.skipped += 1,
            ReportedOutcome::Cancelled => self.cancelled += 1,
        }
        // A skipped record repeats the bytes that an earlier run received.
        if record.outcome != ReportedOutcome::Skipped {
            self.bytes = self.bytes.saturating_add(record.bytes.unwrap_or(0));
            self.wire_bytes = self.wire_bytes.saturating_add(record.wire_bytes.unwrap_or(0));
        }
        if let (true, Some(ms)) = (record.is_answered(), record.timing.total_ms) {
            self.timed += 1;
            self.total_ms += ms;
            self.longest_ms = self.longest_ms.max(ms);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.urls += other.urls;
        self.ok += other.ok;
        self.http_error += other.http_error;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.wire_bytes = self.wire_bytes.saturating_add(other.wire_bytes);
        self.timed += other.timed;
        self.total_ms += other.total_ms;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    pub fn all_failed(&self) -> u64 {
        self.http_error + self.failed
    }

    pub fn mean_ms(&self) -> Option<f64> {
        (self.timed > 0).then(|| self.total_ms / self.timed as f64)
    }
}

/// The sums of each word.
#[derive(Debug)]
pub(super) struct SumsByWord {
    most: usize,
    rows: HashMap<Box<str>, RecordSums>,
    rest: RecordSums,
}

impl SumsByWord {
    /// The longest word that is kept.
    const LONGEST: usize = 256;

    /// With at most this many words.
    pub fn new(most: usize) -> Self {
        Self { most, rows: HashMap::new(), rest: RecordSums::default() }
    }

    pub fn add(&mut self, word: &str, record: &ReportedUrl<'_>) {
        if let Some(sums) = self.rows.get_mut(word) {
            sums.add(record);
        } else if self.rows.len() < self.most && word.len() <= Self::LONGEST {
            self.rows.entry(word.into()).or_default().add(record);
        } else {
            self.rest.add(record);
        }
    }

    /// The number of words with sums of their own.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All words with sums of their own, the most URLs first.
    pub fn ranked(&self) -> Vec<(&str, &RecordSums)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(word, sums)| (&**word, sums)).collect();
        rows.sort_unstable_by(|a, b| b.1.urls.cmp(&a.1.urls).then(a.0.cmp(b.0)));
        rows
    }

    /// The `by_urls` words with the most URLs and the `by_failures` with the most failures, and the sums of all others.
    pub fn shown(&self, by_urls: usize, by_failures: usize) -> (Vec<(&str, &RecordSums)>, RecordSums) {
        let ranked = self.ranked();
        let mut order: Vec<usize> = (0..ranked.len()).filter(|at| ranked[*at].1.all_failed() > 0).collect();
        order.sort_by_key(|at| std::cmp::Reverse(ranked[*at].1.all_failed()));
        order.truncate(by_failures);
        order.sort_unstable();
        let (mut shown, mut rest) = (Vec::new(), self.rest);
        for (at, row) in ranked.into_iter().enumerate() {
            if at < by_urls || order.binary_search(&at).is_ok() {
                shown.push(row);
            } else {
                rest.merge(row.1);
            }
        }
        (shown, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(line: &str) -> ReportedUrl<'_> {
        ReportedUrl::parse(line).unwrap()
    }

    #[test]
    fn words_beyond_the_bound_are_in_the_rest() {
        let mut sums = SumsByWord::new(2);
        let ok = record(r#"{"url":"u","outcome":"ok","bytes":2,"timing":{"total_ms":3.0}}"#);
        let bad = record(r#"{"url":"u","outcome":"failed"}"#);
        for word in ["a", "b", "b", "c", "d"] {
            sums.add(word, &ok);
        }
        sums.add("a", &bad);
        sums.add("a", &bad);
        let long = "x".repeat(300);
        sums.add(&long, &ok);
        let (shown, rest) = sums.shown(9, 9);
        assert_eq!(shown.iter().map(|(word, sums)| (*word, sums.urls)).collect::<Vec<_>>(), [("a", 3), ("b", 2)]);
        assert_eq!((rest.urls, rest.bytes, rest.mean_ms()), (3, 6, Some(3.0)));
        // Few rows: the one with failures stays although another has more URLs.
        for _ in 0..9 {
            sums.add("b", &ok);
        }
        let (shown, rest) = sums.shown(1, 1);
        assert_eq!(shown.iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["b", "a"]);
        let (_, none) = sums.shown(0, 0);
        assert_eq!((rest.urls, none.urls), (3, 17));
    }
}
