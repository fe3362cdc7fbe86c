//! The lines of the log about a run as a whole: its begin and its end.

use std::path::Path;

use fetchall::config::Config;
use fetchall::engine::RunEnd;
use fetchall::model::shown_path;
use fetchall::policy::text::redact::redact_line;
use fetchall::source::{Input, Inputs};

use super::exit::Exit;

/// Logs the begin of a run: the version, the lists and the output folder.
pub fn begin(inputs: &Inputs, config: &Config) {
    let version = env!("CARGO_PKG_VERSION");
    let dir = config.dir.as_deref().map_or_else(|| "none".to_owned(), |dir: &Path| shown_path(dir));
    tracing::info!(version, lists = names(inputs), dir, "run begins");
}

/// Logs why a run did not begin.
pub fn refused(error: &str) {
    tracing::error!(error, "run did not begin");
}

/// Logs the end of a run: its counts and its exit code. `None`: a second signal ended it.
pub fn end(end: Option<&RunEnd>, exit: Exit) {
    let exit = exit as u8;
    let Some(RunEnd { summary, fault }) = end else {
        tracing::error!(exit, "run was ended by a second signal");
        return;
    };
    if let Some(fault) = fault {
        tracing::error!(error = fault.to_string(), "run broke");
    }
    let counts = &summary.counts;
    let stopped = summary.stopped.map_or("none", |cause| cause.as_str());
    tracing::info!(
        exit,
        read = counts.read,
        ok = counts.ok,
        http_error = counts.http_error,
        failed = counts.failed,
        skipped = counts.skipped,
        cancelled = counts.cancelled,
        retries = summary.retries,
        stopped,
        seconds = format_args!("{:.3}", summary.wall.as_secs_f64()),
        "run ends"
    );
}

/// Names the lists. URLs of the command line are counted.
fn names(inputs: &Inputs) -> String {
    let mut urls = 0_usize;
    let mut names: Vec<String> = Vec::new();
    for list in &inputs.lists {
        match list {
            Input::File(path) => names.push(shown_path(path)),
            Input::Stdin => names.push("-".to_owned()),
            Input::Remote(url) => names.push(redact_line(url).into_owned()),
            Input::Reader(name, _) => names.push(name.clone()),
            Input::Url(..) => urls += 1,
        }
    }
    if let Some(retry) = &inputs.retry {
        names.extend(names_of_report(&retry.report));
    }
    match urls {
        0 => {}
        1 => names.push("1 URL".to_owned()),
        _ => names.push(format!("{urls} URLs")),
    }
    names.join(", ")
}

fn names_of_report(report: &Input) -> Option<String> {
    match report {
        Input::File(path) => Some(format!("failures of {}", shown_path(path))),
        Input::Stdin => Some("failures of -".to_owned()),
        Input::Remote(_) | Input::Reader(..) | Input::Url(..) => None,
    }
}
