//! `fetchall report`: the page of an earlier run.

use std::path::Path;

use fetchall::app::{self, Files};
use fetchall::policy::text::printable::printable;

use super::run::input;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::report_args::WantedReport;
use crate::cli::screen;
use crate::cli::to_stdout;

/// Reads the records and writes the page.
pub fn write(wanted: &WantedReport) -> anyhow::Result<Exit> {
    let usage = |error: app::SetupError| UsageError::one(error.to_string());
    let to_file = wanted.output != Path::new("-");
    let mut files = Files::default();
    files.inputs(wanted.records.iter().map(input));
    if to_file {
        files.replaced("--output", &wanted.output);
    }
    files.standard_streams(!to_file);
    let files = files.check().map_err(usage)?;
    let report = app::report_of_records(wanted.records.iter().map(input).collect()).map_err(usage)?;
    for problem in &report.problems {
        screen::say(&format!("warning: {}", printable(problem)));
    }
    let more = report.no_records.saturating_sub(report.problems.len() as u64);
    if more > 0 {
        screen::say(&format!("warning: {more} more lines are no records; not counted"));
    }
    if to_file {
        app::write_report(&report.html, &wanted.output, &files).map_err(usage)?;
    } else {
        to_stdout(report.html.as_bytes())?;
    }
    Ok(if report.no_records > 0 { Exit::SomeFailed } else { Exit::Ok })
}
