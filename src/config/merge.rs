//! Layers of settings, later ones over earlier ones, and where each value came from.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt;

use super::folder_file;
use super::hosts::HostTable;
use super::traps::TrapLimit;
use super::{Config, KEYS, Key, Raw};
use crate::model::HostPattern;

/// The most bytes of the beginning, and of the end, of the message of a problem.
const MOST_SHOWN: usize = 500;

/// The longest name for which a like one is looked for, in bytes.
const LONGEST_NAME: usize = 64;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// The built-in default.
    Default,
    /// A line of a file.
    File {
        /// The file, as messages name it.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag, with its dashes.
    Flag(&'static str),
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingSource::Default => f.write_str("default"),
            SettingSource::File { name, line } => write!(f, "{name}:{line}"),
            SettingSource::Variable(name) => f.write_str(name),
            SettingSource::Flag(flag) => f.write_str(flag),
        }
    }
}

/// The source of each setting, by its name.
pub type Origins = BTreeMap<&'static str, SettingSource>;

/// From this number of seconds on, a delay without a unit may be meant in milliseconds.
const UNLIKELY: u64 = 60;

/// The most problems reported: a file that is no configuration may have one in every line.
const MOST_PROBLEMS: usize = 100;

/// Something in a layer that cannot be taken, where it stands and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct Problem {
    /// The position of the problem.
    pub origin: SettingSource,
    /// The problem, and its remedy.
    pub message: String,
}

/// A configuration under construction.
///
/// Every layer is checked by itself and in full. A wrong value is a [`Problem`] even if a later
/// layer replaces it. One problem does not hide the next.
#[derive(Debug, Clone)]
pub struct Layers {
    config: Config,
    origins: Origins,
    problems: Vec<Problem>,
    /// Values in force that are right, but unlikely to be meant: of the run, or of a host.
    doubts: Vec<(Option<HostPattern>, Problem)>,
    /// The index of each host's table in the configuration.
    host_at: HashMap<HostPattern, usize>,
    /// Whether the file of the working folder is being laid.
    pub(super) of_folder: bool,
}

impl Default for Layers {
    fn default() -> Self {
        Self::new()
    }
}

impl Layers {
    /// The variable that names a configuration file; it is no setting, and is left to the caller.
    pub const CONFIG_VARIABLE: &str = "FETCHALL_CONFIG";

    /// The defaults.
    pub fn new() -> Self {
        Self::over(Config::default())
    }

    /// The defaults of a command.
    pub fn over(config: Config) -> Self {
        let origins = KEYS.iter().map(|key| (key.name, SettingSource::Default)).collect();
        Self { config, origins, problems: Vec::new(), doubts: Vec::new(), host_at: HashMap::new(), of_folder: false }
    }

    /// Lays one variable over what there is. Names without `FETCHALL_` and
    /// [`Layers::CONFIG_VARIABLE`] are none of ours and change nothing.
    pub fn variable(&mut self, name: &OsStr, value: &OsStr) {
        let name = name.to_string_lossy();
        if !name.starts_with("FETCHALL_") || name == Self::CONFIG_VARIABLE {
            return;
        }
        let origin = SettingSource::Variable(name.clone().into_owned());
        match KEYS.iter().find(|key| key.variable() == name) {
            Some(key) => self.set(key, origin, Raw::Text(value)),
            None => {
                let near = nearest_key(name.trim_start_matches("FETCHALL_"));
                let advice = near.map_or_else(
                    || "unset it, or see `fetchall config` for the settings there are".to_owned(),
                    |key| format!("did you mean `{}`?", key.variable()),
                );
                self.problem(origin, format!("unknown variable; {advice}"));
            }
        }
    }

    /// Lays what other programs agree on over what there is, such as `http_proxy`; `name` is that variable.
    pub fn foreign(&mut self, key: &Key, name: &str, value: &OsStr) {
        self.set(key, SettingSource::Variable(name.to_owned()), Raw::Text(value));
    }

    /// Lays one flag over what there is; `flag` is the user's name for it, such as `--json` for `format`.
    pub fn flag(&mut self, key: &Key, flag: &'static str, raw: Raw<'_>) {
        self.set(key, SettingSource::Flag(flag), raw);
    }

    /// Returns a question about each value in force that is right, but unlikely to be meant.
    pub fn doubts(&self) -> Vec<String> {
        self.doubts.iter().map(|(_, doubt)| doubt.to_string()).collect()
    }

    /// The configuration and where each of its values came from.
    ///
    /// # Errors
    /// Everything that was wrong, in the order of the layers.
    pub fn finish(mut self) -> Result<(Config, Origins), Vec<Problem>> {
        self.config.hosts.sort_by_key(|table| std::cmp::Reverse(table.pattern.weight()));
        if self.problems.is_empty() { Ok((self.config, self.origins)) } else { Err(self.problems) }
    }

