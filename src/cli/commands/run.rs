//! The main job: a list is downloaded. And the demo, which is the same over a list of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use fetchall::app::{self, CheckedFiles, Document, Files, RunIo, TextStyle};
use fetchall::config::{BackendKind, Config, FailOn, Format, Key, ProgressMode, Show, Until};
use fetchall::demo::Site;
use fetchall::engine::{self, RunEnd, RunFault, Stop, StopLevel};
use fetchall::model::{ChildProgram, Hex, StopCause};
use fetchall::policy::network::address::AddressClasses;
use fetchall::policy::text::printable::printable;
use fetchall::report::{
    Bar, Events, Failures, Lines, LiveView, LoggedWarnings, NextCommand, Reporter, SummaryOptions, SummaryText,
    dropped_event, stderr_columns, stdout_columns,
};
use fetchall::source::{Input, Inputs, Retry};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::cli::after_run::{next_command, saved_bodies, stdout_file, warning_of_records};
use crate::cli::child;
use crate::cli::exit::{Exit, InUseError, UsageError};
use crate::cli::inputs::InputArg;
use crate::cli::log::{Log, LogWriter};
use crate::cli::resolve::Resolved;
use crate::cli::run_log;
use crate::cli::screen;
use crate::cli::signals::Signals;
use crate::cli::terminal::Terminal;

/// The time for outputs after the second signal. A pipe without a reader would block for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The time for outputs after the grace time that follows the first signal.
const UNREAD: Duration = Duration::from_secs(10);

type Vars = BTreeMap<OsString, OsString>;

/// Downloads the inputs.
pub fn list(resolved: Resolved, vars: &Vars) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let retry = resolved.retry.as_ref();
    let retry = retry.map(|retry| Retry { report: input(&retry.report), only: retry.only.clone() });
    let lists = resolved.inputs.iter().map(input).collect();
    // In a file or a variable it is meant for tables among other lists.
    let tables_only = resolved.is_flag("url-column") && resolved.config.url_column.is_some();
    let inputs = Inputs { lists, retry, only: resolved.only.clone(), tables_only };
    if resolved.reads_terminal && !resolved.config.quiet {
        let end = if cfg!(windows) { "Ctrl-Z and Enter end" } else { "Ctrl-D ends" };
        screen::say(&format!("reading URLs from the terminal, one per line; {end} the list"));
    }
    let exit = run(&runtime, &resolved, inputs, vars);
    leave(runtime);
    exit
}

pub(super) fn input(arg: &InputArg) -> Input {
    match arg {
        InputArg::File(path) => Input::File(path.clone()),
        InputArg::Stdin => Input::Stdin,
        InputArg::Url(url, position) => Input::Url(url.clone(), *position),
        InputArg::Remote(url) => Input::Remote(url.clone()),
    }
}

/// Downloads a small site that is served on loopback, or crawls it.
pub fn demo(mut resolved: Resolved, vars: &Vars) -> anyhow::Result<Exit> {
    // A proxy on another host cannot reach the demo site, nor can the other workers of a job.
    resolved.config.proxy = None;
    resolved.config.fleet.queue = None;
    resolved.validate()?;
    let runtime = runtime()?;
    let crawls = resolved.config.crawl.follow;
    let site = runtime.block_on(async {
        if crawls { Site::start_for_crawl(Site::LATENCY).await } else { Site::start(Site::LATENCY).await }
    });
    let site = site.context("cannot serve the demo site on 127.0.0.1")?;
    let urls = if crawls { vec![site.home()] } else { site.urls() };
    let inputs = urls.into_iter().zip(1..).map(|(url, position)| Input::Url(url, position));
    let exit = run(&runtime, &resolved, inputs.collect::<Vec<_>>().into(), vars);
    runtime.block_on(site.stop());
    leave(runtime);
    exit
}

/// Ends the runtime without waiting for a write to a pipe without a reader. After a run that came
/// to its own end there is nothing to wait for.
pub(super) fn leave(runtime: Runtime) {
    runtime.shutdown_background();
}

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

