//! The flags that the table of settings makes.

use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use fetchall::config::{Config, KEYS, Key, Raw, ValueForm};

/// The settings that `-h` of a list shows, beside those that are no settings. `--help` shows all.
const USUAL: &[&str] = &[
    "concurrency",
    "per-host",
    "delay",
    "limit-rate",
    "header",
    "user",
    "proxy",
    "insecure",
    "timeout",
    "retry",
    "dir",
    "name",
    "refresh",
    "skip-existing",
    "output",
    "quiet",
    "dry-run",
];

/// A flag of a command line that gives a setting its value.
#[derive(Debug, Clone)]
pub struct GivenFlag {
    /// The setting.
    pub key: &'static Key,
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// The value.
    pub value: FlagValue,
}

/// The value of a flag.
#[derive(Debug, Clone)]
pub enum FlagValue {
    /// One text.
    Text(OsString),
    /// The texts of a flag that may be repeated.
    List(Vec<String>),
}

impl FlagValue {
    /// The value as a layer of settings takes it.
    pub fn raw(&self) -> Raw<'_> {
        match self {
            FlagValue::Text(text) => Raw::Text(text),
            FlagValue::List(texts) => Raw::List(texts),
        }
    }
}

/// The flags of settings that were given, in the order of the table.
#[derive(Debug)]
pub struct SettingFlags(Vec<GivenFlag>);

impl SettingFlags {
    /// All of them.
    pub fn given(&self) -> &[GivenFlag] {
        &self.0
    }

    /// Adds a flag that means the value of a setting.
    pub fn add(&mut self, given: GivenFlag) {
        self.0.push(given);
    }

    /// Returns whether the flag of this setting was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|given| given.key.name == name)
    }

    /// Takes the text of a setting out, for a command with a use of its own for this flag.
    pub fn take(&mut self, name: &str) -> Option<OsString> {
        let at = self.0.iter().position(|given| given.key.name == name)?;
        match self.0.remove(at).value {
            FlagValue::Text(text) => Some(text),
            FlagValue::List(_) => None,
        }
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let defaults = Config::default();
        command.args(KEYS.iter().flat_map(|key| flags(key, &defaults)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(KEYS.iter().filter_map(|key| given(key, matches)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag of a setting, as it was given.
fn given(key: &'static Key, matches: &ArgMatches) -> Option<GivenFlag> {
    let (flag, value) = match key.form {
        ValueForm::Switch if matches.get_flag(key.off) => (key.off, FlagValue::Text("false".into())),
        ValueForm::Switch if matches.get_flag(key.name) => (key.flag, FlagValue::Text("true".into())),
        ValueForm::Switch => return None,
        ValueForm::List => (key.flag, FlagValue::List(matches.get_many(key.name)?.cloned().collect())),
        ValueForm::Words(_) | ValueForm::Number | ValueForm::Text => {
            (key.flag, FlagValue::Text(matches.get_raw(key.name)?.next_back().map(OsStr::to_owned)?))
        }
    };
    Some(GivenFlag { key, flag, value })
}

/// The flag of a setting, and for a switch the hidden one that switches it off.
fn flags(key: &'static Key, defaults: &Config) -> Vec<Arg> {
    let (shorts, longs): (Vec<&str>, Vec<&str>) = key.aliases.iter().copied().partition(|alias| alias.len() == 1);
    let flag = Arg::new(key.name)
        .long(key.name)
        .short(key.short.chars().next())
        .aliases(longs)
        .short_aliases(shorts.iter().flat_map(|letter| letter.chars()))
        .help_heading(key.group)
        .hide(key.is_of_crawl())
        .hide_short_help(!USUAL.contains(&key.name))
        .display_order(order(key.name))
        .help(help(key, defaults));
    match key.form {
        ValueForm::Switch => {
            let off = Arg::new(key.off).long(key.off.trim_start_matches('-')).hide(true).action(ArgAction::SetTrue);
            vec![flag.action(ArgAction::SetTrue).overrides_with(key.off), off.overrides_with(key.name)]
        }
        ValueForm::Words(words) => {
            let words = words.iter().map(|word| PossibleValue::new(word.name).aliases(word.aliases));
            vec![flag.value_name(key.value_name).value_parser(PossibleValuesParser::new(words))]
        }
        ValueForm::List => vec![flag.value_name(key.value_name).action(ArgAction::Append)],
        // The table explains what is wrong with `-1`.
        ValueForm::Number => {
            vec![flag.value_name(key.value_name).value_parser(ValueParser::os_string()).allow_hyphen_values(true)]
        }
        ValueForm::Text => vec![flag.value_name(key.value_name).value_parser(ValueParser::os_string())],
    }
}

/// The line of help, with the default.
pub fn help(key: &Key, defaults: &Config) -> String {
    let default = key.get(defaults);
    match (key.form, default.as_str()) {
        (ValueForm::List, None) => key.help.to_owned(),
        // Documents that repeat this line outlast a version.
        _ if key.name == "user-agent" => format!("{} [default: fetchall/VERSION (+REPOSITORY)]", key.help),
        (_, Some(text)) => format!("{} [default: {text}]", key.help),
        (_, None) => format!("{} [default: {default}]", key.help),
    }
}

/// The place of a flag in help, with room after it for the flags that are no settings.
fn order(name: &str) -> usize {
    10 * (1 + KEYS.iter().take_while(|key| key.name != name).count())
}

/// The place right before the flag of a setting.
pub fn before(name: &str) -> usize {
    order(name) - 1
}

/// The place right after the flag of a setting.
pub fn after(name: &str) -> usize {
    order(name) + 1
}

/// Returns the flag for a switch with a truth value, such as `--no-refresh` for `--refresh=false`.
/// Clap can accept such a value only if help shows it at every switch.
pub fn plain_switch(word: &str) -> Option<&'static str> {
    let (name, truth) = word.strip_prefix("--")?.split_once('=')?;
    let is_named = |key: &&Key| key.name == name || key.aliases.contains(&name);
    let key = KEYS.iter().filter(|key| key.form == ValueForm::Switch).find(is_named)?;
    match truth {
        "true" => Some(key.flag),
        "false" => Some(key.off),
        _ => None,
    }
}
