//! Progress where there is no terminal: a plain line now and then.

use std::time::Duration;

use super::crawl_counts::{CrawlCounts, crawl_counts};
use super::waits::{held_by, speed};
use super::{ReportWriter, Reporter};
use crate::model::{Event, Progress};
use crate::policy::text::printable::{about, duration, size};

/// Writes a line at once after the first second and then at growing intervals, so that a log of a
/// long run stays short.
pub struct Lines {
    writer: ReportWriter,
    next: Duration,
    step: Duration,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

impl Lines {
    /// To this writer.
    pub fn new(writer: ReportWriter) -> Self {
        Self { writer, next: FIRST, step: FIRST }
    }
}

impl Reporter for Lines {
    fn watches_progress(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        let Event::Tick(p) = event else { return };
        if p.elapsed < self.next {
            return;
        }
        // A closed standard error must not fail the run.
        let _ = self.writer.write_all(line(p).as_bytes());
        self.step = (self.step * 2).min(LONGEST);
        self.next = p.elapsed + self.step;
    }
}

fn line(p: &Progress) -> String {
    let total = if p.has_total() { p.read.to_string() } else { format!("{}+", p.read) };
    let (rate, left) = speed(p);
    let left = left.map(|left| format!(", {} left", about(left))).unwrap_or_default();
    let crawl = crawl_counts(p).map(|CrawlCounts { counts, reasons }| {
        let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        format!("; {}{reasons}", counts.join(", "))
    });
    let crawl = crawl.unwrap_or_default();
    let why = held_by(p).map(|why| format!("; held by {why}")).unwrap_or_default();
    format!(
        "{}: {}/{total} done, {rate:.1}/s, {}, {} in flight of {}, {} failed{left}{crawl}{why}\n",
        duration(p.elapsed),
        p.done,
        size(p.wire_bytes),
        p.in_flight,
        p.waits.limit,
        p.failed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CrawlSummary, SkipReason, Waits};

    #[test]
    fn a_line_has_the_counts_of_a_crawl_and_no_time_left() {
        let list = Progress {
            read: 20,
            done: 13,
            fetched: 12,
            failed: 1,
            input_complete: true,
            wire_bytes: 1 << 20,
            in_flight: 4,
            elapsed: Duration::from_secs(1),
            waits: Waits { limit: 10, ..Waits::default() },
            ..Progress::default()
        };
        let start = "1.00 s: 13/20";
        assert_eq!(line(&list), format!("{start} done, 12.0/s, 1.0 MiB, 4 in flight of 10, 1 failed, 1 s left\n"));
        let crawl = CrawlSummary {
            pages_by_depth: vec![1, 10],
            hosts: 1,
            left_out: [(SkipReason::Scope, 2)].into(),
            ..CrawlSummary::default()
        };
        let skips = [(SkipReason::Robots, 1)].into();
        let waits = Waits { limits: vec!["--per-host"], ..list.waits.clone() };
        let crawl = Progress { grows: true, skips, crawl: Some(crawl), waits, ..list };
        assert_eq!(
            line(&crawl),
            format!(
                "{start}+ done, 12.0/s, 1.0 MiB, 4 in flight of 10, 1 failed; \
                 11 pages, 3 queued, 1 host, 3 skipped (2 scope, 1 robots); held by --per-host\n"
            )
        );
    }
}
