//! The digests of decoded bodies, and the comparison with those of the list.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::observer::{BodyObserver, Next};
use crate::model::{ErrorKind, FetchError, Found, Needs, PerSeed};

/// Returns an observer for each digest that the run needs or the line of the list declares.
pub(crate) fn observers(needs: Needs, wants: Option<&PerSeed>) -> impl Iterator<Item = Box<dyn BodyObserver>> {
    let observer = |needed: bool, declared: Option<[u8; 32]>, new: fn() -> Hash| {
        (needed || declared.is_some()).then(|| Box::new(BodyDigest { hash: new(), declared }) as Box<dyn BodyObserver>)
    };
    let (sha256, blake3) = wants.map_or((None, None), |wants| (wants.sha256, wants.blake3));
    let sha256 = observer(needs.contains(Needs::SHA256), sha256, || Hash::Sha256(Sha256::new()));
    let blake3 = observer(needs.contains(Needs::BLAKE3), blake3, || Hash::Blake3(Box::new(blake3::Hasher::new())));
    sha256.into_iter().chain(blake3)
}

/// One digest of one body.
struct BodyDigest {
    hash: Hash,
    /// The digest that the list declares.
    declared: Option<[u8; 32]>,
}

enum Hash {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl BodyObserver for BodyDigest {
    fn decoded(&mut self, bytes: &[u8]) -> Next {
        match &mut self.hash {
            Hash::Sha256(hash) => hash.update(bytes),
            Hash::Blake3(hash) => {
                hash.update(bytes);
            }
        }
        Next::More
    }

    fn end(&mut self, _trailers: Option<&HeaderMap>, found: &mut Found) -> Result<(), FetchError> {
        let (name, digest) = match &mut self.hash {
            Hash::Sha256(hash) => ("SHA-256", found.sha256.insert(hash.finalize_reset().into())),
            Hash::Blake3(hash) => ("BLAKE3", found.blake3.insert(hash.finalize().into())),
        };
        match self.declared {
            Some(declared) if declared != *digest => {
                let message = format!("the {name} is {} but the list declares {}", hex(digest), hex(&declared));
                Err(FetchError::new(ErrorKind::Checksum, message))
            }
            _ => Ok(()),
        }
    }
}

fn hex(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}
