//! The digests of the fields Content-Digest and Repr-Digest (RFC 9530).
//!
//! Content-Digest covers the content of one message, Repr-Digest the whole representation. Both cover the coded
//! bytes; without a range they cover the same bytes. The module reads `sha-256` and `sha-512`, the active
//! algorithms. It ignores deprecated and unknown algorithms, which prove nothing. It also ignores a field that
//! is no dictionary of byte sequences (RFC 9651, section 4.2).

use http::HeaderMap;
use http::header::HeaderName;
use sfv::{Dictionary, ListEntry, Parser};

/// Digest of the content of a message.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Digest of a whole representation.
pub const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// A supported algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `sha-256`.
    Sha256,
    /// `sha-512`.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// Its key in the fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha-256",
            Algorithm::Sha512 => "sha-512",
        }
    }
}

/// A declared digest. If its length is not the algorithm's own, no body matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredDigest {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// The digest.
    pub digest: Box<[u8]>,
}

/// The digests that a field declares; empty if it is absent or holds no supported digest.
pub fn declared(fields: &HeaderMap, name: &HeaderName) -> Vec<DeclaredDigest> {
    if !fields.contains_key(name) {
        return Vec::new();
    }
    let values: Vec<_> = fields.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    Parser::new(&values.join(&b", "[..])).parse::<Dictionary>().map_or_else(|_| Vec::new(), |all| known(&all))
}

fn known(all: &Dictionary) -> Vec<DeclaredDigest> {
    let entry = |algorithm: Algorithm| match all.get(algorithm.as_str())? {
        ListEntry::Item(item) => Some(DeclaredDigest { algorithm, digest: item.bare_item.as_byte_sequence()?.into() }),
        ListEntry::InnerList(_) => None,
    };
    Algorithm::ALL.into_iter().filter_map(entry).collect()
}

/// Whether a Trailer field announces this field (RFC 9110, section 6.6.2).
pub fn is_announced(fields: &HeaderMap, name: &HeaderName) -> bool {
    let values = fields.get_all(http::header::TRAILER).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(values: &[&str]) -> Vec<(&'static str, usize)> {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(REPR_DIGEST, HeaderValue::from_str(value).unwrap());
        }
        declared(&fields, &REPR_DIGEST).into_iter().map(|d| (d.algorithm.as_str(), d.digest.len())).collect()
    }

    #[test]
    fn digests_are_read_and_what_proves_nothing_is_passed_over() {
        let sha256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        for (values, expected) in [
            (&[sha256][..], &[("sha-256", 32)][..]),
            (&["sha-512=:AAAA:, md5=:AAAA:"], &[("sha-512", 3)]),
            (&["unixsum=:AAAA:", sha256], &[("sha-256", 32)]),
            (&["sha-256=:AAAA:;q=1, sha-256=:AAAAAAAA:"], &[("sha-256", 6)]),
            (&["sha-256=AAAA"], &[]),
            (&["sha-256=\"AAAA\""], &[]),
            (&["sha-256=(:AAAA:)"], &[]),
            (&["sha-256=:AAAA"], &[]),
            (&["SHA-256=:AAAA:"], &[]),
            (&[""], &[]),
            (&[], &[]),
        ] {
            assert_eq!(read(values), expected, "{values:?}");
        }
    }

    #[test]
    fn announcements() {
        let announced = |value, name| {
            is_announced(&HeaderMap::from_iter([(http::header::TRAILER, HeaderValue::from_static(value))]), &name)
        };
        assert!(announced("Expires, Repr-Digest", REPR_DIGEST) && announced("content-digest", CONTENT_DIGEST));
        assert!(!announced("Expires, Repr-Digest", CONTENT_DIGEST) && !announced("", REPR_DIGEST));
        assert!(!is_announced(&HeaderMap::new(), &REPR_DIGEST));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(value in proptest::collection::vec(32_u8..127, 0..80)) {
            let fields = HeaderMap::from_iter([(CONTENT_DIGEST, HeaderValue::from_bytes(&value).unwrap())]);
            prop_assert!(declared(&fields, &CONTENT_DIGEST).len() <= 2);
        }
    }
}
