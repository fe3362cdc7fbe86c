//! The facts of a response that the parts of a run need.

use serde::{Deserialize, Serialize};

/// Facts of a response that are computed on demand: a fact that no part of the run needs costs nothing. Every other
/// fact is in each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs(u16);

bitflags::bitflags! {
    impl Needs: u16 {
        /// The ETag and Last-Modified of the response.
        const VALIDATORS = 1;
        /// A digest of the body, whichever. [`Needs::settled`] chooses it.
        const DIGEST = 1 << 1;
        /// SHA-256 of the body.
        const SHA256 = 1 << 2;
        /// BLAKE3 of the body.
        const BLAKE3 = 1 << 3;
        /// The links of the document, and its text in short.
        const LINKS = 1 << 4;
        /// The text of the page, and its digest.
        const TEXT = 1 << 5;
        /// The digest of the text of the page.
        const TEXT_DIGEST = 1 << 6;
        /// The texts of links, beside [`Needs::LINKS`].
        const LINK_TEXTS = 1 << 7;
        /// The ids of a page and the fragments of its links, beside [`Needs::LINKS`].
        const ANCHORS = 1 << 8;
    }
}

impl Needs {
    /// Replaces [`Needs::DIGEST`] by a digest that is needed anyway, or by BLAKE3, the fastest one.
    #[must_use]
    pub fn settled(self) -> Self {
        let others = self.difference(Self::DIGEST);
        let needs_one = self.contains(Self::DIGEST) && !others.has_digest();
        if needs_one { others | Self::BLAKE3 } else { others }
    }

    /// Whether any digest is needed.
    pub fn has_digest(self) -> bool {
        self.intersects(Self::DIGEST | Self::SHA256 | Self::BLAKE3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_digest_becomes_one_that_is_needed_or_blake3() {
        for (needs, expected) in [
            (Needs::empty(), Needs::empty()),
            (Needs::VALIDATORS, Needs::VALIDATORS),
            (Needs::DIGEST, Needs::BLAKE3),
            (Needs::DIGEST | Needs::SHA256, Needs::SHA256),
            (Needs::DIGEST | Needs::BLAKE3 | Needs::SHA256, Needs::BLAKE3 | Needs::SHA256),
        ] {
            assert_eq!(needs.settled(), expected, "{needs:?}");
        }
    }
}
