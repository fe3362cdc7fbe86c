//! The digests of decoded bodies, and the comparison with those of the list.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::observer::{BodyObserver, ObserverRequest};
use crate::model::{ErrorKind, FetchError, Found, Hex, Needs, RequestOverrides};

/// Returns an observer for each digest that the run needs or the line of the list declares.
pub(crate) fn observers(
    needs: Needs,
    overrides: Option<&RequestOverrides>,
) -> impl Iterator<Item = Box<dyn BodyObserver>> {
    let observer = |needed: bool, declared: Option<[u8; 32]>, new: fn() -> BodyHasher| {
        (needed || declared.is_some()).then(|| Box::new(BodyDigest { hash: new(), declared }) as Box<dyn BodyObserver>)
    };
    let (sha256, blake3) = overrides.map_or((None, None), |overrides| (overrides.sha256, overrides.blake3));
    let sha256 = observer(needs.contains(Needs::SHA256), sha256, || BodyHasher::Sha256(Sha256::new()));
    let blake3 =
        observer(needs.contains(Needs::BLAKE3), blake3, || BodyHasher::Blake3(Box::new(blake3::Hasher::new())));
    sha256.into_iter().chain(blake3)
}

/// One digest of one body.
struct BodyDigest {
    hash: BodyHasher,
    /// The digest that the list declares.
    declared: Option<[u8; 32]>,
}

enum BodyHasher {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl BodyObserver for BodyDigest {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        match &mut self.hash {
            BodyHasher::Sha256(hash) => hash.update(bytes),
            BodyHasher::Blake3(hash) => {
                hash.update(bytes);
            }
        }
        ObserverRequest::More
    }

    fn end(&mut self, _trailers: Option<&HeaderMap>, found: &mut Found) -> Result<(), FetchError> {
        let (name, digest) = match &mut self.hash {
            BodyHasher::Sha256(hash) => ("SHA-256", found.sha256.insert(hash.finalize_reset().into())),
            BodyHasher::Blake3(hash) => ("BLAKE3", found.blake3.insert(hash.finalize().into())),
        };
        match self.declared {
            Some(declared) if declared != *digest => {
                let message = format!("the {name} is {} but the list declares {}", Hex(digest), Hex(&declared));
                Err(FetchError::new(ErrorKind::Checksum, message))
            }
            _ => Ok(()),
        }
    }
}
