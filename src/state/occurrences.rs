//! How often each request was read.

use std::collections::HashMap;

use crate::policy::text::fingerprint::FingerprintSet;

/// Counts equal requests. Most are read once: these cost a fingerprint each.
#[derive(Default)]
pub(super) struct Occurrences {
    seen: FingerprintSet,
    /// How often those were read that were read again.
    again: HashMap<[u8; 16], u32>,
}

impl Occurrences {
    /// How often this was read before.
    pub(super) fn next(&mut self, key: [u8; 16]) -> u32 {
        if self.seen.insert_bytes(&key) {
            return 0;
        }
        let before = self.again.entry(key).or_default();
        *before += 1;
        *before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_by_itself() {
        let mut occurrences = Occurrences::default();
        let counted = [1, 2, 1, 1, 3, 2].map(|key| occurrences.next([key; 16]));
        assert_eq!(counted, [0, 0, 1, 2, 0, 1]);
    }
}
