//! A response, whichever client it came through.

use std::net::SocketAddr;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::error::ClientError;
use super::pool::Lease;
use super::stream::ConnectionState;
use super::wire_heads::WireHeads;
use crate::policy::message::response_head::VIA_HTTP_10;
use crate::policy::message::transfer_coding::transfer_codings;

/// A response: its head, and its pending body.
pub(crate) struct Response {
    pub(crate) head: Parts,
    /// The address of the peer, if known.
    pub(crate) remote_addr: Option<SocketAddr>,
    /// Whether the connection serves one request at a time and had answered an earlier one.
    pub(crate) is_reused: bool,
    /// The version of TLS.
    pub(crate) tls: Option<&'static str>,
    /// The heads of the exchange, if they are recorded and it is one of HTTP/1.
    pub(crate) heads: Option<WireHeads>,
    body: Incoming,
    /// The connection, if this side has to give it back to the pool.
    lease: Option<Lease>,
    trailers: Option<HeaderMap>,
}

impl Response {
    /// Creates a response whose connection returns to [`Pool`](super::pool::Pool) at the end of the body.
    pub(crate) fn leased((response, lease): (http::Response<Incoming>, Lease)) -> Self {
        let (remote_addr, is_reused) = (lease.addr(), lease.is_reused());
        let heads = lease.heads();
        Self { remote_addr, is_reused, heads, lease: Some(lease), ..Self::new(response) }
    }

    /// Creates a response whose connection hyper manages.
    pub(crate) fn new(response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let state = head.extensions.get::<ConnectionState>();
        let is_reused = state.is_some_and(ConnectionState::record_answer) && head.version < Version::HTTP_2;
        let remote_addr = state.and_then(|state| state.peer);
        let (tls, heads) = state.map_or((None, None), |state| (state.tls, state.heads.clone()));
        Self { head, remote_addr, is_reused, tls, heads, body, lease: None, trailers: None }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The HTTP version of the response.
    pub(crate) fn version(&self) -> Version {
        // The head filter marks an HTTP/1.0 response with transfer codings so.
        let is_upgraded = self.headers().contains_key(header::TRANSFER_ENCODING)
            && self.headers().get_all(header::VIA).iter().next_back().is_some_and(|via| via == VIA_HTTP_10);
        if is_upgraded { Version::HTTP_10 } else { self.head.version }
    }

    /// Returns the declared length of the body on the wire.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Whether the end of the connection is the end of the body (RFC 9112, section 6.3).
    pub(crate) fn ends_with_connection(&self) -> bool {
        let values = self.headers().get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
        self.head.version <= Version::HTTP_11 && self.content_length().is_none() && !transfer_codings(values).is_chunked
    }

    /// Returns the trailer fields, once the body has ended.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// Returns the next bytes of the body; `None` at its framed end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await.transpose()?.map(http_body::Frame::into_data) {
                None => {
                    match self.lease.take() {
                        Some(lease) => lease.give_back(),
                        // A task of hyper's returns the connection to the pool. Without this yield
                        // the next request runs first and opens another one.
                        None => tokio::task::yield_now().await,
                    }
                    return Ok(None);
                }
                Some(Ok(data)) => return Ok(Some(data)),
                // RFC 9110, section 6.5: the trailer fields.
                Some(Err(frame)) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }
}

/// Returns the number of bytes in a chunk, for `Deadlines`.
pub(crate) fn size(piece: &Result<Option<Bytes>, ClientError>) -> usize {
    match piece {
        Ok(Some(bytes)) => bytes.len(),
        Ok(None) | Err(_) => 0,
    }
}
