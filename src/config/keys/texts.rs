//! Texts that are checked: URLs, request fields, names.

use encoding_rs::Encoding;
use toml::Value;
use url::Url;

use super::kind::{Kind, string};
use super::{Raw, ValueForm};
use crate::config::{Proxies, header, pin};

/// The base URL of a document.
pub(super) struct BaseUrl;

impl Kind for BaseUrl {
    type Value = Url;

    fn read(raw: Raw<'_>) -> Result<Url, String> {
        match Url::parse(string(raw)?.trim()) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Err("is no http or https URL; write https://host/path".to_owned())
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("holds a user name or password; give them with --user".to_owned())
            }
            Ok(url) => Ok(url),
            Err(error) => Err(format!("is not a URL ({error}); write https://host/path")),
        }
    }

    fn write(value: &Url) -> Value {
        Value::from(value.as_str())
    }
}

/// Text that can be the value of a request field (RFC 9110, section 5.5).
pub(super) struct FieldText;

impl Kind for FieldText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        http::HeaderValue::from_bytes(text.as_bytes())
            .map(|_| text.to_owned())
            .map_err(|_| "has a control character; remove it".to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }
}

/// An encoding by one of its names, or `auto`.
pub(super) struct TextEncoding;

impl Kind for TextEncoding {
    type Value = Option<&'static Encoding>;

    fn read(raw: Raw<'_>) -> Result<Self::Value, String> {
        let name = string(raw)?;
        if name.eq_ignore_ascii_case("auto") {
            return Ok(None);
        }
        let found = Encoding::for_label_no_replacement(name.as_bytes());
        found.map(Some).ok_or_else(|| {
            format!(
                "`{}` is no encoding; write auto, utf-8, utf-16le, windows-1252, shift_jis or another of encoding.spec.whatwg.org",
                name.escape_debug()
            )
        })
    }

    fn write(value: &Self::Value) -> Value {
        Value::from(value.map_or_else(|| "auto".to_owned(), |encoding| encoding.name().to_ascii_lowercase()))
    }
}

/// The name of a column.
pub(super) struct ColumnName;

impl Kind for ColumnName {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let name = if let Raw::Number(number) = raw { number } else { string(raw)? };
        if name.trim().is_empty() {
            return Err("is empty; write the name of a column, or its number from 1".to_owned());
        }
        Ok(name.to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }
}

/// Texts: an array in files, lines in a variable. Each is checked, and `advice` gives the correct form.
fn texts<T>(raw: Raw<'_>, check: fn(&str) -> Result<T, String>, advice: &str) -> Result<Vec<String>, String> {
    let texts: Vec<String> = match raw {
        Raw::List(texts) => texts.to_vec(),
        Raw::Text(_) => string(raw)?.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        _ => return Err(format!("is not a list; write [\"{advice}\"]")),
    };
    for (position, text) in texts.iter().enumerate() {
        check(text).map_err(|why| match texts.len() {
            1 => why,
            _ => format!("number {}: {why}", position + 1),
        })?;
    }
    Ok(texts)
}

/// Proxies; empty text is none, as in curl.
pub(super) struct ProxyText;

impl Kind for ProxyText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        Proxies::parse(text).map(|_| text.to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<String>, String> {
        Self::read(raw).map(|text| Some(text).filter(|text| !text.trim().is_empty()))
    }
}

/// Request fields: an array in files, lines in a variable.
pub(super) struct Headers;

impl Kind for Headers {
    type Value = Vec<String>;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Vec<String>, String> {
        let texts = texts(raw, header::parse_header, "Name: value")?;
        match texts.len() {
            0..=header::MOST => Ok(texts),
            many => Err(format!("has {many} request fields, more than {}; remove some", header::MOST)),
        }
    }

    fn write(value: &Vec<String>) -> Value {
        Value::from(value.clone())
    }
}

/// Names whose addresses are given.
pub(super) struct Pins;

impl Kind for Pins {
    type Value = Vec<String>;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Vec<String>, String> {
        texts(raw, pin::parse_pin, "www.example.com:443:192.0.2.1")
    }

    fn write(value: &Vec<String>) -> Value {
        Value::from(value.clone())
    }
}
