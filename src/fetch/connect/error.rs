//! The errors of clients and of opening connections.

use std::io;
use std::time::Duration;

/// The error of a client without a response; `classify` maps it to an error kind.
pub(crate) type ClientError = Box<dyn std::error::Error + Send + Sync>;

/// A connection could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect")]
pub(crate) struct ConnectError(#[source] pub(crate) ClientError);

/// A request failed on a connection that had answered an earlier one.
#[derive(Debug, thiserror::Error)]
#[error("a reused connection failed")]
pub(crate) struct ReusedConnection {
    /// Whether it serves all requests to its origin (HTTP/2).
    pub(crate) is_shared: bool,
    #[source]
    pub(crate) source: ClientError,
}

/// No TCP connection could be opened.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {to}")]
pub(crate) struct DialError {
    /// The host and port.
    pub(crate) to: String,
    #[source]
    pub(crate) source: ClientError,
}

/// A TLS handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake failed")]
pub(crate) struct HandshakeError(#[source] pub(crate) io::Error);

/// A connection took too long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(crate) struct ConnectTimeout(pub(crate) Duration);

/// Whether the peer has ended the connection.
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
