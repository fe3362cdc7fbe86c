//! A response, whichever client it came through.

use std::net::SocketAddr;

use ::http::response::Parts;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::pool::Lease;
use super::stream::Peer;
use crate::policy::response_head::VIA_HTTP_10;
use crate::policy::transfer_coding::transfer_codings;

/// What a client says when it has no response; `classify` knows what it means.
pub(super) type ClientError = Box<dyn std::error::Error + Send + Sync>;

/// The head of a response, and its body to come.
pub(super) struct Answer {
    pub(super) head: Parts,
    /// The peer, where it is known.
    pub(super) remote_addr: Option<SocketAddr>,
    body: Incoming,
    /// The connection, where it is ours to give back.
    lease: Option<Lease>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    /// Over a connection that is given back at the end of the body.
    pub(super) fn leased((response, lease): (Response<Incoming>, Lease)) -> Self {
        let remote_addr = lease.addr();
        Self { remote_addr, lease: Some(lease), ..Self::new(response) }
    }

    /// Over a connection that its client takes back.
    pub(super) fn new(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let remote_addr = head.extensions.get().map(|Peer(address)| *address);
        Self { head, remote_addr, body, lease: None, trailers: None }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The HTTP version of the response.
    pub(super) fn version(&self) -> Version {
        // The head filter marks an HTTP/1.0 response with transfer codings so.
        let is_upgraded = self.headers().contains_key(header::TRANSFER_ENCODING)
            && self.headers().get_all(header::VIA).iter().next_back().is_some_and(|via| via == VIA_HTTP_10);
        if is_upgraded { Version::HTTP_10 } else { self.head.version }
    }

    /// The length of the body on the wire, where it is declared.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Whether the end of the connection is the end of the body (RFC 9112, section 6.3).
    pub(super) fn ends_with_connection(&self) -> bool {
        let values = self.headers().get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
        self.head.version <= Version::HTTP_11 && self.content_length().is_none() && !transfer_codings(values).is_chunked
    }

    /// The fields behind the body, once its end has come.
    pub(super) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The next bytes of the body; `None` at its framed end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await.transpose()?.map(http_body::Frame::into_data) {
                None => {
                    match self.lease.take() {
                        Some(lease) => lease.give_back(),
                        // The connection goes back to the pool in a task of its own: whoever does
                        // not let that run first opens another one.
                        None => tokio::task::yield_now().await,
                    }
                    return Ok(None);
                }
                Some(Ok(data)) => return Ok(Some(data)),
                // RFC 9110, section 6.5: fields that come behind the body.
                Some(Err(frame)) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }
}

/// How many bytes came; for `Pace`.
pub(super) fn size(piece: &Result<Option<Bytes>, ClientError>) -> usize {
    match piece {
        Ok(Some(bytes)) => bytes.len(),
        Ok(None) | Err(_) => 0,
    }
}
