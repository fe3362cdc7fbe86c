//! The command line of `fetchall crawl` and `fetchall map`: start pages, the settings of a download, and the letters of wget.

use std::ffi::{OsStr, OsString};

use clap::{ArgAction, Args};
use fetchall::config::{Config, CrawlConfig, Key, SettingSource, TextConfig};

use super::env::Env;
use super::exit::UsageError;
use super::inputs::{self, InputArg, InputWords};
use super::job_args::SettingArgs;
use super::resolve::{self, Resolved};
use super::setting_flags::{FlagValue, GivenFlag, help};

/// The text below the help.
pub const NOTES: &str = "\
A crawl stays below the folder of each start page, obeys robots.txt, and has at most 4 requests in
flight to a host. --scope, --robots and --per-host change that. docs/guide/crawl.md explains more.
-r -l -np -nd -p -A -R -D are those of wget. For curl's -A write --user-agent, for -R --remote-time,
for -k --insecure, for -m --timeout.";

/// The text below the help of a mirror.
pub const MIRROR_NOTES: &str = "\
A mirror is a crawl that can be read offline: it fetches what pages show, names files by their
type, and makes links lead to saved files. Other links are absolute, also after a kill. The next run
asks for what has changed; --no-refresh goes on without asking again.
-m -k -E -p -np -r -l -N of wget are understood. docs/guide/mirror.md explains more.";

/// The text below the help of a map.
pub const MAP_NOTES: &str = "\
A map is a crawl that keeps no bodies and fetches no images, scripts or styles. It prints the URL of
each page that it got, one a line; with --json the records of these pages. The list can be piped:
  fetchall map https://example.com/docs/ | fetchall --dir out -
--sitemap only does not follow links. docs/guide/crawl.md explains scope, robots and limits.";

/// The settings that have no effect on a map.
const NOT_OF_MAP: &[&str] = &[
    "dir",
    "name",
    "content-disposition",
    "skip-existing",
    "remote-time",
    "requisites",
    "adjust-extension",
    "convert-links",
    "mirror-index",
    "accept",
    "reject",
    "page-types",
    "show",
    "changes",
    "changes-by",
    "text",
    "text-format",
    "check",
    "check-fragments",
];

/// The settings that have no effect on a link check.
const NOT_OF_CHECK: &[&str] = &[
    "dir",
    "state",
    "name",
    "content-disposition",
    "skip-existing",
    "fresh",
    "refresh",
    "remote-time",
    "adjust-extension",
    "convert-links",
    "mirror-index",
    "accept",
    "reject",
    "page-types",
    "show",
    "changes",
    "changes-by",
    "text",
    "text-format",
    "head",
];

/// The settings that `-h` shows, beside those that are no settings.
const USUAL: &[&str] = &[
    "concurrency",
    "per-host",
    "delay",
    "header",
    "depth",
    "scope",
    "include",
    "exclude",
    "accept",
    "reject",
    "span-hosts",
    "max-pages",
    "requisites",
    "check",
    "sitemap",
    "strip-param",
    "robots",
    "dir",
    "refresh",
    "output",
    "quiet",
];

/// The start pages and the options of a crawl.
#[derive(Debug, Args)]
pub struct CrawlArgs {
    /// Start pages, also without https:// [default: a list on standard input when it is a pipe]
    #[arg(value_name = "URL")]
    starts: Vec<OsString>,
    /// Read start pages from a list: a file, a URL, or - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append)]
    input_file: Vec<OsString>,
    /// The settings of a download.
    #[command(flatten)]
    settings: SettingArgs,

    /// Links are always followed
    #[arg(short = 'r', long, hide = true)]
    recursive: bool,
    /// The default scope
    #[arg(long, hide = true)]
    no_parent: bool,
    /// All files in one folder
    #[arg(long, hide = true)]
    no_directories: bool,
    /// wget's name for the command `mirror`
    #[arg(short = 'm', long, hide = true)]
    mirror: bool,
    /// The second letters of wget's -np and -nd
    #[arg(short = 'n', hide = true, value_name = "LETTERS", action = ArgAction::Append)]
    no: Vec<String>,
    /// -H without a field: any host
    #[arg(long, hide = true)]
    wget_span_hosts: bool,
}

/// Adapts the flags of a download to a crawl: its defaults, and the letters of wget in place of those of curl.
pub fn fit(arg: clap::Arg) -> clap::Arg {
    let Some(key) = Key::named(arg.get_id().as_str()) else { return arg };
    let arg = show(arg).help(help(key, &Config::of_crawl())).hide_short_help(!USUAL.contains(&key.name));
    match key.name {
        "user-agent" | "remote-time" | "insecure" => arg.short(None),
        // wget's -m is --mirror.
        "timeout" => arg.short_alias(None),
        "accept" => arg.short('A'),
        "reject" => arg.short('R'),
        "span-hosts" => arg.short('D'),
        "adjust-extension" => arg.short('E'),
        "convert-links" => arg.short('k'),
        "cert" => arg.short(None),
        _ => arg,
    }
}

