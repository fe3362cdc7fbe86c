//! Origins (RFC 6454), their hosts, and what may be said to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{COOKIE, HeaderName};
use url::{Position, Url};

use crate::model::Credentials;

/// Whether two URLs have the same scheme, host and port.
pub fn same(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// The host and, where it is not the usual one, the port: as it stands in the URL, without a copy.
/// What one server says of itself holds for this much; http and https are one.
pub fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Whether a request field says who asks, so that it is for one origin only and is shown nowhere:
/// Cookie, and every name with a part such as `authorization`, `token` or `key`.
pub fn is_secret(name: &HeaderName) -> bool {
    const PARTS: [&str; 11] = [
        "auth",
        "authentication",
        "authorization",
        "credential",
        "credentials",
        "key",
        "apikey",
        "passwd",
        "password",
        "secret",
        "token",
    ];
    *name == COOKIE || name.as_str().split(['-', '_']).any(|part| PARTS.contains(&part))
}

/// The Basic credentials (RFC 7617) as a field value, marked so that no log shows it.
pub fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let mut text = credentials.username.clone();
    text.push(':');
    text.push_str(&credentials.password);
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_say_who_asks_are_secret_by_their_names() {
        for name in ["authorization", "cookie", "proxy-authorization", "x-amz-security-token", "x-api-key", "x-auth"] {
            assert!(is_secret(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["accept", "user-agent", "x-kept", "cookie2", "if-match", "x-keyboard", "author"] {
            assert!(!is_secret(&HeaderName::from_static(name)), "{name}");
        }
    }
}