    pub(super) fn set(&mut self, key: &Key, origin: SettingSource, raw: Raw<'_>) {
        if self.of_folder
            && let Some(why) = folder_file::refusal(key.name)
        {
            return self.problem(origin, format!("{}: {why}", key.name));
        }
        match key.set(&mut self.config, raw) {
            Ok(()) => {
                self.doubt(key.name, None, &origin, raw);
                self.origins.insert(key.name, origin);
            }
            // A variable or a flag names its setting already, a line does not.
            Err(why) if matches!(origin, SettingSource::File { .. }) => {
                self.problem(origin, format!("{}: {why}", key.name))
            }
            Err(why) => self.problem(origin, why),
        }
    }

    pub(super) fn set_of_host(&mut self, pattern: &HostPattern, key: &str, origin: SettingSource, raw: Raw<'_>) {
        if self.of_folder
            && let Some(why) = folder_file::refusal(key)
        {
            return self.problem(origin, format!("{key}: {why}"));
        }
        let hosts = &mut self.config.hosts;
        let at = *self.host_at.entry(pattern.clone()).or_insert_with(|| {
            hosts.push(HostTable::new(pattern.clone()));
            hosts.len() - 1
        });
        match hosts[at].set(key, raw) {
            Ok(()) => self.doubt(key, Some(pattern), &origin, raw),
            Err(why) => self.problem(origin, format!("{key}: {why}")),
        }
    }

    pub(super) fn set_trap_limit(&mut self, limit: &TrapLimit, origin: SettingSource, raw: Raw<'_>) {
        match limit.set(self.config.crawl.traps.get_or_insert_default(), raw) {
            Ok(()) => {
                self.origins.insert("traps", origin);
            }
            Err(why) => self.problem(origin, format!("{}: {why}", limit.name)),
        }
    }

    /// Notes a delay that may be meant in milliseconds, or that it replaces one.
    fn doubt(&mut self, key: &str, host: Option<&HostPattern>, origin: &SettingSource, raw: Raw<'_>) {
        if key != "delay" {
            return;
        }
        self.doubts.retain(|(of, _)| of.as_ref() != host);
        if let Some(seconds) = bare_number(raw).filter(|seconds| *seconds >= UNLIKELY) {
            let message = format!("{seconds} s between two requests; write {seconds}s for that, or {seconds}ms");
            let (origin, message) = match origin {
                // The user may know the flag by its other name.
                SettingSource::Flag(_) => (SettingSource::Flag("--delay (or --wait)"), message),
                origin => (origin.clone(), format!("delay: {message}")),
            };
            self.doubts.push((host.cloned(), Problem { origin, message }));
        }
    }

    pub(super) fn problem(&mut self, origin: SettingSource, message: String) {
        let message = match self.problems.len() {
            ..MOST_PROBLEMS => shortened(message),
            MOST_PROBLEMS => "more problems follow; correct these first".to_owned(),
            _ => return,
        };
        self.problems.push(Problem { origin, message });
    }

    /// Whether no more problems are noted.
    pub(super) fn has_too_many_problems(&self) -> bool {
        self.problems.len() > MOST_PROBLEMS
    }
}

/// The value as a whole number without a unit.
fn bare_number(raw: Raw<'_>) -> Option<u64> {
    match raw {
        Raw::Text(text) => text.to_str()?.parse().ok(),
        Raw::String(text) | Raw::Number(text) => text.parse().ok(),
        Raw::List(_) | Raw::Bool(_) => None,
    }
}

/// Leaves the beginning and the end of a message that repeats a long value.
fn shortened(message: String) -> String {
    if message.len() <= 2 * MOST_SHOWN {
        return message;
    }
    let start = message.floor_char_boundary(MOST_SHOWN);
    let end = message.ceil_char_boundary(message.len() - MOST_SHOWN);
    format!("{} … {}", &message[..start], &message[end..])
}

/// Returns the setting whose name is closest to `name`.
pub(super) fn nearest_key(name: &str) -> Option<&'static Key> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let known = |key: &&Key| key.name == name || key.aliases.contains(&name.as_str());
    KEYS.iter().find(known).or_else(|| nearest(&name, KEYS.iter().map(|key| key.name)).and_then(Key::named))
}

