//! Resolves arguments, environment and files to values. Afterwards no option is open.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fetchall::app::{LARGEST_SETTINGS, read_bounded, read_unnamed, shown_unusable};
use fetchall::config::{Config, Format, Key, Layers, Origins, QueueAddress, Raw, SettingSource, Task};
use fetchall::model::{shown_path, shown_text};
use fetchall::policy::naming::Template;
use fetchall::policy::rerun::selection::Selection;
use fetchall::policy::text::glob::Globs;

use super::args;
use super::env::Env;
use super::exit::UsageError;
use super::inputs::{self, InputArg, InputWords, absent};
use super::job_args::{JobArgs, SettingArgs};
use super::setting_flags::{FlagValue, GivenFlag};

/// A retry of the URLs that an earlier run did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryArg {
    /// Its records: a file or standard input.
    pub report: InputArg,
    /// Which of them.
    pub only: Selection,
}

/// A command line whose every option is resolved.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Every setting.
    pub config: Config,
    /// The source of each setting, by its name.
    pub origins: Origins,
    /// The inputs to fetch; empty for commands that take no input.
    pub inputs: Vec<InputArg>,
    /// The records of an earlier run, of which some are tried again.
    pub retry: Option<RetryArg>,
    /// Which lines are fetched, by their results in the state. With records, `retry` selects.
    pub only: Option<Selection>,
    /// The path for the body of the one URL; `-` is standard output.
    pub output_document: Option<PathBuf>,
    /// Files that were read for the settings or may be by the next run, each with a noun for messages.
    pub reads: Vec<(&'static str, PathBuf)>,
    /// Whether the user types a list.
    pub reads_terminal: bool,
    /// A question about each setting that is unlikely to be meant.
    pub doubts: Vec<String>,
    /// Report failures on standard error, even if the run is silent otherwise.
    pub show_errors: bool,
}

impl Resolved {
    /// Returns the file of the records, `-` for standard output; `None` if the body owns standard output.
    pub fn records_to(&self) -> Option<&Path> {
        let stdout = Path::new("-");
        let taken = self.output_document.as_deref() == Some(stdout) && self.config.output == stdout;
        (!taken).then_some(self.config.output.as_path())
    }

    /// Whether `--only` selects among the results of an earlier run.
    pub fn selects(&self) -> bool {
        self.only.is_some() || self.retry.as_ref().is_some_and(|retry| retry.only != Selection::all())
    }

    /// Checks the settings against each other and against the task of the run.
    ///
    /// # Errors
    /// Returns the settings that contradict each other, and the flags that could have no effect.
    pub fn validate(&self) -> Result<(), UsageError> {
        let task = Task {
            retries: self.retry.is_some(),
            selects: self.only.is_some(),
            document: self.output_document.as_deref(),
        };
        self.config.validate(task, &self.origins).map_err(UsageError)
    }

    /// Returns whether a flag gave this setting.
    pub fn is_flag(&self, key: &str) -> bool {
        matches!(self.origins.get(key), Some(SettingSource::Flag(_)))
    }
}

/// Resolves the settings of a command that takes no input.
///
/// # Errors
/// Returns all errors of all layers.
pub fn settings(args: &SettingArgs, env: &Env) -> Result<Resolved, UsageError> {
    settings_over(Config::default(), args, env)
}

