//! Secrets taken out of texts that are shown: URLs, whole or broken, and lines of lists.

use std::borrow::Cow;

use url::Url;

use crate::model::is_secret_name;

/// The length of a leading `http:` or `https:`, in any case.
pub fn http_prefix(text: &str) -> Option<usize> {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    ["http:", "https:"].iter().find(|prefix| starts(prefix)).map(|prefix| prefix.len())
}

/// Removes user name and password from a text that is one URL, whole or broken.
///
/// An invalid URL may have a password that ends its authority early: one with a slash, a blank or a quote in
/// it. So the function removes everything up to the last `@` if a password may precede it. Showing too little
/// of a URL is better than showing a password.
pub fn redact(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = text.split_at(authority_at(text));
    let Some(end) = last_at_sign(rest) else { return Cow::Borrowed(text) };
    let (before, after) = rest.split_at(end);
    if has_userinfo(text, before) { Cow::Owned(format!("{scheme}{after}")) } else { Cow::Borrowed(text) }
}

/// Redacts a URL that may be valid. If it parses, only its authority changes; otherwise [`redact`] applies.
pub fn redact_url(text: &str) -> Cow<'_, str> {
    let Ok(mut url) = Url::parse(text) else { return redact(text) };
    if url.username().is_empty() && url.password().is_none() {
        return Cow::Borrowed(text);
    }
    match url.set_username("").and_then(|()| url.set_password(None)) {
        Ok(()) => Cow::Owned(url.into()),
        Err(()) => redact(text),
    }
}

/// Redacts a bad line of a list so that messages can show it.
///
/// - A URL loses its user name, its password and everything after a blank.
/// - A text that may be a URL without its scheme keeps its host and path.
/// - An option or a field keeps its name, if that is a known one.
/// - Plain words stay.
/// - Any other text may be a secret and disappears.
pub fn redact_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if has_scheme(text) {
        return match redact(text) {
            Cow::Borrowed(text) => Cow::Borrowed(first_word(text)),
            Cow::Owned(text) => Cow::Owned(first_word(&text).to_owned()),
        };
    }
    let shown = match redact(text) {
        Cow::Borrowed(text) => host_and_path(text).map(Cow::Borrowed),
        Cow::Owned(text) => host_and_path(&text).map(|shown| Cow::Owned(shown.to_owned())),
    };
    shown.unwrap_or_else(|| {
        Cow::Borrowed(match text {
            _ if text.starts_with(['{', '[']) => "{…}",
            _ if are_words(text) => text,
            _ => known_name(text),
        })
    })
}

/// A bad value of JSON or of a report as it may be shown: as [`redact_line`], but no words.
pub fn redact_value(text: &str) -> Cow<'_, str> {
    let shown = redact_line(text);
    let is_url = has_scheme(&shown) || host_and_path(&shown).is_some();
    if !is_url && are_words(&shown) { Cow::Borrowed("") } else { shown }
}

/// Whether a text has only words: no option, no pair of a name and a value, no name of a secret.
fn are_words(text: &str) -> bool {
    let is_dash =
        |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}');
    let is_sign = |c: char| "=:@<>{}|&$+*#?%\\`~^\u{ff1a}\u{ff20}".contains(c);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if is_sign(c) || (is_dash(c) && !joins) {
            return false;
        }
        before = c;
    }
    let is_harmless = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        !is_secret_name(word) && !["user", "login", "account"].iter().any(|name| word.eq_ignore_ascii_case(name))
    };
    text.starts_with(char::is_alphanumeric) && text.split_whitespace().all(is_harmless)
}

/// Redacts the beginning of a longer line. The `@` that ends a password may come later, so nothing stays after
/// a colon except the scheme's own.
pub fn redact_beginning(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = text.split_at(authority_at(text));
    if rest.contains(':') { Cow::Borrowed(scheme) } else { redact_line(text) }
}

/// The leading host, port and path of a text that may be a URL without its scheme. Text after a blank, `=`, `?`
/// or `#` may be a secret.
pub fn host_and_path(text: &str) -> Option<&str> {
    let shown = text.split(|c: char| c.is_whitespace() || matches!(c, '=' | '?' | '#')).next()?;
    let authority = shown.split('/').next()?;
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            return (address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port)).then_some(shown);
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '\u{fffd}'))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_host = host.len() <= 253
        && host.starts_with(char::is_alphanumeric)
        && host.split('.').all(is_label)
        && (host.contains('.') || host.eq_ignore_ascii_case("localhost"));
    (is_host && is_port(port)).then_some(shown)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or_default()
}

