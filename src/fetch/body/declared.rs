//! Checks the digests that a server declares for its response (RFC 9530).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256, Sha512};

use super::observer::{BodyObserver, ObserverRequest};
use crate::model::{ErrorKind, FetchError, Found};
use crate::policy::message::digest_fields::{
    Algorithm, CONTENT_DIGEST, DeclaredDigest, REPR_DIGEST, declared, is_announced,
};

/// The digests that one field declares, and the hashes to check them.
struct DeclaredDigests {
    field: DigestField,
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
    /// Declared before the body.
    early: Vec<DeclaredDigest>,
    /// Whether the trailers are about the same bytes.
    takes_trailers: bool,
}

#[derive(Clone, Copy)]
enum DigestField {
    Content,
    Representation,
}

impl DigestField {
    fn name(self) -> HeaderName {
        match self {
            DigestField::Content => CONTENT_DIGEST,
            DigestField::Representation => REPR_DIGEST,
        }
    }

    /// The name in messages.
    fn as_str(self) -> &'static str {
        match self {
            DigestField::Content => "Content-Digest",
            DigestField::Representation => "Repr-Digest",
        }
    }
}

/// Returns the observer for the Content-Digest of a response; `None` without one. It takes the content of this
/// response alone.
pub(crate) fn of_content(fields: &HeaderMap) -> Option<Box<dyn BodyObserver>> {
    DeclaredDigests::observer(DigestField::Content, fields, declared(fields, &CONTENT_DIGEST))
}

/// Returns the observer for the Repr-Digest of a response and of the `earlier` one that it continues; `None` without
/// one. It takes the whole representation.
pub(crate) fn of_representation(fields: &HeaderMap, earlier: Option<&HeaderMap>) -> Option<Box<dyn BodyObserver>> {
    let mut early = declared(fields, &REPR_DIGEST);
    if let Some(earlier) = earlier {
        // The earlier response was no range: there both fields cover the same bytes.
        early.extend(declared(earlier, &REPR_DIGEST));
        early.extend(declared(earlier, &CONTENT_DIGEST));
    }
    DeclaredDigests::observer(DigestField::Representation, fields, early)
}

impl DeclaredDigests {
    fn observer(field: DigestField, fields: &HeaderMap, early: Vec<DeclaredDigest>) -> Option<Box<dyn BodyObserver>> {
        // The trailers name the algorithm, so compute all.
        let is_announced = is_announced(fields, &field.name());
        if early.is_empty() && !is_announced {
            return None;
        }
        let needs = |algorithm| is_announced || early.iter().any(|declared| declared.algorithm == algorithm);
        let sha256 = needs(Algorithm::Sha256).then(Sha256::new);
        let sha512 = needs(Algorithm::Sha512).then(Sha512::new);
        Some(Box::new(Self { field, sha256, sha512, early, takes_trailers: true }))
    }

    fn check(&self, declared: &DeclaredDigest) -> Result<(), FetchError> {
        let computed: Option<Box<[u8]>> = match declared.algorithm {
            Algorithm::Sha256 => self.sha256.clone().map(|hash| hash.finalize().as_slice().into()),
            Algorithm::Sha512 => self.sha512.clone().map(|hash| hash.finalize().as_slice().into()),
        };
        match computed {
            Some(computed) if computed != declared.digest => {
                let (name, field) = (declared.algorithm.as_str(), self.field.as_str());
                let declared: String = STANDARD.encode(&declared.digest).chars().take(100).collect();
                let message = format!("the {name} is {} but {field} declares {declared}", STANDARD.encode(computed));
                Err(FetchError::new(ErrorKind::Checksum, message))
            }
            _ => Ok(()),
        }
    }
}

impl BodyObserver for DeclaredDigests {
    fn content(&mut self, bytes: &[u8]) -> ObserverRequest {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
        ObserverRequest::More
    }

    fn resume(&mut self, fields: &HeaderMap) {
        match self.field {
            // The digest before the body covers the bytes of the later response too, which has trailers of its own.
            DigestField::Content => self.takes_trailers = false,
            DigestField::Representation => self.early.extend(declared(fields, &REPR_DIGEST)),
        }
    }

    fn end(&mut self, trailers: Option<&HeaderMap>, _found: &mut Found) -> Result<(), FetchError> {
        let trailers = trailers.filter(|_| self.takes_trailers);
        let late = trailers.map(|fields| declared(fields, &self.field.name())).unwrap_or_default();
        self.early.iter().chain(&late).try_for_each(|declared| self.check(declared))
    }
}
