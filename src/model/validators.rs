//! The validators of a response.

use serde::{Deserialize, Serialize};

/// The validators of a response (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The octets of the ETag field, unchanged.
    pub etag: Option<Box<[u8]>>,
    /// The octets of the Last-Modified field, unchanged.
    pub last_modified: Option<Box<[u8]>>,
}
