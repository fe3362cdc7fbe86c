//! The bar on a terminal, and the writer that prints above it without tearing.

mod canvas;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub use canvas::{stderr_columns, stdout_columns};

use super::crawl_counts::{CrawlCounts, crawl_counts};
use super::failures::by_cause;
use super::summary::stopping;
use super::waits::{held_by, speed};
use super::{LossyWriter, Reporter};
use crate::model::{Event, InFlight, Progress};
use crate::policy::text::fit::cut_middle;
use crate::policy::text::printable::{about, cut, duration, printable, size};

/// The width of the names of the lines below the bar.
const NAME: usize = 7;

/// How many of the slowest URLs are shown.
const SLOWEST: usize = 3;

/// A run is worth a bar once it has taken this long: until then it would only flicker.
const WORTH_A_BAR: Duration = Duration::from_millis(250);

/// The least columns of a URL beside the progress of its body.
const LEAST_URL: usize = 40;

/// A URL is worth a line once it has taken this long.
const SLOW: Duration = Duration::from_secs(1);

/// Pending text above the bar is printed at the latest at this size, in bytes.
const MOST_PENDING: usize = 64 * 1024;

/// Draws the bar on standard error.
pub struct Bar {
    screen: Arc<Screen>,
    total: ProgressBar,
    /// The columns before its text.
    before_text: usize,
    /// It waits for the end of the input, which is typed into the same terminal.
    after_input: bool,
    /// The lines below it: the counts of a crawl, the failures, and why fewer are in flight than the run allows.
    lines: [Option<ProgressBar>; 3],
    slow: Vec<ProgressBar>,
}

struct Screen {
    multi: MultiProgress,
    stderr: LossyWriter,
    /// Lines to be printed above the bar.
    pending: Mutex<Vec<u8>>,
}

impl Screen {
    /// Prints the pending lines above the bar.
    fn flush(&self) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut *pending);
        self.multi.suspend(|| self.stderr.push_lossless(&pending))
    }
}

impl Bar {
    /// A bar on standard error, which `stderr` writes to; `color` says whether it has any.
    pub fn new(stderr: LossyWriter, color: bool) -> Self {
        let multi = MultiProgress::with_draw_target(canvas::target(stderr.clone()));
        let width = (stderr_columns().unwrap_or_default() / 8).clamp(10, 30);
        let color = if color { ".cyan" } else { "" };
        let template = format!("[{{bar:{width}{color}}}] {{wide_msg}}");
        let total = multi.add(ProgressBar::new(0).with_style(style(&template).progress_chars("=> ")));
        let screen = Arc::new(Screen { multi, stderr, pending: Mutex::default() });
        let before_text = width + "[] ".len();
        Self { screen, total, before_text, after_input: false, lines: Default::default(), slow: Vec::new() }
    }

    /// Draws nothing before the end of the input: the list is typed into the same terminal.
    pub fn after_input(self, after_input: bool) -> Self {
        Self { after_input, ..self }
    }

    /// A writer of lines that appear above the bar, at the latest at its next tick. It loses none:
    /// when the terminal takes nothing its writes wait.
    pub fn above(&self) -> LinesAbove {
        LinesAbove { screen: self.screen.clone() }
    }

    /// A writer that clears the bar for each write.
    pub fn around(&self) -> TextAround {
        TextAround { screen: self.screen.clone() }
    }

