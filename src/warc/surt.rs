//! SURT keys: URLs in the order of their hosts, as pywb and cdxj-indexer write them.
//!
//! A key has the labels of the host from right to left, then the path and the query. Letters are lower-case. A key
//! leaves out the scheme, `www`, standard ports, user names and session identifiers.

mod host;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use host::canonical_host;

/// The key of a URL. A URL with an invalid port is its own key.
pub fn surt(url: &str) -> String {
    if url.is_empty() {
        return "-".to_owned();
    }
    if url.starts_with("filedesc") {
        return url.to_owned();
    }
    let text = cleaned(url);
    match SplitUrl::new(&text) {
        Some(parts) => parts.key(),
        None => url.to_owned(),
    }
}

/// The URL with a scheme, and without blanks at its ends, line breaks and tabs.
fn cleaned(url: &str) -> String {
    let is_blank = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut text = url.trim_matches(is_blank).replace(['\n', '\r', '\t'], "");
    if scheme_of(&text).is_none() {
        text.insert_str(0, "http://");
    }
    // Broken links have several schemes. The last one counts.
    let scheme_length =
        |text: &str| ["http://", "https://"].iter().find(|it| text.starts_with(**it)).map(|it| it.len());
    while let Some(length) = scheme_length(&text).filter(|&length| scheme_length(&text[length..]).is_some()) {
        text.drain(..length);
    }
    text
}

fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some(scheme)
}

/// The parts of a URL that a key has.
struct SplitUrl<'a> {
    scheme: &'a str,
    host: Option<&'a str>,
    port: Option<u16>,
    path: Cow<'a, str>,
    query: Option<&'a str>,
}

impl<'a> SplitUrl<'a> {
    /// Splits a URL with a scheme (RFC 3986, appendix B). `None` if its port is no port.
    fn new(url: &'a str) -> Option<Self> {
        let scheme = scheme_of(url)?;
        let rest = &url[scheme.len() + 1..];
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let (host, port) = host_and_port(authority)?;
        let mut parts = Self { scheme, host, port, path: path.into(), query: query.filter(|query| !query.is_empty()) };
        if parts.host.is_none() && scheme.starts_with("http") && !path.is_empty() {
            // `http:////example.com/`
            let (host, rest) =
                path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
            (parts.host, parts.path) = (Some(host).filter(|host| !host.is_empty()), format!("/{rest}").into());
        }
        Some(parts)
    }

    fn key(&self) -> String {
        let mut key = String::new();
        let host = self.host.map(|host| canonical_host(host, self.scheme != "dns")).filter(|host| !host.is_empty());
        match &host {
            None => {
                key.push_str(self.scheme);
                key.push(':');
            }
            Some(host) => {
                let labels: Vec<&str> = host.rsplit('.').collect();
                key.push_str(&labels.join(","));
                let standard = match &*self.scheme.to_ascii_lowercase() {
                    "http" => 80,
                    "https" => 443,
                    _ => 0,
                };
                if let Some(port) = self.port.filter(|&port| port != standard) {
                    key.push_str(&format!(":{port}"));
                }
                key.push(')');
            }
        }
        let query = self.query.map(canonical_query).filter(|query| !query.is_empty());
        let path = canonical_path(&self.path, host.is_some());
        key.push_str(if path.is_empty() && query.is_some() { "/" } else { &path });
        if let Some(query) = query {
            key.push('?');
            key.push_str(&query);
        }
        key
    }
}

/// The host of an authority, and its port unless that is 0. `None` if the port is no port.
fn host_and_port(authority: &str) -> Option<(Option<&str>, Option<u16>)> {
    let authority = authority.trim_end_matches(':');
    let authority = authority.rsplit_once('@').map_or(authority, |(_, rest)| rest);
    let (host, port) = match authority.split_once('[') {
        Some((_, bracketed)) => {
            let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
            (host, rest.split_once(':').map_or("", |(_, port)| port))
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = if port.is_empty() { 0 } else { port.parse().ok().filter(|_| is_number)? };
    Some((Some(host).filter(|host| !host.is_empty()), Some(port).filter(|&port| port > 0)))
}

/// Session identifiers in paths of ASP.NET: `/(S(24 letters))/page.aspx` and `/(24 letters)/page.aspx`.
static PATH_SESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    expressions(&[
        r"(?i)^(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)$",
        r"(?i)^(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)$",
    ])
});

/// Session identifiers in queries.
static QUERY_SESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    expressions(&[
        r"(?i)^(.*)jsessionid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)phpsessid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)sid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)aspsessionid[a-z]{8}=[a-z]{24}(?:&(.*))?$",
        r"(?i)^(.*)cfid=[^&]+&cftoken=[^&]+(?:&(.*))?$",
    ])
});

/// Compiles expressions. A test says that all of them are valid.
fn expressions(texts: &[&str]) -> Vec<Regex> {
    texts.iter().filter_map(|text| Regex::new(text).ok()).collect()
}

/// Removes the text that each expression matches outside of its groups.
fn without<'a>(expressions: &[Regex], text: &'a str) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for expression in expressions {
        let kept = expression.captures(&text).map(|found| {
            let group = |number| found.get(number).map_or("", |group| group.as_str());
            [group(1), group(2)].concat()
        });
        text = kept.map_or(text, Cow::Owned);
    }
    text
}

fn canonical_path(path: &str, has_host: bool) -> String {
    let mut path = unescaped(path.as_bytes());
    if has_host {
        path = without_dots(&path);
    }
    let path = escaped(&path).to_ascii_lowercase();
    let path = without(&PATH_SESSIONS, &path);
    let shorter = path.strip_suffix('/').filter(|rest| !rest.is_empty());
    shorter.unwrap_or(&path).to_owned()
}

/// Resolves `.` and `..`, and joins slashes that follow each other.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/').skip(1) {
        match part {
            b"." => {}
            b".." if !parts.is_empty() => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut path = b"/".to_vec();
    if let Some((last, before)) = parts.split_last() {
        for part in before.iter().filter(|part| !part.is_empty()) {
            path.extend_from_slice(part);
            path.push(b'/');
        }
        path.extend_from_slice(last);
    }
    path
}

fn canonical_query(query: &str) -> String {
    let query = escaped(&unescaped(query.as_bytes()));
    let query = without(&QUERY_SESSIONS, &query).to_ascii_lowercase();
    if query.len() <= 1 {
        return query;
    }
    let mut arguments: Vec<(&str, Option<&str>)> = query
        .split('&')
        .map(|argument| argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value))))
        .collect();
    arguments.sort_unstable();
    let arguments = arguments.into_iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    });
    arguments.collect::<Vec<_>>().join("&")
}

/// Decodes percent-encoded bytes until none is left.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for &byte in text {
        bytes.push(byte);
        // A decoded byte may be the last one of another sequence.
        while let [.., b'%', high, low] = bytes[..] {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let Some((high, low)) = digit(high).zip(digit(low)) else { break };
            bytes.truncate(bytes.len() - 3);
            bytes.push((high << 4 | low) as u8);
        }
    }
    bytes
}

/// Percent-encodes blanks, `#`, `%`, control characters and all bytes beyond ASCII.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && !matches!(byte, b'#' | b'%') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
