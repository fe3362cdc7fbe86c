//! The bar on a terminal, and the writer that prints above it without tearing.

mod canvas;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub use canvas::{stderr_columns, stdout_columns};

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
        Self { screen, total, before_text: width + "[] ".len(), held_by: None, slow: Vec::new() }
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
        if p.elapsed < WORTH_A_BAR && p.stopping.is_none() {
            return;
        }
        self.total.set_length(p.read.max(1));
        self.total.set_position(p.done);
        let text = p.stopping.map_or_else(|| message(p), |left| stopping(p.in_flight, left));
        let columns = room();
        self.total.set_message(cut(&text, columns.saturating_sub(self.before_text)).into_owned());
        self.say_held_by(held_by(p).filter(|_| p.stopping.is_none()), columns);
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

    /// Shows the reasons in a line of their own, or removes it.
    fn say_held_by(&mut self, reasons: Option<String>, columns: usize) {
        match (reasons, &self.held_by) {
            (Some(reasons), held_by) => {
                let line = held_by.clone().unwrap_or_else(|| {
                    let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
                    self.screen.multi.insert_after(&self.total, line)
                });
                line.set_message(cut(&below("held by", &reasons), columns).into_owned());
                self.held_by = Some(line);
            }
            (None, Some(line)) => {
                line.finish_and_clear();
                self.screen.multi.remove(line);
                self.held_by = None;
            }
            (None, None) => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are the constants above; a plain bar is no reason to fail.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `123/500 · 45/s · 1.2 MiB · 3 in flight of 10 · 2 failed · 12 s left`, in order of importance: a narrow
/// terminal cuts the end.
fn message(p: &Progress) -> String {
    let more = if p.input_complete { "" } else { "+" };
    let (rate, left) = speed(p);
    let (done, read, received) = (p.done, p.read, size(p.wire_bytes));
    let (in_flight, limit) = (p.in_flight, p.waits.limit);
    // A slow run has no rate of 0.
    let digits = usize::from(rate < 10.0);
    let mut text = format!("{done}/{read}{more} · {rate:.digits$}/s · {received} · {in_flight} in flight of {limit}");
    if p.failed > 0 {
        text.push_str(&format!(" · {} failed", p.failed));
    }
    if let Some(left) = left {
        text.push_str(&format!(" · {} left", about(left)));
    }
    text
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
                self.say_held_by(None, 0);
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
