//! The note beside a kept body: its response, and the digest of its bytes.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};

use http::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::policy::message::digest_fields::{CONTENT_DIGEST, REPR_DIGEST};
use crate::policy::message::partial::{Beginning, codings, strong_validator};

/// The version of notes. Those of the first had no digest.
const VERSION: u32 = 2;

/// Identifies the response of a kept body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    v: u32,
    /// Of fixed width, before fields of variable width: only this field changes when a note is overwritten.
    pub(super) checkpoint: Checkpoint,
    /// The URL of the list.
    url: String,
    /// The URL at the end of all redirects, which gave the response.
    pub(crate) asked: String,
    /// The Accept-Encoding it was asked with.
    pub(crate) accept_encoding: Option<Octets>,
    /// A strong one, see [`crate::policy::message::partial`].
    pub(crate) validator: Octets,
    /// The length of the complete content, in coded form.
    pub(crate) total: Option<u64>,
    /// Content-Encoding.
    pub(crate) coding: Option<String>,
    pub(crate) content_type: Option<Octets>,
    pub(crate) content_disposition: Option<Octets>,
    pub(crate) etag: Option<Octets>,
    pub(crate) last_modified: Option<Octets>,
    pub(crate) repr_digest: Option<Octets>,
    pub(crate) content_digest: Option<Octets>,
}

/// The number of bytes on file, and their digest (XXH3, 128 bits), which finds damage. It is no protection against
/// deliberate changes: an attacker can edit the note too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Checkpoint {
    pub(super) bytes: u64,
    pub(super) digest: u128,
}

impl From<Checkpoint> for String {
    fn from(Checkpoint { bytes, digest }: Checkpoint) -> Self {
        format!("{bytes:020} {digest:032x}")
    }
}

impl TryFrom<String> for Checkpoint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = || {
            let (bytes, digest) = text.split_once(' ')?;
            Some(Self { bytes: bytes.parse().ok()?, digest: u128::from_str_radix(digest, 16).ok()? })
        };
        read().ok_or("no number of bytes and digest")
    }
}

/// The octets of a field, written as ISO-8859-1 text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Octets(Vec<u8>);

impl Octets {
    fn of(value: &HeaderValue) -> Self {
        Self(value.as_bytes().to_owned())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Octets> for String {
    fn from(octets: Octets) -> Self {
        octets.0.into_iter().map(char::from).collect()
    }
}

impl TryFrom<String> for Octets {
    type Error = std::char::TryFromCharError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.chars().map(u8::try_from).collect::<Result<_, _>>().map(Self)
    }
}

/// A response whose body can be resumed, with its original fields: most bodies are not cut off, and cost no note.
pub(crate) struct ResumableResponse {
    /// The URL of the list.
    pub(crate) url: Url,
    /// The URL that gave the response.
    pub(crate) asked: Url,
    pub(crate) accept_encoding: Option<HeaderValue>,
    pub(crate) fields: HeaderMap,
    pub(crate) total: Option<u64>,
}

impl ResumableResponse {
    pub(crate) fn note(&self) -> Note {
        let octets = |name| self.fields.get(name).map(Octets::of);
        Note {
            v: VERSION,
            checkpoint: Checkpoint::default(),
            url: self.url.to_string(),
            asked: self.asked.to_string(),
            accept_encoding: self.accept_encoding.as_ref().map(Octets::of),
            validator: Octets(strong_validator(&self.fields).unwrap_or_default().to_owned()),
            total: self.total,
            coding: codings(&self.fields),
            content_type: octets(header::CONTENT_TYPE),
            content_disposition: octets(header::CONTENT_DISPOSITION),
            etag: octets(header::ETAG),
            last_modified: octets(header::LAST_MODIFIED),
            repr_digest: octets(REPR_DIGEST),
            content_digest: octets(CONTENT_DIGEST),
        }
    }
}

impl Note {
    /// Reads the note of this URL's body.
    pub(super) fn read(text: &[u8], url: &str) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|note: &Self| note.v == VERSION && note.url == url)
    }

    /// Writes it, over an earlier state of it. Both are of one length and differ in the checkpoint alone, so a
    /// process that is killed meanwhile leaves one of them.
    pub(super) fn write(&self, file: &mut File) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        file.rewind()?;
        file.write_all(&text)
    }

    /// The beginning that it describes, of so many bytes.
    pub(crate) fn beginning(&self, from: u64) -> Beginning<'_> {
        Beginning {
            validator: &self.validator.0,
            from,
            total: self.total,
            coding: self.coding.as_deref(),
            last_modified: self.last_modified.as_ref().map(Octets::as_bytes),
            content_type: self.content_type.as_ref().map(Octets::as_bytes),
        }
    }

    /// Returns the offset to resume at. It leaves at least one byte to request: an empty range is not satisfiable.
    pub(super) fn usable(&self) -> u64 {
        self.checkpoint.bytes.min(self.total.map_or(u64::MAX, |total| total.saturating_sub(1)))
    }

    /// Whether a file of this length can be that body.
    pub(super) fn is_possible(&self, len: u64) -> bool {
        let most = self.total.map_or(len, |total| total.min(len));
        self.usable() > 0 && self.checkpoint.bytes <= most
    }
}
