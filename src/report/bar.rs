//! The bar on a terminal, and the writer that prints above it without tearing.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::Reporter;
use crate::model::{Event, Progress};
use crate::policy::printable::{about, duration, printable, size};

/// How many of the slowest URLs are shown.
const SLOWEST: usize = 3;

/// A run is worth a bar once it has taken this long: until then it would only flicker.
const WORTH_A_BAR: Duration = Duration::from_millis(250);

/// A URL is worth a line once it has taken this long.
const SLOW: Duration = Duration::from_secs(1);

/// What waits to be printed above the bar is printed at the latest when it has this size.
const MOST_PENDING: usize = 64 * 1024;

/// Draws the bar on standard error.
pub struct Bar {
    screen: Arc<Screen>,
    total: ProgressBar,
    slow: Vec<ProgressBar>,
}

struct Screen {
    multi: MultiProgress,
    lines: Mutex<Lines>,
}

struct Lines {
    pending: Vec<u8>,
    out: Box<dyn Write + Send>,
}

impl Screen {
    /// Prints what waits, above the bar.
    fn flush(&self) -> io::Result<()> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut lines.pending);
        self.multi.suspend(|| lines.out.write_all(&pending).and_then(|()| lines.out.flush()))
    }
}

impl Bar {
    /// A bar; `out` is where the lines above it go, `color` whether it has any.
    pub fn new(out: Box<dyn Write + Send>, color: bool) -> Self {
        let multi = MultiProgress::with_draw_target(Canvas::target());
        let template = if color { "[{bar:10.cyan}] {wide_msg}" } else { "[{bar:10}] {wide_msg}" };
        let total = multi.add(ProgressBar::new(0).with_style(style(template).progress_chars("=> ")));
        let screen = Arc::new(Screen { multi, lines: Mutex::new(Lines { pending: Vec::new(), out }) });
        Self { screen, total, slow: Vec::new() }
    }

    /// A writer whose lines appear above the bar, at the latest at its next tick.
    pub fn above(&self) -> BarWriter {
        BarWriter { screen: self.screen.clone(), direct: None }
    }

    /// A writer that clears the bar for each write to `direct`.
    pub fn around(&self, direct: Box<dyn Write + Send>) -> BarWriter {
        BarWriter { screen: self.screen.clone(), direct: Some(direct) }
    }

    fn tick(&mut self, p: &Progress) {
        // What cannot be printed now fails again, and is reported, where the sink itself writes.
        let _ = self.screen.flush();
        if p.elapsed < WORTH_A_BAR {
            return;
        }
        self.total.set_length(p.read.max(1));
        self.total.set_position(p.done);
        self.total.set_message(message(p));
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
        for (line, slow) in self.slow.iter().zip(slow) {
            line.set_message(format!("{:>9}  {}", duration(slow.age), printable(&slow.url)));
        }
    }
}

/// Standard error as the bar draws on it: its lines are ended by line breaks and the last by nothing,
/// where indicatif fills each with blanks to the right edge.
///
/// With the cursor at the edge the `^C` that a terminal echoes begins a new line, and in a terminal
/// made narrower a filled line becomes two. Either way the bar would be cleared one line too low
/// and leave a piece of itself behind.
#[derive(Debug)]
struct Canvas {
    term: Term,
    /// A line was written, and another may follow.
    line_ended: AtomicBool,
}

impl Canvas {
    /// How often the bar is drawn at most, a second.
    const RATE: u8 = 20;

    fn target() -> ProgressDrawTarget {
        let term = Term::buffered_stderr();
        if term.features().is_attended() {
            ProgressDrawTarget::term_like_with_hz(
                Box::new(Canvas { term, line_ended: AtomicBool::new(false) }),
                Self::RATE,
            )
        } else {
            ProgressDrawTarget::hidden()
        }
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
        self.term.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.bytes().all(|b| b == b' ') {
            self.line_ended.store(true, Relaxed);
            return Ok(());
        }
        if self.line_ended.swap(false, Relaxed) {
            self.term.write_str("\r\n")?;
        }
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.term.clear_line()
    }

    /// The end of a drawing.
    fn flush(&self) -> io::Result<()> {
        self.line_ended.store(false, Relaxed);
        self.term.flush()
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are the constants above; a plain bar is no reason to fail.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `123/500 45/s 1.2 MiB 10 in flight 3 failed 12 s left`, in order of importance: a narrow
/// terminal cuts the end.
fn message(p: &Progress) -> String {
    let secs = p.elapsed.as_secs_f64().max(1e-6);
    let rate = p.done as f64 / secs;
    let more = if p.input_complete { "" } else { "+" };
    let mut text = format!("{}/{}{more} {rate:.0}/s {} {} in flight", p.done, p.read, size(p.wire_bytes), p.in_flight);
    if p.failed > 0 {
        text.push_str(&format!(" {} failed", p.failed));
    }
    if p.input_complete && p.done > 0 && p.done < p.read {
        let left = Duration::from_secs_f64((p.read - p.done) as f64 / rate);
        text.push_str(&format!(" {} left", about(left)));
    }
    text
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
                for line in self.slow.drain(..) {
                    line.finish_and_clear();
                }
                self.total.finish_and_clear();
            }
            _ => {}
        }
    }
}

/// Writes above, or around, a bar.
pub struct BarWriter {
    screen: Arc<Screen>,
    direct: Option<Box<dyn Write + Send>>,
}

impl Write for BarWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(direct) = &mut self.direct {
            return self.screen.multi.suspend(|| direct.write(buf));
        }
        let full = {
            let mut lines = self.screen.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.pending.extend_from_slice(buf);
            lines.pending.len() >= MOST_PENDING
        };
        if full {
            self.screen.flush()?;
        }
        Ok(buf.len())
    }

    /// Does nothing above a bar: redrawing it for each line would slow the run down.
    fn flush(&mut self) -> io::Result<()> {
        self.direct.as_mut().map_or(Ok(()), |direct| direct.flush())
    }
}
