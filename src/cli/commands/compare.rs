//! `fetchall compare`: feeds, shows and stops the measurements of the library.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fetchall::app::{CheckedFiles, Files};
use fetchall::compare::{self, CompareError, Comparison, Measurement, Spec};
use fetchall::demo::Site;
use fetchall::model::{ChildProgram, shown_path};
use fetchall::policy::text::printable::printable;
use fetchall::policy::text::redact::redact_line;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::run::{input, leave, runtime};
use crate::cli::child;
use crate::cli::compare_args::{ComparisonFormat, Over, ResolvedComparison};
use crate::cli::env::Env;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::inputs::InputArg;
use crate::cli::screen;
use crate::cli::signals::Signals;
use crate::cli::terminal::Terminal;
use crate::cli::to_stdout;

/// The time for the results after a signal. A pipe without a reader would block for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Measures, shows, and writes the page.
pub fn run(resolved: ResolvedComparison, env: &Env) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let terminal = Terminal::of(&env.vars);
    let files = check_files(&resolved)?;
    // Report a page that cannot be written before an hour of measuring, not after it.
    let page = resolved.report.as_deref().map(|path| open(path, &files)).transpose()?;
    let color = terminal.color(resolved.config.color, terminal.stdout);
    let results = Results { form: resolved.form, color, page };
    let progress = ProgressLine::new(resolved.config.quiet, &terminal);
    let program = child::program(&env.vars)?;
    let exit = runtime.block_on(async {
        // Before the folder is made, so that no signal ends the program and leaves it.
        let mut signals = Signals::all().context("cannot listen for signals")?;
        let stop = CancellationToken::new();
        match measure(resolved, program, progress, &mut signals, &stop).await? {
            Some(comparison) => show(comparison, results, &mut signals, &stop).await,
            None => Ok(Exit::Interrupted),
        }
    });
    leave(runtime);
    exit
}

/// The destination of the results.
struct Results {
    form: ComparisonFormat,
    color: bool,
    page: Option<File>,
}

impl Results {
    /// Writes all results. Blocks while a pipe is full.
    fn write(self, comparison: &Comparison) -> anyhow::Result<()> {
        let shown = match self.form {
            ComparisonFormat::Text => compare::text(comparison, self.color),
            ComparisonFormat::Json => compare::json(comparison).context("cannot write the figures")?,
            ComparisonFormat::Csv => compare::csv(comparison),
            ComparisonFormat::Markdown => compare::markdown(comparison),
        };
        to_stdout(shown.as_bytes())?;
        if let Some(mut file) = self.page {
            let page = compare::page(comparison);
            file.set_len(0)
                .or_else(not_a_file)
                .and_then(|()| file.write_all(page.as_bytes()))
                .context("cannot write the report")?;
        }
        Ok(())
    }
}

/// Shows the results. A signal ends the wait for a reader: at once if it comes now, and after
/// [`LAST_WORDS`] if it ended the measurements.
async fn show(
    comparison: Comparison,
    results: Results,
    signals: &mut Signals,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let exit = exit_of(&comparison);
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        written = tokio::task::spawn_blocking(move || results.write(&comparison)) => {
            written.context("showing the results broke off")?.map(|()| exit)
        }
        () = signals.next() => Ok(Exit::Interrupted),
        () = late => Ok(Exit::Interrupted),
    }
}

/// Checks that neither the page nor standard output replaces a file that is read.
fn check_files(resolved: &ResolvedComparison) -> Result<CheckedFiles, UsageError> {
    let mut files = Files::read_by(&resolved.config);
    if let Over::Inputs(inputs) = &resolved.over {
        files.inputs(inputs.iter().map(input));
    }
    for (what, path) in &resolved.reads {
        files.read(what, path);
    }
    if let Some(report) = &resolved.report {
        files.output("--report", report);
    }
    files.standard_streams(true);
    files.check().map_err(|error| UsageError::one(error.to_string()))
}

/// Ignores the error of a pipe or another special file, which has no length to set.
fn not_a_file(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
}

/// Opens the page and does not empty it: the old page stays until there is a new one.
fn open(path: &Path, files: &CheckedFiles) -> Result<File, UsageError> {
    files.open(path).map_err(|error| UsageError::one(format!("--report: cannot write {}: {error}", shown_path(path))))
}

fn exit_of(comparison: &Comparison) -> Exit {
    let spoilt = |cell: &compare::Cell| cell.failure.is_some() || cell.differing().is_some();
    match () {
        () if comparison.interrupted => Exit::Interrupted,
        () if comparison.measured().next().is_none() => Exit::Broken,
        () if comparison.cells.iter().any(spoilt) => Exit::SomeFailed,
        () => Exit::Ok,
    }
}

