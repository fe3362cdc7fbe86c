//! The summary of a run, for people: what was received, what was saved, what failed, and what to do next.

use std::fmt::Write as _;
use std::time::Duration;

use super::crawl_counts::OF_CRAWLS;
use super::failures::by_cause;
use super::next_command::NextCommand;
use super::{ReportWriter, Reporter};
use crate::model::{
    ArchiveSummary, ChangeCounts, CheckCounts, CrawlSummary, Digests, Event, FailedUrl, SkipReason, StopCause, Summary,
    TrapCount,
};
use crate::policy::text::fit::UrlLine;
use crate::policy::text::printable::{duration, grouped, printable, size};

/// The width of the column of names, with the blanks behind it.
const NAME: usize = 11;

/// The width of the column of causes.
const CAUSE: usize = 11;

/// The destination of the bodies of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SavedBodies {
    /// Into this folder.
    Folder(String),
    /// Into this file.
    File(String),
    /// Into an archive alone, which the account of the run names.
    Archive,
    /// Nowhere: no destination is set.
    Nowhere,
    /// The run has no bodies for files: they go to standard output, or it asks for heads only.
    #[default]
    NoFiles,
}

/// The facts of the run that its account does not have.
#[derive(Debug, Clone, Default)]
pub struct SummaryOptions {
    /// Marks failures.
    pub color: bool,
    /// Returns the width of the terminal; `None` if nothing is to be cut.
    pub columns: Option<fn() -> Option<usize>>,
    /// The destination of the bodies.
    pub bodies: SavedBodies,
    /// How the run can be continued.
    pub next: NextCommand,
    /// Whether `--only` selects the URLs.
    pub selects: bool,
    /// A bar shows that the run stops, and for how long.
    pub has_bar: bool,
}

/// Writes warnings as they come, and the summary when the run is over.
pub struct SummaryText {
    writer: ReportWriter,
    options: SummaryOptions,
}

impl SummaryText {
    /// To this writer.
    pub fn new(writer: ReportWriter, options: SummaryOptions) -> Self {
        Self { writer, options }
    }
}

impl Reporter for SummaryText {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::RunFinished(summary) => {
                // A closed standard error must not fail the run.
                let _ = self.writer.write_all(render(summary, &self.options).as_bytes());
            }
            Event::Warning(text) => {
                let _ = self.writer.write_all(format!("warning: {}\n", printable(text)).as_bytes());
            }
            Event::Stopping { cause: StopCause::Interrupt, grace, in_flight }
                if *in_flight > 0 && !self.options.has_bar =>
            {
                let _ = self.writer.write_all(format!("{}\n", stopping(*in_flight, *grace, usize::MAX)).as_bytes());
            }
            _ => {}
        }
    }
}

/// Returns the text about a run that stops. With few columns the number in flight gives way to the advice.
pub(super) fn stopping(in_flight: u32, left: Duration, columns: usize) -> String {
    // A part of a second counts as one: the time is never shown as over while it goes on.
    let left = match left.as_secs() + u64::from(left.subsec_nanos() > 0) {
        secs @ 0..60 => format!("{secs} s"),
        secs => duration(Duration::from_secs(secs)),
    };
    let text = format!("stopping: {in_flight} in flight, {left} left; Ctrl-C again aborts");
    if text.len() <= columns { text } else { format!("stopping: {left} left; Ctrl-C again aborts") }
}

/// Renders the text of a summary.
fn render(s: &Summary, options: &SummaryOptions) -> String {
    let mut out = String::new();
    let is_dry = s.skips.contains_key(&SkipReason::DryRun);
    // For a single URL the result is enough. A run of finished or wrong lines asks for nothing.
    if s.counts.read > 1 && s.peak_concurrency > 0 && !is_dry {
        write_figures(&mut out, s);
    }
    if s.retries > 0 {
        named(&mut out, "retries", &[s.retries.to_string()]);
    }
    let columns = options.columns.and_then(|columns| columns());
    if let Some(crawl) = &s.crawl {
        write_crawl(&mut out, crawl, columns);
    }
    if let Some(check) = &s.check {
        write_check(&mut out, check);
    }
    if !is_dry {
        write_bodies(&mut out, s, &options.bodies);
    }
    write_failures(&mut out, s, columns);
    write_end(&mut out, s);
    write_account(&mut out, s, options.color);
    if !is_dry && let Some(text) = options.next.text(s, options.selects) {
        line(&mut out, format_args!("{}", printable(&text)));
    }
    out
}

/// Appends a line. Writing to a String cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

/// Appends a line with a name, unless it has no values.
fn named(out: &mut String, name: &str, values: &[String]) {
    if !values.is_empty() {
        line(out, format_args!("{name:<NAME$}{}", values.join(" · ")));
    }
}

/// Appends a line below one with a name: a URL and what became of it. The URL is cut to the width of the terminal.
fn caused(out: &mut String, cause: &str, url: UrlLine<'_>, columns: Option<usize>) {
    let room = columns.map(|columns| columns.saturating_sub(NAME + CAUSE + 2).max(20));
    line(out, format_args!("{:NAME$}{cause:<CAUSE$}  {}", "", url.render(room)));
}

