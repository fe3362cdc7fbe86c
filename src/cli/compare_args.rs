//! The command line of `fetchall compare`: its own flags, and those of a download that mean the same here.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use fetchall::compare::{PASSED, backends};
use fetchall::config::{Config, Key};
use fetchall::model::refused_value;

use super::env::Env;
use super::exit::UsageError;
use super::inputs::{self, InputArg, InputWords};
use super::job_args::SettingArgs;
use super::resolve;
use super::setting_flags::GivenFlag;

/// The text below the help.
pub const NOTES: &str = "\
A cell is a backend at a concurrency. Each measurement is a new process that fetches the whole list
and discards the bodies. Rounds of all cells alternate, and the table shows medians.
docs/guide/compare.md explains the columns.

Exit codes: 0 all cells measured and all records equal, 1 a cell failed or records differ, 2 usage,
3 no cell could be measured, 130 interrupted.";

/// The default concurrencies.
const LEVELS: &str = "5,10,50";

/// Flags of a download that mean something here besides those of [`PASSED`].
const OWN: &[&str] = &["concurrency", "format", "report", "quiet", "color"];

/// The arguments of a comparison.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// List files, URLs, or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "LIST", conflicts_with = "demo")]
    inputs: Vec<OsString>,
    /// Read a list from a file, a URL, or - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append, conflicts_with = "demo")]
    input_file: Vec<OsString>,
    /// Use a demo site on loopback as the list, without network access
    #[arg(long, help_heading = "Input")]
    demo: bool,
    /// How many URLs the demo has.
    #[arg(long, hide = true, default_value_t = 100)]
    demo_urls: usize,
    /// The typical latency of the demo's site, in milliseconds.
    #[arg(long, hide = true, default_value_t = 50)]
    demo_latency: u64,
    /// Backends to compare, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", help_heading = "Concurrency")]
    backends: Option<String>,
    /// Number of measurements per cell [default: 3]
    #[arg(long, value_name = "N", help_heading = "Concurrency")]
    rounds: Option<String>,
    /// The settings of a download.
    #[command(flatten)]
    settings: SettingArgs,
}

/// Adapts the flags of a download to a comparison. Flags without a meaning here are hidden.
pub fn fit(arg: clap::Arg) -> clap::Arg {
    let id = arg.get_id().as_str().to_owned();
    match id.as_str() {
        "concurrency" => arg.value_name("N,N").help(format!("Concurrency levels to compare [default: {LEVELS}]")),
        "format" => arg.value_parser(["text", "json", "csv", "markdown"]).help("Format of the table [default: text]"),
        "json" => arg.help("Write JSON, as --format json does"),
        "csv" => arg.help("Write CSV, as --format csv does"),
        "report" => arg.help("Write an HTML report with charts to this file").hide_short_help(false),
        "quiet" => arg.help("Show no progress of the rounds [default: false]"),
        _ if Key::named(&id).is_none() && !matches!(&*id, "show_error" | "fail_fast" | "tsv") => arg,
        _ if PASSED.contains(&&*id) || OWN.contains(&&*id) => arg,
        _ => arg.hide(true),
    }
}

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonFormat {
    /// For people.
    Text,
    /// With every round's figures.
    Json,
    /// A line for each cell.
    Csv,
    /// For a document.
    Markdown,
}

/// The source of the URLs.
#[derive(Debug)]
pub enum Over {
    /// Lists, URLs, standard input.
    Inputs(Vec<InputArg>),
    /// The site on loopback: how many URLs, and its latency.
    Demo(usize, Duration),
}

