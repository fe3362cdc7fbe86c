//! Secrets taken out of texts that are shown: URLs, whole or broken, and lines of lists.
//!
//! A text is parsed, and shown as far as its parts are certain. Showing too little of a line is better
//! than showing a password, because its place is always told.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use super::url_text::{http_prefix, is_unseen, second_url};
use crate::model::{has_at_sign, has_colon, is_secret_name};

/// Redacts a URL that may be valid. If it parses, has no blank and its host may be one, only its user name,
/// password and fragment go. Otherwise [`redact`] applies.
pub fn redact_url(text: &str) -> Cow<'_, str> {
    let is_certain =
        |url: &Url| is_special(url.scheme()) && has_plain_host(url) && !url.fragment().is_some_and(has_at_sign);
    match Url::parse(text) {
        Ok(url) if is_certain(&url) && !text.contains(is_blank) => match has_user(&url) || url.fragment().is_some() {
            false => Cow::Borrowed(text),
            true => without_user(url).map_or(Cow::Borrowed(""), |url| Cow::Owned(url.into())),
        },
        _ => redact(text),
    }
}

/// Whether the host of a URL is an address, or a name with characters that names of DNS have. The parser takes
/// more: `http://token&commat;host/` has a host for it.
pub fn has_plain_host(url: &Url) -> bool {
    url.domain().is_none_or(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)))
}

/// Redacts a text that is one URL or one reference, whole or broken.
///
/// - A URL loses its user name, its password, its fragment and everything after a blank, a control character or
///   one that cannot be seen.
/// - If it does not parse, its host has a character that no name has, or an at sign in any spelling stands behind
///   its authority, only its scheme remains. Its host is not certain: the host of `http://ann:pw` is a user name,
///   and a password with a slash ends the authority early.
/// - The same holds for a URL with a backslash, which may begin an escape of a blank, as `\\t` in JSON.
/// - A URL of a scheme other than http, https, ftp, ws and wss keeps only its scheme.
/// - A reference without a scheme stays if it has neither an at sign nor a colon in its first segment.
pub fn redact(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if let Some(shown) = with_scheme(text) {
        return shown;
    }
    let first = text.trim_start_matches(['/', '\\']).split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let is_plain = host_and_path(text) == Some(text) || (!has_at_sign(text) && !has_colon(first));
    Cow::Borrowed(if is_plain { text } else { "" })
}

/// Redacts a bad line of a list so that messages can show it.
///
/// - A URL is shown as by [`redact`], and up to the first comma or semicolon: an option may follow it.
/// - A text that may be a URL without its scheme keeps its host and path.
/// - Plain words stay.
/// - Any other text may be a secret and disappears: an option, a pair of a name and a value, a field.
pub fn redact_line(text: &str) -> Cow<'_, str> {
    match redact_json_line(text) {
        shown if shown.is_empty() && are_words(text.trim()) => Cow::Borrowed(text.trim()),
        shown => shown,
    }
}

/// Redacts a bad line of a list of JSON values: as [`redact_line`], but no words.
pub fn redact_json_line(text: &str) -> Cow<'_, str> {
    let end = |shown: &str| shown.find([',', ';']).unwrap_or(shown.len());
    match redact_value(text) {
        Cow::Borrowed(shown) => Cow::Borrowed(&shown[..end(shown)]),
        Cow::Owned(mut shown) => {
            shown.truncate(end(&shown));
            Cow::Owned(shown)
        }
    }
}

/// A bad value of JSON, of a table or of a report as it may be shown: as [`redact_line`], but no words.
pub fn redact_value(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if let Some(shown) = with_scheme(text) {
        return shown;
    }
    Cow::Borrowed(match host_and_path(text).filter(|_| !has_at_sign(text)) {
        Some(shown) => shown,
        None if text.starts_with(['{', '[']) => "{…}",
        None => "",
    })
}

/// Redacts the beginning of a longer line. The `@` that ends a password may come later, so nothing stays after
/// a colon except the scheme's own.
pub fn redact_beginning(text: &str) -> Cow<'_, str> {
    match scheme(text.trim()) {
        Some((scheme, rest)) if has_colon(rest) => Cow::Owned(format!("{scheme}://")),
        None if has_colon(text) => Cow::Borrowed(""),
        _ => redact_line(text),
    }
}

