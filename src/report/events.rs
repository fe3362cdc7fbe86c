//! Progress for programs: one JSON object a line.

use std::collections::BTreeMap;

use serde::Serialize;

use super::waits::held_by;
use super::{ReportWriter, Reporter};
use crate::model::{Event, Job, Outcome, Progress, Subject};
use crate::wire::{CrawlRecord, SummaryRecord, VERSION, line};

/// Writes `run_started`, `warning`, `started`, `retrying`, `done`, `progress`, `stopping` and `run_finished` events.
pub struct Events {
    writer: ReportWriter,
}

impl Events {
    /// To this writer.
    pub fn new(writer: ReportWriter) -> Self {
        Self { writer }
    }

    fn write(&mut self, event: &Wire<'_>) {
        // Plain values always serialise, and a closed output must not fail the run.
        let mut line = Vec::with_capacity(256);
        if line::append_line(event, &mut line).is_ok() {
            let _ = self.writer.write_all(&line);
        }
    }
}

/// Returns the warning event with the number of events that a full queue dropped.
pub fn dropped_event(lines: u64) -> Vec<u8> {
    let mut line = Vec::new();
    let message = format!("{lines} events were dropped: they were not read in time");
    // Plain values always serialise.
    let _ = line::append_line(&Wire::Warning { message: &message }, &mut line);
    line
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Wire<'a> {
    RunStarted {
        v: u32,
        concurrency: u32,
        expected: Option<u64>,
    },
    Warning {
        message: &'a str,
    },
    Started {
        id: u64,
        url: &'a str,
    },
    Retrying {
        id: Option<u64>,
        url: &'a str,
        attempt: u32,
        status: Option<u16>,
        error: Option<&'static str>,
        after_ms: u64,
    },
    Done {
        id: Option<u64>,
        url: &'a str,
        outcome: &'static str,
        status: Option<u16>,
        error: Option<&'static str>,
    },
    Progress {
        elapsed_ms: u64,
        done: u64,
        read: u64,
        input_complete: bool,
        grows: bool,
        failed: u64,
        failures: BTreeMap<String, u64>,
        skips: BTreeMap<&'static str, u64>,
        crawl: Option<Box<CrawlRecord<'a>>>,
        in_flight: u32,
        wire_bytes: u64,
        slowest: Vec<Slow<'a>>,
        concurrency: u32,
        retries_waiting: usize,
        next_retry_ms: Option<u64>,
        held_by: Option<String>,
    },
    Stopping {
        cause: &'static str,
        grace_ms: u64,
        in_flight: u32,
    },
    RunFinished {
        summary: Box<SummaryRecord<'a>>,
    },
}

#[derive(Serialize)]
struct Slow<'a> {
    url: &'a str,
    age_ms: u64,
    bytes: u64,
    length: Option<u64>,
}

impl Reporter for Events {
    fn watches_jobs(&self) -> bool {
        true
    }

    fn watches_progress(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        let wire = match event {
            Event::RunStarted(info) => {
                Wire::RunStarted { v: VERSION, concurrency: info.concurrency, expected: info.expected }
            }
            Event::Warning(message) => Wire::Warning { message },
            Event::HandedOut(job) => Wire::Started { id: job.seed.id.0, url: job.seed.url.as_str() },
            Event::Retrying { outcome, after } => Wire::Retrying {
                id: job_of(outcome).map(|job| job.seed.id.0),
                url: outcome.subject.url(),
                attempt: job_of(outcome).map_or(0, |job| job.attempt),
                status: outcome.facts.status,
                error: outcome.verdict.error_kind().map(crate::model::ErrorKind::as_str),
                after_ms: millis(*after),
            },
            Event::Done(outcome) => Wire::Done {
                id: job_of(outcome).map(|job| job.seed.id.0),
                url: outcome.subject.url(),
                outcome: outcome.verdict.as_str(),
                status: outcome.facts.status,
                error: outcome.verdict.error_kind().map(crate::model::ErrorKind::as_str),
            },
            Event::Tick(p) => progress(p),
            Event::Hosts(_) => return,
            Event::Stopping { cause, grace, in_flight } => {
                Wire::Stopping { cause: cause.as_str(), grace_ms: millis(*grace), in_flight: *in_flight }
            }
            Event::RunFinished(summary) => Wire::RunFinished { summary: Box::new(SummaryRecord::of(summary)) },
        };
        self.write(&wire);
    }
}

fn job_of(outcome: &Outcome) -> Option<&Job> {
    match &outcome.subject {
        Subject::Job(job) => Some(job),
        Subject::Seed(_) | Subject::Bad(_) => None,
    }
}

fn millis(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

fn progress<'a>(p: &'a Progress) -> Wire<'a> {
    Wire::Progress {
        elapsed_ms: millis(p.elapsed),
        done: p.done,
        read: p.read,
        input_complete: p.input_complete,
        grows: p.grows,
        failed: p.failed,
        failures: p.failures.iter().map(|(cause, n)| (cause.to_string(), *n)).collect(),
        skips: p.skips.iter().map(|(reason, &n)| (reason.as_str(), n)).collect(),
        crawl: p.crawl.as_ref().map(CrawlRecord::of).map(Box::new),
        in_flight: p.in_flight,
        wire_bytes: p.wire_bytes,
        slowest: p
            .slowest
            .iter()
            .map(|s| Slow { url: &s.url, age_ms: millis(s.age), bytes: s.received, length: s.length })
            .collect(),
        concurrency: p.waits.limit,
        retries_waiting: p.waits.retries,
        next_retry_ms: p.waits.next_retry.map(millis),
        held_by: held_by(p),
    }
}
