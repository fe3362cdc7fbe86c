//! Checks the digests that a server declares for its response (RFC 9530).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use sha2::{Digest as _, Sha256, Sha512};

use crate::model::{ErrorKind, FetchError};
use crate::policy::message::digest_fields::{
    Algorithm, CONTENT_DIGEST, Declared, REPR_DIGEST, are_announced, declared,
};

/// The declared digests, and the hashes to check them.
#[derive(Default)]
pub(crate) struct Checks {
    content: Computed,
    representation: Computed,
    /// Declared before the body.
    early: Vec<(&'static str, Declared)>,
}

/// The digests of the same bytes.
#[derive(Default)]
struct Computed {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Computed {
    fn wants(&mut self, algorithm: Algorithm) {
        match algorithm {
            Algorithm::Sha256 => drop(self.sha256.get_or_insert_default()),
            Algorithm::Sha512 => drop(self.sha512.get_or_insert_default()),
        }
    }

    fn update(&mut self, data: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(data);
        }
    }

    fn digest(&self, algorithm: Algorithm) -> Option<Box<[u8]>> {
        match algorithm {
            Algorithm::Sha256 => self.sha256.clone().map(|h| h.finalize().as_slice().into()),
            Algorithm::Sha512 => self.sha512.clone().map(|h| h.finalize().as_slice().into()),
        }
    }
}

impl Checks {
    /// Returns the checks for the fields of a response and of the `earlier` one that it continues; `None` without any.
    pub(crate) fn new(fields: &HeaderMap, earlier: Option<&HeaderMap>) -> Option<Box<Self>> {
        let mut checks = Self::default();
        for declared in declared(fields, &CONTENT_DIGEST) {
            checks.content.wants(declared.algorithm);
            checks.early.push((CONTENT, declared));
        }
        // For a response that was no range, both fields cover the same bytes.
        let begun = earlier.into_iter().flat_map(|fields| declared(fields, &CONTENT_DIGEST));
        let representation = std::iter::once(fields).chain(earlier).flat_map(|fields| declared(fields, &REPR_DIGEST));
        let representation = representation.chain(begun);
        for declared in representation {
            checks.representation.wants(declared.algorithm);
            checks.early.push((REPRESENTATION, declared));
        }
        if are_announced(fields) {
            // The trailers name the algorithm, so compute all.
            for algorithm in Algorithm::ALL {
                checks.content.wants(algorithm);
                checks.representation.wants(algorithm);
            }
        } else if checks.early.is_empty() {
            return None;
        }
        Some(Box::new(checks))
    }

    /// Hashes coded bytes of this response.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.content.update(data);
        self.representation.update(data);
    }

    /// Hashes coded bytes of the earlier response that this one continues.
    pub(crate) fn update_earlier(&mut self, data: &[u8]) {
        self.representation.update(data);
    }

    /// Compares all digests of the header and trailer fields.
    ///
    /// # Errors
    /// [`ErrorKind::Checksum`] for the first mismatch.
    pub(crate) fn finish(&self, trailers: Option<&HeaderMap>) -> Result<(), FetchError> {
        let late = trailers.into_iter().flat_map(|fields| {
            let content = declared(fields, &CONTENT_DIGEST).into_iter().map(|d| (CONTENT, d));
            content.chain(declared(fields, &REPR_DIGEST).into_iter().map(|d| (REPRESENTATION, d)))
        });
        self.early.iter().cloned().chain(late).try_for_each(|(field, declared)| self.check(field, &declared))
    }

    fn check(&self, field: &'static str, declared: &Declared) -> Result<(), FetchError> {
        let computed = if field == CONTENT { &self.content } else { &self.representation };
        match computed.digest(declared.algorithm) {
            Some(found) if found != declared.digest => {
                let (name, declared) = (declared.algorithm.as_str(), STANDARD.encode(&declared.digest));
                let declared: String = declared.chars().take(100).collect();
                let message = format!("the {name} is {} but {field} declares {declared}", STANDARD.encode(found));
                Err(FetchError::new(ErrorKind::Checksum, message))
            }
            _ => Ok(()),
        }
    }
}

/// The names of the fields, for messages.
const CONTENT: &str = "Content-Digest";
const REPRESENTATION: &str = "Repr-Digest";