/// A text that begins as a URL with a scheme, as [`redact`] describes it.
fn with_scheme(text: &str) -> Option<Cow<'_, str>> {
    let bare = text.trim_start_matches(['"', '\'', '<', '(']);
    let (scheme, rest) = scheme(bare)?;
    let scheme_only = || Cow::Owned(format!("{}://", scheme.to_ascii_lowercase()));
    let ends_authority = |c: char| is_blank(c) || matches!(c, '/' | '\\' | '?' | '#');
    let start = rest.find(|c: char| !ends_authority(c)).unwrap_or(rest.len());
    let (authority, after) = rest[start..].split_at(rest[start..].find(ends_authority).unwrap_or(rest.len() - start));
    // A password with a blank goes on after it, and the cell of a table that is not closed ends somewhere.
    let is_quoted = bare.len() < text.len();
    let is_separator = |c: char| matches!(c, ',' | ';' | ')');
    let is_torn =
        (after.starts_with(is_blank) && has_colon(authority)) || (is_quoted && authority.contains(is_separator));
    if !is_special(scheme) || has_at_sign(after) || is_torn || bare.contains('\\') {
        return Some(scheme_only());
    }
    let word = bare.split(is_blank).next().unwrap_or_default();
    let Some(url) = Url::parse(word).ok().filter(has_plain_host) else { return Some(scheme_only()) };
    let shown = match has_user(&url) || url.fragment().is_some() {
        true => Cow::Owned(without_user(url).map(String::from).unwrap_or_default()),
        false => Cow::Borrowed(word),
    };
    let mark = shown.find(|c: char| matches!(c, '"' | '<' | '>' | '|') || (is_quoted && is_separator(c)));
    let end = mark.unwrap_or(shown.len()).min(second_url(&shown).unwrap_or(shown.len()));
    Some(match shown {
        Cow::Borrowed(shown) => Cow::Borrowed(&shown[..end]),
        Cow::Owned(mut shown) => {
            shown.truncate(end);
            Cow::Owned(shown)
        }
    })
}

/// The scheme of a URL, and the text behind its colon. The parser takes `http:user@host` for a URL too.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (is_scheme && (http_prefix(text).is_some() || rest.starts_with("//"))).then_some((scheme, rest))
}

/// Whether a character separates words, or cannot be seen and may seem to.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_unseen(c)
}

/// Whether the host of a URL with this scheme is a name or an address. In others it may be anything.
fn is_special(scheme: &str) -> bool {
    ["http", "https", "ftp", "ws", "wss"].iter().any(|special| scheme.eq_ignore_ascii_case(special))
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The URL without user name, password and fragment.
fn without_user(mut url: Url) -> Option<Url> {
    url.set_fragment(None);
    (url.set_username("").is_ok() && url.set_password(None).is_ok()).then_some(url)
}

/// Whether a text has only plain words: letters and digits, with a hyphen, an apostrophe, a dot, a slash or an
/// underscore between them only. A word may be quoted, and a comma or a full stop may follow it. None may be the
/// name of a secret.
fn are_words(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric) && text.split_whitespace().all(is_word)
}

fn is_word(word: &str) -> bool {
    let word = word.strip_suffix([',', '.', '!', '?']).unwrap_or(word);
    let word = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    let is_plain = |part: &str| !part.is_empty() && part.chars().all(char::is_alphanumeric);
    word.split(['-', '\'', '\u{2019}', '.', '/', '_']).all(is_plain) && !names_secret(word)
}

