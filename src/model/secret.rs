//! Decides which request fields are for one origin only.

use std::borrow::Cow;
use std::path::Path;

use http::HeaderName;
use url::Url;

use super::spelling::{has_at_sign, has_at_sign_after_colon};

/// Whether a request field identifies the user. Only one origin gets such a field, and no output shows it.
pub fn is_secret(name: &HeaderName) -> bool {
    is_secret_name(name.as_str())
}

/// Whether a field or an option has the name of a secret. The name contains `auth`, `key`, `token`,
/// `secret`, `cookie`, `session`, `passw` or a similar word. Case and separators do not matter. A harmless name
/// that contains one, such as `Author`, counts too.
pub fn is_secret_name(name: &str) -> bool {
    const ANYWHERE: [&str; 21] = [
        "auth",
        "key",
        "token",
        "secret",
        "cookie",
        "sess",
        "login",
        "ticket",
        "cert",
        "dpop",
        "hmac",
        "passw",
        "passphrase",
        "passcode",
        "pwd",
        "csrf",
        "xsrf",
        "bearer",
        "credential",
        "jwt",
        "signature",
    ];
    // Too short to search for within words.
    const PARTS: [&str; 4] = ["otp", "pass", "sid", "sig"];
    let name = name.to_ascii_lowercase();
    ANYWHERE.iter().any(|word| name.contains(word)) || name.split(['-', '_', '.']).any(|part| PARTS.contains(&part))
}

/// The text that replaces one that is not shown.
pub const HIDDEN: &str = "(hidden)";

/// The most bytes of a refused value that a message repeats. Most keys and tokens are longer.
const LONGEST_WORD: usize = 24;

/// A text of the user, such as a path or a User-Agent, as messages and `fetchall config` show it.
///
/// A URL loses its user name, password and fragment. [`HIDDEN`] replaces any other text in which an at sign
/// follows a colon, and a text with a word that begins as a URL but does not parse.
pub fn shown_text(text: &str) -> Cow<'_, str> {
    let may_hold_password = may_hold_password(text);
    if !may_hold_password && !text.contains('#') {
        return Cow::Borrowed(text);
    }
    match Url::parse(text).ok().filter(Url::has_host).and_then(without_user) {
        Some(url) if !self::may_hold_password(url.as_str()) => Cow::Owned(url.into()),
        None if !may_hold_password => Cow::Borrowed(text),
        _ => Cow::Borrowed(HIDDEN),
    }
}

fn may_hold_password(text: &str) -> bool {
    let is_delimiter = |c: char| c.is_whitespace() || "\"'<>(),;".contains(c);
    let lower = text.to_ascii_lowercase();
    has_at_sign_after_colon(text) || lower.split(is_delimiter).any(is_broken_url)
}

fn is_broken_url(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let begins_as_url = word.starts_with("http:") || word.starts_with("https:") || word.contains("://");
    begins_as_url && Url::parse(word).is_err()
}

/// Removes user name, password and fragment from a URL. `None` if it has none or they cannot be removed.
fn without_user(mut url: Url) -> Option<Url> {
    let has_any = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    url.set_fragment(None);
    (has_any && url.set_username("").is_ok() && url.set_password(None).is_ok()).then_some(url)
}

/// A path as messages show it, see [`shown_text`].
pub fn shown_path(path: &Path) -> String {
    shown_text(&path.to_string_lossy()).into_owned()
}

/// The longest name of a file on common systems, in bytes.
const LONGEST_NAME: usize = 255;

/// The path of a file that does not exist, as messages show it.
///
/// It may be a secret in its place, such as a cookie. [`HIDDEN`] replaces it unless it has the form of a path:
/// letters, digits and `. _ - + ~ ,` between separators.
pub fn shown_missing(path: &Path) -> String {
    let text = path.to_string_lossy();
    // `C:` of Windows.
    let path_of_drive = text.get(2..).filter(|_| cfg!(windows) && text.chars().nth(1) == Some(':'));
    let is_name =
        |name: &str| name.len() <= LONGEST_NAME && name.chars().all(|c| c.is_alphanumeric() || "._-+~,".contains(c));
    let mut names = path_of_drive.unwrap_or(&text).split(std::path::is_separator);
    if names.all(is_name) { shown_path(path) } else { HIDDEN.to_owned() }
}

/// The shortest word of letters and digits together that may be a token.
const SHORTEST_TOKEN: usize = 7;

/// A pattern or a name of the user, such as a regular expression on URLs, if rules and messages may show it.
///
/// `None` if it may hold a secret:
///
/// - It has an at sign, in any spelling.
/// - It has a long word, or one that mixes letters and digits as tokens do.
/// - It has the name of a secret and a value.
pub fn shown_pattern(text: &str) -> Option<&str> {
    let may_be_token = |word: &str| {
        let (length, digits) = (word.chars().count(), word.chars().filter(|c| c.is_numeric()).count());
        length > LONGEST_WORD || (length >= SHORTEST_TOKEN && (1..length).contains(&digits))
    };
    let words = || text.split(|c: char| !c.is_alphanumeric());
    // An encoded `=` or colon has a digit.
    let has_value = || text.contains(|c: char| c.is_numeric() || matches!(c, '=' | ':'));
    let is_hidden = has_at_sign(text) || words().any(may_be_token) || (words().any(is_secret_name) && has_value());
    (!is_hidden).then_some(text)
}

