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
/// A URL that is no good may have a password that ends its authority early: one with a slash, a
/// blank or a quote in it. So everything up to the last `@` is removed wherever there may be a
/// password before it. Better to show too little of a URL than a password.
pub fn redact(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = text.split_at(authority_at(text));
    let Some(end) = last_at_sign(rest) else { return Cow::Borrowed(text) };
    let (before, after) = rest.split_at(end);
    if has_userinfo(text, before) { Cow::Owned(format!("{scheme}{after}")) } else { Cow::Borrowed(text) }
}

/// As [`redact`], of a URL that was told already and may be good: only its authority is changed.
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

/// A line of a list as it may be shown. Lines that are something else may hold other secrets: of an
/// option or a field its name is left, and of a JSON value nothing.
pub fn redact_line(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let member = trimmed.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    if member.is_some_and(|(_, rest)| rest.trim_start().starts_with(':')) {
        return Cow::Borrowed("{…}");
    }
    if trimmed.starts_with('{') || trimmed.strip_prefix('[').is_some_and(|rest| rest.trim().starts_with(['"', '{'])) {
        return Cow::Borrowed("{…}");
    }
    match option_name(trimmed) {
        Some(name) if http_prefix(trimmed).is_none() => Cow::Borrowed(name),
        _ => redact(text),
    }
}

/// The beginning of a longer line as it may be shown. The `@` that ends a password may be further
/// on, so nothing is left after a colon but that of the scheme.
pub fn redact_beginning(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = text.split_at(authority_at(text));
    if rest.contains(':') { Cow::Borrowed(scheme) } else { redact_line(text) }
}

/// The name of an option as files and commands have it, with the mark that follows it: `header=`,
/// `user =`, `--user`, `-H`, `Authorization:`.
fn option_name(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let (name, rest) = text.split_at(text.find(|c: char| !is_name(c)).unwrap_or(text.len()));
    // A short option may have its value attached to it: `-uann:pw`.
    if name.starts_with('-') && !name.starts_with("--") {
        return name.get(..2);
    }
    let value = rest.trim_start();
    // Before a colon without a blank there may be a host, or a user.
    let marked =
        value.starts_with('=') || (rest.starts_with(':') && (rest[1..].starts_with(' ') || is_secret_name(name)));
    let end = text.len() - value.len() + 1;
    match () {
        () if name.is_empty() => None,
        () if marked => text.get(..end),
        () => name.starts_with("--").then_some(name),
    }
}

/// Where the authority of a URL begins: after the scheme and all slashes.
fn authority_at(text: &str) -> usize {
    // The parser takes `http:user@host` and `http:\user@host` for URLs too, and drops tabs.
    let is_slash = |c: char| matches!(c, '/' | '\\') || c.is_whitespace() || c.is_control();
    let after = |start: usize| start + text[start..].find(|c| !is_slash(c)).unwrap_or(text.len() - start);
    if let Some(start) = http_prefix(text) {
        return after(start);
    }
    match text.find("://") {
        // What stands before a colon or an `@` may be a password.
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

/// Whether what stands before the last `@` may hold a user name or a password.
fn has_userinfo(text: &str, before: &str) -> bool {
    if let Some(address) = before.strip_prefix("mailto:") {
        return address.contains(':');
    }
    let Some((authority, path)) = before.split_once(['/', '?', '#', '\\']) else { return true };
    if last_at_sign(authority).is_some() || path.contains(':') {
        return true;
    }
    let after_host =
        authority.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(authority, |(_, rest)| rest);
    let port = after_host.split_once(':').map(|(_, port)| port);
    // A port is one where the parser takes it for one.
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
                    for shown in [redact(&text), redact_line(&text)] {
                        assert!(shown.ends_with(end) && !shown.contains("ann"), "{text:?}: {shown:?}");
                        assert!(shown.len() <= start.len() + end.len(), "{text:?}: {shown:?}");
                    }
                }
            }
        }
        for (text, shown) in [
            ("https://ann%40host/", "https://host/"),
            ("http://h.test/ http://ann:pw@host/", "http://host/"),
            ("http://h.test/ http:ann:pw@host/", "http://host/"),
            ("h.test:80/x://ann:pw@host/", "host/"),
            ("http://ann:[pw]/@host/", "http://host/"),
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
    fn other_lines_are_shown_by_their_names() {
        for (line, shown) in [
            ("header=Authorization: Bearer hunter2", "header="),
            ("header = \"Cookie: hunter2\"", "header ="),
            ("--user ann:hunter2", "--user"),
            ("--user=ann:hunter2", "--user="),
            ("-H 'Authorization: hunter2'", "-H"),
            ("-uann:hunter2", "-u"),
            ("Authorization: Bearer hunter2", "Authorization:"),
            ("token:hunter2", "token:"),
            ("{\"url\":1,\"headers\":\"hunter2\"}", "{…}"),
            ("[\"hunter2", "{…}"),
            ("\"x\" : \"hunter2\",", "{…}"),
            ("example.test/a", "example.test/a"),
            ("localhost:8080/a", "localhost:8080/a"),
            ("https://h.test/?a=b c", "https://h.test/?a=b c"),
        ] {
            assert_eq!(redact_line(line), shown, "{line}");
        }
    }
}
