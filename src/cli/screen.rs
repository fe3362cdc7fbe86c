//! Standard error. Everything that the program shows there goes through one queue, which nobody has
//! to read, and every text is made harmless to a terminal here.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use std::time::Duration;

use fetchall::policy::printable::printable_lines;
use fetchall::report::LossyWriter;

/// How much may wait to be shown, in bytes.
const CAPACITY: usize = 1 << 20;

/// How long the program waits at its end for what is still to be shown, and for its log.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

static STDERR: LazyLock<LossyWriter> =
    LazyLock::new(|| LossyWriter::new("stderr", Box::new(io::stderr()), CAPACITY, dropped));

fn dropped(lines: u64) -> Vec<u8> {
    format!("warning: {lines} lines were dropped: standard error was not read in time\n").into_bytes()
}

/// The queue of standard error, for writers whose texts are harmless already.
pub fn stderr() -> LossyWriter {
    STDERR.clone()
}

/// Shows a text and a line break. Control and bidi characters in it are escaped; its own line
/// breaks are kept.
pub fn say(text: &str) {
    say_styled(&printable_lines(text));
}

/// Shows a harmless text that may hold colours.
pub fn say_styled(text: &str) {
    // It cannot fail.
    let _ = stderr().write_all(format!("{}\n", text.trim_end_matches('\n')).as_bytes());
}

/// Gives what waits a last, short time to be shown.
pub fn finish() {
    STDERR.finish(LAST_WORDS);
}

/// Says that the program panicked, where the standard library would write to standard error itself
/// and could wait for ever.
pub fn say_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let backtrace = Backtrace::capture();
    let more = match backtrace.status() {
        BacktraceStatus::Captured => format!("\nstack backtrace:\n{backtrace}"),
        _ => String::new(),
    };
    say(&format!("thread '{name}' {info}{more}"));
    if name == "main" {
        finish();
    }
}
