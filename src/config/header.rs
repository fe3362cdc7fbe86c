//! Request fields as people write them: `Name: value`, `Name:` and `Name;`, as in curl.

use std::borrow::Cow;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderName, HeaderValue};

use super::Config;
use crate::model::{Credentials, HIDDEN, shown_text};

/// The most fields that a request may be given: servers take no more, many far fewer.
pub(super) const MOST: usize = 1000;

/// Reads one `header` text.
///
/// `Name: value` sends a field, `Name:` sends none where fetchall would send one of its own, and
/// `Name;` sends the field with an empty value.
///
/// # Errors
/// A message with the fault in the text and the correct form.
pub fn parse_header(text: &str) -> Result<(HeaderName, Option<HeaderValue>), String> {
    if text.starts_with('@') {
        return Err("`@file` is read only where it is given as --header @file; write `Name: value`".to_owned());
    }
    let (name, value) = match (text.split_once(':'), text.trim_end_matches([' ', '\t']).strip_suffix(';')) {
        (Some((name, value)), _) => (name, Some(value.trim_matches([' ', '\t'])).filter(|value| !value.is_empty())),
        (None, Some(name)) => (name, Some("")),
        // The text is not repeated: without its colon it may be a secret.
        (None, None) => return Err("has no colon; write `Name: value`".to_owned()),
    };
    let parsed = HeaderName::from_bytes(name.as_bytes())
        // Nor is this: a secret with a colon in it has something before the colon.
        .map_err(|_| "what stands before the colon is not a field name; write `Name: value`".to_owned())?;
    let value = value
        // Not `from_str`, which refuses all but ASCII; RFC 9110, section 5.5, refuses only control characters.
        .map(|value| HeaderValue::from_bytes(value.as_bytes()))
        .transpose()
        .map_err(|_| format!("the value of `{name}` has a control character; remove it"))?;
    if let Some(value) = &value {
        check_field(&parsed, value)?;
    }
    Ok((parsed, value))
}

/// Refuses fields that no user may set. They are the client's own part of the protocol (RFC 9110,
/// section 7.6.1, and RFC 9112, section 6). A wrong one makes one request two or none.
///
/// # Errors
/// Which field, and what to do.
pub fn check_field(name: &HeaderName, value: &HeaderValue) -> Result<(), String> {
    const OWN: [&str; 10] = [
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    if OWN.contains(&name.as_str()) {
        return Err(format!("the field {name} belongs to the connection, which fetchall sets up itself; remove it"));
    }
    let is_authority = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        let authority = text.parse::<Authority>();
        authority.is_ok_and(|found| {
            let port = text.strip_prefix(found.host()).map(|rest| rest.strip_prefix(':').unwrap_or("0"));
            !found.host().is_empty() && port.is_some_and(|port| port.parse::<u16>().is_ok())
        })
    };
    // RFC 9110, section 7.2: empty where the target has no authority.
    if *name == HOST && !value.is_empty() && !is_authority(value) {
        return Err("the field host is not HOST or HOST:PORT; correct or remove it".to_owned());
    }
    Ok(())
}

/// The request fields of a configuration, in order; `None` where one of fetchall's own is not sent.
///
/// A text that [`parse_header`] refuses is left out; a resolved configuration holds none.
pub fn headers(config: &Config) -> Vec<(HeaderName, Option<HeaderValue>)> {
    config.header.iter().filter_map(|text| parse_header(text).ok()).collect()
}

/// The user name and the password of a configuration; without a colon the password is empty.
pub fn user(config: &Config) -> Option<Credentials> {
    let text = config.user.as_deref()?;
    let (username, password) = text.split_once(':').unwrap_or((text, ""));
    Some(Credentials { username: username.to_owned(), password: password.to_owned() })
}

/// The fields whose values are shown. Any other field may say who asks, whatever its name.
const SHOWN: [&str; 22] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "dnt",
    "host",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "save-data",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "upgrade-insecure-requests",
    "user-agent",
    "x-requested-with",
];