/// The counts that are not zero, with their nouns.
fn counts(counts: &[(u64, &str)]) -> Vec<String> {
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| format!("{n} {noun}")).collect()
}

fn write_figures(out: &mut String, s: &Summary) {
    let secs = s.wall.as_secs_f64().max(1e-6);
    // Skipped and cancelled URLs took no time.
    let asked = (s.counts.ok + s.counts.http_error + s.counts.failed) as f64;
    let rate = format!("{:.1} URLs/s, {}/s", asked / secs, size((s.wire_bytes as f64 / secs) as u64));
    let decoded = if size(s.bytes) != size(s.wire_bytes) && s.bytes > s.wire_bytes {
        format!(" ({} decoded)", size(s.bytes))
    } else {
        String::new()
    };
    named(out, "received", &[format!("{}{decoded}, {rate}", size(s.wire_bytes))]);
    if let Some(l) = &s.latency {
        let [p50, p90, p99, max] = [l.p50, l.p90, l.p99, l.max].map(duration);
        named(out, "latency", &[format!("p50 {p50} · p90 {p90} · p99 {p99} · max {max}")]);
    }
    named(out, "in flight", &[format!("at most {}", s.peak_concurrency)]);
    if let Some(auto) = &s.auto {
        named(out, "auto", &[format!("{} at once ({})", auto.limit, auto.why)]);
    }
}

/// Appends what a crawl found.
fn write_crawl(out: &mut String, crawl: &CrawlSummary, columns: Option<usize>) {
    let depths = crawl.pages_by_depth.iter().enumerate().map(|(depth, n)| format!("{depth}: {}", grouped(*n)));
    let depths: Vec<_> = depths.collect();
    let pages = match depths.as_slice() {
        [] | [_] => grouped(crawl.pages()),
        depths => format!("{} by depth {}", grouped(crawl.pages()), depths.join(" · ")),
    };
    named(out, "pages", &[pages]);
    let CrawlSummary { requisites, sitemaps, robots_files, hosts, .. } = *crawl;
    let files = [(requisites, "requisites"), (sitemaps, "sitemaps"), (robots_files, "robots.txt"), (hosts, "hosts")];
    named(out, "asked", &grouped_counts(&files));
    named(out, "robots.txt", &grouped_counts(&[(crawl.robots_unread, "could not be had; nothing was fetched there")]));
    let links = [(crawl.links_seen, "seen"), (crawl.links_in_scope, "in scope"), (crawl.links_new, "new")];
    named(out, "links", &grouped_counts(&links));
    let left_out: Vec<_> = crawl.left_out.iter().map(|(reason, n)| (*n, reason.as_str())).collect();
    named(out, "left out", &grouped_counts(&left_out));
    for (rule, TrapCount { links, first }) in &crawl.traps {
        let word = format!("trap ×{}", grouped(*links));
        caused(out, &word, UrlLine { url: printable(first), note: printable(rule), ..UrlLine::default() }, columns);
    }
    named(out, "queue", &grouped_counts(&[(crawl.queue_left, "left; the same command goes on")]));
}

/// Appends what a link check found.
fn write_check(out: &mut String, check: &CheckCounts) {
    let CheckCounts { checked, broken, broken_fragments, pages, unchecked } = *check;
    let on = format!("broken on {} {}", grouped(pages), if pages == 1 { "page" } else { "pages" });
    let figures = [
        (checked, "checked"),
        (broken, if pages > 0 { on.as_str() } else { "broken" }),
        (broken_fragments, "broken fragments"),
        (unchecked, "not checked"),
    ];
    named(out, "check", &grouped_counts(&figures));
}

/// As [`counts`], with commas in long numbers.
fn grouped_counts(counts: &[(u64, &str)]) -> Vec<String> {
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| format!("{} {noun}", grouped(*n))).collect()
}

