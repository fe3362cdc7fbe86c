//! The limits of response heads.

use http::HeaderMap;
use url::Url;

/// The most fields of a response head; hyper takes 100 unless told.
pub(crate) const MAX_FIELDS: usize = 1000;

/// The largest head of a response, in bytes.
pub(crate) const MAX_HEAD: usize = 256 * 1024;

/// The most bytes of a URL and the head of its response after which an HTTP/1 connection is kept. The buffers of a
/// connection keep the size of its largest head. A run may have thousands of idle connections.
const MOST_KEPT: usize = 16 * 1024;

/// The bytes of some fields in an HTTP/1.1 head: each also has a colon, a space and a line end.
pub(crate) fn field_bytes(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Whether an HTTP/1 connection that had this request and this response is kept.
pub(super) fn is_kept_after(url: &Url, fields: &HeaderMap) -> bool {
    url.as_str().len() + field_bytes(fields) <= MOST_KEPT
}

/// The limits of a response head, for messages.
pub(crate) const LARGEST_HEAD: &str = "a head may have 1000 fields and 256 KiB";
