//! The errors of one URL: a closed list of kinds with stable names.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cut;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// Why a URL has no good answer. The names are part of the record format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorKind { $($(#[doc = $doc])+ $variant),+ }

        impl ErrorKind {
            /// Every kind, in documentation order.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$variant),+];

            /// The name in records, such as `truncated`.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorKind::$variant => $name),+ }
            }
        }
    };
}

kinds! {
    /// The line or the redirect target is not a URL that can be fetched.
    InvalidUrl = "invalid_url",
    /// The host name could not be resolved.
    Dns = "dns",
    /// No connection: refused, unreachable, no route.
    Connect = "connect",
    /// A proxy refused the connection to the server.
    Proxy = "proxy",
    /// The TLS handshake or the certificate failed.
    Tls = "tls",
    /// A time limit ran out: connect, read, whole URL, or too slow for too long.
    Timeout = "timeout",
    /// The peer reset or closed the connection before it answered, or reset it in the body.
    Reset = "reset",
    /// The body ended before its declared or coded end.
    Truncated = "truncated",
    /// The answer breaks HTTP.
    Protocol = "protocol",
    /// A content coding is unknown or its data is corrupt.
    Decode = "decode",
    /// A redirect loop, too many redirects, or a redirect that leads nowhere.
    Redirect = "redirect",
    /// The body is larger than the limit allows.
    TooLarge = "too_large",
    /// One of fetchall's rules forbids the address.
    Blocked = "blocked",
    /// The server answered 4xx or 5xx.
    HttpStatus = "http_status",
    /// The body does not have the digest that the list declares.
    Checksum = "checksum",
    /// A file could not be written.
    Io = "io",
    /// The run was stopped before the URL was done.
    Cancelled = "cancelled",
    /// A fault of fetchall itself, or a worker process that died twice over the URL.
    Internal = "internal",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one URL failed: a kind for programs, a message for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{kind}: {message}")]
pub struct FetchError {
    /// The kind, from the closed list.
    pub kind: ErrorKind,
    /// A lowercase fragment that describes the failure. It may hold server text. A longer message is cut after
    /// [`FetchError::LONGEST`] bytes and ends in `…`.
    pub message: Box<str>,
    /// The response of a proxy that opened no tunnel.
    pub proxy: Option<Box<ProxyAnswer>>,
}

/// The answer of a proxy to CONNECT (RFC 9110, section 9.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyAnswer {
    /// The status.
    pub status: u16,
    /// The wait that the proxy requested.
    pub retry_after: Option<Duration>,
}

impl FetchError {
    /// The most bytes of a message.
    pub const LONGEST: usize = 2048;

    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        let message: Box<str> = message.into();
        let message = match cut(&message, Self::LONGEST) {
            Cow::Borrowed(_) => message,
            Cow::Owned(cut) => cut.into(),
        };
        Self { kind, message, proxy: None }
    }
}
