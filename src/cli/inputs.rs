//! Resolves the inputs of a command: lists, URLs, and the results of earlier runs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use fetchall::app::{shown_unusable, state_in};
use fetchall::model::{HIDDEN, has_at_sign, shown_path, shown_text};
use fetchall::policy::rerun::selection::Selection;
use fetchall::policy::text::redact::host_and_path;
use fetchall::policy::text::url_text::{self, http_prefix};
use fetchall::source::check_url;

use super::env::Env;
use super::exit::UsageError;
use super::job_args::JobArgs;

/// An input to fetch. A run takes its inputs in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputArg {
    /// A list.
    File(PathBuf),
    /// A list on standard input.
    Stdin,
    /// A URL that was an argument, and which one, counted from 1.
    Url(String, u64),
    /// A list to be fetched from this URL.
    Remote(String),
}

/// The meaning of the words of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputWords {
    /// URLs, and files of URLs.
    Lists,
    /// The start pages of a crawl.
    StartPages,
}

impl InputWords {
    fn read(self, word: &OsStr, position: u64, env: &Env) -> Result<InputArg, String> {
        match self {
            InputWords::Lists => input(word, position, env),
            InputWords::StartPages => start_page(word, position, env),
        }
    }

    /// The message about a command without inputs.
    fn advice(self) -> &'static str {
        match self {
            InputWords::Lists => {
                "no input: name a list or a URL, or pipe a list into standard input, such as\n\n  \
                 fetchall sites.txt\n  fetchall https://example.com/\n\nsee `fetchall --help` for more"
            }
            InputWords::StartPages => {
                "no start page: name a URL, such as\n\n  \
                 fetchall crawl https://example.com/docs/\n\nsee `fetchall crawl --help` for more"
            }
        }
    }
}

/// The inputs of a command: its words, the lists of `--input-file`, else standard input. A `retry_from`
/// needs none, and neither does a run that `joins` a job, unless a list is piped into it.
///
/// # Errors
/// Returns all inputs that cannot be used.
pub(super) fn inputs(
    kind: InputWords,
    words: &[OsString],
    files: &[OsString],
    retry_from: Option<&OsStr>,
    joins: bool,
    env: &Env,
) -> Result<Vec<InputArg>, UsageError> {
    let mut inputs = Vec::new();
    let mut problems = Vec::new();
    for (word, position) in words.iter().zip(1..) {
        match kind.read(word, position, env) {
            Ok(input) => inputs.push(input),
            Err(problem) => problems.push(problem),
        }
    }
    for file in files {
        match input_file(file, env) {
            Ok(input) => inputs.push(input),
            Err(problem) => problems.push(format!("--input-file: {problem}")),
        }
    }
    let report_is_stdin = retry_from.is_some_and(|report| report == "-");
    let stdin = inputs.iter().filter(|input| **input == InputArg::Stdin).count();
    if stdin + usize::from(report_is_stdin) > 1 {
        problems.push("standard input is named twice; it can be read only once".to_owned());
    }
    if !problems.is_empty() {
        return Err(UsageError(problems));
    }
    if inputs.is_empty() && (retry_from.is_some() || joins && env.stdin_is_device) {
        return Ok(inputs);
    }
    if inputs.is_empty() && env.stdin_is_terminal {
        return Err(UsageError::one(kind.advice()));
    }
    if inputs.is_empty() {
        inputs.push(InputArg::Stdin);
    }
    Ok(inputs)
}

