//! The names under which bodies are saved: functions of the URL and of the list order, nothing else.
//!
//! `https://example.com:8080/a/b.html?x=1` becomes `example.com+8080/a/b.html@x=1`:
//!
//! - The host is in the form of the URL parser: lower case, IDN in its ASCII form. A port other than the
//!   scheme's default follows a `+`, because Windows forbids `:` in file names. An IPv6 address `[2001:db8::1]`
//!   becomes `ip6-2001-db8--1`.
//! - Each path segment is percent-decoded (RFC 3986, section 2.1) if that gives UTF-8; other bytes stay as
//!   `%XX`. Empty segments are left out. A path that ends in `/` names `index.html`.
//! - A query follows the last part after `@`, as in wget.
//! - Every part is then made portable, see [`is_portable`]; `_` replaces a forbidden character.
//!
//! That is the default [`Template`]; `--name` gives another. Cleaning loses information, so two URLs may get
//! the same name. [`Claims`] gives each name away once and marks the later URL's file with a hash of its URL.

mod claims;
mod disposition;
mod extension;
mod fold;
mod portable;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::model::{ErrorKind, FetchError};

pub use claims::Claims;
pub use disposition::name_from_disposition;
pub use extension::{endings, missing_ending};
pub use fold::fold;
pub use portable::{MAX_COMPONENT, is_portable};
pub use template::Template;

use portable::{component, cut};

/// The most bytes of a name, its separators included.
pub const MAX_NAME: usize = 1000;

/// The bytes of a part that stands for several, and its separator: `/_~` and twelve digits.
const COLLAPSED: usize = 15;

/// The name of a URL's body, `host[+port]/path`, portable and relative, before it is claimed.
pub fn name_for_url(url: &Url) -> String {
    let mut parts = vec![component(&host_part(url))];
    let folders = url.path().rsplit_once('/').map_or("", |(folders, _)| folders).split('/');
    parts.extend(folders.filter(|folder| !folder.is_empty()).map(|folder| component(&decoded(folder))));
    parts.push(component(&file_of_url(url)));
    join(&parts)
}

/// The last part of that name before cleaning.
pub fn file_of_url(url: &Url) -> Cow<'_, str> {
    match (url.path().rsplit('/').next().unwrap_or_default(), url.query()) {
        (file, None) if !file.is_empty() && !file.contains('%') => Cow::Borrowed(file),
        (_, query) => {
            let mut last = file_part(url);
            if let Some(query) = query {
                last.push('@');
                last.push_str(&decoded(query));
            }
            Cow::Owned(last)
        }
    }
}

/// The name that a list line asks for, made portable; `/` separates its parts.
///
/// # Errors
/// When it is absolute (a drive letter counts), climbs with `..`, names a folder, or names nothing.
/// A backslash separates for this check, because it would on Windows; what passes keeps it as `_`.
pub fn name_for_out(out: &str) -> Result<String, FetchError> {
    // The message omits the name: in a table with mixed-up cells it may be a secret.
    let refuse = |why: &str| Err(FetchError::new(ErrorKind::Io, format!("the output name of the line {why}")));
    if out.starts_with(['/', '\\']) || matches!(out.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic()) {
        return refuse("is absolute: give a path relative to the output folder");
    }
    if out.split(['/', '\\']).any(|part| part.trim() == "..") {
        return refuse("leads out of the output folder");
    }
    let is_nothing = |part: &str| matches!(part.trim(), "" | ".");
    if out.rsplit('/').next().is_none_or(is_nothing) {
        return refuse("names no file");
    }
    let parts: Vec<String> = out.split('/').filter(|part| !is_nothing(part)).map(component).collect();
    Ok(join(&parts))
}

/// The first part of a URL's name.
fn host_part(url: &Url) -> String {
    let mut part = match url.host() {
        Some(Host::Ipv6(address)) => format!("ip6-{}", address.to_string().replace(':', "-")),
        Some(host) => host.to_string(),
        None => "_".to_owned(),
    };
    if let Some(port) = url.port() {
        // Writing to a String cannot fail.
        let _ = write!(part, "+{port}");
    }
    part
}

/// The last part of a URL's path, not cleaned yet.
fn file_part(url: &Url) -> String {
    match url.path().rsplit('/').next().unwrap_or_default() {
        "" => "index.html".to_owned(),
        file => decoded(file),
    }
}

/// Percent-decodes a text where that gives UTF-8; other bytes stay encoded.
///
/// The result may hold any character, including separators and NUL; callers clean it.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    let mut decoded = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        decoded.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(decoded, "%{byte:02X}");
        }
    }
    decoded
}

/// Joins the parts into one name. In a name that is too long, one part replaces the folders that do not fit.
/// That part is their hash, so files of one deep folder stay together.
fn join(parts: &[String]) -> String {
    let name = parts.join("/");
    let Some((last, folders)) = parts.split_last().filter(|_| name.len() > MAX_NAME) else {
        return name;
    };
    let room = MAX_NAME - COLLAPSED - 1 - last.len();
    let mut short = String::new();
    let mut kept = 0;
    for folder in folders {
        if short.len() + folder.len() + 1 > room {
            break;
        }
        if kept > 0 {
            short.push('/');
        }
        short.push_str(folder);
        kept += 1;
    }
    let collapsed = collapse(&folders[kept..].join("/"));
    if kept > 0 {
        short.push('/');
    }
    short + &collapsed + "/" + last
}

/// One part that stands for several.
fn collapse(folders: &str) -> String {
    format!("_~{}", cut(folders))
}
