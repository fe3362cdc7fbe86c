//! One URL as a person or a program wrote it: parsed, or refused with advice.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::{ParseError, Url};

use crate::model::{Credentials, has_at_sign};
use crate::policy::message::location::LONGEST_HOST;
use crate::policy::text::redact::{has_plain_host, host_and_path, redact_json_line, redact_line, redact_value};
use crate::policy::text::url_text;
use crate::policy::text::url_text::http_prefix;

/// Why a line is bad: a lowercase fragment that says what is wrong and what to do.
pub(super) type Reason = Cow<'static, str>;

/// The longest URL that can be asked for. So many lines may wait that longer ones would fill memory.
const LONGEST: usize = 65_534;
/// Hosts that are schemes written twice, as in `http:/https:/a.test`.
const SCHEMES: [&str; 7] = ["http", "https", "ftp", "ftps", "socks5", "ws", "wss"];
/// How much of a bad line its record shows.
const SHOWN: usize = 2048;
/// How much of it a suggestion repeats.
const SUGGESTED: usize = 200;

/// A URL that can be fetched: http or https, without user name, password and fragment. Blanks and
/// one pair of quotes or `<>` around it are removed.
///
/// User name and password come back beside it, so that no output of the URL can show them.
/// A fragment is never sent to a server, so two URLs that differ only in it are one.
pub(super) fn parse(text: &str) -> Result<(Url, Option<Credentials>), Reason> {
    let text = url_text::bare(text);
    check_characters(text)?;
    if http_prefix(text).is_none() {
        return Err(without_http(text));
    }
    if let Some(reason) = two_urls(text) {
        return Err(reason);
    }
    if let Some(mark) = url_text::unopened(text) {
        return Err(format!("ends with {mark} but nothing opens this quote; remove it or percent-encode it").into());
    }
    let mut url = Url::parse(text).map_err(explain)?;
    if url.as_str().len() > LONGEST {
        return Err(format!("longer than {LONGEST} bytes; no server takes such a URL").into());
    }
    if !has_plain_host(&url) {
        return Err("the host name holds a character that no host name has; correct it".into());
    }
    if url.host_str().is_some_and(|host| host.len() > LONGEST_HOST) {
        return Err("the host name is longer than 253 bytes; no DNS knows such a name; correct it".into());
    }
    // Its second authority is a path to the parser, with the password in it.
    if url.host_str().is_some_and(|host| SCHEMES.contains(&host)) {
        return Err("has its scheme twice; remove one".into());
    }
    if url.fragment().is_some() {
        url.set_fragment(None);
    }
    if url.username().is_empty() && url.password().is_none() {
        return Ok((url, None));
    }
    let credentials =
        Credentials { username: decoded(url.username())?, password: decoded(url.password().unwrap_or_default())? };
    // Neither can fail: both are refused only for URLs without a host, and http URLs have one.
    let removed = url.set_username("").and_then(|()| url.set_password(None));
    if removed.is_err() {
        return Err("the user name cannot be taken out of the URL".into());
    }
    Ok((url, Some(credentials)))
}

/// Refuses control characters and blanks that the URL parser would silently drop or encode, if that
/// would give another URL than the user meant.
pub(super) fn check_characters(text: &str) -> Result<(), Reason> {
    if text.is_empty() {
        return Err("the URL is empty".into());
    }
    let (mut control, mut blank) = (false, false);
    for byte in text.bytes() {
        control |= byte < b' ' || byte == 0x7f;
        blank |= byte == b' ';
    }
    if control {
        return Err(if text.contains('\0') {
            "holds a NUL byte; save the list as UTF-8 text".into()
        } else {
            "holds a control character; remove it or write it percent-encoded".into()
        });
    }
    if let Some(character) = url_text::unseen(text) {
        return Err(format!("holds {character}; remove it, or percent-encode what belongs to the URL").into());
    }
    if blank && text.split(' ').skip(1).any(|word| word.starts_with('#')) {
        return Err("a comment follows the URL; put it on a line of its own".into());
    }
    check_authority(text)
}

/// Refuses a URL whose `#` or `\` may be a character of a user name or password: it ends the authority, and an at
/// sign follows. A browser would ask the host that stands before it.
pub(super) fn check_authority(text: &str) -> Result<(), Reason> {
    let Some(scheme) = http_prefix(text) else { return Ok(()) };
    let authority = text[scheme..].trim_start_matches(['/', '\\']);
    let Some(end) = authority.find(['/', '\\', '?', '#']) else { return Ok(()) };
    let rest = &authority[end..];
    if rest.starts_with(['\\', '#']) && has_at_sign(rest) {
        return Err("an at sign follows the # or \\ behind the host; percent-encode them in a password".into());
    }
    Ok(())
}