/// Resolves the settings of a command with defaults of its own.
///
/// # Errors
/// Returns all errors of all layers.
pub fn settings_over(defaults: Config, args: &SettingArgs, env: &Env) -> Result<Resolved, UsageError> {
    let mut layers = Layers::over(defaults);
    let mut problems = Vec::new();
    if args.go_on.is_some() {
        let text = "--continue, --resume: not needed, leave it out: with --dir the same command goes on by itself, inside a body too";
        problems.push(text.to_owned());
    }
    proxies(&mut layers, env);
    let files = files(args, env);
    let mut from_folder = false;
    if !args.no_config {
        for file in &files {
            let name = shown_path(&file.path);
            let path = env.cwd.join(&file.path);
            match if file.of_folder { read_unnamed(&path) } else { read_settings(&path) }.and_then(text_of) {
                Ok(text) if file.of_folder => {
                    from_folder = true;
                    layers.folder_file(&name, &text);
                }
                Ok(text) => layers.file(&name, &text),
                Err(error) if absent(&error) && !file.required => {}
                Err(error) if file.of_folder => problems
                    .push(format!("cannot read {name}: {error}; add --no-config, or --config ./{name} if it is yours")),
                Err(error) => problems.push(format!("cannot read {}: {error}", shown_unusable(&file.path, &error))),
            }
        }
    }
    for (name, value) in &env.vars {
        layers.variable(name, value);
    }
    let mut reads: Vec<_> = files.into_iter().map(|file| ("the settings", file.path)).collect();
    reads.extend(certificates(env));
    for GivenFlag { key, flag, value } in args.given() {
        match &value {
            FlagValue::List(texts) if key.name == "header" => {
                let field_files = texts.iter().filter_map(|text| text.strip_prefix('@'));
                reads.extend(field_files.map(|file| ("the file of --header", PathBuf::from(file))));
                match header_texts(texts, env) {
                    Ok(texts) => layers.flag(key, flag, Raw::List(&texts)),
                    Err(problem) => problems.push(problem),
                }
            }
            value => layers.flag(key, flag, value.raw()),
        }
    }
    let doubts = layers.doubts();
    let found = layers.finish();
    if let Ok((config, origins)) = &found {
        problems.extend(dir_of_folder(config, origins, env).filter(|_| from_folder));
    }
    if let Ok((config, origins)) = &found {
        let template = Template::parse(&config.name).err().map(|why| ("name", why));
        let wrong = template.into_iter().chain(wrong_patterns(config));
        problems.extend(wrong.map(|(name, why)| match origins.get(name) {
            Some(origin @ SettingSource::File { .. }) => format!("{origin}: {name}: {why}"),
            Some(origin) => format!("{origin}: {why}"),
            None => why,
        }));
    }
    match found {
        Ok((mut config, mut origins)) if problems.is_empty() => {
            format_of_output(&mut config, &mut origins);
            if config.netrc && config.netrc_file.is_none() {
                config.netrc_file = Some(home_file(env, ".netrc", "--netrc")?);
            }
            if is_stdout(&config.output) {
                config.output = PathBuf::from("-");
            }
            Ok(Resolved {
                config,
                origins,
                inputs: Vec::new(),
                retry: None,
                only: None,
                output_document: None,
                reads,
                doubts,
                reads_terminal: false,
                show_errors: false,
            })
        }
        found => {
            problems.extend(found.err().into_iter().flatten().map(|problem| problem.to_string()));
            Err(UsageError(problems))
        }
    }
}

/// Returns the queue that the variable or a file of settings names.
///
/// # Errors
/// Returns all errors of all layers.
pub fn queue(env: &Env) -> Result<Option<QueueAddress>, UsageError> {
    let words = std::iter::once("fetchall".into());
    let without_flags = args::parse(words).map_err(|error| UsageError::one(error.to_string()))?;
    Ok(settings(&without_flags.job.settings, env)?.config.fleet.queue)
}

/// Resolves a download: its settings, inputs and outputs.
///
/// # Errors
/// Returns all errors of all layers, else those of the inputs.
pub fn job(args: &JobArgs, env: &Env) -> Result<Resolved, UsageError> {
    let mut resolved = settings(&args.settings, env)?;
    // Check before the inputs: a user of curl's `-O URL` should read about -O, not about a missing input.
    resolved.output_document = args.output_document.as_deref().map(document_name).transpose()?;
    let only = inputs::selection(args)?;
    match &args.retry_from {
        Some(report) => {
            resolved.retry = Some(RetryArg { report: inputs::report(report, env)?, only: only.unwrap_or_default() })
        }
        None => resolved.only = only,
    }
    resolved.validate()?;
    let (words, files, joins) = (&args.inputs, &args.input_file, resolved.config.fleet.queue.is_some());
    resolved.inputs = inputs::inputs(InputWords::Lists, words, files, args.retry_from.as_deref(), joins, env)?;
    resolved.reads_terminal = env.stdin_is_terminal && resolved.inputs.contains(&InputArg::Stdin);
    resolved.show_errors = args.settings.show_error;
    if resolved.output_document.is_none() {
        return Ok(resolved);
    }
    if !matches!(resolved.inputs.as_slice(), [InputArg::Url(..)]) {
        return Err(UsageError::one(
            "--output-document: is for exactly one URL as argument; to save more than one use --dir DIR",
        ));
    }
    // A folder that a file or a variable names is for lists; the one document has its name already.
    if resolved.config.dir.take().is_some() {
        resolved.origins.insert("dir", SettingSource::Flag("--output-document"));
    }
    Ok(resolved)
}