/// Whether a text begins with a scheme, behind quotes perhaps.
fn has_scheme(text: &str) -> bool {
    let text = text.trim_start_matches(['"', '\'', '<', '(']);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    http_prefix(text).is_some() || text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Options of curl, wget, aria2 and this program that carry a value, and request fields.
const NAMES: &[&str] = &[
    "accept",
    "all-proxy",
    "authorization",
    "basic",
    "bearer",
    "cert",
    "certificate",
    "checksum",
    "config",
    "continue",
    "cookie",
    "data",
    "dir",
    "form",
    "ftp-passwd",
    "ftp-password",
    "ftp-proxy",
    "ftp-user",
    "header",
    "host",
    "http-passwd",
    "http-password",
    "http-proxy",
    "http-user",
    "https-proxy",
    "input-file",
    "insecure",
    "key",
    "limit-rate",
    "load-cookies",
    "method",
    "netrc",
    "netrc-file",
    "noproxy",
    "out",
    "output",
    "output-document",
    "pass",
    "passwd",
    "password",
    "post-data",
    "private-key",
    "proxy",
    "proxy-authorization",
    "proxy-header",
    "proxy-passwd",
    "proxy-password",
    "proxy-user",
    "referer",
    "request",
    "resolve",
    "save-cookies",
    "secret",
    "set-cookie",
    "timeout",
    "token",
    "url",
    "user",
    "user-agent",
    "username",
    "x-api-key",
    "x-auth-token",
];

/// The name of the option or field at the start of a text. A value may be attached to the name of an option: of
/// `--userann:pw` this is `--user`, and of `-uann:pw` it is `-u`.
pub fn known_name(text: &str) -> &str {
    let name = text.trim_start_matches('-');
    let dashes = text.len() - name.len();
    let begins = |known: &&&str| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
    let known = NAMES.iter().filter(begins).map(|known| known.len()).max().unwrap_or(0);
    let ends = !name[known..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
    match dashes {
        0 if !ends => "",
        1 if !name.starts_with(|c: char| c.is_ascii_alphabetic()) => "",
        1 => &text[..2],
        _ => &text[..dashes + known],
    }
}

/// The start of a URL's authority: after the scheme and all slashes.
fn authority_at(text: &str) -> usize {
    // The parser takes `http:user@host` and `http:\user@host` for URLs too, and drops tabs.
    let is_slash = |c: char| matches!(c, '/' | '\\') || c.is_whitespace() || c.is_control();
    let after = |start: usize| start + text[start..].find(|c| !is_slash(c)).unwrap_or(text.len() - start);
    if let Some(start) = http_prefix(text) {
        return after(start);
    }
    match text.find("://") {
        // The text before a colon or an `@` may be a password.
        Some(at) if !text[..at].contains([':', '@']) => after(at + 1),
        _ => 0,
    }
}

/// The end of the last `@`, as it stands, percent-encoded or as a wide character.
fn last_at_sign(text: &str) -> Option<usize> {
    ["@", "%40", "\u{ff20}", "\u{fe6b}"].iter().filter_map(|sign| Some(text.rfind(sign)? + sign.len())).max()
}

/// Whether a text holds an `@`, which may end a password.
pub fn has_at_sign(text: &str) -> bool {
    last_at_sign(text).is_some()
}

/// Whether the text before the last `@` may hold a user name or a password.
fn has_userinfo(text: &str, before: &str) -> bool {
    if let Some(address) = before.strip_prefix("mailto:") {
        return address.contains(':');
    }
    let Some((authority, path)) = before.split_once(['/', '?', '#', '\\']) else { return true };
    // A percent-encoded or wide colon counts too; the delimiter after the authority is then part of a password.
    let lower = authority.to_ascii_lowercase();
    let is_hidden = ["%3a", "\u{ff1a}", "\u{fe55}"].iter().any(|colon| lower.contains(colon));
    if last_at_sign(authority).is_some() || path.contains(':') || is_hidden {
        return true;
    }
    if http_prefix(text).is_some() && Url::parse(text).is_err() {
        return true;
    }
    let after_host =
        authority.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(authority, |(_, rest)| rest);
    let port = after_host.split_once(':').map(|(_, port)| port);
    // A port counts only if the parser accepts it.
    let is_good = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    authority.contains(':') && !(port.is_none_or(is_good) && Url::parse(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_with_any_character_is_removed() {
        let passwords = [
            "pw", "p@w", "p/w", "p?w", "p#w", "p w", "p\"w", "p<w", "p%w", "p@@w", "p://w", "p\\w", "p\tw", "ü", "1/w",
        ];
        let starts =
            ["http://", "HTTPS://", "http:/", "http:", "http:\\\\", "http:/\t/", "ftp://", "", "//", "\"http://"];
        for password in passwords {
            for start in starts {
                for end in ["h st/x", "höst", "h:x/", "", "[::1"] {
                    let text = format!("{start}ann:{password}@{end}");
                    // A digit and a slash are a port and a path, unless something else is wrong.
                    if password == "1/w" && Url::parse(&text).is_ok() {
                        continue;
                    }
                    let shown = redact(&text);
                    assert!(shown.ends_with(end) && !shown.contains("ann"), "{text:?}: {shown:?}");
                    assert!(shown.len() <= start.len() + end.len(), "{text:?}: {shown:?}");
                    assert!(shown.starts_with(&*redact_line(&text)) || start.contains('\t'), "{text:?}: {shown:?}");
                }
            }
        }
        for (text, shown) in [
            ("https://ann%40host/", "https://host/"),
            ("http://h.test/ http://ann:pw@host/", "http://host/"),
            ("http://h.test/ http:ann:pw@host/", "http://host/"),
            ("h.test:80/x://ann:pw@host/", "host/"),
            ("http://ann:[pw]/@host/", "http://host/"),
            ("http://ann%3Apw/x@host:99999/", "http://host:99999/"),
            ("http://ann%3apw?x@host/", "http://host/"),
            ("http://ann\u{ff1a}pw#x@host/", "http://host/"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn url_without_password_is_left_whole() {
        for text in [
            "https://h.test/@ann",
            "https://h.test:8443/@ann/a:b",
            "https://h.test:8443/x@2x",
            "https://h.test/x@2x.png",
            "https://[::1]:80/a@b",
            "https://[::1]/a@b",
            "mailto:ann@h.test",
            "/relative",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn good_url_loses_its_user_alone() {
        for (text, shown) in [
            ("http://ann:pw@h.test/a?b=c:d@e", "http://h.test/a?b=c:d@e"),
            ("http://h.test/a?b=c:d@e", "http://h.test/a?b=c:d@e"),
            ("http://h.test:80", "http://h.test:80"),
            ("http://ann:p w@h st/", "http://h st/"),
        ] {
            assert_eq!(redact_url(text), shown);
        }
    }

    #[test]
    fn beginning_of_a_line_shows_no_password() {
        assert_eq!(redact_beginning("http://ann:pass"), "http://");
        assert_eq!(redact_beginning("ann:pass"), "");
        assert_eq!(redact_beginning("http://h.test/aaaa"), "http://h.test/aaaa");
    }

    #[test]
    fn options_and_fields_show_only_a_known_name() {
        for (line, shown) in [
            ("header=Authorization: Bearer hunter2", "header"),
            ("header = \"Cookie: hunter2\"", "header"),
            ("--user ann:hunter2", "--user"),
            ("--user=ann:hunter2", "--user"),
            ("--userhunter2", "--user"),
            ("--http-passwordhunter2", "--http-password"),
            ("--hunter2", "--"),
            ("-H 'Authorization: hunter2'", "-H"),
            ("-uann:hunter2", "-u"),
            ("Authorization: Bearer hunter2", "Authorization"),
            ("token:hunter2", "token"),
            ("{\"url\":1,\"headers\":\"hunter2\"}", "{…}"),
            ("[\"hunter2", "{…}"),
            ("[hunter2", "{…}"),
        ] {
            assert_eq!(redact_line(line), shown, "{line}");
        }
    }

    #[test]
    fn text_that_is_no_url_is_hidden() {
        for line in [
            "hunter2=",
            "hunter2==",
            "ann:hunter2",
            "hunter2:80",
            "my password hunter2",
            "machine h login ann password hunter2",
            "keyhunter2=x",
            "–-user hunter2",
            "—user=hunter2",
            "−−user=hunter2",
            "‐‐user=hunter2",
            "+user=hunter2",
            "/user:hunter2",
            "- --user=hunter2",
            "> --user=hunter2",
            "* -u hunter2",
            "1. -u hunter2",
            "curl -u ann:hunter2 http://h.test/",
            "wget --password=hunter2 http://h.test/",
            "\"hunter2",
            "\"x\" : \"hunter2\",",
            "x-key=hunter2",
            "'hunter2'",
            "../hunter2",
            "?hunter2",
            "@hunter2",
            "see http://h.test/hunter2",
        ] {
            assert_eq!(redact_line(line), "", "{line}");
        }
        for line in ["[x](--user=hunter2)", "[ ] --user=hunter2"] {
            assert_eq!(redact_line(line), "{…}", "{line}");
        }
    }

    #[test]
    fn plain_words_are_shown() {
        for line in ["not a url", "no, \"URL\" at all", "nonsense", "well-known/page", "ein Wort \u{1b}[31m"] {
            assert_eq!(redact_line(line), line);
        }
    }

    #[test]
    fn a_url_without_scheme_shows_host_and_path() {
        for (line, shown) in [
            ("example.test/a", "example.test/a"),
            ("example.test/a?key=hunter2", "example.test/a"),
            ("example.test/a=hunter2", "example.test/a"),
            ("example.test/a --user hunter2", "example.test/a"),
            ("ann:hunter2@example.test/a", "example.test/a"),
            ("localhost:8080/a", "localhost:8080/a"),
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
            ("https://ann:hun ter2@h.test/ -u x", "https://h.test/"),
            ("ftp://h.test/\u{a0}hunter2", "ftp://h.test/"),
        ] {
            assert_eq!(redact_line(line), shown, "{line}");
        }
    }
}