/// A refused value or name that a message may repeat: at most 24 bytes of letters, digits and
/// `. , / _ + * - { }`, perhaps with `%` at the end. Any other one may be a secret or a URL with a password.
pub fn plain_word(text: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || ".,/_+*-{}".contains(c);
    let word = text.strip_suffix('%').unwrap_or(text);
    (text.len() <= LONGEST_WORD && word.chars().all(is_plain)).then_some(text)
}

/// A refused value at the beginning of a message: quoted if it is a [`plain_word`], else `the value`.
pub fn refused_value(text: &str) -> String {
    plain_word(text).map_or_else(|| "the value".to_owned(), |word| format!("`{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_without_what_may_be_a_password() {
        for (text, shown) in [
            ("ann:hunter2@h", HIDDEN),
            ("ann:hunter2\u{ff20}h", HIDDEN),
            ("ann%3Ahunter2%40h", HIDDEN),
            ("http://ann:hunter2@h/x", "http://h/x"),
            ("https://token@h/", "https://h/"),
            ("http://ann:hun/ter2@h/x", HIDDEN),
            ("http://ann:1/hunter2@h/x", HIDDEN),
            ("http:/u@hunter2@h", "http://h/"),
            ("http://ann:hunter2", HIDDEN),
            ("http:ann:hunter2", HIDDEN),
            ("http://[ann:hunter2", HIDDEN),
            ("robot/1 (http://ann:hunter2@h/)", HIDDEN),
            ("robot/1 (http://ann:hunter2)", HIDDEN),
            ("robot/1 (+https://h.test/robot; 1:2)", "robot/1 (+https://h.test/robot; 1:2)"),
            ("ann&#58;hunter2&commat;h", HIDDEN),
            ("ann:hunter2%252540h", HIDDEN),
            ("ann:hunter2(at)h", HIDDEN),
            ("https://h.test/x?y#hunter2", "https://h.test/x?y"),
            ("list#1", "list#1"),
            ("photos@2x/list.txt", "photos@2x/list.txt"),
            ("photos@2x: 3", "photos@2x: 3"),
            ("c:/list", "c:/list"),
        ] {
            assert_eq!(shown_text(text), shown, "{text}");
        }
    }

    #[test]
    fn pattern_that_may_hold_a_secret_is_not_shown() {
        for text in [
            "ann:hunter2@h",
            "ann[:]hunter2[@]h",
            r"//swordfish\x40h",
            "ann%3Aswordfish%40h",
            "token=swordfish",
            "[?&]sid=[a-f0-9]+",
            r"password\x3dswordfish",
            "session%3Dswordfish",
            "Authorization: swordfish",
            "/hunter2/",
            "[?&]k=9f86d08",
            "/s/abcdefghijklmnopqrstuvwxyz",
        ] {
            assert_eq!(shown_pattern(text), None, "{text}");
        }
        for text in
            ["/login", r"/docs/.*\.html$", "[?&]print=", "[?&]action=edit", "^https?://h.test:8080/", "/2026/[0-9]{2}/"]
        {
            assert_eq!(shown_pattern(text), Some(text));
        }
    }

    #[test]
    fn refused_values_are_repeated_if_they_are_short_words() {
        for text in ["soon", "10.5x", "1/d", "-1s", "{hots}", "über", "200%", ""] {
            assert_eq!(refused_value(text), format!("`{text}`"));
        }
        for text in [
            "ann:hunter2",
            "ann@h",
            "Bearer hunter2",
            "a=hunter2",
            "ann;pw",
            "`",
            "ann%3Apw%40h",
            "0123456789abcdef012345678",
        ] {
            assert_eq!(refused_value(text), "the value");
        }
    }

    #[test]
    fn fields_that_say_who_asks_are_secret_by_their_names() {
        for name in [
            "authorization",
            "proxy-authorization",
            "cookie",
            "cookie2",
            "x-amz-security-token",
            "x-api-key",
            "x_api_key",
            "xapikey",
            "xsrf-token",
            "x-csrftoken",
            "x-auth",
            "x-session-id",
            "phpsessionid",
            "x-passwd",
            "mypassword",
            "x-jwt",
            "x-sid",
            "passphrase",
            "x-csrf",
            "x-xsrf",
            "userpwd",
            "x-credential",
            "bearer",
            "x-signature",
            "x-otp",
            "phpsessid",
            "x-login",
            "x-ticket",
            "x-client-cert",
            "dpop",
            "x-hmac",
        ] {
            assert!(is_secret(&HeaderName::from_static(name)), "{name}");
        }
        assert!(is_secret_name("apiKey") && is_secret_name("CLIENT_SECRET"));
        for name in ["accept", "user-agent", "x-kept", "if-match", "content-type", "passage", "x-side"] {
            assert!(!is_secret(&HeaderName::from_static(name)), "{name}");
        }
    }
}
