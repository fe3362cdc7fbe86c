//! The facts that a run learns from the bytes of a body.

use serde::{Deserialize, Serialize};

use super::PageLinks;

/// The finds of the observers of a body. A fact that no part of the run needs is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// SHA-256 of the decoded body.
    pub sha256: Option<[u8; 32]>,
    /// BLAKE3 of the decoded body.
    pub blake3: Option<[u8; 32]>,
    /// The links of the document.
    pub links: Option<Box<PageLinks>>,
    /// The first bytes of a robots.txt.
    pub robots: Option<Box<[u8]>>,
    /// The number of its records, which the archive of this process holds until the outcome is final.
    pub records: Option<u64>,
}