/// The candidate that is spelled most like `text`, if any is close enough to be what was meant.
pub(super) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A long text is no misspelled name, and a comparison takes the product of both lengths.
    if text.len() > LONGEST_NAME {
        return None;
    }
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_suggested_across_spellings_and_other_tools() {
        let near = |name| nearest_key(name).map(|key| key.name);
        assert_eq!(near("concurency"), Some("concurrency"));
        assert_eq!(near("max_redirects"), Some("max-redirects"));
        assert_eq!(near("JOBS"), Some("concurrency"));
        assert_eq!(near("max-time"), Some("timeout"));
        assert_eq!(near("headers"), Some("header"));
        assert_eq!(near("something-else"), None);
    }

    #[test]
    fn every_value_reads_back_as_itself_from_a_file() {
        let defaults = Config::default();
        for key in KEYS {
            let mut layers = Layers::new();
            layers.file("f", &format!("{} = {}", key.name, key.get(&defaults)));
            let (config, origins) = layers.finish().unwrap();
            assert_eq!(config, defaults, "{}", key.name);
            assert_eq!(origins[key.name].to_string(), "f:1");
        }
    }

    #[test]
    fn values_of_a_crawl_read_back_as_themselves_from_a_file() {
        let text = "depth = 2\nscope = 'any'\ninclude = ['a,b']\naccept = 'pdf, zip'\nspan-hosts = ['*.a.test']\n\
            max-pages = 9\nsitemap = ['https://a.test/1', 'https://a.test/2']\nsince = '2026-01-31'\n\
            canonical = 'aggressive'\nnofollow = 'ignore'\nrobots = 'report'\nskipped = 's'\npage-types = 'a/b'\n\
            strip-param = ['a']\n[traps]\nnear-equal-bits = 0\nmax-page-links = 5\n";
        let mut layers = Layers::new();
        layers.file("f", text);
        let (config, origins) = layers.finish().unwrap();
        assert_eq!(
            config.crawl.traps.as_ref().map(|limits| (limits.near_equal_bits, limits.max_page_links)),
            Some((0, 5))
        );
        assert_eq!((config.crawl.accept.len(), origins["traps"].to_string().as_str()), (2, "f:17"));
        let mut again = Layers::new();
        let lines: String = KEYS.iter().map(|key| format!("{} = {}\n", key.name, key.get(&config))).collect();
        again.file("f", &lines);
        assert_eq!(again.finish().unwrap().0, config);
    }

    #[test]
    fn an_invalid_value_is_an_error_even_if_it_is_replaced() {
        let mut layers = Layers::new();
        layers.file("f", "concurrency = 0");
        layers.variable(OsStr::new("FETCHALL_CONCURRENCY"), OsStr::new("5"));
        let problems = layers.finish().unwrap_err();
        assert_eq!(problems[0].to_string(), "f:1: concurrency: is 0; write at least 1, or `auto`");
    }

    #[test]
    fn a_long_delay_without_a_unit_is_doubted() {
        let doubts = |file: &str, variable: &str, flag: &str| {
            let mut layers = Layers::new();
            layers.file("f", file);
            let (delay, key) = (OsStr::new("FETCHALL_DELAY"), Key::named("delay").unwrap());
            [variable].iter().filter(|it| !it.is_empty()).for_each(|it| layers.variable(delay, OsStr::new(it)));
            [flag]
                .iter()
                .filter(|it| !it.is_empty())
                .for_each(|it| layers.flag(key, "--delay", Raw::Text(OsStr::new(it))));
            let doubts = layers.doubts();
            layers.finish().unwrap();
            doubts
        };
        for fine in ["59", "200ms", "200s", "2m", "0"] {
            assert_eq!(doubts("", "", fine), [""; 0], "{fine}");
        }
        assert_eq!(
            doubts("", "", "200"),
            ["--delay (or --wait): 200 s between two requests; write 200s for that, or 200ms"]
        );
        assert_eq!(
            doubts("", "60", ""),
            ["FETCHALL_DELAY: delay: 60 s between two requests; write 60s for that, or 60ms"]
        );
        assert_eq!(
            doubts("delay = 500", "", ""),
            ["f:1: delay: 500 s between two requests; write 500s for that, or 500ms"]
        );
        assert_eq!(doubts("delay = 500", "200ms", ""), [""; 0], "it is replaced");
        let host = doubts("[hosts.'a.test']\ndelay = 100", "200ms", "");
        assert_eq!(host, ["f:2: delay: 100 s between two requests; write 100s for that, or 100ms"]);
    }

    #[test]
    fn limits_can_be_none() {
        for text in ["none", "0"] {
            let mut layers = Layers::new();
            for name in ["FETCHALL_TIMEOUT", "FETCHALL_LOW_SPEED", "FETCHALL_MAX_SIZE"] {
                layers.variable(OsStr::new(name), OsStr::new(text));
            }
            let (config, _) = layers.finish().unwrap();
            assert_eq!((config.timeout, config.low_speed, config.max_size), (None, None, None));
        }
    }

    #[test]
    fn problems_are_few_and_short() {
        let mut layers = Layers::new();
        let keys: String = (0..1000).map(|n| format!("x{n} = 1\n")).collect();
        let long = "x".repeat(500_000);
        layers.file("f", &format!("{long} = 1\nformat = '{long}'\n{keys}"));
        let problems = layers.finish().unwrap_err();
        assert_eq!(problems.len(), MOST_PROBLEMS + 1);
        assert!(problems.iter().all(|problem| problem.message.len() <= 2 * MOST_SHOWN + 10));
        assert!(problems[1].message.ends_with("none of text, ndjson, csv, tsv"), "{}", problems[1]);
        assert!(problems[MOST_PROBLEMS].to_string().starts_with("f:101: more problems follow"), "{problems:?}");
    }

    #[test]
    fn variables_that_are_none_of_ours_change_nothing() {
        let mut layers = Layers::new();
        layers.variable(OsStr::new("PATH"), OsStr::new("x"));
        layers.variable(OsStr::new("FETCHALL_CONFIG"), OsStr::new("x"));
        assert_eq!(layers.finish().unwrap().0, Config::default());
    }
}
