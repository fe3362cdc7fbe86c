//! The bar on a terminal, and the writer that prints above it without tearing.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::summary::stopping;
use super::waits::{held_by, speed};
use super::{LossyWriter, Reporter};
use crate::model::{Event, Progress};
use crate::policy::text::fit::cut_middle;
use crate::policy::text::printable::{about, duration, printable, size};

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
        let multi = MultiProgress::with_draw_target(Canvas::target(stderr.clone()));
        let width = (stderr_columns().unwrap_or_default() / 8).clamp(10, 30);
        let color = if color { ".cyan" } else { "" };
        let template = format!("[{{bar:{width}{color}}}] {{wide_msg}}");
        let total = multi.add(ProgressBar::new(0).with_style(style(&template).progress_chars("=> ")));
        let screen = Arc::new(Screen { multi, stderr, pending: Mutex::default() });
        Self { screen, total, held_by: None, slow: Vec::new() }
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
        self.total.set_message(text);
        self.say_held_by(held_by(p).filter(|_| p.stopping.is_none()));
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
        let columns = stderr_columns().unwrap_or(usize::MAX);
        for ((line, slow), name) in self.slow.iter().zip(slow).zip(names) {
            let before = below(name, &format!("{:>9}  ", duration(slow.age)));
            let room = columns.saturating_sub(before.chars().count());
            line.set_message(format!("{before}{}", cut_middle(&printable(&slow.url), room)));
        }
    }

    /// Shows the reasons in a line of their own, or removes it.
    fn say_held_by(&mut self, reasons: Option<String>) {
        match (reasons, &self.held_by) {
            (Some(reasons), held_by) => {
                let line = held_by.clone().unwrap_or_else(|| {
                    let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
                    self.screen.multi.insert_after(&self.total, line)
                });
                line.set_message(below("held by", &reasons));
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

/// Returns the width of the terminal of standard error.
pub fn stderr_columns() -> Option<usize> {
    columns(&Term::stderr())
}

/// Returns the width of the terminal of standard output.
pub fn stdout_columns() -> Option<usize> {
    columns(&Term::stdout())
}

fn columns(term: &Term) -> Option<usize> {
    term.size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0)
}

/// The terminal of the bar. It ends each line but the last with a line break. Indicatif would fill each line with
/// blanks to the right edge.
///
/// With the cursor at the edge the `^C` that a terminal echoes begins a new line, and in a terminal
/// made narrower a filled line becomes two. Either way the bar would be cleared one line too low
/// and leave a piece of itself behind.
struct Canvas {
    /// Used for the terminal size only.
    term: Term,
    stderr: LossyWriter,
    /// The drawing that is being made.
    drawing: Mutex<String>,
    /// A line was written, and another may follow.
    line_ended: AtomicBool,
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canvas")
    }
}

impl Canvas {
    /// How often the bar is drawn at most, a second.
    const RATE: u8 = 20;

    fn target(stderr: LossyWriter) -> ProgressDrawTarget {
        let term = Term::buffered_stderr();
        if !term.features().is_attended() {
            return ProgressDrawTarget::hidden();
        }
        // On Windows the question also makes the terminal obey escape sequences.
        let _ = term.features().colors_supported();
        let canvas = Canvas { term, stderr, drawing: Mutex::default(), line_ended: AtomicBool::new(false) };
        ProgressDrawTarget::term_like_with_hz(Box::new(canvas), Self::RATE)
    }

    /// Adds to the drawing.
    fn draw(&self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        fmt::Write::write_fmt(&mut *drawing, text).map_err(io::Error::other)
    }

    /// Moves the cursor by so many cells; ECMA-48 takes 0 for 1.
    fn move_cursor(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.draw(format_args!("\x1b[{n}{direction}")) }
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.bytes().all(|b| b == b' ') {
            self.line_ended.store(true, Relaxed);
            return Ok(());
        }
        if self.line_ended.swap(false, Relaxed) {
            self.draw(format_args!("\r\n"))?;
        }
        self.draw(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw(format_args!("\r\x1b[2K"))
    }

    /// The end of a drawing.
    fn flush(&self) -> io::Result<()> {
        self.line_ended.store(false, Relaxed);
        let drawing = std::mem::take(&mut *self.drawing.lock().unwrap_or_else(PoisonError::into_inner));
        self.stderr.draw(drawing.as_bytes());
        Ok(())
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
                self.say_held_by(None);
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
