//! A cookie (RFC 6265).

use serde::{Deserialize, Serialize};

/// One cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookie {
    /// The octets of its name.
    pub name: Vec<u8>,
    /// The octets of its value.
    pub value: Vec<u8>,
    /// The host, or the domain whose subdomains get it too; in lower case.
    pub domain: String,
    /// Only the host itself gets it.
    pub host_only: bool,
    /// The paths that get it begin so.
    pub path: String,
    /// Only https gets it.
    pub secure: bool,
    /// Scripts do not see it; kept for programs that read the cookie file.
    pub http_only: bool,
    /// When it ends, in seconds since 1970; `None` with the session.
    pub expires: Option<i64>,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The value identifies the user, so it stays out of logs.
        write!(f, "Cookie({} of {}{})", self.name.escape_ascii(), self.domain, self.path)
    }
}