fn run(runtime: &Runtime, resolved: &Resolved, inputs: Inputs, vars: &Vars) -> anyhow::Result<Exit> {
    let document = match resolved.output_document.as_deref() {
        None => Document::None,
        Some(path) if path == Path::new("-") => Document::Stream(Arc::new(Mutex::new(io::stdout()))),
        Some(path) => Document::File(path.to_owned()),
    };
    let files = files(resolved, &inputs, &document)?;
    let terminal = Terminal::of(vars);
    let stop = Stop::default();
    let (mut watched, log) = watch(resolved, files, &terminal, vars)?;
    let live = live_view(&resolved.config, &stop)?;
    let said = live.as_ref().map(|(_, text)| text.clone());
    watched.reporters.extend(live.map(|(view, _)| Box::new(view) as Box<dyn Reporter>));
    let setup = SetupPhase::begin();
    let log = log.start(resolved.config.verbose)?;
    run_log::begin(&inputs, &resolved.config);
    let plan = app::plan(&resolved.config, inputs, document, watched, stop.clone());
    // From here on a signal stops the run. Err: signals that cannot be caught end the program.
    let caught = runtime.block_on(async { Signals::new() }).ok();
    setup.end();
    let mut plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let text = error.to_string();
            run_log::refused(&text);
            close(&log);
            return Err(if error.is_in_use() { InUseError(text).into() } else { UsageError::one(text).into() });
        }
    };
    plan.warnings.extend(resolved.doubts.iter().cloned());
    // With JSON progress, standard error carries events only.
    match said {
        Some(text) if resolved.config.progress == ProgressMode::Json => plan.warnings.push(text),
        Some(text) => screen::say(&text),
        None => {}
    }
    if resolved.config.dry_run && !resolved.config.quiet && resolved.config.progress != ProgressMode::Json {
        screen::say(&limits(&resolved.config));
    }
    if let Some(warning) = warning_of_records(resolved).filter(|_| resolved.config.progress != ProgressMode::Json) {
        screen::say(&warning);
    }
    let end = runtime.block_on(async {
        tokio::select! {
            end = engine::run(plan) => Some(end),
            () = signals(caught, stop, resolved.config.grace) => None,
        }
    });
    let exit = end.as_ref().map_or(Exit::Interrupted, |end| exit_of(end, &resolved.config));
    run_log::end(end.as_ref(), exit);
    close(&log);
    if let Some(fault) = end.and_then(|end| end.fault) {
        screen::say(&format!("error: {}", printable(&fault.to_string())));
    }
    Ok(exit)
}

/// Waits a short time for the log, and reports lost lines.
fn close(log: &LogWriter) {
    if let Some(warning) = log.finish() {
        screen::say(&printable(&warning));
    }
}

/// The files of a run, before any is opened.
fn files(resolved: &Resolved, inputs: &Inputs, document: &Document) -> Result<CheckedFiles, UsageError> {
    let mut files = Files::of(&resolved.config, inputs, document);
    for (what, path) in &resolved.reads {
        files.read(what, path);
    }
    let to_stdout = resolved.records_to() == Some(Path::new("-"));
    files.standard_streams(to_stdout || matches!(document, Document::Stream(_)));
    files.check().map_err(|error| UsageError::one(error.to_string()))
}