/// Reads words that are URLs.
///
/// # Errors
/// Returns all words that are none.
pub(super) fn urls(words: &[OsString], env: &Env) -> Result<Vec<String>, UsageError> {
    let (mut urls, mut problems) = (Vec::new(), Vec::new());
    for (word, position) in words.iter().zip(1..) {
        match start_page(word, position, env) {
            Ok(InputArg::Url(url, _)) => urls.push(url),
            Ok(_) => problems.push("-: is no URL; write the whole of it".to_owned()),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(urls) } else { Err(UsageError(problems)) }
}

/// The records of earlier runs: files, or standard input.
///
/// # Errors
/// Returns all words that name none.
pub(super) fn records(words: &[OsString], env: &Env) -> Result<Vec<InputArg>, UsageError> {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for word in words {
        match list(word, env) {
            Ok(InputArg::Stdin) if records.contains(&InputArg::Stdin) => {
                problems.push("standard input is named twice; it can be read only once".to_owned());
            }
            Ok(input) => records.push(input),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(UsageError(problems));
    }
    if records.is_empty() && env.stdin_is_terminal {
        let advice = "no records: name the file that a run wrote with --json -o FILE, such as\n\n  \
                      fetchall report records.ndjson -o report.html";
        return Err(UsageError::one(advice));
    }
    if records.is_empty() {
        records.push(InputArg::Stdin);
    }
    Ok(records)
}

/// The records of an earlier run. A folder stands for its state.
pub(super) fn report(word: &OsStr, env: &Env) -> Result<InputArg, UsageError> {
    let state = state_in(Path::new(word));
    if env.cwd.join(&state).is_file() {
        return Ok(InputArg::File(state));
    }
    if env.cwd.join(word).is_dir() {
        let folder = shown_path(Path::new(word));
        let problem =
            format!("--retry-from: no run has saved into the folder {folder}; name its --dir, or its records");
        return Err(UsageError::one(problem));
    }
    list(word, env).map_err(|problem| UsageError::one(format!("--retry-from: {problem}")))
}

/// The results that are tried again.
pub(super) fn selection(args: &JobArgs) -> Result<Option<Selection>, UsageError> {
    if args.only.is_empty() {
        return Ok(None);
    }
    let words = args.only.iter().flat_map(|words| words.split(',')).map(str::trim);
    Selection::of(words).map(Some).map_err(|problem| UsageError::one(format!("--only: {problem}")))
}

fn input(word: &OsStr, position: u64, env: &Env) -> Result<InputArg, String> {
    let shown = word.to_string_lossy();
    if has_scheme(url_text::bare(&shown)) {
        let url = word
            .to_str()
            .ok_or_else(|| format!("{}: is not valid UTF-8; percent-encode the URL", shown_text(&shown)))?;
        return Ok(InputArg::Url(url_text::bare(url).to_owned(), position));
    }
    list(word, env).map_err(|problem| {
        if [
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
            "help",
        ]
        .contains(&&*shown)
        {
            format!("{problem}; a command goes before everything else: fetchall {shown} ...")
        } else if shown == "version" {
            format!("{problem}; fetchall --version prints the version")
        } else {
            with_url_advice(problem, &shown)
        }
    })
}

/// A start page of a crawl. Without a scheme it is one of https, or of http on this machine and for an address.
fn start_page(word: &OsStr, position: u64, env: &Env) -> Result<InputArg, String> {
    if word == "-" {
        return Ok(InputArg::Stdin);
    }
    let text = word.to_string_lossy();
    let bare = url_text::bare(&text);
    if has_scheme(bare) || http_prefix(bare).is_some() {
        let url = word.to_str().map(url_text::bare);
        let url = url.ok_or_else(|| format!("{}: is not valid UTF-8; percent-encode the URL", shown_text(&text)))?;
        return checked(url.to_owned(), bare, position);
    }
    let shown = shown_text(&text);
    if env.cwd.join(word).is_file() {
        return Err(match looks_like_host(bare) {
            true => format!("{shown} is a file and may be a host; write -i {shown} or https://{shown}"),
            false => format!("{shown} is a file; -i {shown} reads start pages from it"),
        });
    }
    if !looks_like_host(bare) {
        return Err(format!("{shown}: is no URL; write the whole of it, such as https://example.com/docs/"));
    }
    let url = format!("{}://{bare}", if is_local(bare) { "http" } else { "https" });
    checked(url, bare, position)
}

/// The start page of this URL. The message about a wrong one names it, or its number if it may hold a password.
fn checked(url: String, word: &str, position: u64) -> Result<InputArg, String> {
    match check_url(&url) {
        Ok(()) => Ok(InputArg::Url(url, position)),
        Err(why) if why.contains(word) => Err(why),
        Err(why) => Err(format!("start page {position}, shown without what may be a password: {why}")),
    }
}

/// Whether the host is this machine or an address, which seldom has a certificate.
fn is_local(word: &str) -> bool {
    let host = word.split(['/', '?', '#', ':']).next().unwrap_or_default().to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || host.parse::<Ipv4Addr>().is_ok()
}

/// A list that `--input-file` names: a file or a URL.
fn input_file(word: &OsStr, env: &Env) -> Result<InputArg, String> {
    let shown = word.to_string_lossy();
    if !has_scheme(&shown) {
        return list(word, env).map_err(|problem| with_url_advice(problem, &shown));
    }
    match word.to_str() {
        Some(url) => Ok(InputArg::Remote(url.to_owned())),
        None => Err(format!("{}: is not valid UTF-8; percent-encode the URL", shown_text(&shown))),
    }
}

fn list(word: &OsStr, env: &Env) -> Result<InputArg, String> {
    if word == "-" {
        return Ok(InputArg::Stdin);
    }
    let path = Path::new(word);
    match fs::metadata(env.cwd.join(word)) {
        _ if word.is_empty() => Err("an input is empty; name a list or a URL".to_owned()),
        Ok(found) if found.is_dir() => Err(format!("{} is a folder; name a list in it", shown_path(path))),
        Ok(_) => Ok(InputArg::File(PathBuf::from(word))),
        Err(error) if absent(&error) => Err(format!("{}: no such file", missing(word, &error))),
        Err(error) => Err(format!("cannot read {}: {error}", shown_unusable(path, &error))),
    }
}

/// An input that does not exist, in a message. A name and a password may stand where an input is expected.
fn missing(word: &OsStr, error: &io::Error) -> String {
    let text = word.to_string_lossy();
    match host(&text) {
        Some(host) => host.to_owned(),
        None => match shown_unusable(Path::new(word), error) {
            hidden if hidden == HIDDEN => "an input that may be a secret".to_owned(),
            shown => shown,
        },
    }
}

/// The host and path of a word that may be a URL without its scheme.
fn host(word: &str) -> Option<&str> {
    (looks_like_host(word) && !has_at_sign(word)).then(|| host_and_path(word)).flatten()
}

/// RFC 3986, section 3.1, and the two slashes that tell a URL from a file with a colon.
fn has_scheme(word: &str) -> bool {
    word.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Adds the URL that a word may stand for.
fn with_url_advice(problem: String, word: &str) -> String {
    if http_prefix(url_text::bare(word)).is_some() {
        format!("{problem}; if it is a URL, write two slashes behind http: or https:")
    } else if let Some(host) = host(word) {
        format!("{problem}; if it is a URL, write https://{host}")
    } else {
        problem
    }
}

/// Whether a word that names no file may be a URL without its scheme.
fn looks_like_host(word: &str) -> bool {
    let (host, has_path) = word.split_once(['/', '?', '#']).map_or((word, false), |(host, _)| (host, true));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let labels = host.split('.').all(|l| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-'));
    let list_name =
        [".txt", ".tsv", ".csv", ".ndjson", ".jsonl", ".json", ".gz", ".zst", ".xml", ".html", ".list", ".lst"];
    labels
        && (host.contains('.') || host == "localhost" || port.is_some())
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        && (has_path || port.is_some() || !list_name.iter().any(|ending| host.ends_with(ending)))
}

/// Whether there is no such file.
pub(super) fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
