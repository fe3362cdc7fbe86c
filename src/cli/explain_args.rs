//! The command line of `fetchall explain`: URLs, the start pages of a crawl, and its settings.

use std::ffi::OsString;

use clap::{ArgAction, Args};
use fetchall::config::{Config, Format};

use super::env::Env;
use super::exit::UsageError;
use super::inputs;
use super::job_args::SettingArgs;
use super::resolve;

/// The text below the help.
pub const NOTES: &str = "\
Name the start pages and the settings of the crawl, so that the answer is that of the crawl:
  fetchall explain https://example.com/docs/b --crawl https://example.com/docs/ --dir out
It asks for robots.txt and nothing else, and changes no state. docs/guide/crawl.md explains the answer.";

/// The arguments of an explanation.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// URLs to explain, also without https://
    #[arg(value_name = "URL", required = true)]
    urls: Vec<OsString>,
    /// A start page of the crawl; without one the URLs count as a list; repeatable
    #[arg(long, value_name = "START", help_heading = "Input", action = ArgAction::Append)]
    crawl: Vec<OsString>,
    /// Do not ask for robots.txt; use what the state has
    #[arg(long, help_heading = "Input")]
    offline: bool,
    /// The settings of the crawl.
    #[command(flatten)]
    settings: SettingArgs,
}

/// The question of a user.
#[derive(Debug)]
pub struct Question {
    /// The settings.
    pub config: Config,
    /// The URLs.
    pub urls: Vec<String>,
    /// The start pages of the crawl.
    pub starts: Vec<String>,
    /// Whether no request is sent.
    pub offline: bool,
    /// Whether the answer is JSON.
    pub json: bool,
}

/// Resolves an explanation: its URLs and settings.
///
/// # Errors
/// Returns all errors of the settings, else of the URLs.
pub fn resolve(args: &ExplainArgs, env: &Env) -> Result<Question, UsageError> {
    let defaults = if args.crawl.is_empty() { Config::default() } else { Config::of_crawl() };
    let resolved = resolve::settings_over(defaults, &args.settings, env)?;
    let format = resolved.config.format;
    if resolved.is_flag("format") && !matches!(format, Format::Text | Format::Ndjson) {
        return Err(UsageError::one("--format: an explanation is text or ndjson; use --json"));
    }
    resolved.validate()?;
    Ok(Question {
        urls: inputs::urls(&args.urls, env)?,
        starts: inputs::urls(&args.crawl, env)?,
        offline: args.offline,
        json: resolved.is_flag("format") && format == Format::Ndjson,
        config: resolved.config,
    })
}