/// The patterns of a shell that cannot be read, each with its setting.
fn wrong_patterns(config: &Config) -> impl Iterator<Item = (&'static str, String)> {
    let crawl = &config.crawl;
    let lists = [("accept", &crawl.accept), ("reject", &crawl.reject), ("strip-param", &crawl.strip_param)];
    lists.into_iter().flat_map(|(name, texts)| {
        let wrong = texts.iter().zip(1..).filter(|(text, _)| Globs::new(&[text]).is_err());
        wrong.map(move |(_, number)| (name, format!("number {number} is no pattern; write *, ?, or [a-z]")))
    })
}

fn document_name(path: &Path) -> Result<PathBuf, UsageError> {
    if path.as_os_str().is_empty() {
        return Err(UsageError::one("--output-document: is empty; name a file, or - for standard output"));
    }
    if path.as_os_str() == "J" {
        return Err(UsageError::one(
            "--output-document: curl's -OJ is --dir DIR --content-disposition here; write ./J for a file of that name",
        ));
    }
    if path.to_string_lossy().contains("://") {
        return Err(UsageError::one(
            "--output-document: takes a file name before the URL; to save under the URL's own name use --dir DIR",
        ));
    }
    Ok(if is_stdout(path) { PathBuf::from("-") } else { path.to_owned() })
}

