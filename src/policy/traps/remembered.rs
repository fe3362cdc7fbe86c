//! A table of bounded size, by fingerprint.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3Default;

/// A table that begins anew when it is full.
#[derive(Debug)]
pub(super) struct Remembered<V> {
    entries: HashMap<u64, V, BuildHasherDefault<FingerprintHasher>>,
    most: usize,
}

impl<V: Default> Remembered<V> {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: HashMap::default(), most: most.max(1) }
    }

    pub(super) fn get(&self, key: u64) -> Option<&V> {
        self.entries.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        self.entries.get_mut(&key)
    }

    pub(super) fn get_or_default(&mut self, key: u64) -> &mut V {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.entries.clear();
        }
        self.entries.entry(key).or_default()
    }
}

/// Takes a fingerprint for its own hash.
#[derive(Debug, Default)]
pub(super) struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// The fingerprint of texts in this order.
pub(super) fn fingerprint<'t>(texts: impl IntoIterator<Item = &'t str>) -> u64 {
    let mut hasher = Xxh3Default::new();
    for text in texts {
        hasher.update(text.as_bytes());
        // No URL has this byte.
        hasher.update(&[0]);
    }
    hasher.digest()
}