    fn tick(&mut self, p: &Progress) {
        // A terminal that has not taken the last drawing gets no other one.
        if !self.screen.stderr.is_idle() {
            return;
        }
        // An error is reported where the sink itself writes.
        let _ = self.screen.flush();
        let is_early = p.elapsed < WORTH_A_BAR || (self.after_input && !p.input_complete);
        if is_early && p.stopping.is_none() {
            return;
        }
        self.total.set_length(p.read.max(1));
        self.total.set_position(p.done);
        let columns = room();
        let beside = columns.saturating_sub(self.before_text);
        let text = p.stopping.map_or_else(|| message(p, beside), |left| stopping(p.in_flight, left, beside));
        self.total.set_message(cut(&text, beside).into_owned());
        self.say([crawl_line(p, columns), failed_line(p, columns), held_by_line(p, columns)]);
        let slow: Vec<_> = p.slowest.iter().filter(|s| s.age >= SLOW).take(SLOWEST).collect();
        while self.slow.len() > slow.len() {
            if let Some(line) = self.slow.pop() {
                line.finish_and_clear();
                self.screen.multi.remove(&line);
            }
        }
        while self.slow.len() < slow.len() {
            let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
            self.slow.push(self.screen.multi.add(line));
        }
        let names = ["slowest"].into_iter().chain(std::iter::repeat(""));
        for ((line, slow), name) in self.slow.iter().zip(slow).zip(names) {
            line.set_message(slow_line(name, slow, columns));
        }
    }

    /// Shows each of these lines below the bar, or removes it.
    fn say(&mut self, texts: [Option<String>; 3]) {
        let mut above = self.total.clone();
        for (line, text) in self.lines.iter_mut().zip(texts) {
            say(&self.screen.multi, &above, line, text);
            above = line.clone().unwrap_or(above);
        }
    }
}

/// Shows a text in a line of its own below another one, or removes the line.
fn say(multi: &MultiProgress, above: &ProgressBar, line: &mut Option<ProgressBar>, text: Option<String>) {
    match (text, &*line) {
        (Some(text), shown) => {
            let shown = shown.clone().unwrap_or_else(|| {
                let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
                multi.insert_after(above, line)
            });
            shown.set_message(text);
            *line = Some(shown);
        }
        (None, Some(shown)) => {
            shown.finish_and_clear();
            multi.remove(shown);
            *line = None;
        }
        (None, None) => {}
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are the constants above; a plain bar is no reason to fail.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `123/500 · 45/s · 1.2 MiB · 3 in flight of 10 · 2 failed · 12 s left`. A narrow terminal first loses the bytes,
/// then the transfers in flight, the rate, the time left and the failures.
fn message(p: &Progress, columns: usize) -> String {
    let more = if p.has_total() { "" } else { "+" };
    let (rate, left) = speed(p);
    // A slow run has no rate of 0.
    let digits = usize::from(rate < 10.0);
    let mut parts = [
        Some(format!("{}/{}{more}", p.done, p.read)),
        Some(format!("{rate:.digits$}/s")),
        Some(size(p.wire_bytes)),
        Some(format!("{} in flight of {}", p.in_flight, p.waits.limit)),
        (p.failed > 0).then(|| format!("{} failed", p.failed)),
        left.map(|left| format!("{} left", about(left))),
    ];
    let text = |parts: &[Option<String>]| parts.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" · ");
    for least in [2, 3, 1, 5, 4] {
        if text(&parts).chars().count() <= columns {
            break;
        }
        parts[least] = None;
    }
    text(&parts)
}

/// The line with the counts of a crawl.
fn crawl_line(p: &Progress, columns: usize) -> Option<String> {
    let CrawlCounts { counts, reasons } = crawl_counts(p)?;
    let colon = if reasons.is_empty() { "" } else { ": " };
    Some(fitted(&format!("{}{colon}", below("crawl", &counts.join(" · "))), reasons, columns))
}

/// The line with the failures by cause.
fn failed_line(p: &Progress, columns: usize) -> Option<String> {
    (!p.failures.is_empty()).then(|| fitted(&below("failed", ""), by_cause(&p.failures), columns))
}

/// A line with as many of these parts as it has room for. The last ones go first.
fn fitted(before: &str, mut parts: Vec<String>, columns: usize) -> String {
    loop {
        let before = if parts.is_empty() { before.trim_end_matches([':', ' ']) } else { before };
        let line = format!("{before}{}", parts.join(" · "));
        if line.chars().count() <= columns || parts.pop().is_none() {
            return cut(&line, columns).into_owned();
        }
    }
}

/// The line of a URL in flight: its age, what came of its body, and the URL. A narrow terminal loses the body.
fn slow_line(name: &str, slow: &InFlight, columns: usize) -> String {
    let age = below(name, &format!("{:>9}  ", duration(slow.age)));
    let body = match (slow.received, slow.length) {
        (0, _) => String::new(),
        (received, Some(length)) if received <= length => format!("{} of {}  ", size(received), size(length)),
        (received, _) => format!("{}  ", size(received)),
    };
    let room = columns.saturating_sub(age.chars().count());
    let body = if room < body.len() + LEAST_URL { "" } else { &body };
    format!("{age}{body}{}", cut_middle(&printable(&slow.url), room - body.len()))
}

/// The line with the reasons why fewer are in flight than the run allows.
fn held_by_line(p: &Progress, columns: usize) -> Option<String> {
    let reasons = held_by(p).filter(|_| p.stopping.is_none())?;
    Some(cut(&below("held by", &reasons), columns).into_owned())
}

/// The columns for a line. The `^C` that a terminal echoes has room behind it: at the edge it would begin a line.
fn room() -> usize {
    stderr_columns().map_or(usize::MAX, |columns| columns.saturating_sub("^C ".len()))
}

/// A line below the bar, with its name.
fn below(name: &str, text: &str) -> String {
    format!("  {name:<NAME$}  {text}")
}

impl Reporter for Bar {
    fn watches_jobs(&self) -> bool {
        true
    }

    fn watches_progress(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Tick(p) => self.tick(p),
            Event::RunFinished(_) => {
                let _ = self.screen.flush();
                self.say(Default::default());
                for line in self.slow.drain(..) {
                    line.finish_and_clear();
                }
                self.total.finish_and_clear();
            }
            _ => {}
        }
    }
}

