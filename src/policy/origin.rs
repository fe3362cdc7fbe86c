//! Origins (RFC 6454), their hosts and their credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::{Position, Url};

use crate::model::Credentials;

/// Whether two URLs have the same scheme, host and port.
pub fn same(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// The host and any port other than the default, borrowed from the URL. The state of a server applies to this
/// unit; http and https share it.
pub fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
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