/// Whether a secret may follow this word: the name of one, of a user, or of a scheme of authentication.
pub fn names_secret(word: &str) -> bool {
    const SCHEMES: [&str; 7] = ["account", "basic", "digest", "login", "negotiate", "ntlm", "user"];
    is_secret_name(word) || SCHEMES.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// The leading host, port and path of a text that may be a URL without its scheme. Text after a blank, a
/// backslash, `=`, `?` or `#` may be a secret. The last label of a name has no digit, unlike that of a token.
pub fn host_and_path(text: &str) -> Option<&str> {
    let shown = text.split(|c: char| is_blank(c) || matches!(c, '\\' | '=' | '?' | '#')).next()?;
    let authority = shown.split('/').next()?;
    if let Some((address, port)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address.parse::<Ipv6Addr>().is_ok() && is_port(port)).then_some(shown);
    }
    let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '\u{fffd}'))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_name = name.len() <= 253 && name.starts_with(char::is_alphanumeric) && name.split('.').all(is_label);
    let is_last = |label: &str| label.starts_with("xn--") || !label.contains(char::is_numeric);
    let is_host = match name.rsplit_once('.') {
        Some((_, last)) => is_last(last) || name.parse::<Ipv4Addr>().is_ok(),
        None => name.eq_ignore_ascii_case("localhost"),
    };
    (is_name && is_host && is_port(port)).then_some(shown)
}