/// Adapts the flags of a crawl to a mirror.
pub fn fit_mirror(arg: clap::Arg) -> clap::Arg {
    let arg = fit(arg);
    match Key::named(arg.get_id().as_str()) {
        Some(key) => arg.help(help(key, &Config::of_mirror())).hide_short_help(!USUAL.contains(&key.name)),
        None => arg,
    }
}

/// Adapts the flags of a crawl to a map, and hides those without an effect.
pub fn fit_map(arg: clap::Arg) -> clap::Arg {
    let is_hidden = NOT_OF_MAP.contains(&arg.get_id().as_str());
    let arg = fit(arg);
    if is_hidden { arg.hide(true) } else { arg }
}

/// Shows the flags that are only for a crawl.
pub fn show(arg: clap::Arg) -> clap::Arg {
    let is_of_crawl = Key::named(arg.get_id().as_str()).is_some_and(Key::is_of_crawl);
    if is_of_crawl { arg.hide(false) } else { arg }
}

/// Gives wget's `-H`, which has no value, a name of its own. The `-H` of curl has a request field behind it.
pub fn without_wgets_spans(words: Vec<OsString>) -> Vec<OsString> {
    let mut changed = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            changed.push(word);
            break;
        }
        match word.to_str().and_then(|word| spans(word, words.peek().map(OsString::as_os_str))) {
            Some(others) => changed.extend(others),
            None => changed.push(word),
        }
    }
    changed.extend(words);
    changed
}

/// The words for a cluster of letters with wget's `-H` in it, such as `-rHD`; `None` if there is none.
fn spans(word: &str, next: Option<&OsStr>) -> Option<Vec<OsString>> {
    // Letters that have no value.
    const SWITCHES: &[char] = &['r', 'p', 'm', 'k', 'E', 'q', 'v', 'N', 'S', 'L', 'f', '4', '6'];
    let letters = word.strip_prefix('-')?;
    let rest = letters.trim_start_matches(SWITCHES);
    let (before, after) = (&letters[..letters.len() - rest.len()], rest.strip_prefix('H')?);
    let field = if after.is_empty() { next.and_then(OsStr::to_str).unwrap_or_default() } else { after };
    if is_field(field) {
        return None;
    }
    let cluster = |letters: &str| (!letters.is_empty()).then(|| OsString::from(format!("-{letters}")));
    Some([cluster(before), Some("--wget-span-hosts".into()), cluster(after)].into_iter().flatten().collect())
}

/// Whether a text is a request field rather than a URL, a host with a port, or another option.
fn is_field(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    match text.split_once(':') {
        _ if text.starts_with('@') => true,
        _ if text.starts_with('-') => false,
        Some((name, value)) => {
            is_name(name) && !value.starts_with("//") && !value.starts_with(|c: char| c.is_ascii_digit())
        }
        None => text.strip_suffix(';').is_some_and(is_name),
    }
}

/// Resolves a crawl: its settings and start pages.
///
/// # Errors
/// Returns all errors of wget's letters, else of the settings, else of the start pages.
pub fn resolve(args: CrawlArgs, env: &Env) -> Result<Resolved, UsageError> {
    let defaults = if args.mirror { Config::of_mirror() } else { Config::of_crawl() };
    resolve_over(defaults, args, env)
}

/// Resolves a mirror: a crawl that can be read offline.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_mirror(args: CrawlArgs, env: &Env) -> Result<Resolved, UsageError> {
    resolve_over(Config::of_mirror(), args, env)
}

/// Resolves a map: a crawl without files.
///
/// # Errors
/// As [`resolve`], and the flags that have no effect on a map.
pub fn resolve_map(args: CrawlArgs, env: &Env) -> Result<Resolved, UsageError> {
    if args.mirror {
        return Err(UsageError::one(
            "--mirror (-m): a map lists the URLs of pages and saves nothing; use `fetchall mirror`",
        ));
    }
    resolve_over(Config { crawl: CrawlConfig::mapping(), ..Config::of_crawl() }, args, env)
}

