//! Which request fields are for one origin only.

use http::HeaderName;
use http::header::COOKIE;

/// Whether a request field says who asks, so that it is for one origin only and is shown nowhere:
/// Cookie, and every name with a part such as `authorization`, `token` or `key`.
pub fn is_secret(name: &HeaderName) -> bool {
    const PARTS: [&str; 14] = [
        "auth",
        "authentication",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "jwt",
        "key",
        "pass",
        "passwd",
        "session",
        "sessionid",
        "sid",
        "signature",
    ];
    const ENDS: [&str; 6] = ["token", "secret", "password", "apikey", "accesskey", "authorization"];
    let is_one = |part: &str| PARTS.contains(&part) || ENDS.iter().any(|end| part.ends_with(end));
    *name == COOKIE || name.as_str().split(['-', '_']).any(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_say_who_asks_are_secret_by_their_names() {
        for name in [
            "authorization",
            "cookie",
            "proxy-authorization",
            "x-amz-security-token",
            "x-api-key",
            "x-auth",
            "x-session-id",
            "x-accesstoken",
            "x-jwt",
            "x-csrftoken",
            "accesskey",
        ] {
            assert!(is_secret(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["accept", "user-agent", "x-kept", "cookie2", "if-match", "x-keyboard", "author"] {
            assert!(!is_secret(&HeaderName::from_static(name)), "{name}");
        }
    }
}
