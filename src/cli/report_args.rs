//! The command line of `fetchall report`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::env::Env;
use super::exit::UsageError;
use super::inputs::{self, InputArg};

/// The text below the help.
pub const NOTES: &str = "\
RECORDS are what a run wrote with --json -o FILE, also compressed with gzip or zstd:
  fetchall --json -o records.ndjson --dir out sites.txt
  fetchall report records.ndjson -o report.html
A run writes the same page itself with --report FILE.html. docs/guide/report.md explains it.

Exit codes: 0 done, 1 some lines are no records and are not counted, 2 usage or no records.";

/// The arguments of a report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Records as JSON lines, also several files, or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "RECORDS")]
    records: Vec<OsString>,
    /// Write the page to this file, - for standard output
    #[arg(short = 'o', long, value_name = "FILE.html", required = true)]
    output: PathBuf,
}

/// The records of a report, and its file.
#[derive(Debug)]
pub struct WantedReport {
    /// The records.
    pub records: Vec<InputArg>,
    /// The file of the page.
    pub output: PathBuf,
}

/// Resolves a report.
///
/// # Errors
/// Returns all inputs that cannot be used.
pub fn resolve(args: ReportArgs, env: &Env) -> Result<WantedReport, UsageError> {
    Ok(WantedReport { records: inputs::records(&args.records, env)?, output: args.output })
}
