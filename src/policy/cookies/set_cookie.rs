//! The Set-Cookie field (RFC 6265, section 5.2), and the rules that refuse a cookie.

use percent_encoding::{AsciiSet, percent_encode};
use url::{Host, Url};

use super::{Cookie, domain_matches, is_address, is_public_suffix};
use crate::policy::message::date;

/// The longest name and value together, and the longest attribute.
const LONGEST: usize = 4096;
const LONGEST_ATTRIBUTE: usize = 1024;

/// A cookie lives for 400 days at most.
const LIFE: i64 = 400 * 24 * 60 * 60;

/// Parses a field into a cookie, unless a rule refuses it. The flag is false where Expires is no
/// date. A cookie that is over removes an earlier one.
pub(super) fn parse(field: &[u8], url: &Url, now: i64) -> Option<(Cookie, bool)> {
    if field.iter().any(|b| *b != b'\t' && b.is_ascii_control()) {
        return None;
    }
    let has_tab = |text: &[u8]| text.contains(&b'\t');
    let (pair, attributes) = split_at(field, b';').unwrap_or((field, b""));
    let (name, value) = split_at(pair, b'=').unwrap_or((b"", pair));
    let (name, value) = (trim(name), trim(value));
    // As in curl: files of cookies have no room for a tab in a name or a value.
    if (name.is_empty() && value.is_empty()) || name.len() + value.len() > LONGEST || has_tab(name) || has_tab(value) {
        return None;
    }
    let said = Said::of(attributes, now);
    let https = url.scheme() == "https";
    let (domain, host_only) = whose(url.host_str()?, said.domain.as_deref())?;
    let cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain,
        host_only,
        path: said.path.clone().unwrap_or_else(|| default_path(url.path())),
        secure: said.secure,
        http_only: said.http_only,
        expires: said.max_age.or(said.expires).map(|at| at.min(now.saturating_add(LIFE))),
    };
    let is_hosts = said.domain.is_none() && said.path.as_deref() == Some("/");
    ((https || !cookie.secure) && prefix_holds(&cookie, is_hosts)).then_some((cookie, !said.is_odd_date))
}

/// Checks the promise of a name prefix in any case; a cookie without a name promises by its value. `is_hosts`
/// says that it is of all paths of one host.
pub(super) fn prefix_holds(cookie: &Cookie, is_hosts: bool) -> bool {
    let text = if cookie.name.is_empty() { &cookie.value } else { &cookie.name };
    let starts =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    let is_hosts = is_hosts && cookie.secure && cookie.host_only;
    let holds = (!starts("__Secure-") || cookie.secure) && (!starts("__Host-") || is_hosts);
    holds && (!cookie.name.is_empty() || !(starts("__Secure-") || starts("__Host-")))
}

/// The domain, and whether it is the host alone (RFC 6265, section 5.3, steps 5 and 6).
fn whose(host: &str, domain: Option<&str>) -> Option<(String, bool)> {
    // The dot would mean all hosts below in a file of cookies.
    if host.starts_with('.') {
        return None;
    }
    let Some(domain) = domain else { return Some((host.to_owned(), true)) };
    if domain == host && (is_address(host) || is_public_suffix(host)) {
        return Some((host.to_owned(), true));
    }
    (!is_public_suffix(domain) && domain_matches(host, domain)).then(|| (domain.to_owned(), false))
}

/// The attributes; the last of a name counts.
#[derive(Default)]
struct Said {
    domain: Option<String>,
    path: Option<String>,
    secure: bool,
    http_only: bool,
    expires: Option<i64>,
    is_odd_date: bool,
    max_age: Option<i64>,
}

impl Said {
    fn of(attributes: &[u8], now: i64) -> Self {
        let mut said = Self::default();
        for attribute in attributes.split(|b| *b == b';').filter(|attribute| attribute.len() <= LONGEST_ATTRIBUTE) {
            let (name, value) = split_at(attribute, b'=').unwrap_or((attribute, b""));
            let value = trim(value);
            match trim(name).to_ascii_lowercase().as_slice() {
                b"domain" => said.domain = domain_of(value),
                b"path" => said.path = path_of(value),
                b"secure" => said.secure = true,
                b"httponly" => said.http_only = true,
                b"expires" => match date::parse(value) {
                    Some(at) => said.expires = Some(at),
                    None => said.is_odd_date = true,
                },
                b"max-age" => said.max_age = max_age(value, now).or(said.max_age),
                _ => {}
            }
        }
        said
    }
}

/// When it ends; at once where that is 0 or less.
fn max_age(value: &[u8], now: i64) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // More digits than fit are a long time, or long ago.
    let seconds = text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    Some(if seconds <= 0 { i64::MIN } else { now.saturating_add(seconds) })
}

/// RFC 6265, section 5.1.4: up to the last slash, without it.
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}

/// Returns the domain without its dot, in the ASCII form that URLs have.
fn domain_of(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value.strip_prefix(b".").unwrap_or(value));
    match text.is_ascii() {
        // An impossible domain matches no host.
        true => Some(text.to_ascii_lowercase()).filter(|domain| !domain.is_empty()),
        false => Host::parse(&text).map_or_else(|_| Some(text.into_owned()), |host| Some(host.to_string())),
    }
}

/// Returns the path as URLs have it: octets beyond ASCII are percent-encoded.
pub(super) fn path_of(value: &[u8]) -> Option<String> {
    let is_path = value.starts_with(b"/") && !value.iter().any(u8::is_ascii_control);
    is_path.then(|| percent_encode(value, &AsciiSet::EMPTY).to_string())
}

/// Splits at the first occurrence of a sign.
fn split_at(text: &[u8], sign: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == sign)?;
    Some((&text[..at], &text[at + 1..]))
}

fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let Some(start) = text.iter().position(|b| !is_blank(b)) else { return b"" };
    let end = text.iter().rposition(|b| !is_blank(b)).map_or(text.len(), |last| last + 1);
    &text[start..end]
}
