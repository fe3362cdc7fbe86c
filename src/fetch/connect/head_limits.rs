//! The limits of response heads.

/// The most fields of a response head; hyper takes 100 unless told.
pub(crate) const MAX_FIELDS: usize = 1000;

/// The largest head of a response, in bytes.
pub(crate) const MAX_HEAD: usize = 256 * 1024;

/// The limits of a response head, for messages.
pub(crate) const LARGEST_HEAD: &str = "a head may have 1000 fields and 256 KiB";