/// Measures, and cancels `stop` at a signal. Returns `None` if a signal came before the first measurement.
async fn measure(
    mut resolved: ResolvedComparison,
    program: ChildProgram,
    mut progress: ProgressLine,
    signals: &mut Signals,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Comparison>> {
    let folder = private_folder().context("cannot make a temporary folder; name another with TMPDIR")?;
    let mut site = None;
    // Held open until the last child has read it.
    let mut _copy = None;
    let (inputs, about) = match resolved.over {
        Over::Demo(count, latency) => {
            // No proxy can reach it.
            resolved.config.proxy = None;
            let started = Site::start(latency).await.context("cannot serve the demo site on 127.0.0.1")?;
            let list = folder.path().join("demo.txt");
            compare::private_file(&list)?.write_all((started.even_urls(count).join("\n") + "\n").as_bytes())?;
            site = Some(started);
            let about = format!("the demo on loopback, latency about {} ms", latency.as_millis());
            (vec![list.into_os_string()], about)
        }
        Over::Inputs(inputs) => {
            let about = about(&inputs);
            let place = folder.path().to_owned();
            let words = tokio::task::spawn_blocking(move || words(inputs, &place));
            let words = tokio::select! {
                words = words => words.context("reading standard input broke off")??,
                () = signals.next() => return Ok(None),
            };
            _copy = words.1;
            (words.0, about)
        }
    };
    let spec = Spec {
        program,
        inputs,
        about,
        config: resolved.config,
        backends: resolved.backends,
        concurrency: resolved.levels,
        rounds: resolved.rounds,
        folder: folder.path().to_owned(),
    };
    let stopped = stop.clone();
    // On a thread of its own: it blocks, and the site goes on answering on this one.
    let mut measuring = tokio::task::spawn_blocking(move || {
        let measured = compare::run(&spec, &stopped, &mut |step| progress.step(step));
        progress.end();
        measured
    });
    let measured = loop {
        tokio::select! {
            measured = &mut measuring => break measured,
            // The measurement ends the child and returns its results so far.
            () = signals.next() => stop.cancel(),
        }
    };
    if let Some(site) = site {
        site.stop().await;
    }
    match measured.context("measuring broke off")? {
        Ok(comparison) => Ok(Some(comparison)),
        Err(error @ CompareError::Empty) => Err(UsageError::one(error.to_string()).into()),
        Err(error) => Err(error.into()),
    }
}

/// A folder that only its owner can look into, whatever the umask.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("fetchall-compare-");
    #[cfg(unix)]
    {
        let own: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let folder = builder.permissions(own.clone()).tempdir()?;
        // A umask may have taken the owner's own rights away.
        std::fs::set_permissions(folder.path(), own)?;
        Ok(folder)
    }
    #[cfg(not(unix))]
    builder.tempdir()
}

/// Turns the inputs into words of a command line. Standard input becomes a file in `folder`, because
/// every child reads it anew.
fn words(inputs: Vec<InputArg>, folder: &Path) -> anyhow::Result<(Vec<OsString>, Option<File>)> {
    let mut copy = None;
    let word = |input| {
        Ok(match input {
            InputArg::File(path) => whole(path),
            InputArg::Url(url, _) => url.into(),
            InputArg::Remote(url) => format!("--input-file={url}").into(),
            InputArg::Stdin => {
                let (mut file, name) = kept(folder).context("cannot keep standard input")?;
                io::copy(&mut io::stdin().lock(), &mut file).context("cannot keep standard input")?;
                copy = Some(file);
                name
            }
        })
    };
    let words = inputs.into_iter().map(word).collect::<anyhow::Result<_>>()?;
    Ok((words, copy))
}

/// A file for standard input, whose URLs may hold passwords, and how children name it. It has no name
/// in the folder, so that nothing is left of it however this program ends; children inherit it, and
/// open it anew.
#[cfg(target_os = "linux")]
fn kept(folder: &Path) -> io::Result<(File, OsString)> {
    use std::os::fd::AsRawFd as _;
    let file = tempfile::tempfile_in(folder)?;
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
    let name = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
    Ok((file, name))
}

/// A file for standard input, and how children name it. Elsewhere no file without a name can be opened anew.
#[cfg(not(target_os = "linux"))]
fn kept(folder: &Path) -> io::Result<(File, OsString)> {
    let place = folder.join("standard-input");
    Ok((compare::private_file(&place)?, place.into_os_string()))
}

/// Puts a folder before a relative path, because its name alone could look like a flag or a URL.
fn whole(path: PathBuf) -> OsString {
    if path.is_absolute() { path.into_os_string() } else { Path::new(".").join(path).into_os_string() }
}

fn about(inputs: &[InputArg]) -> String {
    let name = |input: &InputArg| match input {
        InputArg::File(path) => shown_path(path),
        InputArg::Url(url, _) | InputArg::Remote(url) => redact_line(url).into_owned(),
        InputArg::Stdin => "standard input".to_owned(),
    };
    match inputs {
        [] => String::new(),
        [one] => name(one),
        [first, rest @ ..] => format!("{} and {} more", name(first), rest.len()),
    }
}

/// Shows the progress on standard error; on a terminal, it overwrites one line.
struct ProgressLine {
    silent: bool,
    over: bool,
    rounds_told: u32,
}

impl ProgressLine {
    fn new(quiet: bool, terminal: &Terminal) -> Self {
        use fetchall::config::ProgressMode;
        let over = terminal.progress(ProgressMode::Auto) == ProgressMode::Bar && io::stderr().is_terminal();
        Self { silent: quiet, over, rounds_told: 0 }
    }

    fn step(&mut self, step: &Measurement<'_>) {
        if self.silent || step.ended == self.over {
            return;
        }
        let (round, number, of) = (step.round, step.number, step.of);
        let name = step.cell.name();
        self.rounds_told = round;
        let text = if self.over {
            format!("\r\x1b[Kround {round}: {number} of {of}, {name} ...")
        } else {
            let result = match (&step.cell.failure, step.cell.rounds.last()) {
                (Some(why), _) => format!("failed: {}", printable(why)),
                (None, Some(last)) => format!("{:.2} s", last.wall_ms / 1000.0),
                (None, None) => "nothing".to_owned(),
            };
            format!("round {round}, {number} of {of}: {name}: {result}\n")
        };
        // It cannot fail.
        let _ = screen::stderr().write_all(text.as_bytes());
    }

    fn end(&mut self) {
        if self.over && !self.silent && self.rounds_told > 0 {
            let _ = screen::stderr().write_all(b"\r\x1b[K");
        }
    }
}
