//! The main job: a list is downloaded. And the demo, which is the same over a list of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use fetchall::app::{self, CheckedFiles, Document, Files, Surroundings};
use fetchall::config::{Backend, Config, FailOn, Format, Key, ProgressMode, Until};
use fetchall::demo::Site;
use fetchall::engine::{self, RunEnd, RunFault, Stop, StopLevel};
use fetchall::model::StopCause;
use fetchall::policy::address::AddressClasses;
use fetchall::policy::printable::printable;
use fetchall::report::{Bar, Events, Failures, Lines, Reporter, SummaryText, dropped_event};
use fetchall::source::{Input, Inputs, Retry};
use tokio::runtime::Runtime;

use crate::cli::contradictions;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::log::Log;
use crate::cli::resolve::{InputArg, Resolved};
use crate::cli::screen;
use crate::cli::signals::Signals;
use crate::cli::terminal::Terminal;

/// After the second signal, how long outputs may still take; a pipe that nobody reads takes for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// After the grace time that follows the first signal, how long outputs may still take.
const UNREAD: Duration = Duration::from_secs(10);

type Vars = BTreeMap<OsString, OsString>;

/// Downloads the inputs.
pub fn list(resolved: Resolved, vars: &Vars) -> anyhow::Result<Exit> {
    contradictions::check(&resolved)?;
    let runtime = runtime()?;
    let retry = resolved.retry.as_ref();
    let retry = retry.map(|retry| Retry { report: input(&retry.report), only: retry.only.clone() });
    let lists = resolved.inputs.iter().map(input).collect();
    // In a file or a variable it is meant for tables among other lists.
    let tables_only = resolved.is_flag("url-column") && resolved.config.url_column.is_some();
    let inputs = Inputs { lists, retry, tables_only };
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

/// Downloads a small site that is served on loopback.
pub fn demo(mut resolved: Resolved, vars: &Vars) -> anyhow::Result<Exit> {
    // Nobody else can reach it.
    resolved.config.proxy = None;
    contradictions::check(&resolved)?;
    let runtime = runtime()?;
    let site = runtime.block_on(Site::start(Site::LATENCY)).context("cannot serve the demo site on 127.0.0.1")?;
    let inputs = site.urls().into_iter().zip(1..).map(|(url, position)| Input::Url(url, position));
    let exit = run(&runtime, &resolved, inputs.collect::<Vec<_>>().into(), vars);
    runtime.block_on(site.stop());
    leave(runtime);
    exit
}

/// Ends the runtime without waiting for a write to a pipe that nobody reads. After a run that came
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
    let (watched, log) = watch(resolved, files, &terminal)?;
    let plan = app::plan(&resolved.config, inputs, document, watched, stop.clone())
        .map_err(|error| UsageError::one(error.to_string()))?;
    let log = log.start()?;
    // Who reads events reads nothing else there.
    if resolved.config.dry_run && !resolved.config.quiet && resolved.config.progress != ProgressMode::Json {
        screen::say(&limits(&resolved.config));
    }
    let end = runtime.block_on(async {
        tokio::select! {
            end = engine::run(plan) => Some(end),
            () = signals(stop, resolved.config.grace) => None,
        }
    });
    if let Some(warning) = log.finish() {
        screen::say(&printable(&warning));
    }
    let Some(end) = end else { return Ok(Exit::Interrupted) };
    if let Some(fault) = &end.fault {
        screen::say(&format!("error: {}", printable(&fault.to_string())));
    }
    Ok(exit_of(&end, &resolved.config))
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

/// What a run would do, and within which limits, on one line.
fn limits(config: &Config) -> String {
    const TOLD: [&str; 11] = [
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
    ];
    let told = TOLD.iter().filter_map(|name| Key::named(name)).map(|key| {
        let value = key.get(config);
        format!("{} {}", key.name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let told: Vec<_> = told.collect();
    format!("dry run, nothing is asked or saved: {}", told.join(", "))
}

/// The code that a run ends in.
fn exit_of(end: &RunEnd, config: &Config) -> Exit {
    let counts = &end.summary.counts;
    let failed = config.fail_on.failed(counts.ok, counts.failed + counts.http_error);
    // Whoever waits for a success has failed without one.
    let unmet = config.until == Until::FirstSuccess && config.fail_on != FailOn::Never && !config.dry_run;
    // A wrong list is a wrong command, whenever it is read.
    let refused = matches!(&end.fault, Some(RunFault::Source(error)) if error.is_refusal());
    match end.summary.stopped {
        Some(StopCause::Interrupt) => Exit::Interrupted,
        Some(StopCause::Broken) | None if refused => Exit::Usage,
        Some(StopCause::OutputClosed | StopCause::Broken) => Exit::Broken,
        None if end.fault.is_some() => Exit::Broken,
        Some(StopCause::MaxFailures | StopCause::MaxDuration) => Exit::Limit,
        Some(StopCause::FirstSuccess) => Exit::Ok,
        None if unmet => Exit::SomeFailed,
        Some(StopCause::FirstCompleted | StopCause::FirstError) | None if failed => Exit::SomeFailed,
        Some(StopCause::FirstCompleted | StopCause::FirstError) | None => Exit::Ok,
    }
}

/// Turns signals into stops. Ends when the run has had its last words: after the second signal, or
/// after the first one and the grace time, should nobody read the records any more.
async fn signals(stop: Stop, grace: Duration) {
    // Where signals cannot be had they end the program, as they do by default.
    let Ok(mut signals) = Signals::new() else { return std::future::pending().await };
    signals.next().await;
    stop.raise(StopLevel::Drain);
    tokio::select! {
        () = signals.next() => {}
        () = tokio::time::sleep(grace + UNREAD) => {}
    }
    stop.raise(StopLevel::Abort);
    tokio::time::sleep(LAST_WORDS).await;
}

/// Who watches the run, where its records go, and its log.
fn watch(resolved: &Resolved, files: CheckedFiles, terminal: &Terminal) -> anyhow::Result<(Surroundings, Log)> {
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
            let bar = Bar::new(screen::stderr(), stderr_color);
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
    let log = Log::open(config, Box::new(move || writer()))?;
    // What failed is told somewhere: in the records, or here.
    if resolved.show_errors || (!config.quiet && !wants_records(resolved)) {
        reporters.push(Box::new(Failures::new(stderr())));
    }
    if !config.quiet && mode != ProgressMode::Json {
        reporters.push(Box::new(SummaryText::new(stderr(), stderr_color)));
    }
    let surroundings = Surroundings {
        records: wants_records(resolved).then_some(stdout),
        color: stdout_color,
        files,
        sinks: Vec::new(),
        worker_program: worker_program(config)?,
        reporters,
        address_classes: AddressClasses::default(),
    };
    Ok((surroundings, log))
}

/// This program, for the backend that starts it again.
fn worker_program(config: &Config) -> anyhow::Result<PathBuf> {
    match config.backend {
        Backend::Processes => std::env::current_exe().context("cannot tell where this program is"),
        Backend::Async | Backend::Threads | Backend::Sequential => Ok(PathBuf::new()),
    }
}

/// Whether records go anywhere: not to standard output where the body has it, nor the lines for
/// people when `--quiet` asks for silence and no flag asks for them. A file that only restates a
/// default asks for nothing.
fn wants_records(resolved: &Resolved) -> bool {
    let config = &resolved.config;
    let asked = ["format", "output"].iter().any(|key| resolved.is_flag(key));
    let silenced = config.quiet && config.format == Format::Text && config.output == Path::new("-") && !asked;
    resolved.records_to().is_some() && !silenced
}
