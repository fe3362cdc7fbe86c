//! Settings for some hosts only: `[hosts."example.com"]` tables of a file.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::{COOKIE, HeaderName, HeaderValue};
use toml::{Table, Value};

use super::{Config, Key, Raw, header};
use crate::model::{Credentials, HIDDEN, HostPattern};

/// The keys of such a table.
pub(super) const HOST_KEYS: [&str; 5] = ["per-host", "delay", "header", "user", "cookie"];

/// One table. Settings that it lacks are as everywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTable {
    /// The hosts of the table.
    pub pattern: HostPattern,
    /// The most URLs of such a host in flight at once.
    pub per_host: Option<Option<NonZeroU32>>,
    /// The time between the starts of two requests.
    pub delay: Option<Duration>,
    /// Request fields, as [`super::parse_header`] reads them.
    pub header: Vec<String>,
    /// Name and password, with a colon between them.
    pub user: Option<String>,
    /// Cookies: `NAME=VALUE`, with a semicolon between them.
    pub cookie: Option<String>,
}

impl HostTable {
    /// An empty table.
    pub(super) fn new(pattern: HostPattern) -> Self {
        Self { pattern, per_host: None, delay: None, header: Vec::new(), user: None, cookie: None }
    }

    /// Reads a value.
    pub(super) fn set(&mut self, key: &str, raw: Raw<'_>) -> Result<(), String> {
        if key == "user" {
            let (Raw::String(text) | Raw::Number(text)) = raw else {
                return Err("is no text; write \"name:password\"".to_owned());
            };
            // It may be a secret without its colon too, so it is not repeated.
            if !text.contains(':') || text.contains(char::is_control) {
                return Err("is no name and password; write \"name:password\"".to_owned());
            }
            self.user = Some(text.to_owned());
            return Ok(());
        }
        if key == "cookie" {
            let (Raw::String(text) | Raw::Number(text)) = raw else {
                return Err("is no text; write \"NAME=VALUE\"".to_owned());
            };
            if !text.contains('=') || text.contains(char::is_control) {
                return Err("is no cookie; write \"NAME=VALUE\". Files of cookies are for load-cookies".to_owned());
            }
            self.cookie = Some(text.to_owned());
            return Ok(());
        }
        let Some(known) = Key::named(key) else { return Err("is no key".to_owned()) };
        let mut read = Config::default();
        known.set(&mut read, raw)?;
        match key {
            "per-host" => self.per_host = Some(read.per_host),
            "delay" => self.delay = Some(read.delay),
            _ => self.header = read.header,
        }
        Ok(())
    }

    /// The request fields with the cookies; `None` where one of fetchall's own is not sent.
    pub fn fields(&self) -> Vec<(HeaderName, Option<HeaderValue>)> {
        let mut fields = self.own_fields();
        if let Some(cookie) = self.cookie.as_deref() {
            // RFC 6265, section 5.4: a request has one Cookie field.
            let is_cookie = |field: &(HeaderName, Option<HeaderValue>)| field.0 == COOKIE;
            let before = fields.iter().rposition(is_cookie).and_then(|at| fields.remove(at).1);
            let before = before.map_or_else(Vec::new, |value| [value.as_bytes(), b"; "].concat());
            let value = HeaderValue::from_bytes(&[&before, cookie.as_bytes()].concat());
            fields.extend(value.ok().map(|value| (COOKIE, Some(value))));
        }
        fields
    }

    /// The request fields of `header`.
    pub fn own_fields(&self) -> Vec<(HeaderName, Option<HeaderValue>)> {
        self.header.iter().filter_map(|text| header::parse_header(text).ok()).collect()
    }

    /// The user.
    pub fn credentials(&self) -> Option<Credentials> {
        let (username, password) = self.user.as_deref()?.split_once(':')?;
        Some(Credentials { username: username.to_owned(), password: password.to_owned() })
    }

    /// The table as TOML, in a form that reads back as itself, without its secrets.
    pub fn show(&self) -> String {
        let mut table = Table::new();
        let config = Config {
            per_host: self.per_host.flatten(),
            delay: self.delay.unwrap_or_default(),
            header: self.header.clone(),
            ..Config::default()
        };
        let said = [self.per_host.is_some(), self.delay.is_some(), !self.header.is_empty()];
        for (name, said) in HOST_KEYS.iter().zip(said) {
            table.extend(Key::named(name).filter(|_| said).map(|key| ((*name).to_owned(), key.show(&config))));
        }
        if self.user.is_some() {
            table.insert("user".to_owned(), Value::from(format!("{HIDDEN}:{HIDDEN}")));
        }
        if self.cookie.is_some() {
            table.insert("cookie".to_owned(), Value::from(format!("{HIDDEN}={HIDDEN}")));
        }
        let lines: String = table.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("\n[hosts.{}]\n{lines}", Value::from(self.pattern.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(settings: &[(&str, Raw<'_>)]) -> Result<HostTable, String> {
        let mut table = HostTable::new(HostPattern::parse("a.test").unwrap());
        settings.iter().try_for_each(|(key, raw)| table.set(key, *raw))?;
        Ok(table)
    }

    #[test]
    fn cookies_of_a_table_are_one_field_and_are_not_shown() {
        let header = ["Cookie: a=1".to_owned(), "X-B: c".to_owned()];
        let both = table(&[("header", Raw::List(&header)), ("cookie", Raw::String("b=2; c=3"))]).unwrap();
        let fields: Vec<_> = both.fields().into_iter().map(|(name, value)| (name, value.unwrap())).collect();
        let expected = [("x-b", "c"), ("cookie", "a=1; b=2; c=3")];
        let expected = expected.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        assert_eq!(fields, expected);
        assert!(both.show().contains("cookie = \"(hidden)=(hidden)\"") && !both.show().contains("b=2"));
    }

    #[test]
    fn a_file_is_no_cookie_of_a_table() {
        for raw in [Raw::String("jar.txt"), Raw::String(""), Raw::String("a=\nb"), Raw::Bool(true)] {
            let why = table(&[("cookie", raw)]).unwrap_err();
            assert!(why.contains("NAME=VALUE") && !why.contains("jar"), "{why}");
        }
    }
}
