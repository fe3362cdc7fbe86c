//! Reads and writes the value of one kind of setting.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;

use toml::Value;

use super::{Raw, ValueForm};
use crate::model::refused_value;

/// Reads and writes the value of one kind of setting.
pub(super) trait SettingKind {
    type Value;
    const FORM: ValueForm = ValueForm::Text;
    fn read(raw: Raw<'_>) -> Result<Self::Value, String>;
    fn write(value: &Self::Value) -> Value;

    /// Reads a value over the one in force, which stays as it is when the new one is wrong.
    fn set(value: &mut Self::Value, raw: Raw<'_>) -> Result<(), String> {
        *value = Self::read(raw)?;
        Ok(())
    }

    /// The value that may be shown. Kinds that hold text of the user have a rule of their own.
    fn show(value: &Self::Value) -> Value {
        Self::write(value)
    }

    /// Reads a setting that may be `none`: limits take 0 for none, as curl does.
    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self::Value>, String> {
        Self::read(raw).map(Some)
    }
}

/// The value as text, where TOML may have it as a string only.
pub(super) fn string(raw: Raw<'_>) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => text.to_str().ok_or_else(|| "is not valid UTF-8; write it in UTF-8".to_owned()),
        Raw::String(text) => Ok(text),
        Raw::List(_) => Err("is a list; write one string in quotes".to_owned()),
        // The number is not repeated: it may be a password.
        Raw::Number(_) => Err("is a number; write a string in quotes".to_owned()),
        Raw::Bool(truth) => Err(format!("is a truth value; write a string in quotes: \"{truth}\"")),
    }
}

/// A whole number of at most `most`.
pub(in crate::config) fn whole_number<N>(raw: Raw<'_>, most: N) -> Result<N, String>
where
    N: FromStr + PartialOrd + Display,
{
    let text = number(raw)?;
    // `parse` alone would take a leading plus.
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{} is not a whole number of 0 or more; write digits only", refused_value(text)));
    }
    let found = text.parse().ok().filter(|found: &N| *found <= most);
    found.ok_or_else(|| format!("{} is too large; write at most {most}", refused_value(text)))
}

/// The value as text, where TOML may have it as a number too.
pub(super) fn number(raw: Raw<'_>) -> Result<&str, String> {
    match raw {
        Raw::Number(text) => Ok(text),
        Raw::Bool(_) | Raw::List(_) => Err("has the wrong type; write a number or a string in quotes".to_owned()),
        other => string(other),
    }
}

impl SettingKind for bool {
    type Value = Self;
    const FORM: ValueForm = ValueForm::Switch;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Bool(truth) => Ok(truth),
            // Variables have no truth values, and `1` is how most people switch one on.
            Raw::Text(text) if text == "true" || text == "1" => Ok(true),
            Raw::Text(text) if text == "false" || text == "0" => Ok(false),
            _ => Err("is neither true nor false; write true or false, without quotes".to_owned()),
        }
    }

    fn write(value: &Self) -> Value {
        Value::from(*value)
    }
}

impl SettingKind for u32 {
    type Value = Self;
    const FORM: ValueForm = ValueForm::Number;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        whole_number(raw, u32::MAX)
    }

    fn write(value: &Self) -> Value {
        Value::from(*value)
    }
}

impl SettingKind for NonZeroU32 {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        NonZeroU32::new(u32::read(raw)?).ok_or_else(|| "is 0; write at least 1".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(value.get())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        u32::read(raw).map(NonZeroU32::new)
    }
}

/// `none`, or a value.
pub(super) struct OrNone<K>(std::marker::PhantomData<K>);

impl<K: SettingKind> SettingKind for OrNone<K> {
    type Value = Option<K::Value>;

    fn read(raw: Raw<'_>) -> Result<Self::Value, String> {
        match raw {
            Raw::Text(text) if text == "none" => Ok(None),
            Raw::String("none") => Ok(None),
            _ => K::read_or_none(raw),
        }
    }

    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or_else(|| Value::from("none"), K::write)
    }

    fn show(value: &Self::Value) -> Value {
        value.as_ref().map_or_else(|| Value::from("none"), K::show)
    }
}
