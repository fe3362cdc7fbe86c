//! Settings with several values: texts with commas between them, or regular expressions.

use regex::Regex;
use toml::Value;

use super::kind::{SettingKind, string};
use super::text::{read_each, texts};
use super::words::not_a_word;
use super::{Raw, ValueForm};
use crate::model::{HIDDEN, HostPattern, Normalization, refused_value, shown_pattern};

/// The parts of a list with commas. Flags may be repeated, files may have an array, and variables lines.
fn parts(raw: Raw<'_>) -> Result<Vec<String>, String> {
    let split = |text: &str| {
        let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    match raw {
        Raw::List(texts) => Ok(texts.iter().flat_map(|text| split(text)).collect()),
        Raw::Text(_) | Raw::String(_) => string(raw).map(split),
        Raw::Number(_) | Raw::Bool(_) => Err("is not a list; write [\"one\", \"other\"]".to_owned()),
    }
}

/// An array of texts.
fn array<'v>(texts: impl Iterator<Item = &'v str>) -> Value {
    Value::Array(texts.map(Value::from).collect())
}

fn shown(texts: &[String]) -> Value {
    texts.iter().map(|text| shown_pattern(text).unwrap_or(HIDDEN)).collect::<Vec<_>>().into()
}

macro_rules! lists {
    ($($(#[$doc:meta])* $kind:ident: |$raw:ident| $read:expr;)+) => {$(
        $(#[$doc])*
        pub(super) struct $kind;

        impl SettingKind for $kind {
            type Value = Vec<String>;
            const FORM: ValueForm = ValueForm::List;

            fn read($raw: Raw<'_>) -> Result<Vec<String>, String> {
                $read
            }

            fn write(value: &Vec<String>) -> Value {
                Value::from(value.clone())
            }

            fn show(value: &Vec<String>) -> Value {
                shown(value)
            }
        }
    )+};
}

lists! {
    /// Regular expressions. A comma may be a part of one, so each has a flag or a line of its own.
    Expressions: |raw| texts(raw, expression, "^https://example\\\\.com/docs/");

    /// Fields of a warcinfo record. A comma may be a part of one, so each has a flag or a line of its own.
    ArchiveFields: |raw| texts(raw, archive_field, "operator: me");

    /// Names of parameters, with wildcards.
    Names: |raw| parts(raw);

    /// Ends of file names, and patterns with wildcards for whole names.
    FileNames: |raw| read_each(&parts(raw)?, file_name);

    /// Media types. A `*` stands for the rest of one.
    MediaTypes: |raw| read_each(&parts(raw)?, media_type);
}

/// Checks a regular expression. The message does not repeat it, because it may hold a password.
fn expression(text: &str) -> Result<(), String> {
    Regex::new(text).map(drop).map_err(|error| {
        // The other lines draw the expression.
        let told = error.to_string();
        let last = told.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        format!("is no regular expression: {why}; a backslash before . * + ? ( ) [ ] {{ }} makes it plain text")
    })
}

/// Checks a field of a warcinfo record, which is one line.
fn archive_field(text: &str) -> Result<(), String> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    match text.split_once(':') {
        Some((name, value)) if is_name(name.trim()) && !value.contains(['\r', '\n']) => Ok(()),
        _ => Err(format!("{} is no field; write `operator: me`", refused_value(text))),
    }
}

/// The letters for names of curl are those of wget here, so a text of curl is refused.
fn file_name(text: &str) -> Result<String, String> {
    if text.contains('/') || text.contains(char::is_whitespace) {
        return Err("is no file name; write pdf, .pdf or *.pdf. In curl -A is --user-agent and -R --remote-time here"
            .to_owned());
    }
    Ok(text.to_owned())
}

fn media_type(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let is_name = |name: &str| {
        let name = name.strip_suffix('*').map_or(name, |rest| if rest.is_empty() { "x" } else { rest });
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    match text.split_once('/') {
        Some((kind, rest)) if is_name(kind) && is_name(rest) && !(kind.ends_with('*') && rest != "*") => Ok(text),
        _ => Err(format!("{} is no media type; write text/html, or image/* for all images", refused_value(&text))),
    }
}

/// Patterns of hosts.
pub(super) struct HostPatterns;

impl SettingKind for HostPatterns {
    type Value = Vec<HostPattern>;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Vec<HostPattern>, String> {
        read_each(&parts(raw)?, HostPattern::parse)
    }

    fn write(value: &Vec<HostPattern>) -> Value {
        array(value.iter().map(HostPattern::as_str))
    }
}

/// Differences between URLs that do not count.
pub(super) struct Normalizations;

impl SettingKind for Normalizations {
    type Value = Vec<Normalization>;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Vec<Normalization>, String> {
        let named = read_each(&parts(raw)?, |word| match word {
            "aggressive" => Ok(Normalization::ALL.to_vec()),
            _ => match Normalization::ALL.into_iter().find(|known| known.as_str() == word) {
                Some(known) => Ok(vec![known]),
                None => {
                    let known = Normalization::ALL.map(Normalization::as_str);
                    Err(not_a_word(word, &[&known[..], &["aggressive"]].concat()))
                }
            },
        })?;
        let is_named = |known: &Normalization| named.iter().flatten().any(|named| named == known);
        Ok(Normalization::ALL.into_iter().filter(is_named).collect())
    }

    fn write(value: &Vec<Normalization>) -> Value {
        array(value.iter().map(|known| known.as_str()))
    }
}