/// Whether a path spells standard output. Opened by its name, a file there would be written from its start.
fn is_stdout(path: &Path) -> bool {
    ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Returns a file in the home folder, for a flag that does not name one.
fn home_file(env: &Env, name: &str, flag: &str) -> Result<PathBuf, UsageError> {
    match env.vars.get(OsStr::new("HOME")).filter(|home| !home.is_empty()) {
        Some(home) => Ok(Path::new(home).join(name)),
        None => Err(UsageError::one(format!("{flag}: HOME is not set; name the file with {flag}-file"))),
    }
}

/// Lets the name of the output choose the format of the records, unless a flag or the same layer does.
fn format_of_output(config: &mut Config, origins: &mut Origins) {
    let Some(ending) = config.output.extension().and_then(OsStr::to_str) else { return };
    let format = match ending.to_ascii_lowercase().as_str() {
        "csv" => Format::Csv,
        "tsv" => Format::Tsv,
        "ndjson" | "jsonl" | "json" => Format::Ndjson,
        _ => return,
    };
    let Some(output) = origins.get("output").cloned() else { return };
    let is_chosen = match origins.get("format") {
        None | Some(SettingSource::Default) => false,
        Some(SettingSource::Flag(_)) => true,
        Some(_) => !matches!(output, SettingSource::Flag(_)),
    };
    if !is_chosen {
        config.format = format;
        origins.insert("format", output);
    }
}

/// The proxies that the environment names for every program. It ignores HTTP_PROXY: a server that
/// starts programs for requests (RFC 3875) would let clients set it.
fn proxies(layers: &mut Layers, env: &Env) {
    let find = |names: &[&'static str]| {
        // As in curl, an empty variable counts as unset.
        let set = |name: &&'static str| Some((*name, env.vars.get(OsStr::new(name)).filter(|it| !it.is_empty())?));
        names.iter().find_map(set)
    };
    let all = find(&["all_proxy", "ALL_PROXY"]);
    let http = find(&["http_proxy"]).or(all);
    let https = find(&["https_proxy", "HTTPS_PROXY"]).or(all);
    let words = [("http", http), ("https", https)];
    let words = words.iter().filter_map(|(scheme, found)| {
        let (_, value) = (*found)?;
        Some(format!("{scheme}={}", value.to_string_lossy().trim()))
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let names = [http, https].into_iter().flatten().map(|(name, _)| name);
    let mut names: Vec<_> = names.collect();
    names.dedup();
    if let (Some(key), false) = (Key::named("proxy"), text.is_empty()) {
        layers.foreign(key, &names.join(", "), OsStr::new(&text));
    }
    if let (Some(key), Some((name, value))) = (Key::named("noproxy"), find(&["no_proxy", "NO_PROXY"])) {
        layers.foreign(key, name, value);
    }
}

/// Returns the error of an output folder that the file of the working folder names outside of it.
fn dir_of_folder(config: &Config, origins: &Origins, env: &Env) -> Option<String> {
    let (dir, origin) = (config.dir.as_ref()?, origins.get("dir")?);
    let named_there = matches!(origin, SettingSource::File { name, .. } if name == FOLDER_FILE);
    (named_there && !fetchall::app::is_within(&env.cwd.join(dir), &env.cwd)).then(|| {
        let dir = shown_path(dir);
        format!("{origin}: dir: {dir} lies outside the working folder; if you want that, add --config ./{FOLDER_FILE}")
    })
}

/// The files of certificates that the environment names, of the system or of the folders in their place.
fn certificates(env: &Env) -> Vec<(&'static str, PathBuf)> {
    let named = |name: &str| env.vars.get(OsStr::new(name)).filter(|value| !value.is_empty());
    let mut files: Vec<_> =
        named("SSL_CERT_FILE").map(|file| ("the certificates of SSL_CERT_FILE", file.into())).into_iter().collect();
    for folder in named("SSL_CERT_DIR").iter().flat_map(std::env::split_paths) {
        // Err: there is no such folder, so nothing is read from it.
        let entries = fs::read_dir(env.cwd.join(folder)).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| ("the certificates of SSL_CERT_DIR", entry.path())));
    }
    files
}

/// The file of settings of the working folder.
const FOLDER_FILE: &str = "fetchall.toml";

struct SettingsFile {
    path: PathBuf,
    /// Whether it was found in the working folder without being named.
    of_folder: bool,
    /// Whether the user asked for it by name.
    required: bool,
}

/// The files that may hold settings, later ones over earlier ones.
fn files(args: &SettingArgs, env: &Env) -> Vec<SettingsFile> {
    let var = |name: &str| env.vars.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification: a relative path is to be ignored.
    let home = var("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| var("HOME").map(|home| home.join(".config")));
    let mut files = Vec::new();
    files.extend(home.map(|home| SettingsFile {
        path: home.join("fetchall/config.toml"),
        of_folder: false,
        required: false,
    }));
    let named = args.config.clone().or_else(|| var(Layers::CONFIG_VARIABLE));
    let real = |path: &Path| fs::canonicalize(env.cwd.join(path)).ok();
    let folder_file = Path::new(FOLDER_FILE);
    // A user who names the file of the folder trusts it.
    if named.as_deref().is_none_or(|named| real(named).is_none() || real(named) != real(folder_file)) {
        files.push(SettingsFile { path: folder_file.to_owned(), of_folder: true, required: false });
    }
    files.extend(named.map(|path| SettingsFile { path, of_folder: false, required: true }));
    files
}

fn read_settings(path: &Path) -> io::Result<Vec<u8>> {
    read_bounded(path, LARGEST_SETTINGS)
}

fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text; save it as UTF-8");
    String::from_utf8(bytes).map_err(not_text)
}

/// The texts of `--header`, with each `@file` replaced by its lines.
fn header_texts(given: &[String], env: &Env) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    for text in given {
        match text.strip_prefix('@') {
            None => texts.push(text.clone()),
            Some(file) => {
                let content = read_settings(&env.cwd.join(file)).and_then(text_of).map_err(|error| {
                    format!("--header: cannot read {}: {error}", shown_unusable(Path::new(file), &error))
                })?;
                let lines = content.lines().map(str::to_owned).zip(1..).filter(|(line, _)| !line.trim().is_empty());
                for (line, number) in lines {
                    fetchall::config::parse_header(&line)
                        .map_err(|why| format!("{}:{number}: {why}", shown_text(file)))?;
                    texts.push(line);
                }
            }
        }
    }
    Ok(texts)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
