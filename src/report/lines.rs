//! Progress where there is no terminal: a plain line now and then.

use std::time::Duration;

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
    let total = if p.input_complete { p.read.to_string() } else { format!("{}+", p.read) };
    let (rate, left) = speed(p);
    let left = left.map(|left| format!(", {} left", about(left))).unwrap_or_default();
    let why = held_by(p).map(|why| format!("; held by {why}")).unwrap_or_default();
    format!(
        "{}: {}/{total} done, {rate:.1}/s, {}, {} in flight of {}, {} failed{left}{why}\n",
        duration(p.elapsed),
        p.done,
        size(p.wire_bytes),
        p.in_flight,
        p.waits.limit,
        p.failed
    )
}