fn is_port(text: &str) -> bool {
    let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    text.is_empty() || text.strip_prefix(':').is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_with_any_character_is_removed() {
        let passwords = [
            "hunter2",
            "p@hunter2",
            "p/hunter2",
            "p?hunter2",
            "p#hunter2",
            "p hunter2",
            "p\"hunter2",
            "p<hunter2",
            "p%hunter2",
            "p@@hunter2",
            "p://hunter2",
            "p\\hunter2",
            "p\thunter2",
            "hunter2ü",
            "1/hunter2",
            "p,hunter2",
            "p;hunter2",
            "p|hunter2",
            "p)hunter2",
            "p'hunter2",
        ];
        let starts = [
            "http://",
            "HTTPS://",
            "http:/",
            "http:",
            "http:\\\\",
            "http:/\t/",
            "ftp://",
            "",
            "//",
            "\"http://",
            "(http://",
            "socks5://",
            "x:",
        ];
        for password in passwords {
            for start in starts {
                for sign in ["@", "%40", "\u{ff20}", "\u{fe6b}"] {
                    for end in ["h st/x", "höst", "h:x/", "", "[::1", "h.test:99999/"] {
                        let text = format!("{start}ann:{password}{sign}{end}");
                        for shown in [redact(&text), redact_line(&text), redact_value(&text)] {
                            assert!(!shown.contains("ann") && !shown.contains("hunter2"), "{text:?}: {shown:?}");
                        }
                        assert_eq!(redact(&redact_line(&text)), redact_line(&text), "{text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn valid_url_loses_its_user_alone() {
        for (text, shown) in [
            ("http://ann:pw@h.test/a?b=c:d@e", "http://h.test/a?b=c:d@e"),
            ("http://h.test/a?b=c:d@e", "http://h.test/a?b=c:d@e"),
            ("https://h.test:8443/@ann", "https://h.test:8443/@ann"),
            ("http://h.test:80", "http://h.test:80"),
            ("http://ann:p w@h st/", "http://"),
        ] {
            assert_eq!(redact_url(text), shown);
        }
    }

    #[test]
    fn one_url_or_reference_is_shown_as_far_as_it_is_certain() {
        for (text, shown) in [
            ("http://ann:pw@h.test/a?b=c#d", "http://h.test/a?b=c"),
            ("http://h.test/a#b", "http://h.test/a"),
            ("https://[::1]:80/a", "https://[::1]:80/a"),
            ("https://h.test:8443/x@2x", "https://"),
            ("http://ann:pw", "http://"),
            ("http://ann;pw@h:x", "http://"),
            ("http:ann:pw", "http://"),
            ("http://[ann:pw", "http://"),
            ("http://ann:123456", "http://"),
            ("http://ann%3Apw", "http://"),
            ("http://h.test/,http://ann:pw", "http://h.test/,"),
            ("socks5://ann%3Apw%40h/", "socks5://"),
            ("otpauth://totp/ann?secret=pw", "otpauth://"),
            ("mailto:ann@h.test", ""),
            ("javascript:pw", ""),
            ("/relative?a", "/relative?a"),
            ("//h.test/x", "//h.test/x"),
            ("//ann:pw/x", ""),
            ("ann:pw", ""),
            ("localhost:80/x", "localhost:80/x"),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }

    #[test]
    fn beginning_of_a_line_shows_no_password() {
        assert_eq!(redact_beginning("http://ann:pass"), "http://");
        assert_eq!(redact_beginning("ann:pass"), "");
        assert_eq!(redact_beginning("http://h.test/aaaa"), "http://h.test/aaaa");
    }

    #[test]
    fn text_that_is_no_url_is_hidden() {
        for line in [
            "header=Authorization: Bearer hunter2",
            "header = \"Cookie: hunter2\"",
            "--user ann:hunter2",
            "--userhunter2",
            "--hunter2",
            "-uann:hunter2",
            "Authorization: Bearer hunter2",
            "Basic hunter2",
            "token:hunter2",
            "hunter2=",
            "ann:hunter2",
            "ann;hunter2",
            "ann,hunter2",
            "ann|hunter2",
            "ann\u{ff1a}hunter2",
            "ann\u{2192}hunter2",
            "ann: hunter2",
            "hunter2:80",
            "ann:hunter2@example.test/a",
            "my password hunter2",
            "machine h login ann password hunter2",
            "–-user hunter2",
            "—user=hunter2",
            "‐‐user=hunter2",
            "+user=hunter2",
            "/user:hunter2",
            "> --user=hunter2",
            "1. -u hunter2",
            "curl -u ann:hunter2 http://h.test/",
            "\"hunter2",
            "hunter2\"",
            "\"x\" : \"hunter2\",",
            "'hunter2'",
            "../hunter2",
            "?hunter2",
            "@hunter2",
            "see http://h.test/hunter2",
            "eyJh.eyJz.hunter2",
        ] {
            assert_eq!(redact_value(line), "", "{line}");
            assert!(!redact_line(line).contains("hunter2") || line.starts_with("eyJh"), "{line}");
        }
        for line in ["[x](--user=hunter2)", "[ ] --user=hunter2", "[ann:hunter2", "{\"url\":1,\"headers\":\"hunter2\"}"]
        {
            assert_eq!(redact_line(line), "{…}", "{line}");
        }
    }

    #[test]
    fn plain_words_are_shown_of_a_line_and_not_of_a_value() {
        for line in ["not a url", "no, \"URL\" at all", "nonsense", "well-known/page", "it's page 2."] {
            assert_eq!((&*redact_line(line), &*redact_value(line)), (line, ""));
        }
    }

    #[test]
    fn a_url_without_scheme_shows_host_and_path() {
        for (line, shown) in [
            ("example.test/a", "example.test/a"),
            ("example.test/a?key=hunter2", "example.test/a"),
            ("example.test/a=hunter2", "example.test/a"),
            ("example.test/a --user hunter2", "example.test/a"),
            ("localhost:8080/a", "localhost:8080/a"),
            ("127.0.0.1:80/a", "127.0.0.1:80/a"),
            ("[::1]:80/a", "[::1]:80/a"),
            ("über.test", "über.test"),
        ] {
            assert_eq!(redact_line(line), shown, "{line}");
        }
    }

    #[test]
    fn a_url_shows_nothing_after_a_blank() {
        for (line, shown) in [
            ("https://h.test/?a=b c", "https://h.test/?a=b"),
            ("https://h.test/ --user=ann:hunter2", "https://h.test/"),
            ("https://ann:hun ter2@h.test/ -u x", "https://"),
            ("https://ann:1 2", "https://"),
            ("ftp://h.test/\u{a0}hunter2", "ftp://h.test/"),
            ("\"https://h.test/,hunter2", "https://h.test/"),
            ("\"https://ann,hunter2", "https://"),
            ("<https://h.test/>hunter2", "https://h.test/"),
            ("https://h.test/\u{1f}hunter2", "https://h.test/"),
            ("https://h.test/\u{200b}hunter2", "https://h.test/"),
            ("https://ann:1\u{200b}2", "https://"),
            ("\"https://h.test/\\thunter2\"", "https://"),
            ("\"https://hunter2\\u0040h.test/\"", "https://"),
            ("https://h.test/\\u00a0hunter2\",", "https://"),
            ("h.test/\\thunter2", "h.test/"),
        ] {
            assert_eq!(redact_line(line), shown, "{line}");
        }
    }
}
