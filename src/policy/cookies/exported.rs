//! Cookies in JSON, in the formats of browser extensions and browser drivers.

use serde::Deserialize;
use serde_json::Value;

use super::Jar;
use super::line::{CookieLine, Skipped, end_of};

/// A cookie with the field names of EditThisCookie, Cookie-Editor, Playwright, Puppeteer and Selenium.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    name: String,
    value: String,
    domain: String,
    host_only: Option<bool>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    http_only: bool,
    #[serde(default, alias = "expires", alias = "expiry")]
    expiration_date: Value,
}

/// A list, or an object that has one, as the storage state of Playwright.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    List(Vec<Value>),
    State { cookies: Vec<Value> },
}

/// Whether a file begins as JSON does; a line may begin with an address in brackets.
pub(super) fn is_json(text: &[u8]) -> bool {
    match text.trim_ascii_start() {
        [b'{', ..] => true,
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')),
        _ => false,
    }
}

/// Takes the cookies of a file.
///
/// # Errors
/// The reason why the format is unknown.
pub(super) fn load(jar: &mut Jar, text: &[u8], now: i64, skipped: &mut Skipped) -> Result<(), &'static str> {
    let file = serde_json::from_slice(text)
        .map_err(|_| "it is no list of cookies in JSON; export them as a cookies.txt file")?;
    let (File::List(cookies) | File::State { cookies }) = file;
    for (value, number) in cookies.into_iter().zip(1..) {
        let Ok(exported) = Exported::deserialize(value) else {
            skipped.add(number, "it has no name, value and domain");
            continue;
        };
        let end = match &exported.expiration_date {
            Value::Null => Some(None),
            Value::String(text) => end_of(text.as_bytes()),
            other => end_of(other.to_string().as_bytes()),
        };
        let entry = end.ok_or("its end is no time").and_then(|expires| {
            let Exported { name, value, domain, host_only, path, secure, http_only, .. } = &exported;
            let entry = CookieLine {
                domain: domain.as_bytes(),
                below: *host_only == Some(false),
                path: path.as_bytes(),
                secure: *secure,
                http_only: *http_only,
                expires,
                name: name.as_bytes(),
                value: value.as_bytes(),
            };
            entry.cookie()
        });
        match entry {
            Ok(cookie) if !cookie.is_over(now) => jar.put(cookie, now),
            Ok(_) => {}
            Err(why) => skipped.add(number, why),
        }
    }
    Ok(())
}