/// Writes above a bar, without loss.
pub struct LinesAbove {
    screen: Arc<Screen>,
}

impl Write for LinesAbove {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let full = {
            let mut pending = self.screen.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.extend_from_slice(buf);
            pending.len() >= MOST_PENDING
        };
        if full {
            // Not within the flush: it locks the bar, and the bar must not wait.
            self.screen.stderr.wait_idle();
            self.screen.flush()?;
        }
        Ok(buf.len())
    }

    /// Does nothing: a drawing for each line would slow the run down.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LinesAbove {
    /// Writes the last lines completely before the run ends.
    fn drop(&mut self) {
        if self.screen.pending.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        // An error has no receiver any more.
        let _ = self.screen.flush();
        self.screen.stderr.wait_idle();
    }
}

/// Writes around a bar: standard error while the bar stands there.
#[derive(Clone)]
pub struct TextAround {
    screen: Arc<Screen>,
}

impl Write for TextAround {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut stderr = self.screen.stderr.clone();
        self.screen.multi.suspend(|| stderr.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CrawlSummary, ErrorKind, FailureCause, SkipReason, Waits};

    #[test]
    fn a_narrow_bar_keeps_failures_and_the_time_left() {
        let p = Progress {
            read: 500,
            done: 123,
            fetched: 123,
            failed: 2,
            input_complete: true,
            wire_bytes: 1_258_291,
            in_flight: 20,
            elapsed: Duration::from_secs(10),
            waits: Waits { limit: 20, ..Waits::default() },
            ..Progress::default()
        };
        for (columns, text) in [
            (usize::MAX, "123/500 · 12/s · 1.2 MiB · 20 in flight of 20 · 2 failed · 31 s left"),
            (67, "123/500 · 12/s · 20 in flight of 20 · 2 failed · 31 s left"),
            (44, "123/500 · 12/s · 2 failed · 31 s left"),
            (30, "123/500 · 2 failed · 31 s left"),
            (7, "123/500"),
        ] {
            assert_eq!(message(&p, columns), text, "{columns}");
        }
        let quiet = Progress { failed: 0, input_complete: false, ..p };
        assert_eq!(message(&quiet, 44), "123/500+ · 12/s · 20 in flight of 20");
    }

