//! The summary of a run, for people.

use std::fmt::Write as _;

use super::{ReportWriter, Reporter};
use crate::model::{Digests, ErrorKind, Event, SkipReason, StopCause, Summary};
use crate::policy::text::printable::{duration, printable, size};

/// Writes warnings as they come, and the summary when the run is over.
pub struct SummaryText {
    writer: ReportWriter,
    color: bool,
}

impl SummaryText {
    /// To this writer; `color` marks failures.
    pub fn new(writer: ReportWriter, color: bool) -> Self {
        Self { writer, color }
    }
}

impl Reporter for SummaryText {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::RunFinished(summary) => {
                // A closed standard error must not fail the run.
                let _ = self.writer.write_all(render(summary, self.color).as_bytes());
            }
            Event::Warning(text) => {
                let _ = self.writer.write_all(format!("warning: {}\n", printable(text)).as_bytes());
            }
            Event::Stopping { cause: StopCause::Interrupt, grace, in_flight } if *in_flight > 0 => {
                let text = format!(
                    "stopping: {in_flight} under way have {} to finish; press Ctrl-C again to end them now\n",
                    duration(*grace)
                );
                let _ = self.writer.write_all(text.as_bytes());
            }
            _ => {}
        }
    }
}

/// Renders the text of a summary. Its last line has the result.
fn render(s: &Summary, color: bool) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_details(&mut out, s);
    let c = &s.counts;
    let secs = s.wall.as_secs_f64();
    let would = s.skips.get(&SkipReason::DryRun).copied().unwrap_or_default();
    let mut parts = vec![if would > 0 { format!("{would} would be fetched") } else { format!("{} ok", c.ok) }];
    for (n, name) in [(c.http_error + c.failed, "failed"), (c.skipped - would, "skipped"), (c.cancelled, "cancelled")] {
        if n > 0 {
            parts.push(format!("{n} {name}"));
        }
    }
    let sgr = match () {
        () if !color => None,
        () if c.http_error + c.failed > 0 => Some("31"),
        () if c.cancelled > 0 || s.stopped.is_some() => Some("33"),
        () => Some("32"),
    };
    let (on, off) = sgr.map_or((String::new(), ""), |sgr| (format!("\x1b[{sgr}m"), "\x1b[0m"));
    let plural = if c.read == 1 { "URL" } else { "URLs" };
    if c.read == 0 && s.input_complete {
        parts = vec!["nothing to do".to_owned()];
    }
    let _ = writeln!(out, "{on}{} {plural} in {secs:.2} s: {}{off}", c.read, parts.join(", "));
    out
}

/// Why a run stopped, in the words of its flags.
fn why(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Interrupt => "by a signal",
        StopCause::OutputClosed => "nobody reads the records any more",
        StopCause::Broken => "a part of it broke",
        StopCause::FirstCompleted => "the first URL is done (--until first-completed)",
        StopCause::FirstSuccess => "there is a success (--until first-success)",
        StopCause::FirstError => "there is a failure (--until first-error)",
        StopCause::MaxFailures => "too many failures (--max-failures)",
        StopCause::MaxDuration => "its time is over (--max-duration)",
    }
}

fn write_details(out: &mut String, s: &Summary) -> std::fmt::Result {
    let c = &s.counts;
    let secs = s.wall.as_secs_f64().max(1e-6);
    let figures = [
        (c.ok, "ok"),
        (c.http_error, "http_error"),
        (c.failed, "failed"),
        (c.skipped, "skipped"),
        (c.cancelled, "cancelled"),
    ];
    let outcomes: Vec<_> = figures.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    // For a single URL the last line is enough.
    let several = c.read > 1;
    if several && !outcomes.is_empty() {
        writeln!(out, "outcomes   {}", outcomes.join(" · "))?;
    }
    // The outcomes above include cancelled URLs.
    let errors = s.errors.iter().filter(|(kind, _)| **kind != ErrorKind::Cancelled);
    let errors: Vec<_> = errors.map(|(kind, n)| format!("{n} {kind}")).collect();
    if !errors.is_empty() {
        writeln!(out, "errors     {}", errors.join(" · "))?;
    }
    let skips: Vec<_> = s.skips.iter().map(|(reason, n)| format!("{n} {}", reason.as_str())).collect();
    if !skips.is_empty() {
        writeln!(out, "skips      {}", skips.join(" · "))?;
    }
    let Digests { verified, differs, unchecked } = s.digests;
    let digests = [(verified, "verified"), (differs, "differs"), (unchecked, "not checked")];
    let digests: Vec<_> = digests.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if !digests.is_empty() {
        writeln!(out, "digests    {}", digests.join(" · "))?;
    }
    if s.retries > 0 {
        writeln!(out, "retries    {}", s.retries)?;
    }
    // Skipped and cancelled URLs took no time.
    let asked = (c.ok + c.http_error + c.failed) as f64;
    let rate = format!("{:.1} URLs/s, {}/s", asked / secs, size((s.wire_bytes as f64 / secs) as u64));
    let decoded = if size(s.bytes) != size(s.wire_bytes) && s.bytes > s.wire_bytes {
        format!(" ({} decoded)", size(s.bytes))
    } else {
        String::new()
    };
    if several && !s.skips.contains_key(&SkipReason::DryRun) {
        writeln!(out, "received   {}{decoded}, {rate}", size(s.wire_bytes))?;
        if let Some(l) = &s.latency {
            let [p50, p90, p99, max] = [l.p50, l.p90, l.p99, l.max].map(duration);
            writeln!(out, "latency    p50 {p50} · p90 {p90} · p99 {p99} · max {max}")?;
        }
        writeln!(out, "in flight  at most {}", s.peak_concurrency)?;
        if let Some(auto) = &s.auto {
            writeln!(out, "auto       {} at once ({})", auto.limit, auto.why)?;
        }
    }
    // The reader closed the output itself, so the summary does not report it.
    if let Some(cause) = s.stopped.filter(|cause| *cause != StopCause::OutputClosed) {
        writeln!(out, "stopped    {}", why(cause))?;
    }
    if !s.input_complete {
        match &s.next_line {
            Some(next) => {
                writeln!(out, "input      not read to its end; the next line is {}", printable(&next.to_string()))?
            }
            None => writeln!(out, "input      not read to its end")?,
        }
    }
    Ok(())
}