/// Returns the message for a text that holds a second URL.
fn two_urls(text: &str) -> Option<Reason> {
    let at = url_text::second_url(text)?;
    let (first, second) = text.split_at_checked(at)?;
    let [first, second] = [first, second].map(|url| brief(url_text::trim(url)));
    // Either half of a URL whose password looks like another URL would show the password.
    if has_at_sign(text) || first.is_empty() {
        return Some("holds more than one URL; write one URL a line".into());
    }
    Some(format!("holds more than one URL, {first} and {second}; write one URL a line").into())
}

/// The scheme before the first colon, if there is one (RFC 3986, section 3.1).
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest))
}

/// Schemes of URLs that have no slashes behind them.
const WITHOUT_SLASHES: [&str; 10] =
    ["about", "blob", "data", "file", "javascript", "magnet", "mailto", "sms", "tel", "urn"];

/// Returns the message for a text that begins with neither `http:` nor `https:`.
fn without_http(text: &str) -> Reason {
    if let Some((scheme, rest)) = scheme(text) {
        // `localhost:8080/x` has the form of a URL with the scheme `localhost`, and a user name with a
        // password has it too.
        let scheme = scheme.to_ascii_lowercase();
        if rest.starts_with("//") || WITHOUT_SLASHES.contains(&scheme.as_str()) {
            return format!("{} URLs are not supported, only http and https", cut(&scheme, SUGGESTED)).into();
        }
    }
    if text.starts_with('{') {
        return "looks like JSON; use --input-format ndjson with one object a line".into();
    }
    if let Some(reason) = two_urls(text) {
        return reason;
    }
    if let Some(mark) = text.chars().next().filter(|&mark| url_text::opens_quote(mark)) {
        return format!("begins with {mark}, which is not closed after the URL; write the URL alone").into();
    }
    if text.contains("](") {
        return "looks like Markdown; write one URL or one [text](URL) a line".into();
    }
    if let Some(at) = ["http://", "https://"].iter().filter_map(|scheme| text.find(scheme)).min() {
        let url = brief(text.get(at..).unwrap_or_default());
        return format!("other text stands before the URL; write the URL alone: {url}").into();
    }
    // The text before an at sign may be a password.
    let bare = if has_at_sign(text) { "" } else { text.strip_prefix("//").unwrap_or(text) };
    if let Some(shown) = host_and_path(bare).filter(|shown| Url::parse(&format!("https://{shown}")).is_ok()) {
        return format!("has no scheme; did you mean https://{}?", cut(shown, SUGGESTED)).into();
    }
    "not a URL; write the whole of it, such as https://host/path".into()
}

pub(super) fn explain(error: ParseError) -> Reason {
    match error {
        ParseError::EmptyHost => "the host is missing; write https://host/path".into(),
        ParseError::InvalidPort => "the port is not a number from 0 to 65535; correct it".into(),
        ParseError::InvalidIpv4Address => "the host looks like an IPv4 address but is none; correct it".into(),
        ParseError::InvalidIpv6Address => "the host looks like an IPv6 address but is none; correct it".into(),
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            "the host name holds a character that is not allowed there; correct it".into()
        }
        other => format!("not a URL ({other}); correct it").into(),
    }
}

fn decoded(part: &str) -> Result<String, Reason> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("user name or password is not UTF-8 once percent-decoded; correct it".into()),
    }
}

/// A bad line as its record may show it: readable length, no secrets.
pub(super) fn shown_line(text: &str) -> String {
    cut(&redact_line(text), SHOWN).to_owned()
}

/// A bad line of JSON values as its record may show it.
pub(super) fn shown_json_line(text: &str) -> String {
    cut(&redact_json_line(text), SHOWN).to_owned()
}

/// A bad value as its record may show it.
pub(super) fn shown_value(text: &str) -> String {
    cut(&redact_value(text), SHOWN).to_owned()
}

/// A URL that a message repeats. Empty if it is none.
fn brief(text: &str) -> String {
    cut(&redact_value(text), SUGGESTED).to_owned()
}

/// At most `most` bytes, never half a character.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