    #[test]
    fn the_line_of_a_crawl_fits_a_terminal() {
        let crawl = CrawlSummary {
            pages_by_depth: vec![1, 20, 284],
            hosts: 3,
            left_out: [(SkipReason::Scope, 40_211), (SkipReason::Trap, 9), (SkipReason::Nofollow, 310)].into(),
            ..CrawlSummary::default()
        };
        let skips = [(SkipReason::Robots, 12), (SkipReason::Duplicate, 5)].into();
        let p = Progress {
            read: 1904,
            done: 312,
            fetched: 305,
            in_flight: 4,
            input_complete: true,
            grows: true,
            elapsed: Duration::from_secs(10),
            waits: Waits { limit: 10, limits: vec!["--per-host"], ..Waits::default() },
            skips,
            crawl: Some(crawl),
            ..Progress::default()
        };
        assert_eq!(message(&p, 200), "312/1904+ · 30/s · 0 B · 4 in flight of 10");
        let counts = "  crawl    305 pages · 1588 queued · 3 hosts · 40542 skipped";
        for (columns, reasons) in
            [(197, ": 40211 scope · 310 nofollow · 12 robots · 9 trap"), (77, ": 40211 scope"), (72, "")]
        {
            assert_eq!(crawl_line(&p, columns), Some(format!("{counts}{reasons}")), "{columns}");
        }
        assert_eq!(crawl_line(&p, 30).as_deref(), Some("  crawl    305 pages · 1588 q…"));
        assert_eq!(held_by_line(&p, 77).as_deref(), Some("  held by  --per-host"));
        assert_eq!(crawl_line(&Progress { crawl: None, ..p }, 77), None);
    }

    #[test]
    fn failures_have_a_line_with_their_causes() {
        let failures = [
            (FailureCause::Status(404), 3),
            (FailureCause::Status(503), 12),
            (FailureCause::Kind(ErrorKind::Timeout), 1),
        ];
        let p = Progress { failures: failures.into(), ..Progress::default() };
        for (columns, text) in
            [(77, "  failed   503 ×12 · 404 ×3 · timeout ×1"), (30, "  failed   503 ×12 · 404 ×3"), (8, "  failed")]
        {
            assert_eq!(failed_line(&p, columns).as_deref(), Some(text), "{columns}");
        }
        assert_eq!(failed_line(&Progress::default(), 77), None);
    }

    #[test]
    fn a_slow_url_shows_how_much_of_its_body_came() {
        let url = "https://h.example/a/large/file.iso".to_owned();
        let slow = |received, length| InFlight { url: url.clone(), age: Duration::from_secs(3), received, length };
        for (received, length, columns, text) in [
            (0, Some(9), 77, "  slowest     3.00 s  https://h.example/a/large/file.iso"),
            (3 << 20, None, 77, "  slowest     3.00 s  3.0 MiB  https://h.example/a/large/file.iso"),
            (
                3 << 20,
                Some(4 << 20),
                200,
                "  slowest     3.00 s  3.0 MiB of 4.0 MiB  https://h.example/a/large/file.iso",
            ),
            (3 << 20, Some(4 << 20), 60, "  slowest     3.00 s  https://h.example/a/large/file.iso"),
        ] {
            assert_eq!(slow_line("slowest", &slow(received, length), columns), text);
        }
    }

    #[test]
    fn a_narrow_bar_says_how_to_abort() {
        let left = Duration::from_secs(5);
        assert_eq!(stopping(20, left, 53), "stopping: 20 in flight, 5 s left; Ctrl-C again aborts");
        assert_eq!(stopping(20, left, 52), "stopping: 5 s left; Ctrl-C again aborts");
    }
}
