//! The facts of a response head, and its bounds.

use http::header::{self, HeaderMap, HeaderValue};

use crate::fetch::connect::head_limits::{LARGEST_HEAD, MAX_FIELDS, MAX_HEAD, field_bytes};
use crate::model::{ErrorKind, FetchError, Validators, cut};
use crate::policy::text::printable::text_of_octets;

/// The most bytes of a Content-Type in the facts.
const LONGEST_TYPE: usize = 512;

/// The longest ETag or Last-Modified that is kept.
const LONGEST_VALIDATOR: usize = 4096;

/// Returns the text of a Content-Type, cut because a run may have thousands of long ones.
pub(crate) fn content_type(field: &[u8]) -> Box<str> {
    cut(&text_of_octets(field), LONGEST_TYPE).into()
}

/// Checks the limits of a response head. h2 bounds the size alone, and hyper lets the last read exceed its limit.
pub(crate) fn bound_head(fields: &HeaderMap) -> Result<(), FetchError> {
    let bytes = field_bytes(fields);
    if fields.len() <= MAX_FIELDS && bytes <= MAX_HEAD {
        return Ok(());
    }
    let message = format!("the answer has {} fields of {bytes} bytes; {LARGEST_HEAD}", fields.len());
    Err(FetchError::new(ErrorKind::Protocol, message))
}

/// Returns the validators for conditional requests of later runs (RFC 9110, section 8.8).
///
/// A validator longer than [`LONGEST_VALIDATOR`] is not kept: the next run fetches anew.
pub(crate) fn validators(fields: &HeaderMap) -> Option<Box<Validators>> {
    // A truncated validator would never match, so a long one counts as absent.
    let octets = |name| {
        let field = fields.get(name).filter(|value| value.len() <= LONGEST_VALIDATOR);
        field.map(|value: &HeaderValue| Box::<[u8]>::from(value.as_bytes()))
    };
    let (etag, last_modified) = (octets(header::ETAG), octets(header::LAST_MODIFIED));
    (etag.is_some() || last_modified.is_some()).then(|| Box::new(Validators { etag, last_modified }))
}