fn resolve_over(defaults: Config, mut args: CrawlArgs, env: &Env) -> Result<Resolved, UsageError> {
    let is_wgets = args.recursive && !args.no_parent && !args.no.iter().any(|letters| letters.contains('p'));
    let mut tips = letters(&mut args)?;
    let is_mirror = defaults.crawl.convert_links;
    let mut resolved = resolve::settings_over(defaults, &args.settings, env)?;
    if resolved.config.crawl.maps {
        without_files(&mut resolved)?;
    }
    if is_mirror && std::mem::take(&mut resolved.config.crawl.check) && resolved.is_flag("check") {
        return Err(UsageError::one("--check: a mirror saves pages, a link check does not; use `fetchall crawl`"));
    }
    fit_check(&mut resolved)?;
    let refreshes_by_default = matches!(resolved.origins.get("refresh"), None | Some(SettingSource::Default));
    if refreshes_by_default && (resolved.config.skip_existing || resolved.config.fresh) {
        resolved.config.refresh = false;
    }
    resolved.validate()?;
    let (words, files, joins) = (&args.starts, &args.input_file, resolved.config.fleet.queue.is_some());
    resolved.inputs = inputs::inputs(InputWords::StartPages, words, files, None, joins, env)?;
    resolved.reads_terminal = env.stdin_is_terminal && resolved.inputs.contains(&InputArg::Stdin);
    resolved.show_errors = args.settings.show_error;
    if resolved.config.crawl.depth == Some(0) && resolved.is_flag("depth") && !resolved.config.crawl.check {
        tips.push("--depth 0 (or -l 0): no link is followed; wget's -l 0 is --depth none".to_owned());
    }
    if is_wgets && !["depth", "scope"].iter().all(|key| resolved.is_flag(key)) {
        tips.push(
            "-r: the crawl stays below the folder of its start page, at any depth; wget's -r alone is --scope host -l 5"
                .to_owned(),
        );
    }
    resolved.doubts.extend(tips);
    Ok(resolved)
}

/// Takes from a map the settings of files and variables that have no effect on it.
///
/// # Errors
/// Returns those that were given as flags.
fn without_files(resolved: &mut Resolved) -> Result<(), UsageError> {
    let what = "a map lists the URLs of pages and saves nothing; leave it out, or use `fetchall crawl`";
    let problems = flags_of(resolved, NOT_OF_MAP, what);
    let config = &mut resolved.config;
    (config.dir, config.changes, config.crawl.requisites) = (None, None, false);
    (config.crawl.adjust_extension, config.crawl.convert_links) = (false, false);
    (config.crawl.mirror_index, config.crawl.check) = (false, false);
    config.text = TextConfig::default();
    problems
}

/// Adapts the settings of a link check: it asks for requisites too, and saves and remembers nothing.
///
/// # Errors
/// Returns the flags without an effect.
pub fn fit_check(resolved: &mut Resolved) -> Result<(), UsageError> {
    if !resolved.config.crawl.check {
        return Ok(());
    }
    let what = "a link check asks for everything and saves nothing; leave it out, or leave out --check";
    flags_of(resolved, NOT_OF_CHECK, what)?;
    let has_default = matches!(resolved.origins.get("requisites"), None | Some(SettingSource::Default));
    let config = &mut resolved.config;
    config.crawl.requisites |= has_default;
    (config.dir, config.state, config.changes) = (None, None, None);
    (config.fresh, config.refresh, config.skip_existing, config.head) = (false, false, false, false);
    (config.crawl.adjust_extension, config.crawl.convert_links, config.crawl.mirror_index) = (false, false, false);
    config.text = TextConfig::default();
    config.crawl.page_types.clear();
    config.crawl.accept.clear();
    config.crawl.reject.clear();
    Ok(())
}

/// Refuses those of the settings that were given as flags.
fn flags_of(resolved: &Resolved, names: &[&str], what: &str) -> Result<(), UsageError> {
    let flags = names.iter().filter_map(|name| match resolved.origins.get(name) {
        Some(SettingSource::Flag(flag)) => Some(flag),
        _ => None,
    });
    let problems: Vec<_> = flags.map(|flag| format!("{flag}: {what}")).collect();
    if problems.is_empty() { Ok(()) } else { Err(UsageError(problems)) }
}

/// Turns wget's letters into settings. Returns a tip for each that differs.
fn letters(args: &mut CrawlArgs) -> Result<Vec<String>, UsageError> {
    let mut problems = Vec::new();
    let mut has_no_directories = args.no_directories;
    for letter in args.no.iter().flat_map(|letters| letters.chars()) {
        match letter {
            'p' => {}
            'd' => has_no_directories = true,
            'c' => problems.push("-nc: is --skip-existing (or --no-clobber) here".to_owned()),
            'v' => problems.push("-nv: is --progress none here".to_owned()),
            'H' => problems.push("-nH: is --name '{path}' here".to_owned()),
            _ => problems.push("-n: takes the letters of wget's -np and -nd; leave it out".to_owned()),
        }
    }
    if args.wget_span_hosts && !args.settings.flags.has("span-hosts") {
        problems.push(
            "-H: is --header 'NAME: VALUE' as in curl; for wget's -H write --span-hosts HOST,..., or --scope any"
                .to_owned(),
        );
    }
    if has_no_directories && args.settings.flags.has("name") {
        problems.push("-nd and --name: contradict each other; leave one of them out".to_owned());
    }
    if !problems.is_empty() {
        return Err(UsageError(problems));
    }
    let Some(key) = Key::named("name").filter(|_| has_no_directories) else { return Ok(Vec::new()) };
    let value = FlagValue::Text("{file}".into());
    args.settings.flags.add(GivenFlag { key, flag: "-nd", value });
    Ok(vec!["-nd: the files are named as with --name '{file}'".to_owned()])
}

#[cfg(test)]
#[path = "crawl_args_tests.rs"]
mod tests;
