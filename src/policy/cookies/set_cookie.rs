//! What a Set-Cookie field says, and whether the one who says it may.

use url::Url;

use super::{Cookie, date, domain_matches, is_address, is_public_suffix};

/// The longest name and value together, and the longest attribute.
const LONGEST: usize = 4096;
const LONGEST_ATTRIBUTE: usize = 1024;

/// A cookie lives for 400 days at most.
const LIFE: i64 = 400 * 24 * 60 * 60;

/// The cookie, unless a rule refuses it. One that is over takes another away.
pub(super) fn parse(field: &[u8], url: &Url, now: i64) -> Option<Cookie> {
    let text = std::str::from_utf8(field).ok()?;
    if text.bytes().any(|b| b != b'\t' && b.is_ascii_control()) {
        return None;
    }
    let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (name, value) = (trim(name), trim(value));
    if (name.is_empty() && value.is_empty()) || name.len() + value.len() > LONGEST {
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
    ((https || !cookie.secure) && prefix_holds(&cookie, &said)).then_some(cookie)
}

/// What the name promises, whatever its case; a cookie without a name promises by its value.
fn prefix_holds(cookie: &Cookie, said: &Said) -> bool {
    let text = if cookie.name.is_empty() { &cookie.value } else { &cookie.name };
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is_hosts = cookie.secure && cookie.host_only && said.domain.is_none() && said.path.as_deref() == Some("/");
    let holds = (!starts("__Secure-") || cookie.secure) && (!starts("__Host-") || is_hosts);
    holds && (!cookie.name.is_empty() || !(starts("__Secure-") || starts("__Host-")))
}

/// The domain, and whether it is the host alone (RFC 6265, section 5.3, steps 5 and 6).
fn whose(host: &str, domain: Option<&str>) -> Option<(String, bool)> {
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
    max_age: Option<i64>,
}

impl Said {
    fn of(attributes: &str, now: i64) -> Self {
        let mut said = Self::default();
        for attribute in attributes.split(';').filter(|attribute| attribute.len() <= LONGEST_ATTRIBUTE) {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = trim(value);
            match trim(name).to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                    said.domain = Some(domain).filter(|domain| !domain.is_empty());
                }
                "path" => {
                    said.path =
                        Some(value.to_owned()).filter(|path| path.starts_with('/') && !path.contains(char::is_control))
                }
                "secure" => said.secure = true,
                "httponly" => said.http_only = true,
                "expires" => said.expires = date::parse(value).or(said.expires),
                "max-age" => said.max_age = max_age(value, now).or(said.max_age),
                _ => {}
            }
        }
        said
    }
}

/// When it ends; at once where that is 0 or less.
fn max_age(text: &str, now: i64) -> Option<i64> {
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

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
