//! The facts that a run learns from the bytes of a body.

use serde::{Deserialize, Serialize};

use super::{ArchivedRecords, PageLinks, PageText};

/// The finds of the observers of a body. A fact that no part of the run needs is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// SHA-256 of the decoded body.
    pub sha256: Option<[u8; 32]>,
    /// BLAKE3 of the decoded body.
    pub blake3: Option<[u8; 32]>,
    /// The links of the document.
    pub links: Option<Box<PageLinks>>,
    /// The text of the page.
    pub text: Option<Box<PageText>>,
    /// SHA-256 of that text with white space normalised.
    pub text_sha256: Option<[u8; 32]>,
    /// The first bytes of a robots.txt.
    pub robots: Option<Box<[u8]>>,
    /// Its records in the archive of this process.
    #[serde(skip)]
    pub records: Option<ArchivedRecords>,
}
