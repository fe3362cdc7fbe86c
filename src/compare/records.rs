//! The records of a child: their comparison with those of another child, and the times of each fetch.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;
use serde_json::Value;

/// The most fetches of which the times are kept for drawing.
pub(super) const DRAWN: usize = 400;

/// The number of steps in a distribution of latencies.
const STEPS: usize = 200;

/// The part of a record that is looked at here.
#[derive(Deserialize)]
struct RecordLine {
    url: String,
    outcome: String,
    status: Option<u16>,
    bytes: Value,
    sha256: Option<String>,
    blake3: Option<String>,
    error: Option<LineError>,
    started_at: Option<String>,
    timing: LineTiming,
}

#[derive(Deserialize)]
struct LineError {
    kind: String,
}

#[derive(Deserialize)]
struct LineTiming {
    total_ms: Option<f64>,
}

/// When one fetch was under way, from the first start of its run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Its start.
    pub start_ms: f64,
    /// The duration.
    pub total_ms: f64,
    /// Whether its outcome was `ok`.
    pub ok: bool,
}

/// The timing data in the records of one run.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Latencies at equal shares of the answered fetches, from the least to the greatest.
    pub quantiles: Vec<f64>,
    /// The first fetches, in the order in which they began.
    pub spans: Vec<Span>,
    /// The number of fetches that began.
    pub began: usize,
}

/// Records without their order and their times: how often each came, by its hash.
#[derive(Debug, Default)]
pub(super) struct RecordSet(HashMap<[u8; 16], u64>);

/// The difference between two sets.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RecordDifference {
    /// How many records the one has and the other has not; of both ways the greater.
    pub(super) records: u64,
    /// A URL that is only in the later set.
    pub(super) url: Option<String>,
}

/// Reads records, and compares them with those of `reference` on the way.
pub(super) fn read(
    lines: impl BufRead,
    reference: Option<&RecordSet>,
) -> Result<(RecordSet, RecordDifference, Sample), String> {
    let mut set = RecordSet::default();
    let mut surplus = 0;
    let mut url = None;
    let mut latencies = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (line, number) in lines.lines().zip(1..) {
        let line = line.map_err(|error| format!("its records cannot be read: {error}"))?;
        let line: RecordLine =
            serde_json::from_str(&line).map_err(|error| format!("line {number} of its records is none: {error}"))?;
        let times = set.0.entry(hash(&line)).or_default();
        *times += 1;
        if reference.is_some_and(|other| other.0.get(&hash(&line)).copied().unwrap_or(0) < *times) {
            surplus += 1;
            url.get_or_insert_with(|| line.url.clone());
        }
        if let Some(total_ms) = line.timing.total_ms {
            if line.status.is_some() {
                latencies.push(total_ms);
            }
            if let Some(start) = line.started_at.and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
                let start_ms = start.as_microsecond() as f64 / 1000.0;
                spans.push(Span { start_ms, total_ms, ok: line.outcome == "ok" });
            }
        }
    }
    let missing = reference.map_or(0, |other| {
        other.0.iter().map(|(hash, n)| n.saturating_sub(set.0.get(hash).copied().unwrap_or(0))).sum()
    });
    let difference = RecordDifference { records: missing.max(surplus), url };
    Ok((set, difference, sample(latencies, spans)))
}

/// Hashes the fields that must be the same with every backend, without order and times.
fn hash(line: &RecordLine) -> [u8; 16] {
    let kind = line.error.as_ref().map(|error| error.kind.as_str());
    let same = serde_json::json!([line.url, line.outcome, line.status, line.bytes, kind, line.sha256, line.blake3]);
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(same.to_string().as_bytes()).as_bytes()[..16]);
    short
}

fn sample(mut latencies: Vec<f64>, mut spans: Vec<Span>) -> Sample {
    latencies.sort_by(f64::total_cmp);
    let last = latencies.len().saturating_sub(1);
    let steps = last.min(STEPS);
    let at = |step: usize| latencies.get(step * last / steps.max(1)).copied();
    let quantiles = if latencies.is_empty() { Vec::new() } else { (0..=steps).filter_map(at).collect() };
    spans.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    let began = spans.len();
    spans.truncate(DRAWN);
    let first = spans.first().map_or(0.0, |span| span.start_ms);
    spans.iter_mut().for_each(|span| span.start_ms -= first);
    Sample { quantiles, spans, began }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(url: &str, outcome: &str, start: &str, total_ms: f64) -> String {
        format!(
            "{{\"url\":\"{url}\",\"outcome\":\"{outcome}\",\"status\":200,\"bytes\":5,\"sha256\":null,\"blake3\":null,\
             \"error\":null,\"started_at\":\"2026-01-02T03:04:05.{start}Z\",\"timing\":{{\"total_ms\":{total_ms}}}}}\n"
        )
    }

    #[test]
    fn order_and_time_make_no_difference() {
        let one = record("a", "ok", "000", 1.0) + &record("b", "ok", "100", 2.0);
        let other = record("b", "ok", "200", 9.0) + &record("a", "ok", "300", 8.0);
        let (first, ..) = read(one.as_bytes(), None).unwrap();
        let (_, difference, sample) = read(other.as_bytes(), Some(&first)).unwrap();
        assert_eq!(difference, RecordDifference::default());
        assert_eq!(sample.quantiles, [8.0, 9.0]);
        assert_eq!(sample.spans[1], Span { start_ms: 100.0, total_ms: 8.0, ok: true });
    }

    #[test]
    fn different_missing_and_extra_records_are_counted() {
        let one = record("a", "ok", "000", 1.0) + &record("b", "ok", "100", 2.0);
        let (first, ..) = read(one.as_bytes(), None).unwrap();
        let differs = |text: &str| read(text.as_bytes(), Some(&first)).unwrap().1;
        let failed = record("a", "ok", "000", 1.0) + &record("b", "failed", "100", 2.0);
        assert_eq!(differs(&failed), RecordDifference { records: 1, url: Some("b".to_owned()) });
        assert_eq!(differs(&record("a", "ok", "000", 1.0)), RecordDifference { records: 1, url: None });
        assert_eq!(
            differs(&(one + &record("a", "ok", "0", 1.0))),
            RecordDifference { records: 1, url: Some("a".to_owned()) }
        );
        assert!(read("no record".as_bytes(), None).is_err());
    }

    #[test]
    fn a_sample_of_very_many_fetches_is_kept() {
        let many: String = (0..1000).map(|n| record(&n.to_string(), "ok", &format!("{n:03}"), f64::from(n))).collect();
        let (_, _, sample) = read(many.as_bytes(), None).unwrap();
        assert_eq!((sample.spans.len(), sample.began, sample.quantiles.len()), (DRAWN, 1000, STEPS + 1));
        assert_eq!((sample.quantiles[0], sample.quantiles[STEPS]), (0.0, 999.0));
    }
}
