//! The log of `--log` and `--verbose`. A log without a reader, or on a slow disk, loses lines and
//! never holds up the run.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use fetchall::app::{CheckedFiles, open_pipe};
use fetchall::config::Config;
use fetchall::model::shown_path;
use fetchall::policy::text::printable::printable;
use fetchall::report::LossyWriter;
use tracing::Level;

use super::exit::UsageError;
use super::screen::LAST_WORDS;

/// The capacity of the queue of the file, in bytes.
const CAPACITY: usize = 4 << 20;

/// The destination of the log.
pub enum Log {
    /// Nowhere.
    None,
    /// To standard error; the function makes a writer for each line.
    Stderr(Box<dyn Fn() -> Box<dyn Write> + Send + Sync>),
    /// To a file that is open.
    File(PathBuf, File),
    /// To a FIFO. Its thread opens it, because opening blocks until a reader opens the other end.
    Fifo(PathBuf),
}

impl Log {
    /// Opens the log that the settings ask for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(
        config: &Config,
        files: &CheckedFiles,
        stderr: Box<dyn Fn() -> Box<dyn Write> + Send + Sync>,
    ) -> Result<Self, UsageError> {
        let Some(path) = &config.log else {
            return Ok(if config.verbose { Log::Stderr(stderr) } else { Log::None });
        };
        let unusable = |e: io::Error| UsageError::one(format!("--log: cannot write {}: {e}", shown_path(path)));
        if is_fifo(path) {
            may_write(path).map_err(unusable)?;
            return Ok(Log::Fifo(path.clone()));
        }
        files.open_shared(path).map(|file| Log::File(path.clone(), file)).map_err(unusable)
    }

    /// Begins the log, with the steps of each URL if it is verbose. A file keeps its content, and each line
    /// goes behind those of other runs.
    ///
    /// # Errors
    /// When the lines cannot go to the end of a file.
    pub fn start(self, verbose: bool) -> anyhow::Result<LogWriter> {
        let level = if verbose { Level::DEBUG } else { Level::INFO };
        let (path, file): (_, Box<dyn Write + Send>) = match self {
            Log::None => return Ok(LogWriter(None)),
            Log::Stderr(writer) => {
                subscribe(level, writer)?;
                return Ok(LogWriter(None));
            }
            Log::Fifo(path) => (path.clone(), Box::new(Fifo { path, file: None })),
            Log::File(path, file) => {
                if file.metadata().is_ok_and(|found| found.is_file()) {
                    append(&file).context("cannot write to the end of the log")?;
                    end_line(&path, &file).context("cannot write to the end of the log")?;
                }
                (path, Box::new(file))
            }
        };
        let queue = LossyWriter::new("log", file, CAPACITY, dropped);
        let writer = queue.clone();
        subscribe(level, Box::new(move || Box::new(writer.clone())))?;
        Ok(LogWriter(Some((path, queue))))
    }
}

/// A log that is being written.
pub struct LogWriter(Option<(PathBuf, LossyWriter)>);

impl LogWriter {
    /// Waits a short time for the queued lines. Returns a warning about lost lines, unless the reader of
    /// the log went away.
    pub fn finish(&self) -> Option<String> {
        let (path, queue) = self.0.as_ref()?;
        queue.finish(LAST_WORDS);
        let (lines, why) = queue.lost().filter(|(_, why)| *why != io::ErrorKind::BrokenPipe)?;
        let noun = if lines == 1 { "line was" } else { "lines were" };
        Some(format!("warning: {lines} {noun} lost of the log {}: {why}", shown_path(path)))
    }
}

fn dropped(lines: u64) -> Vec<u8> {
    format!("WARN {lines} lines were dropped here: the log could not be written in time\n").into_bytes()
}

fn subscribe(level: Level, writer: Box<dyn Fn() -> Box<dyn Write> + Send + Sync>) -> anyhow::Result<()> {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let layer = layer().with_ansi(false).with_target(false).with_writer(move || LogLine(writer()));
    let ours = Targets::new().with_target("fetchall", level);
    tracing_subscriber::registry().with(ours).with(layer).try_init().context("cannot start the log")
}

/// Writes one event, which the subscriber hands over whole, as one line that is harmless to a terminal.
struct LogLine(Box<dyn Write>);

impl Write for LogLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = printable(text.trim_end_matches('\n'));
        self.0.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A FIFO that is opened by its first write.
struct Fifo {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Fifo {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open_pipe(&self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ends a last line that was cut off. A log that cannot be read is left as it is.
fn end_line(path: &Path, mut file: &File) -> io::Result<()> {
    let Ok(mut readable) = File::open(path) else { return Ok(()) };
    let mut last = [b'\n'];
    if readable.seek(SeekFrom::End(-1)).is_ok() {
        readable.read_exact(&mut last)?;
    }
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Makes each write go to the end of the file.
#[cfg(unix)]
fn append(file: &File) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    Ok(fcntl_setfl(file, fcntl_getfl(file)? | OFlags::APPEND)?)
}

/// Begins at the end of the file; other systems have no such flag for an open file.
#[cfg(not(unix))]
fn append(mut file: &File) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::End(0)).map(drop)
}

#[cfg(unix)]
fn is_fifo(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    path.metadata().is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(unix)]
fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn is_fifo(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> io::Result<()> {
    Ok(())
}
