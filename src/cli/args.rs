//! The command line and its commands.
//!
//! Everything is optional here and nothing is parsed further than clap must: values become
//! settings in `resolve`, through the same table as files and variables.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::compare_args::{self, CompareArgs};
use super::crawl_args::{self, CrawlArgs};
use super::explain_args::{self, ExplainArgs};
use super::job_args::{JobArgs, SettingArgs};
use super::manual;
use super::queue_args::{self, QueueCommand};
use super::report_args::{self, ReportArgs};
use super::setting_flags::plain_switch;
use super::version;
use super::warc_args::{self, WarcCommand};

/// Download every URL of a list, with one record per URL
#[derive(Debug, Parser)]
#[command(
    name = "fetchall",
    version,
    long_version = version::DETAILS.as_str(),
    after_help = "These are the most usual options. See all of them, examples, lists and exit codes with --help.",
    after_long_help = manual::after_help(),
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    subcommand_help_heading = "Commands",
    override_usage = "fetchall [OPTIONS] [INPUT]...\n       fetchall <COMMAND> [OPTIONS]"
)]
pub struct Cli {
    /// The command, if not a download.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of a download.
    #[command(flatten)]
    pub job: JobArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow the links of pages, and download what they lead to
    #[command(args_override_self = true, mut_args(crawl_args::fit), after_help = crawl_args::NOTES)]
    Crawl(Box<CrawlArgs>),
    /// Print the URLs of a site's pages, as a list for fetchall
    #[command(args_override_self = true, mut_args(crawl_args::fit_map), after_help = crawl_args::MAP_NOTES)]
    Map(Box<CrawlArgs>),
    /// Say why a URL is fetched or not
    #[command(args_override_self = true, mut_args(crawl_args::fit), after_help = explain_args::NOTES)]
    Explain(Box<ExplainArgs>),
    /// Save a site for reading offline: what pages show, with links to the saved files
    #[command(args_override_self = true, mut_args(crawl_args::fit_mirror), after_help = crawl_args::MIRROR_NOTES)]
    Mirror(Box<CrawlArgs>),
    /// Make the report of an earlier run from its records, as one HTML page
    #[command(args_override_self = true, after_help = report_args::NOTES)]
    Report(ReportArgs),
    /// Pack WARC files and their CDXJ indexes into one WACZ file
    #[command(args_override_self = true, after_help = WACZ_NOTES)]
    Wacz {
        /// Folders of WARC files with their indexes, or WARC files with an index beside each
        #[arg(value_name = "DIR|FILE", required = true)]
        paths: Vec<PathBuf>,
        /// The package; a file of this name is replaced once the new one is complete
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List, read, check and index the records of WARC files
    #[command(args_override_self = true, after_help = warc_args::NOTES)]
    Warc {
        /// The command for the files.
        #[command(subcommand)]
        command: WarcCommand,
    },
    /// Ask and tell a queue that several workers share
    #[command(args_override_self = true, after_help = queue_args::NOTES)]
    Queue {
        /// The command for the queue.
        #[command(subcommand)]
        command: QueueCommand,
    },
    /// Download a small demo site from loopback, without network access
    #[command(args_override_self = true, after_help = DEMO_NOTES)]
    Demo {
        /// Crawl the site: it has a robots.txt, a sitemap, a trap and a missing page
        #[arg(long)]
        crawl: bool,
        /// Mirror the site into this folder; a browser opens its index.html
        #[arg(long, value_name = "DIR", conflicts_with_all = ["crawl", "dir"])]
        mirror: Option<PathBuf>,
        /// The settings of the download.
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Compare backends and concurrency levels on one list
    #[command(args_override_self = true, mut_args(compare_args::fit), after_help = compare_args::NOTES)]
    Compare(Box<CompareArgs>),
    /// Print the effective configuration
    #[command(args_override_self = true, mut_args(crawl_args::show))]
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
    /// Print the manual page, of the program or of a command
    Man {
        /// The command
        #[arg(value_parser = MAN_PAGES)]
        command: Option<String>,
    },
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

/// The text below the help of the demo.
const DEMO_NOTES: &str = "\
With --crawl and --mirror it takes the options of `fetchall crawl` too. This lists what is not followed:
  fetchall demo --crawl --skipped skipped.ndjson";

/// The text below the help of wacz.
const WACZ_NOTES: &str = "\
The index of a.warc.gz is a.cdxj or a.warc.gz.cdxj. It must be sorted by bytes. Each of its lines is read
back from the WARC file before anything is packed. docs/guide/wacz.md explains more.";

/// The commands with a manual page of their own.
const MAN_PAGES: [&str; 13] = [
    "crawl",
    "map",
    "mirror",
    "explain",
    "report",
    "wacz",
    "warc",
    "queue",
    "demo",
    "compare",
    "config",
    "completions",
    "man",
];

/// Parses a command line, the name of the program first.
///
/// # Errors
/// The message of clap, which may be the help or the version.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    // `help` alone, or before a command.
    if words.len() <= 3 && words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    if words.get(1).is_some_and(|word| word == "crawl" || word == "map" || word == "mirror") {
        words = crawl_args::without_wgets_spans(words);
    }
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