/// A command line whose every option is resolved.
#[derive(Debug)]
pub struct ResolvedComparison {
    /// The settings of the downloads.
    pub config: Config,
    /// The URLs to fetch.
    pub over: Over,
    /// The backends to compare.
    pub backends: Vec<&'static str>,
    /// The concurrencies to compare.
    pub levels: Vec<u32>,
    /// The number of measurements per cell.
    pub rounds: u32,
    /// How the table is written.
    pub form: ComparisonFormat,
    /// The path of the page.
    pub report: Option<PathBuf>,
    /// Files that were read for the settings, each with a noun for messages.
    pub reads: Vec<(&'static str, PathBuf)>,
}

/// Parses the arguments into values.
///
/// # Errors
/// Returns all errors of the settings, else of the compared cells, else of the inputs.
pub fn resolve(mut args: CompareArgs, env: &Env) -> Result<ResolvedComparison, UsageError> {
    let form = match args.settings.flags.take("format").as_deref().and_then(OsStr::to_str) {
        Some("json") => ComparisonFormat::Json,
        Some("csv") => ComparisonFormat::Csv,
        Some("markdown") => ComparisonFormat::Markdown,
        _ if std::mem::take(&mut args.settings.json) => ComparisonFormat::Json,
        _ if std::mem::take(&mut args.settings.csv) => ComparisonFormat::Csv,
        _ => ComparisonFormat::Text,
    };
    let levels = args.settings.flags.take("concurrency").unwrap_or_else(|| LEVELS.into());
    let report = args.settings.flags.take("report").map(PathBuf::from);
    let given = args.settings.given();
    let is_foreign = |given: &&GivenFlag| {
        let name = &given.key.name;
        given.flag == "--tsv" || (!PASSED.contains(name) && !OWN.contains(name))
    };
    let foreign = given.iter().filter(is_foreign);
    let mut problems: Vec<String> = foreign
        .map(|GivenFlag { key, flag, .. }| match key.name {
            "backend" => format!("{flag}: compare takes several; use --backends"),
            _ => {
                format!("{flag}: is not for compare, which does every list to its end and keeps nothing; leave it out")
            }
        })
        .collect();
    let levels = each(&levels.to_string_lossy(), "--concurrency", whole_number, &mut problems);
    let names = args.backends.unwrap_or_else(|| backends().join(","));
    let backends = each(&names, "--backends", backend, &mut problems);
    let rounds = whole_number(args.rounds.as_deref().unwrap_or("3"));
    let rounds = rounds.map_err(|why| problems.push(format!("--rounds: {why}"))).unwrap_or(1);
    if args.demo && args.demo_urls == 0 {
        problems.push("--demo-urls: 0 URLs are none; write 1 or more".to_owned());
    }
    if !problems.is_empty() {
        return Err(UsageError(problems));
    }
    let (resolved, over) = if args.demo {
        let over = Over::Demo(args.demo_urls, Duration::from_millis(args.demo_latency));
        (resolve::settings(&args.settings, env)?, over)
    } else {
        let resolved = resolve::settings(&args.settings, env)?;
        (resolved, Over::Inputs(inputs::inputs(InputWords::Lists, &args.inputs, &args.input_file, None, false, env)?))
    };
    let resolve::Resolved { config, reads, .. } = resolved;
    Ok(ResolvedComparison { config, over, backends, levels, rounds, form, report, reads })
}

/// The parts of a list with commas, each once.
fn each<T: PartialEq>(
    text: &str,
    flag: &str,
    read: fn(&str) -> Result<T, String>,
    problems: &mut Vec<String>,
) -> Vec<T> {
    let mut values = Vec::new();
    for part in text.split(',') {
        match read(part.trim()) {
            Ok(value) if values.contains(&value) => {}
            Ok(value) => values.push(value),
            Err(why) => problems.push(format!("{flag}: {why}")),
        }
    }
    values
}

/// A whole number of 1 or more.
fn whole_number(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("is 0; write at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("{} is not a whole number of 1 or more; write digits only", refused_value(text))),
    }
}

fn backend(name: &str) -> Result<&'static str, String> {
    let known: BTreeMap<_, _> = backends().into_iter().map(|known| (known, known)).collect();
    known
        .get(name)
        .copied()
        .ok_or_else(|| format!("{} is no backend; there are {}", refused_value(name), backends().join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::*;

    fn of(args: &[&str]) -> Result<ResolvedComparison, UsageError> {
        let cli = Cli::try_parse_from([&["fetchall", "compare"], args].concat()).unwrap();
        let Some(Command::Compare(args)) = cli.command else { panic!("another command") };
        let env =
            Env { vars: BTreeMap::new(), cwd: "/nowhere".into(), stdin_is_terminal: false, stdin_is_device: false };
        resolve(*args, &env)
    }

    #[test]
    fn options_that_are_left_out_have_defaults() {
        let resolved = of(&["--demo"]).unwrap();
        assert_eq!((resolved.levels, resolved.rounds, resolved.form), (vec![5, 10, 50], 3, ComparisonFormat::Text));
        assert_eq!(resolved.backends, backends());
    }

    #[test]
    fn lists_have_commas_and_repetitions_count_once() {
        let resolved = of(&["-c", "5, 7,5", "--rounds", "2", "--json", "-H", "A: b", "https://a.example/"]).unwrap();
        assert_eq!((resolved.levels, resolved.rounds, resolved.form), (vec![5, 7], 2, ComparisonFormat::Json));
        assert_eq!(resolved.config.header, ["A: b"]);
        assert!(matches!(resolved.over, Over::Inputs(inputs) if inputs.len() == 1));
    }

    #[test]
    fn list_over_http_is_no_url_to_download() {
        let resolved = of(&["-i", "https://a.example/list", "-B", "https://b.example/", "https://a.example/"]).unwrap();
        assert_eq!(resolved.config.base.map(String::from).as_deref(), Some("https://b.example/"));
        let Over::Inputs(inputs) = resolved.over else { panic!("no inputs") };
        assert!(matches!(&inputs[..], [InputArg::Url(..), InputArg::Remote(list)] if list == "https://a.example/list"));
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let UsageError(problems) =
            of(&["--demo", "-c", "0,x", "--backends", "fork", "--rounds", "0", "-d", "out"]).unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:#?}");
        assert!(problems[0].starts_with("--dir: is not for compare"), "{problems:#?}");
        assert!(problems.iter().all(|problem| !problem.contains("auto")), "{problems:#?}");
        assert!(problems[3].contains(&backends().join(", ")), "{problems:#?}");
    }
}
