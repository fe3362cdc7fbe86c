//! Standard error. The program writes everything there through one queue, which needs no reader.
//! This module makes every text harmless to a terminal.

use std::backtrace::{Backtrace, BacktraceStatus};
#[cfg(unix)]
use std::ffi::OsStr;
use std::ffi::OsString;
#[cfg(unix)]
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use fetchall::policy::text::printable::printable_lines;
use fetchall::report::LossyWriter;

/// The capacity of the queue, in bytes.
const CAPACITY: usize = 1 << 20;

/// The time that the program waits at its end for queued text and for its log.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

static STDERR: LazyLock<LossyWriter> = LazyLock::new(|| {
    let out: Box<dyn io::Write + Send> =
        if SILENT.load(Relaxed) { Box::new(io::sink()) } else { Box::new(io::stderr()) };
    LossyWriter::new("stderr", out, CAPACITY, dropped)
});

static SILENT: AtomicBool = AtomicBool::new(false);

/// Keeps standard error silent if it leads into a file that one of these arguments names, or into
/// standard input. A message would overwrite a list or follow it. An empty file has nothing to lose.
#[cfg(unix)]
pub fn spare_files(args: impl Iterator<Item = OsString>) {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt as _;
    let id = |found: Metadata| (found.is_file() && found.len() > 0).then(|| (found.dev(), found.ino()));
    let of = |stream: BorrowedFd<'_>| id(File::from(stream.try_clone_to_owned().ok()?).metadata().ok()?);
    let Some(stderr) = of(io::stderr().as_fd()) else { return };
    let is_stderr = |word: &OsStr| std::fs::metadata(word).ok().and_then(id) == Some(stderr);
    // `-H @FILE` reads a file too.
    let named = |word: &str| is_stderr(OsStr::new(word.trim_start_matches('@')));
    let names = |arg: OsString| {
        let value = arg.to_str().and_then(|arg| arg.split_once('=')).map(|(_, value)| value);
        let attached = arg.to_str().filter(|arg| arg.starts_with('-')).and_then(|arg| arg.get(2..));
        is_stderr(&arg) || [arg.to_str(), value, attached].into_iter().flatten().any(named)
    };
    if of(io::stdin().as_fd()) == Some(stderr) || args.into_iter().any(names) {
        SILENT.store(true, Relaxed);
    }
}

/// Other systems do not tell which file a stream leads into.
#[cfg(not(unix))]
pub fn spare_files(_: impl Iterator<Item = OsString>) {}

fn dropped(lines: u64) -> Vec<u8> {
    format!("warning: {lines} lines were dropped: standard error was not read in time\n").into_bytes()
}

/// Returns the queue of standard error, for writers whose texts are harmless already.
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

/// Waits a short time for the queued text.
pub fn finish() {
    STDERR.finish(LAST_WORDS);
}

/// Reports a panic through the queue. The standard library would write to standard error itself and
/// could wait for ever.
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
