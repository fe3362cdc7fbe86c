//! The bar on a terminal, and the writer that prints above it without tearing.

mod canvas;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub use canvas::{stderr_columns, stdout_columns};

use super::crawl_counts::{CrawlCounts, crawl_counts};
use super::summary::stopping;
use super::waits::{held_by, speed};
use super::{LossyWriter, Reporter};
use crate::model::{Event, Progress};
use crate::policy::text::fit::cut_middle;
use crate::policy::text::printable::{about, cut, duration, printable, size};

/// The width of the names of the lines below the bar.
const NAME: usize = 7;

/// How many of the slowest URLs are shown.
const SLOWEST: usize = 3;

/// A run is worth a bar once it has taken this long: until then it would only flicker.
const WORTH_A_BAR: Duration = Duration::from_millis(250);

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
    /// The counts of a crawl.
    crawl: Option<ProgressBar>,
    /// Why fewer are in flight than the run allows.
    held_by: Option<ProgressBar>,
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
        Self { screen, total, before_text, after_input: false, crawl: None, held_by: None, slow: Vec::new() }
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
        self.say(crawl_line(p, columns), held_by_line(p, columns));
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
            let before = below(name, &format!("{:>9}  ", duration(slow.age)));
            let room = columns.saturating_sub(before.chars().count());
            line.set_message(format!("{before}{}", cut_middle(&printable(&slow.url), room)));
        }
    }

    /// Shows each of these lines below the bar, or removes it.
    fn say(&mut self, crawl: Option<String>, held_by: Option<String>) {
        let multi = &self.screen.multi;
        say(multi, &self.total, &mut self.crawl, crawl);
        say(multi, self.crawl.as_ref().unwrap_or(&self.total), &mut self.held_by, held_by);
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

/// The line with the counts of a crawl. A narrow terminal first loses the rarest reasons.
fn crawl_line(p: &Progress, columns: usize) -> Option<String> {
    let CrawlCounts { counts, mut reasons } = crawl_counts(p)?;
    let counts = below("crawl", &counts.join(" · "));
    loop {
        let colon = if reasons.is_empty() { "" } else { ": " };
        let line = format!("{counts}{colon}{}", reasons.join(" · "));
        if line.chars().count() <= columns || reasons.pop().is_none() {
            return Some(cut(&line, columns).into_owned());
        }
    }
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
                self.say(None, None);
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
    use crate::model::{CrawlSummary, SkipReason, Waits};

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
    fn a_narrow_bar_says_how_to_abort() {
        let left = Duration::from_secs(5);
        assert_eq!(stopping(20, left, 53), "stopping: 20 in flight, 5 s left; Ctrl-C again aborts");
        assert_eq!(stopping(20, left, 52), "stopping: 5 s left; Ctrl-C again aborts");
    }
}