/// Returns a `header` text as it may be shown. A value is shown, as by [`shown_text`], if the field is one of
/// [`SHOWN`] and no blank stands within an element of its value: `Bearer x` is no value of Accept.
pub(super) fn without_secret(text: &str) -> String {
    let Some((name, value)) = text.split_once(':') else { return text.to_owned() };
    let value = value.trim();
    let is_known = SHOWN.iter().any(|shown| name.eq_ignore_ascii_case(shown));
    let has_words = value.split([',', ';']).any(|element| element.trim().contains(char::is_whitespace));
    match shown_text(value) {
        _ if value.is_empty() => text.to_owned(),
        _ if !is_known || has_words => format!("{name}: {HIDDEN}"),
        Cow::Borrowed(value) if value != HIDDEN => text.to_owned(),
        shown => format!("{name}: {shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_shown_without_secrets_and_passwords() {
        for (text, shown) in [
            ("Accept: text/html, a/b; q=0.5", "Accept: text/html, a/b; q=0.5"),
            ("user-agent: robot/1", "user-agent: robot/1"),
            ("User-Agent: robot Bearer x", "User-Agent: (hidden)"),
            ("Accept: Bearer x", "Accept: (hidden)"),
            ("Accept:", "Accept:"),
            ("X-A;", "X-A;"),
            ("X-A:", "X-A:"),
            ("X-A: b", "X-A: (hidden)"),
            ("X-PIN:1234", "X-PIN: (hidden)"),
            ("Authorization: Bearer x", "Authorization: (hidden)"),
            ("Referer: http://ann:pw@h/", "Referer: http://h/"),
            ("Referer: http://ann:pw", "Referer: (hidden)"),
            ("Referer: http://h/x#y", "Referer: http://h/x"),
            ("X-Via:socks5://ann:pw@h/", "X-Via: (hidden)"),
            ("Link: <http://ann:pw@h/>", "Link: (hidden)"),
            ("Origin: ann:pw@h", "Origin: (hidden)"),
        ] {
            assert_eq!(without_secret(text), shown);
        }
    }

    #[test]
    fn fields_are_read_as_curl_reads_them() {
        let read = |text| parse_header(text).map(|(name, value)| (name.to_string(), value));
        let value = |text: &'static str| Some(HeaderValue::from_static(text));
        assert_eq!(read("X-A: b"), Ok(("x-a".to_owned(), value("b"))));
        assert_eq!(read("X-A:b: c \t"), Ok(("x-a".to_owned(), value("b: c"))));
        assert_eq!(read("X-A:  "), Ok(("x-a".to_owned(), None)));
        assert_eq!(read("X-A;"), Ok(("x-a".to_owned(), value(""))));
        assert!(read("X-A: é").is_ok());
        for bad in ["", "X-A", "X A: b", "X-A : b", ": b", "X-A: a\r\nX-B: c", "X-A: \0", "é: b", "@file"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_of_the_connection_are_refused_by_name() {
        for name in ["Content-Length", "Transfer-Encoding", "CONNECTION", "te", "Upgrade", "Expect", "Trailer"] {
            let why = parse_header(&format!("{name}: 1")).unwrap_err();
            assert!(why.contains(&name.to_lowercase()), "{why}");
            assert!(parse_header(&format!("{name};")).is_err());
            // Nothing is sent, as curl users write it.
            assert!(parse_header(&format!("{name}:")).is_ok());
        }
        for host in ["a.test", "a.test:8080", "[::1]:80", "A_B.test"] {
            assert!(parse_header(&format!("Host: {host}")).is_ok(), "{host}");
        }
        for host in ["a.test:", "a.test:99999", "a.test:x", "u@a.test", "a.test/x", "a b", ":80", "a.test, b.test", "é"]
        {
            assert!(parse_header(&format!("Host: {host}")).is_err(), "{host}");
        }
    }

    #[test]
    fn a_message_never_repeats_a_text_without_a_colon() {
        assert!(!parse_header("Bearer hunter2").unwrap_err().contains("hunter2"));
    }
}
