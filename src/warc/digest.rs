//! The digests that records declare: an algorithm and a value in one of the encodings of RFC 4648.

use std::io::{self, BufRead, Read};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::model::Hex;

/// A digest that a record declares, such as `sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordDigest<'a> {
    algorithm: DigestAlgorithm,
    value: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DigestAlgorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl<'a> RecordDigest<'a> {
    /// Reads the value of a field. `None` if the algorithm is unknown.
    pub(super) fn parse(field: &'a str) -> Option<Self> {
        let (name, value) = field.split_once(':')?;
        let algorithm = match &*name.to_ascii_lowercase() {
            "md5" => DigestAlgorithm::Md5,
            "sha1" | "sha-1" => DigestAlgorithm::Sha1,
            "sha256" | "sha-256" => DigestAlgorithm::Sha256,
            "sha512" | "sha-512" => DigestAlgorithm::Sha512,
            _ => return None,
        };
        Some(Self { algorithm, value })
    }

    /// A hasher for the bytes that the digest is of.
    pub(super) fn hasher(self) -> DigestHasher {
        match self.algorithm {
            DigestAlgorithm::Md5 => DigestHasher::Md5(Md5::new()),
            DigestAlgorithm::Sha1 => DigestHasher::sha1(),
            DigestAlgorithm::Sha256 => DigestHasher::sha256(),
            DigestAlgorithm::Sha512 => DigestHasher::Sha512(Box::new(Sha512::new())),
        }
    }

    /// Whether the value is this digest in base 32, 16 or 64. As in RFC 4648, only base 16 may have letters of both cases.
    pub(super) fn is(self, digest: &[u8]) -> bool {
        let value = self.value.trim_end_matches('=');
        value == base32(digest)
            || value.eq_ignore_ascii_case(&Hex(digest).to_string())
            || value == STANDARD_NO_PAD.encode(digest)
            || value == URL_SAFE_NO_PAD.encode(digest)
    }
}

/// Computes a digest.
#[derive(Clone)]
pub enum DigestHasher {
    /// RFC 1321.
    Md5(Md5),
    /// FIPS 180-4, as the next ones.
    Sha1(Sha1),
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-512.
    Sha512(Box<Sha512>),
}

impl DigestHasher {
    /// Of SHA-1.
    pub fn sha1() -> Self {
        Self::Sha1(Sha1::new())
    }

    /// Of SHA-256.
    pub fn sha256() -> Self {
        Self::Sha256(Sha256::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns the digest.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(hash) => hash.finalize().to_vec(),
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// A reader that hashes what is read through it.
pub(super) struct HashingReader<R> {
    input: R,
    pub(super) hasher: Option<DigestHasher>,
    /// The bytes read.
    pub(super) length: u64,
}

impl<R> HashingReader<R> {
    pub(super) fn new(input: R, hasher: Option<DigestHasher>) -> Self {
        Self { input, hasher, length: 0 }
    }
}

impl<R: BufRead> BufRead for HashingReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        if let Some(hasher) = &mut self.hasher {
            // The same bytes again: a buffer is filled only when it is empty.
            if let Ok(bytes) = self.input.fill_buf() {
                hasher.update(bytes.get(..length).unwrap_or_default());
            }
        }
        self.length += length as u64;
        self.input.consume(length);
    }
}

impl<R: BufRead> Read for HashingReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}

/// Encodes bytes in base 32 without padding (RFC 4648, section 6).
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        for letter in 0..(group.len() * 8).div_ceil(5) {
            text.push(char::from(LETTERS[(bits >> (35 - 5 * letter) & 31) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn declared_digest_is_compared_in_each_encoding() {
        let empty = DigestHasher::sha1().finish();
        for field in [
            "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
            "SHA-1:DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
            "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "sha1:2jmj7l5rSw0yVb_vlWAYkK_YBwk",
        ] {
            assert!(RecordDigest::parse(field).is_some_and(|declared| declared.is(&empty)), "{field}");
        }
        for field in ["sha1:MY", "sha1:3i42h3s6nnfq2msvx7xzkyayscx5qbyj"] {
            assert!(!RecordDigest::parse(field).is_some_and(|declared| declared.is(&empty)), "{field}");
        }
        assert_eq!(RecordDigest::parse("crc32:00000000"), None);
    }
}
