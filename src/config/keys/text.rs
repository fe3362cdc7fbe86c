//! Settings that hold text of the user, each with the rule by which it is shown.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use toml::Value;
use url::Url;

use super::kind::{SettingKind, number, string};
use super::{Raw, ValueForm};
use crate::config::{Proxies, QueueAddress, header, parse_listen, pin};
use crate::model::{HIDDEN, shown_path, shown_text};

impl SettingKind for PathBuf {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        // A path of a flag or a variable need not be UTF-8.
        let path = if let Raw::Text(text) = raw { PathBuf::from(text) } else { PathBuf::from(string(raw)?) };
        if path.as_os_str().is_empty() { Err("is empty; name a path or leave it out".to_owned()) } else { Ok(path) }
    }

    fn write(value: &Self) -> Value {
        Value::from(value.to_string_lossy().into_owned())
    }

    fn show(value: &Self) -> Value {
        Value::from(shown_path(value))
    }
}

impl SettingKind for String {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        string(raw).map(str::to_owned)
    }

    fn write(value: &Self) -> Value {
        Value::from(value.as_str())
    }

    fn show(value: &Self) -> Value {
        Value::from(&*shown_text(value))
    }
}

/// Text that can be the value of a request field (RFC 9110, section 5.5).
pub(super) struct FieldText;

impl SettingKind for FieldText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        http::HeaderValue::from_bytes(text.as_bytes())
            .map(|_| text.to_owned())
            .map_err(|_| "has a control character; remove it".to_owned())
    }

    fn write(value: &String) -> Value {
        <String as SettingKind>::write(value)
    }

    fn show(value: &String) -> Value {
        <String as SettingKind>::show(value)
    }
}

/// Text of a request field that is never shown.
pub(super) struct Secret;

impl SettingKind for Secret {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        FieldText::read(raw)
    }

    fn write(value: &String) -> Value {
        FieldText::write(value)
    }

    fn show(value: &String) -> Value {
        Value::from(if value.is_empty() { "" } else { HIDDEN })
    }
}

/// The address of a queue. Its user and password are never shown.
pub(super) struct QueueUrl;

impl SettingKind for QueueUrl {
    type Value = QueueAddress;

    fn read(raw: Raw<'_>) -> Result<QueueAddress, String> {
        QueueAddress::parse(string(raw)?)
    }

    fn write(value: &QueueAddress) -> Value {
        Value::from(value.to_string())
    }
}

/// An address to listen on.
pub(super) struct ListenAddress;

impl SettingKind for ListenAddress {
    type Value = SocketAddr;

    fn read(raw: Raw<'_>) -> Result<SocketAddr, String> {
        parse_listen(number(raw)?)
    }

    fn write(value: &SocketAddr) -> Value {
        Value::from(value.to_string())
    }
}

/// Hosts without a proxy. They are shown if commas separate them and each is a host. Words may be a password.
pub(super) struct NoProxyText;

/// Whether a text has the form of a host or a block of addresses, perhaps with a port.
fn is_host(text: &str) -> bool {
    let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || ".-_*/".contains(c));
    let address = text.trim_start_matches('[').split([']', '/']).next().unwrap_or_default();
    match text.rsplit_once(':') {
        None => is_name(text),
        Some((name, port)) => address.parse::<Ipv6Addr>().is_ok() || (is_name(name) && port.parse::<u16>().is_ok()),
    }
}

impl SettingKind for NoProxyText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        FieldText::read(raw)
    }

    fn write(value: &String) -> Value {
        FieldText::write(value)
    }

    fn show(value: &String) -> Value {
        Value::from(if value.split(',').map(str::trim).all(is_host) { value.as_str() } else { HIDDEN })
    }
}

/// The name of a column.
pub(super) struct ColumnName;

impl SettingKind for ColumnName {
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

    fn show(value: &String) -> Value {
        Value::from(&*shown_text(value))
    }
}

/// Texts: an array in files, lines in a variable. Each is checked, and `advice` gives the correct form.
pub(super) fn texts<T>(
    raw: Raw<'_>,
    check: fn(&str) -> Result<T, String>,
    advice: &str,
) -> Result<Vec<String>, String> {
    let texts: Vec<String> = match raw {
        Raw::List(texts) => texts.to_vec(),
        Raw::Text(_) => string(raw)?.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        _ => return Err(format!("is not a list; write [\"{advice}\"]")),
    };
    read_each(&texts, check)?;
    Ok(texts)
}

/// Reads each text. The message about one of several has its number.
pub(super) fn read_each<T>(texts: &[String], read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let numbered = |(text, number): (&String, usize)| {
        read(text).map_err(|why| if texts.len() == 1 { why } else { format!("number {number}: {why}") })
    };
    texts.iter().zip(1..).map(numbered).collect()
}

/// Proxies; empty text is none, as in curl.
pub(super) struct ProxyText;

impl SettingKind for ProxyText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        Proxies::parse(text).map(|_| text.to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }

    fn show(value: &String) -> Value {
        Value::from(Proxies::shown(value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<String>, String> {
        Self::read(raw).map(|text| Some(text).filter(|text| !text.trim().is_empty()))
    }
}

/// Request fields: an array in files, lines in a variable.
pub(super) struct Headers;

impl SettingKind for Headers {
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

    fn show(value: &Vec<String>) -> Value {
        value.iter().map(|text| header::without_secret(text)).collect::<Vec<_>>().into()
    }
}

/// Names whose addresses are given.
pub(super) struct Pins;

impl SettingKind for Pins {
    type Value = Vec<String>;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Vec<String>, String> {
        texts(raw, pin::parse_pin, "www.example.com:443:192.0.2.1")
    }

    fn write(value: &Vec<String>) -> Value {
        Value::from(value.clone())
    }
}

/// The base URL of a document.
pub(super) struct BaseUrl;

impl SettingKind for BaseUrl {
    type Value = Url;

    fn read(raw: Raw<'_>) -> Result<Url, String> {
        match Url::parse(string(raw)?.trim()) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Err("is no http or https URL; write https://host/path".to_owned())
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("holds a user name or password; give them with --user".to_owned())
            }
            Ok(mut url) => {
                // RFC 3986, section 5.1: a base has none.
                url.set_fragment(None);
                Ok(url)
            }
            Err(error) => Err(format!("is not a URL ({error}); write https://host/path")),
        }
    }

    fn write(value: &Url) -> Value {
        Value::from(value.as_str())
    }

    fn show(value: &Url) -> Value {
        Value::from(&*shown_text(value.as_str()))
    }
}
