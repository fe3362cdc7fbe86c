//! The command line: commands, inputs, and the flags that are no settings.
//!
//! Everything is optional here and nothing is parsed further than clap must: values become
//! settings in `resolve`, through the same table as files and variables.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use fetchall::config::Key;

use super::compare_args::{self, CompareArgs};
use super::setting_flags::{FlagValue, GivenFlag, SettingFlags, after, before, plain_switch};

const EXAMPLES: &str = "\
Examples:
  fetchall sites.txt                         print one line per URL
  fetchall -d out sites.txt                  save each body below out/
  fetchall --json sites.txt > records.ndjson write one JSON record per URL
  grep -o 'https://[^ ]*' notes | fetchall   read the list from a pipe
  fetchall -O page.html https://example.com/ save one URL as one file
  fetchall demo                              try it without a network
  fetchall compare -c 5,20,80 sites.txt      find the best backend and concurrency

Settings come from $XDG_CONFIG_HOME/fetchall/config.toml (or ~/.config), ./fetchall.toml,
--config FILE (or FETCHALL_CONFIG), FETCHALL_* variables and flags. Later sources win, and a list
such as --header replaces an earlier one. `fetchall config --show-origin` prints the result.
--no-NAME switches off what --NAME switches on, such as --no-refresh.
./fetchall.toml may come from a stranger: without --config it sets only what docs/reference/settings.md lists.

Write ./config for a list whose name is that of a command.

Times: 500ms 10s 2m 1h 1m30s, a bare number counts seconds.
Sizes: 64KiB 10M 1GiB, 5MB is 5000000 bytes, a bare number counts bytes.

Exit codes: 0 no failure, 1 some URLs failed, 2 usage or configuration error, 3 the run broke,
4 a limit was reached, 75 another run has the folder or the state, 130 interrupted.

Documentation: docs/guide and docs/reference of the source.";

/// Download every URL of a list, with one record per URL
#[derive(Debug, Parser)]
#[command(
    name = "fetchall",
    version,
    after_help = "See more and examples with --help.",
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    override_usage = "fetchall [OPTIONS] [INPUT]...\n       fetchall <COMMAND> [OPTIONS]"
)]
pub struct Cli {
    /// The command, if not a download.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to download.
    #[command(flatten)]
    pub job: JobArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Download a small demo site from loopback, without network access
    #[command(args_override_self = true)]
    Demo(Box<SettingArgs>),
    /// Compare backends and concurrency levels on one list
    #[command(args_override_self = true, mut_args(compare_args::fit), after_help = compare_args::NOTES)]
    Compare(Box<CompareArgs>),
    /// Print the effective configuration
    #[command(args_override_self = true)]
    Config {
        /// Show the source of each value
        #[arg(long)]
        show_origin: bool,
        /// The settings to show.
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
    /// Serve fetches over standard input, for --backend processes
    #[command(hide = true)]
    Worker,
    /// Read more arguments from standard input, for compare
    #[command(hide = true, disable_help_flag = true)]
    CompareChild {
        /// Arguments without secrets.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// What to download, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// List files, URLs, or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
    /// Read a list from a file, a URL, or - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append)]
    pub input_file: Vec<OsString>,
    /// Fetch only the URLs that failed or were cancelled in these --json records
    #[arg(long, value_name = "REPORT", help_heading = "Input")]
    pub retry_from: Option<OsString>,
    /// With --retry-from: only these error kinds, outcomes or statuses, such as timeout,404,5xx
    #[arg(long, value_name = "WHICH,...", help_heading = "Input", requires = "retry_from", action = ArgAction::Append)]
    pub only: Vec<String>,
    /// How.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Save the body of the only URL as FILE, - for standard output
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Saving", display_order = after("max-size"))]
    pub output_document: Option<PathBuf>,
}

/// The flags of settings, and of where settings come from.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// Those that the table of settings makes.
    #[command(flatten)]
    pub flags: SettingFlags,

    /// Stop at the first failure, as --until first-error does
    #[arg(long, help_heading = "Order and end", display_order = after("until"), conflicts_with = "until")]
    fail_fast: bool,
    /// Connect over IPv4 only
    #[arg(short = '4', long, help_heading = "HTTP", display_order = after("ip-version"),
        conflicts_with_all = ["ipv6", "ip-version"])]
    ipv4: bool,
    /// Connect over IPv6 only
    #[arg(short = '6', long, help_heading = "HTTP", display_order = after("ip-version"), conflicts_with = "ip-version")]
    ipv6: bool,
    /// Write one JSON object per line, as --format ndjson does
    #[arg(long, help_heading = "Output", display_order = before("format"), conflicts_with = "format")]
    pub json: bool,
    /// With --quiet: still show failures
    #[arg(short = 'S', long, help_heading = "Seeing", display_order = after("quiet"))]
    pub show_error: bool,
    /// Read settings from this file too
    #[arg(long, value_name = "FILE", help_heading = "Other", display_order = after("dry-run"), conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, help_heading = "Other", display_order = after("dry-run"))]
    pub no_config: bool,

    /// Redirects are always followed
    #[arg(short = 'L', long, hide = true)]
    location: bool,
    /// Not needed: the same command resumes
    #[arg(short = 'C', long = "continue", hide = true, num_args = 0..=1, default_missing_value = "", value_name = "OFFSET",
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
        ];
        let own = own.into_iter().filter(|(given, ..)| *given).filter_map(|(_, name, flag, value)| {
            Some(GivenFlag { key: Key::named(name)?, flag, value: FlagValue::Text(value.into()) })
        });
        self.flags.given().iter().cloned().chain(own).collect()
    }
}

/// Parses a command line, the name of the program first.
///
/// # Errors
/// What clap says, help and version among it.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    for word in words.iter_mut().skip(1).take_while(|word| *word != "--") {
        if let Some(plain) = word.to_str().and_then(plain_switch) {
            *word = plain.into();
        }
    }
    Cli::try_parse_from(words)
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
