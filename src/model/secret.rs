//! Decides which request fields are for one origin only.

use std::borrow::Cow;
use std::path::Path;

use http::HeaderName;

/// Whether a request field identifies the user. Only one origin gets such a field, and no output shows it.
pub fn is_secret(name: &HeaderName) -> bool {
    is_secret_name(name.as_str())
}

/// Whether a field or an option has the name of a secret. The name contains `auth`, `key`, `token`,
/// `secret`, `cookie`, `session`, `passw` or a similar word. Case and separators do not matter. A harmless name
/// that contains one, such as `Author`, counts too.
pub fn is_secret_name(name: &str) -> bool {
    const ANYWHERE: [&str; 16] = [
        "auth",
        "key",
        "token",
        "secret",
        "cookie",
        "session",
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

/// A value of a setting or an argument, as messages and `fetchall config` show it. If a colon precedes the last
/// `@`, the text before that `@` is hidden. Examples are a URL with a password and `user:password@host`.
pub fn without_password(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let sign =
        ["@", "%40", "\u{ff20}", "\u{fe6b}"].iter().filter_map(|sign| Some(lower.rfind(sign)? + sign.len())).max();
    let Some((before, after)) = sign.and_then(|end| text.split_at_checked(end)) else { return Cow::Borrowed(text) };
    let hides = [":", "\u{ff1a}", "\u{fe55}"].iter().any(|colon| before.contains(colon)) || lower.contains("%3a");
    if hides { Cow::Owned(format!("…@{after}")) } else { Cow::Borrowed(text) }
}

/// A path as messages show it, see [`without_password`].
pub fn shown_path(path: &Path) -> String {
    without_password(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_without_what_may_be_a_password() {
        for (text, shown) in [
            ("ann:hunter2@h", "…@h"),
            ("http://ann:hun/ter2@h/x", "…@h/x"),
            ("http:/u@hunter2@h", "…@h"),
            ("ann%3Ahunter2%40h", "…@h"),
            ("photos@2x/list.txt", "photos@2x/list.txt"),
            ("c:/list", "c:/list"),
        ] {
            assert_eq!(without_password(text), shown);
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
        ] {
            assert!(is_secret(&HeaderName::from_static(name)), "{name}");
        }
        assert!(is_secret_name("apiKey") && is_secret_name("CLIENT_SECRET"));
        for name in ["accept", "user-agent", "x-kept", "if-match", "content-type", "passage", "x-side"] {
            assert!(!is_secret(&HeaderName::from_static(name)), "{name}");
        }
    }
}
