//! Which request fields are for one origin only.

use http::HeaderName;

/// Whether a request field says who asks, so that it is for one origin only and is shown nowhere.
pub fn is_secret(name: &HeaderName) -> bool {
    is_secret_name(name.as_str())
}

/// Whether a name, of a field or an option, is one of a secret: it contains `auth`, `key`, `token`,
/// `secret`, `cookie`, `session`, `passw` or a like word, in any case and however words are joined.
/// A harmless name that contains one, such as `Author`, counts too.
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
    // Too short to be looked for within words.
    const PARTS: [&str; 4] = ["otp", "pass", "sid", "sig"];
    let name = name.to_ascii_lowercase();
    ANYWHERE.iter().any(|word| name.contains(word)) || name.split(['-', '_', '.']).any(|part| PARTS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

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
