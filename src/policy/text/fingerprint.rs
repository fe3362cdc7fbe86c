//! A set of texts that keeps a fingerprint of each instead of the text.
//!
//! A list may have millions of lines, and the memory for each must stay small. An entry costs nine bytes of
//! table, an eight-byte fingerprint and a control byte, divided by the load factor. The load factor is between
//! 7/16, just after a table doubled, and 7/8, just before. An entry therefore costs 10.3 to 20.6 bytes. One big table
//! would hold the old and the doubled copy during growth, half as much again. Here 256 small tables double one
//! after another, so that growth adds at most one part in 512.
//!
//! The set uses 72 of the 128 hash bits: 8 choose the segment, 64 are stored. The odds that any two of `n`
//! different texts collide are about `n² / 2^73`. That is one in ten thousand million for a million texts, and
//! one in a million for a hundred million. The hash has no secret seed, because names must be the same in every
//! run. So these odds do not hold for texts chosen to collide. Callers must tolerate a false "seen before".

use std::fmt;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_128;

/// The 128 hash bits of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of a text.
    pub fn of(text: &str) -> Self {
        Self(xxh3_128(text.as_bytes()))
    }

    /// The segment and the bits that are stored there.
    ///
    /// A table picks its slot from the low and its tag from the high bits of the stored 64. The segment comes
    /// from the other half of the hash, so it costs no stored bit.
    fn place(self) -> (usize, u64) {
        ((self.0 >> 120) as usize, self.0 as u64)
    }
}

/// Eight hash bits choose the segment.
const SEGMENTS: usize = 256;

/// A set of texts, each kept as 72 hash bits.
#[derive(Clone)]
pub struct FingerprintSet {
    segments: Box<[HashTable<u64>]>,
    len: usize,
}

impl FingerprintSet {
    /// An empty set.
    pub fn new() -> Self {
        Self { segments: (0..SEGMENTS).map(|_| HashTable::new()).collect(), len: 0 }
    }

    /// Adds the text; true if it was new.
    pub fn insert(&mut self, text: &str) -> bool {
        self.insert_bytes(text.as_bytes())
    }

    /// Adds bytes that need not be text; otherwise like [`insert`](Self::insert).
    pub fn insert_bytes(&mut self, bytes: &[u8]) -> bool {
        self.insert_fingerprint(Fingerprint(xxh3_128(bytes)))
    }

    /// Adds the text with this fingerprint; otherwise like [`insert`](Self::insert).
    pub fn insert_fingerprint(&mut self, of_text: Fingerprint) -> bool {
        let (segment, fingerprint) = of_text.place();
        // The stored bits are uniform already, so they are their own hash when a table grows.
        match self.segments[segment].entry(fingerprint, |&other| other == fingerprint, |&other| other) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(fingerprint);
                self.len += 1;
                true
            }
        }
    }

    /// Whether the text was added.
    pub fn contains(&self, text: &str) -> bool {
        self.contains_fingerprint(Fingerprint::of(text))
    }

    /// Whether the text with this fingerprint was added.
    pub fn contains_fingerprint(&self, of_text: Fingerprint) -> bool {
        let (segment, fingerprint) = of_text.place();
        self.segments[segment].find(fingerprint, |&other| other == fingerprint).is_some()
    }

    /// How many texts were new.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the set takes up, itself included.
    pub fn memory_bytes(&self) -> usize {
        let tables: usize = self.segments.iter().map(HashTable::allocation_size).sum();
        size_of::<Self>() + SEGMENTS * size_of::<HashTable<u64>>() + tables
    }
}

impl Default for FingerprintSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FingerprintSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FingerprintSet").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// The memory that the set may use for each entry.
    const BYTES_PER_ENTRY: usize = 24;

    #[test]
    fn memory_stays_in_bounds_at_every_size_and_while_growing() {
        let mut set = FingerprintSet::new();
        let mut before = set.memory_bytes();
        for n in 1..=100_000usize {
            assert!(set.insert(&format!("https://example.com/page/{n}")));
            if n < 9_999 {
                continue;
            }
            let now = set.memory_bytes();
            // A segment that doubled had, for a moment, its old half beside the new table.
            let peak = now + (now - before);
            if n >= 10_000 {
                assert!(peak <= BYTES_PER_ENTRY * n, "{peak} bytes for {n} entries");
            }
            before = now;
        }
        assert_eq!(set.len(), 100_000);
    }

    #[test]
    fn segments_do_not_grow_at_one_moment() {
        let mut set = FingerprintSet::new();
        let mut before = set.memory_bytes();
        for n in 0..50_000 {
            set.insert(&format!("line {n}"));
            let now = set.memory_bytes();
            assert!(now - before <= 16 * 1024, "one insertion took {} bytes", now - before);
            before = now;
        }
    }

    #[test]
    fn an_empty_set_is_small() {
        let set = FingerprintSet::new();
        assert!(set.is_empty());
        assert!(!set.contains(""));
        assert!(set.memory_bytes() < 16 * 1024);
    }

    proptest! {
        #[test]
        fn it_is_a_set(texts in prop::collection::vec("[a-c]{0,3}|.{0,20}", 0..200)) {
            let mut set = FingerprintSet::new();
            let mut model = HashSet::new();
            for text in &texts {
                prop_assert_eq!(set.contains(text), model.contains(text));
                prop_assert_eq!(set.insert(text), model.insert(text.clone()));
                prop_assert!(set.contains(text));
                prop_assert_eq!(set.len(), model.len());
            }
        }
    }
}
