//! The file of cookies that Netscape began and curl, wget and browsers' extensions write.

use super::line::{CookieLine, Skipped, end_of};
use super::{Cookie, Jar};

const HTTP_ONLY: &[u8] = b"#HttpOnly_";

const HEAD: &[u8] =
    b"# Netscape HTTP Cookie File\n# Written by fetchall. These cookies say who asks: keep them to yourself.\n\n";

/// How many fields a line has.
const FIELDS: usize = 7;

/// Takes the cookies of a file's lines, which may end in CRLF.
pub(super) fn load(jar: &mut Jar, text: &[u8], now: i64, skipped: &mut Skipped) {
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.trim_ascii();
        let start = line.get(..HTTP_ONLY.len()).unwrap_or_default();
        let http_only = start.eq_ignore_ascii_case(HTTP_ONLY);
        let line = if http_only { &line[HTTP_ONLY.len()..] } else { line };
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match cookie(line, http_only) {
            Ok(cookie) if !cookie.is_over(now) => jar.put(cookie, now),
            Ok(_) => {}
            Err(why) => skipped.add(number, why),
        }
    }
}

/// The last time that is written: readers, this one among them, take a greater number for milliseconds.
const LATEST: i64 = 999_999_999_999;

/// Returns the text of a file with every cookie that is not over, those of the session among them.
pub(super) fn text(jar: &Jar, now: i64) -> Vec<u8> {
    let mut text = HEAD.to_owned();
    let truth = |truth| if truth { "TRUE" } else { "FALSE" };
    for cookie in jar.since(0).map(|(cookie, _)| cookie).filter(|cookie| !cookie.is_over(now)) {
        let Cookie { name, value, domain, host_only, path, secure, http_only, expires } = cookie;
        text.extend_from_slice(if *http_only { HTTP_ONLY } else { b"" });
        let dot = if *host_only { "" } else { "." };
        let (below, secure, expires) = (truth(!host_only), truth(*secure), expires.map_or(0, |at| at.min(LATEST)));
        text.extend_from_slice(format!("{dot}{domain}\t{below}\t{path}\t{secure}\t{expires}\t").as_bytes());
        text.extend_from_slice(&[name, &b"\t"[..], value, b"\n"].concat());
    }
    text
}

fn cookie(line: &[u8], http_only: bool) -> Result<Cookie, &'static str> {
    let mut fields = fields(line).into_iter();
    let (Some(domain), Some(below), Some(path), Some(secure), Some(end), Some(name)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("fewer than 6 fields, where a cookie has 7 with tabs between them");
    };
    // Some programs leave out the tab before an empty value.
    let value = fields.next().unwrap_or_default();
    if fields.any(|field| !field.is_empty()) {
        return Err("more than 7 fields with tabs between them");
    }
    let entry = CookieLine {
        domain,
        below: truth(below).ok_or("its second field is neither TRUE nor FALSE")?,
        path,
        secure: truth(secure).ok_or("its fourth field is neither TRUE nor FALSE")?,
        http_only,
        expires: end_of(end).ok_or("its fifth field is no time")?,
        name,
        value,
    };
    entry.cookie()
}

/// Splits a line at its tabs. Without any tab, an editor has replaced them with blanks.
fn fields(line: &[u8]) -> Vec<&[u8]> {
    if line.contains(&b'\t') {
        return line.split(|byte| *byte == b'\t').map(<[u8]>::trim_ascii).collect();
    }
    let mut fields = Vec::with_capacity(FIELDS);
    let mut rest = line;
    while !rest.is_empty() && fields.len() + 1 < FIELDS {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        fields.push(&rest[..end]);
        rest = rest[end..].trim_ascii_start();
    }
    fields.extend((!rest.is_empty()).then_some(rest));
    fields
}

fn truth(text: &[u8]) -> Option<bool> {
    match text.to_ascii_uppercase().as_slice() {
        b"TRUE" | b"1" => Some(true),
        b"FALSE" | b"0" => Some(false),
        _ => None,
    }
}
