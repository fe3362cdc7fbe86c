//! The key of a row: a salted digest of everything that makes two requests the same.

use std::sync::Arc;

use url::Url;
use xxhash_rust::xxh3::Xxh3;

use crate::model::{RequestOverrides, Seed};
use crate::policy::credentials::origin::basic_user;

/// The settings that shape a body. Runs with different ones share no rows.
#[derive(Debug, Clone, Default)]
pub struct Shape(Arc<[String]>);

impl Shape {
    /// Takes the text of each of these settings.
    pub fn new(settings: impl IntoIterator<Item = String>) -> Self {
        Self(settings.into_iter().collect())
    }

    /// The identity of a request: URL, user, fields and name. `occurrence` counts equal requests of
    /// one input, from 0. Digest and priority are not part of a request, so they are left out. These
    /// are the keys before version 4 of the tables.
    pub(super) fn digest(&self, seed: &Seed, occurrence: u32) -> [u8; 16] {
        self.digest_of(&seed.url, seed.overrides.as_deref(), occurrence)
    }

    fn digest_of(&self, url: &Url, overrides: Option<&RequestOverrides>, occurrence: u32) -> [u8; 16] {
        let mut hash = Xxh3::new();
        let mut add = |text: &[u8]| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(url.as_str().as_bytes());
        self.0.iter().for_each(|setting| add(setting.as_bytes()));
        if let Some(overrides) = overrides {
            // No setting looks like these marks, which keep one kind from being taken for another.
            if let Some(out) = &overrides.out {
                add(b"\0out");
                add(out.as_bytes());
            }
            for (name, value) in &overrides.headers {
                // A password could be guessed from its hash.
                let user = basic_user(value.as_bytes());
                add(if user.is_some() { b"\0basic" } else { b"\0field" });
                add(name.as_str().as_bytes());
                add(user.as_deref().unwrap_or(value.as_bytes()));
            }
            if let Some(user) = &overrides.credentials {
                add(b"\0user");
                add(user.username.as_bytes());
            }
        }
        if occurrence > 0 {
            add(b"\0occurrence");
            add(&occurrence.to_le_bytes());
        }
        hash.digest128().to_be_bytes()
    }
}

/// The random octets of one state.
pub(super) type Salt = [u8; 32];

/// Makes the keys of one state: one request has another key in another state, so no table of
/// guesses fits two of them.
#[derive(Clone)]
pub(super) struct Keys {
    shape: Shape,
    salt: Salt,
}

impl Keys {
    pub(super) fn new(shape: Shape, salt: Salt) -> Self {
        Self { shape, salt }
    }

    /// The key of a request, see [`Shape::digest`].
    pub(super) fn of(&self, seed: &Seed, occurrence: u32) -> [u8; 16] {
        salted(&self.salt, &self.shape.digest(seed, occurrence))
    }

    /// The key of the first request for a URL without overrides.
    pub(super) fn of_url(&self, url: &Url) -> [u8; 16] {
        salted(&self.salt, &self.shape.digest_of(url, None, 0))
    }
}

/// The key of a digest.
pub(super) fn salted(salt: &Salt, digest: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    blake3::Hasher::new_keyed(salt).update(digest).finalize_xof().fill(&mut key);
    key
}