/// Describes a dry run and its limits on one line.
fn limits(config: &Config) -> String {
    const TOLD: [&str; 12] = [
        "backend",
        "concurrency",
        "connect-timeout",
        "read-timeout",
        "timeout",
        "low-speed",
        "max-redirects",
        "max-size",
        "max-failures",
        "max-duration",
        "dir",
        "name",
    ];
    // Without a folder no file gets a name.
    let is_told = |name: &&&str| **name != "name" || config.dir.is_some();
    let told = TOLD.iter().filter(is_told).filter_map(|name| Key::named(name)).map(|key| {
        let value = key.show(config);
        format!("{} {}", key.name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let told: Vec<_> = told.collect();
    format!("dry run, nothing is asked or saved: {}", told.join(", "))
}

/// Returns the exit code of a run.
fn exit_of(end: &RunEnd, config: &Config) -> Exit {
    let counts = &end.summary.counts;
    // A site without an answer has failed, although its pages are skipped by the rule for robots.txt.
    let unread = end.summary.crawl.as_ref().map_or(0, |crawl| crawl.robots_unread);
    let bad = match end.summary.check {
        Some(check) => check.broken + check.broken_fragments,
        None => counts.failed + counts.http_error + unread,
    };
    let failed = config.fail_on.failed(counts.ok + end.summary.good_before(), bad);
    // A run that waits for a success has failed without one.
    let unmet = config.until == Until::FirstSuccess && config.fail_on != FailOn::Never && !config.dry_run;
    // A wrong list is a wrong command, whenever it is read.
    let refused = matches!(&end.fault, Some(RunFault::Source(error)) if error.is_refusal());
    match end.summary.stopped {
        Some(StopCause::Interrupt) => Exit::Interrupted,
        Some(StopCause::Broken) | None if refused => Exit::Usage,
        Some(StopCause::OutputClosed | StopCause::Broken) => Exit::Broken,
        None if end.fault.is_some() => Exit::Broken,
        Some(StopCause::MaxFailures | StopCause::MaxDuration | StopCause::Quota) => Exit::Limit,
        Some(StopCause::FirstSuccess) => Exit::Ok,
        None if unmet => Exit::SomeFailed,
        Some(StopCause::FirstCompleted | StopCause::FirstError) | None if failed => Exit::SomeFailed,
        Some(StopCause::FirstCompleted | StopCause::FirstError) | None => Exit::Ok,
    }
}

/// The time before a run begins. In it the program may fetch a list or open a pipe without a reader.
/// A signal ends the program at once, with the code of an interrupted run, because nothing has begun.
struct SetupPhase(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl SetupPhase {
    fn begin() -> Self {
        let (over, mut is_over) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel::<()>();
        let watch = move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                let Ok(mut signals) = Signals::new() else { return };
                // Err: the setup is over already.
                let _ = ready.send(());
                tokio::select! {
                    _ = &mut is_over => {}
                    () = signals.next() => give_up(),
                }
            });
        };
        // Err: the system has no thread left. Signals end the program, as they do by default.
        let Ok(thread) = std::thread::Builder::new().name("setup".to_owned()).spawn(watch) else { return Self(None) };
        // Err: the thread has ended, because it could not catch signals.
        let _ = is_ready.blocking_recv();
        Self(Some((over, thread)))
    }

    fn end(self) {
        if let Some((over, thread)) = self.0 {
            drop(over);
            // Err: the thread has panicked and reported it.
            let _ = thread.join();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no sink holds anything yet, and what the main thread waits for may never come"
)]
fn give_up() {
    screen::finish();
    std::process::exit(Exit::Interrupted as i32);
}

/// Turns signals into stops. The first signal drains the run. The second one, or the end of the grace
/// time and [`UNREAD`], aborts it. Returns after [`LAST_WORDS`] more, which outputs may use.
async fn signals(caught: Option<Signals>, stop: Stop, grace: Duration) {
    let Some(mut signals) = caught else { return std::future::pending().await };
    signals.next().await;
    stop.raise(StopLevel::Drain);
    tokio::select! {
        () = signals.next() => {}
        () = tokio::time::sleep(grace + UNREAD) => {}
    }
    stop.raise(StopLevel::Abort);
    tokio::time::sleep(LAST_WORDS).await;
}

/// Starts the live view, and returns what is said about it.
fn live_view(config: &Config, stop: &Stop) -> anyhow::Result<Option<(LiveView, String)>> {
    let Some(address) = config.metrics else { return Ok(None) };
    let unusable = |error: io::Error| {
        UsageError::one(format!("--metrics: cannot listen on {address}: {error}; name another port or address"))
    };
    let listener = TcpListener::bind(address).map_err(unusable)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("cannot make a token")?;
    let token = Hex(&random).to_string();
    let stop = stop.clone();
    let view = LiveView::start(listener, &token, Box::new(move |paused| stop.set_paused(paused))).map_err(unusable)?;
    let text = format!("live view at http://{}/, token for pause and resume: {token}", view.address());
    Ok(Some((view, text)))
}

/// Sets up the observers of the run, its record outputs, and its log.
fn watch(resolved: &Resolved, files: CheckedFiles, terminal: &Terminal, vars: &Vars) -> anyhow::Result<(RunIo, Log)> {
    let config = &resolved.config;
    let stdout_color = terminal.color(config.color, terminal.stdout);
    let stderr_color = terminal.color(config.color, terminal.stderr);
    // Quiet means no bar unless one is asked for by name.
    let mode = match config.progress {
        ProgressMode::Auto if config.quiet => ProgressMode::None,
        wanted => terminal.progress(wanted),
    };
    let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
    let mut stdout: Box<dyn Write + Send> = Box::new(io::stdout());
    // Lines for people appear above the bar.
    let mut stderr: Arc<dyn Fn() -> Box<dyn Write + Send> + Send + Sync> = Arc::new(|| Box::new(screen::stderr()));
    match mode {
        ProgressMode::Bar => {
            let bar = Bar::new(screen::stderr(), stderr_color).after_input(resolved.reads_terminal);
            if terminal.is_shared {
                stdout = Box::new(bar.above());
            }
            let around = bar.around();
            stderr = Arc::new(move || Box::new(around.clone()));
            reporters.push(Box::new(bar));
        }
        ProgressMode::Plain | ProgressMode::Auto => reporters.push(Box::new(Lines::new(stderr()))),
        ProgressMode::Json => {
            screen::stderr().set_notice(dropped_event);
            reporters.push(Box::new(Events::new(stderr())));
        }
        ProgressMode::None => {}
    }
    let writer = stderr.clone();
    let log = Log::open(config, &files, Box::new(move || writer()))?;
    // On standard error the log would repeat them.
    if config.log.is_some() {
        reporters.push(Box::new(LoggedWarnings));
    }
    // Report failures in the records, or here. A list of pages has none.
    if resolved.show_errors || (!config.quiet && (config.crawl.maps || !wants_records(resolved))) {
        reporters.push(Box::new(Failures::new(stderr(), !config.gives_credentials())));
    }
    if !config.quiet && mode != ProgressMode::Json {
        let options = SummaryOptions {
            color: stderr_color,
            columns: terminal.stderr.then_some(stderr_columns as _),
            bodies: saved_bodies(resolved),
            selects: resolved.selects(),
            has_bar: mode == ProgressMode::Bar,
            // The site of the demo is gone then.
            next: if resolved.inputs.is_empty() && resolved.retry.is_none() {
                NextCommand::Unsaid
            } else {
                next_command(resolved, stdout_file())
            },
        };
        reporters.push(Box::new(SummaryText::new(stderr(), options)));
    }
    // Without text records the report of a link check is for people alone.
    let tells_broken = config.crawl.check && !config.quiet && config.progress != ProgressMode::Json;
    let surroundings = RunIo {
        records: wants_records(resolved).then_some(stdout),
        check_report: tells_broken.then(|| stderr()),
        style: TextStyle {
            color: stdout_color,
            show: if config.show == Show::Auto && terminal.stdout { Show::Changes } else { config.show },
            columns: terminal.stdout.then_some(stdout_columns as _),
            advises_credentials: !config.gives_credentials(),
        },
        files,
        sinks: Vec::new(),
        worker_program: worker_program(config, vars)?,
        reporters,
        address_classes: AddressClasses::default(),
        on_link: None,
    };
    Ok((surroundings, log))
}

/// Returns the path of this program, for the backend that starts it again.
fn worker_program(config: &Config, vars: &Vars) -> anyhow::Result<ChildProgram> {
    match config.backend {
        BackendKind::Processes => child::program(vars),
        BackendKind::Async | BackendKind::Threads | BackendKind::Sequential => Ok(ChildProgram::default()),
    }
}

/// Returns whether the run writes records. It writes none if the body owns standard output, or if
/// `--quiet` silences the default text records, which a list of pages is not. Only a flag overrides `--quiet`: a file that restates
/// a default does not.
fn wants_records(resolved: &Resolved) -> bool {
    let config = &resolved.config;
    let asked = ["format", "output"].iter().any(|key| resolved.is_flag(key));
    let silenced = config.quiet
        && !config.crawl.maps
        && !config.crawl.check
        && config.format == Format::Text
        && config.output == Path::new("-")
        && !asked;
    resolved.records_to().is_some() && !silenced
}
