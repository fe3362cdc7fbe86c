//! Digests of blocks and payloads, as labels with Base32 (RFC 4648, section 6).

use crate::model::ArchiveDigest;
use crate::warc::{DigestHasher, base32};

/// A digest of bytes that arrive piece by piece.
#[derive(Clone)]
pub(super) struct RecordHasher {
    name: &'static str,
    hash: DigestHasher,
}

impl RecordHasher {
    pub(super) fn new(kind: ArchiveDigest) -> Self {
        let (name, hash) = match kind {
            ArchiveDigest::Sha1 => ("sha1", DigestHasher::sha1()),
            ArchiveDigest::Sha256 => ("sha256", DigestHasher::sha256()),
        };
        Self { name, hash }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// Returns the label of the digest, such as `sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ`.
    pub(super) fn label(self) -> String {
        let text = base32(&self.hash.finish());
        let padding = text.len().next_multiple_of(8) - text.len();
        format!("{}:{text}{}", self.name, "=".repeat(padding))
    }

    /// Returns the label of these pieces together.
    pub(super) fn of(kind: ArchiveDigest, pieces: &[&[u8]]) -> String {
        let mut hash = Self::new(kind);
        pieces.iter().for_each(|piece| hash.update(piece));
        hash.label()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_nothing_are_the_known_ones() {
        assert_eq!(RecordHasher::of(ArchiveDigest::Sha1, &[]), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
        let padded = "sha256:4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ====";
        assert_eq!(RecordHasher::of(ArchiveDigest::Sha256, &[]), padded);
    }
}
