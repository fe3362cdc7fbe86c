//! The terminal under the bar: its width, and the drawings that go to it.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

use crate::report::LossyWriter;

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

/// Returns a draw target on standard error; hidden if that is no terminal.
pub(super) fn target(stderr: LossyWriter) -> ProgressDrawTarget {
    let term = Term::buffered_stderr();
    if !term.features().is_attended() {
        return ProgressDrawTarget::hidden();
    }
    // On Windows the question also makes the terminal obey escape sequences.
    let _ = term.features().colors_supported();
    let canvas = Canvas { term, stderr, drawing: Mutex::default(), line_ended: AtomicBool::new(false) };
    ProgressDrawTarget::term_like_with_hz(Box::new(canvas), Canvas::RATE)
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
