//! Digests of blocks and payloads, as labels with Base32 (RFC 4648, section 6).

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::model::DigestKind;

/// A digest of bytes that arrive piece by piece.
#[derive(Clone)]
pub(super) enum RecordHasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl RecordHasher {
    pub(super) fn new(kind: DigestKind) -> Self {
        match kind {
            DigestKind::Sha1 => Self::Sha1(Sha1::new()),
            DigestKind::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    /// Returns the label of the digest, such as `sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ`.
    pub(super) fn label(self) -> String {
        match self {
            Self::Sha1(hash) => format!("sha1:{}", base32(&hash.finalize())),
            Self::Sha256(hash) => format!("sha256:{}", base32(&hash.finalize())),
        }
    }

    /// Returns the label of these pieces together.
    pub(super) fn of(kind: DigestKind, pieces: &[&[u8]]) -> String {
        let mut hash = Self::new(kind);
        pieces.iter().for_each(|piece| hash.update(piece));
        hash.label()
    }
}

/// Encodes bytes as Base32, with padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(block);
        let digits = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or_default();
            text.push(if at < digits { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_agrees_with_the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY======"),
            ("fo", "MZXQ===="),
            ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI======"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn label_of_nothing_is_the_known_one() {
        assert_eq!(RecordHasher::of(DigestKind::Sha1, &[]), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
    }
}
