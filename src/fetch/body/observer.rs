//! The observers of a body: each takes its bytes as they arrive.
//!
//! An observer is made from the head of the response. A [`Transfer`](super::transfer::Transfer) owns the observers of
//! one body and calls them in this order:
//!
//! 1. `content` and `decoded` for each piece, and `resume` between the pieces of two responses,
//! 2. `end` of every observer, once the body is complete,
//! 3. `conclude` of every observer, if every `end` agreed,
//! 4. `commit` of every observer.
//!
//! If an observer is dropped before its `end`, the body was cut off.

use std::future::ready;

use futures::future::BoxFuture;
use http::HeaderMap;

use crate::fetch::save::destination::SavedBody;
use crate::model::{FetchError, Found};

/// What an observer wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum ObserverRequest {
    /// More bytes.
    More,
    /// A call of [`BodyObserver::flush`] before any more bytes.
    Flush,
}

/// Takes the bytes of one body. `Sync`, because a body that was cut off waits for its rest in an exchange that others
/// borrow.
pub(crate) trait BodyObserver: Send + Sync {
    /// Takes a piece of the content (RFC 9110, section 6.4): without transfer codings, with content codings.
    fn content(&mut self, _bytes: &[u8]) -> ObserverRequest {
        ObserverRequest::More
    }

    /// Takes a piece of the body without any coding.
    fn decoded(&mut self, _bytes: &[u8]) -> ObserverRequest {
        ObserverRequest::More
    }

    /// Another response with these fields goes on with a body that was cut off.
    fn resume(&mut self, _fields: &HeaderMap) {}

    /// Writes out the bytes that were taken, while the connection waits.
    ///
    /// # Errors
    /// Ends the transfer.
    fn flush(&mut self) -> BoxFuture<'_, Result<(), FetchError>> {
        Box::pin(ready(Ok(())))
    }

    /// Checks the complete body, and adds the facts of this observer.
    ///
    /// # Errors
    /// Makes the body invalid: no observer commits.
    fn end(&mut self, _trailers: Option<&HeaderMap>, _found: &mut Found) -> Result<(), FetchError> {
        Ok(())
    }

    /// Adds facts that take long to compute. `None` if there is nothing to wait for.
    fn conclude<'a>(&'a mut self, _found: &'a mut Found) -> Option<BoxFuture<'a, ()>> {
        None
    }

    /// Makes lasting what this observer has written. `None` if there is nothing to wait for.
    ///
    /// # Errors
    /// As [`BodyObserver::end`].
    fn commit<'a>(&'a mut self, _saved: &'a mut SavedBody) -> Option<BoxFuture<'a, Result<(), FetchError>>> {
        None
    }

    /// Drops everything that was written, because the body is invalid.
    fn discard(&mut self) {}
}