/// Appends the results for the bodies.
fn write_bodies(out: &mut String, s: &Summary, bodies: &SavedBodies) {
    let skips = |reason| s.skips.get(&reason).copied().unwrap_or_default();
    let (done, unchanged) = (skips(SkipReason::Done), skips(SkipReason::NotModified));
    named(out, "resumed", &counts(&[(done, "done before"), (s.continued, "continued inside the body")]));
    let compared = s.changes.is_some();
    let unchanged = if compared { 0 } else { unchanged };
    let known_before = if s.crawl.is_some() { "seen before" } else { "listed before" };
    let mut skipped = vec![
        (unchanged, "not modified"),
        (skips(SkipReason::Exists), "with a file"),
        (skips(SkipReason::Duplicate), known_before),
    ];
    skipped.extend(OF_CRAWLS.map(|reason| (skips(reason), reason.as_str())));
    named(out, "skipped", &counts(&skipped));
    let nothing = if s.counts.skipped > 0 { "nothing new" } else { "nothing" };
    let saved = match (bodies, s.saved) {
        (SavedBodies::NoFiles | SavedBodies::Archive, _) => None,
        (SavedBodies::Nowhere, _) => Some("nothing (no --dir)".to_owned()),
        (SavedBodies::File(file), 1..) => Some(file.clone()),
        (SavedBodies::File(_), 0) => Some(nothing.to_owned()),
        (SavedBodies::Folder(folder), 0) => Some(format!("{nothing} in {folder}")),
        (SavedBodies::Folder(folder), 1) => Some(format!("1 file in {folder}")),
        (SavedBodies::Folder(folder), n) => Some(format!("{n} files in {folder}")),
    };
    if s.counts.read > 0 {
        named(out, "saved", saved.map(|text| printable(&text).into_owned()).as_slice());
    }
    if let Some(archive) = &s.archive {
        write_archive(out, archive);
    }
    let Digests { verified, differs, unchecked } = s.digests;
    named(out, "digests", &counts(&[(verified, "verified"), (differs, "differs"), (unchecked, "not checked")]));
    if let Some(ChangeCounts { added, changed, removed, unchanged }) = s.changes {
        let figures = [(added, "added"), (changed, "changed"), (removed, "removed"), (unchanged, "unchanged")];
        named(out, "changes", &counts(&figures));
    }
}

/// Appends the files of the archive.
fn write_archive(out: &mut String, archive: &ArchiveSummary) {
    let group = |names: &[String]| match names {
        [] => None,
        [one] => Some(printable(one).into_owned()),
        [first, .., last] => Some(format!("{} … {} ({} files)", printable(first), printable(last), names.len())),
    };
    let files = group(&archive.files).unwrap_or_else(|| "nothing new".to_owned());
    let package = archive.package.as_slice();
    let made = [Some(files), group(&archive.indexes), group(package)];
    named(out, "archive", &made.into_iter().flatten().collect::<Vec<_>>());
}

/// Appends the failures by cause, the most frequent first, and the first failed URLs.
fn write_failures(out: &mut String, s: &Summary, columns: Option<usize>) {
    let failed = s.counts.http_error + s.counts.failed;
    if failed == 0 {
        return;
    }
    if let ([FailedUrl { cause, message, .. }], 1) = (s.first_failures.as_slice(), s.counts.read) {
        let why = message.as_ref().map_or_else(String::new, |message| format!(" ({})", printable(message)));
        return named(out, "failed", &[format!("{cause}{why}")]);
    }
    named(out, "failed", &[format!("{failed}: {}", by_cause(&s.failures).join(" · "))]);
    for FailedUrl { url, cause, message } in &s.first_failures {
        let note = message.as_deref().map(printable).unwrap_or_default();
        caused(out, &cause.to_string(), UrlLine { url: printable(url), note, ..UrlLine::default() }, columns);
    }
    let more = failed.saturating_sub(s.first_failures.len() as u64);
    if more > 0 {
        line(out, format_args!("{:NAME$}… and {more} more", ""));
    }
}

/// Appends why the run ended early, and what it left.
fn write_end(out: &mut String, s: &Summary) {
    let in_flight = s.counts.cancelled.saturating_sub(s.not_begun);
    named(out, "cancelled", &counts(&[(in_flight, "begun"), (s.not_begun, "not begun")]));
    // The reader closed the output itself, so the summary does not report it.
    if let Some(cause) = s.stopped.filter(|cause| *cause != StopCause::OutputClosed) {
        named(out, "stopped", &[why(cause).to_owned()]);
    }
    if !s.input_complete {
        let next = s.next_line.as_ref().map(|next| format!("; the next line is {}", printable(&next.to_string())));
        named(out, "input", &[format!("not read to its end{}", next.unwrap_or_default())]);
    }
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
        StopCause::Quota => "it has received enough (--quota)",
    }
}

/// Appends the line with the result.
fn write_account(out: &mut String, s: &Summary, color: bool) {
    let c = &s.counts;
    let would = s.skips.get(&SkipReason::DryRun).copied().unwrap_or_default();
    let mut parts = vec![if would > 0 { format!("{would} would be fetched") } else { format!("{} ok", c.ok) }];
    let failed = c.http_error + c.failed;
    parts.extend(counts(&[(failed, "failed"), (c.skipped - would, "skipped"), (c.cancelled, "cancelled")]));
    let sgr = match () {
        () if !color => None,
        () if failed > 0 => Some("31"),
        () if c.cancelled > 0 || s.stopped.is_some() => Some("33"),
        () => Some("32"),
    };
    let (on, off) = sgr.map_or((String::new(), ""), |sgr| (format!("\x1b[{sgr}m"), "\x1b[0m"));
    let plural = if c.read == 1 { "URL" } else { "URLs" };
    if c.read == 0 && s.input_complete {
        parts = vec!["nothing to do".to_owned()];
    }
    let secs = s.wall.as_secs_f64();
    line(out, format_args!("{on}{} {plural} in {secs:.2} s: {}{off}", c.read, parts.join(", ")));
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
