//! The arguments of a download: inputs, settings, and the flags that are no settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use fetchall::config::Key;

use super::setting_flags::{FlagValue, GivenFlag, SettingFlags, after, before};

/// The arguments of a download: inputs and settings.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// List files, URLs, or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
    /// Read a list from a file, a URL, or - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append, display_order = before("input-format"))]
    pub input_file: Vec<OsString>,
    /// Fetch only URLs that failed or were cancelled in these records, or in this output folder
    #[arg(long, value_name = "REPORT", help_heading = "Input")]
    pub retry_from: Option<OsString>,
    /// Fetch only URLs with these last results: error kinds, outcomes, statuses (timeout,5xx)
    #[arg(long, value_name = "WHICH,...", help_heading = "Input", action = ArgAction::Append)]
    pub only: Vec<String>,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Save the body of the only URL as FILE, - for standard output
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Saving files", display_order = after("max-size"))]
    pub output_document: Option<PathBuf>,
}

/// The flags of settings, and of where settings come from.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// Those that the table of settings makes.
    #[command(flatten)]
    pub flags: SettingFlags,

    /// Stop at the first failure, as --until first-error does
    #[arg(long, hide_short_help = true, help_heading = "Order and stopping", display_order = after("until"), conflicts_with = "until")]
    fail_fast: bool,
    /// Connect over IPv4 only
    #[arg(short = '4', long, hide_short_help = true, help_heading = "Proxy and network", display_order = after("ip-version"),
        conflicts_with_all = ["ipv6", "ip-version"])]
    ipv4: bool,
    /// Connect over IPv6 only
    #[arg(short = '6', long, hide_short_help = true, help_heading = "Proxy and network", display_order = after("ip-version"), conflicts_with = "ip-version")]
    ipv6: bool,
    /// Write one JSON object per line, as --format ndjson does
    #[arg(long, help_heading = "Records and summary", display_order = before("format"), conflicts_with = "format")]
    pub json: bool,
    /// Write a CSV table, as --format csv does
    #[arg(long, help_heading = "Records and summary", display_order = before("format"), hide_short_help = true,
        conflicts_with_all = ["format", "json"])]
    pub csv: bool,
    /// Write a TSV table, as --format tsv does
    #[arg(long, help_heading = "Records and summary", display_order = before("format"), hide_short_help = true,
        conflicts_with_all = ["format", "json", "csv"])]
    tsv: bool,
    /// With --quiet: still show failures
    #[arg(short = 'S', long, hide_short_help = true, help_heading = "Progress and log", display_order = after("quiet"))]
    pub show_error: bool,
    /// Read settings from this file too
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = "Other", display_order = after("dry-run"), conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, hide_short_help = true, help_heading = "Other", display_order = after("dry-run"))]
    pub no_config: bool,

    /// Redirects are always followed
    #[arg(short = 'L', long, hide = true)]
    location: bool,
    /// Not needed: the same command resumes
    #[arg(short = 'C', long = "continue", alias = "resume", hide = true, num_args = 0..=1, default_missing_value = "", value_name = "OFFSET",
        allow_hyphen_values = true)]
    pub go_on: Option<OsString>,
    /// 4xx and 5xx are always failures
    #[arg(short = 'f', long, hide = true)]
    fail: bool,
}

impl SettingArgs {
    /// The flags that give a setting its value, those with a value of their own among them.
    pub fn given(&self) -> Vec<GivenFlag> {
        let own = [
            (self.fail_fast, "until", "--fail-fast", "first-error"),
            (self.ipv4, "ip-version", "--ipv4", "4"),
            (self.ipv6, "ip-version", "--ipv6", "6"),
            (self.json, "format", "--json", "ndjson"),
            (self.csv, "format", "--csv", "csv"),
            (self.tsv, "format", "--tsv", "tsv"),
        ];
        let own = own.into_iter().filter(|(given, ..)| *given).filter_map(|(_, name, flag, value)| {
            Some(GivenFlag { key: Key::named(name)?, flag, value: FlagValue::Text(value.into()) })
        });
        self.flags.given().iter().cloned().chain(own).collect()
    }
}
