//! The faults of records that `check` reports, each with advice.

use super::damage::Damage;
use super::head::HeadFlaw;

/// A fault of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The record cannot be read.
    #[error("{0}")]
    Damage(#[from] Damage),
    /// A line of the head ends with LF alone.
    #[error("a line of the head ends with LF alone; some readers need CR LF")]
    BareLineEnd,
    /// A line of the head has no colon.
    #[error("a line of the head is no field: it has no colon")]
    NoColon,
    /// A field is not UTF-8.
    #[error("a field of the head is not UTF-8; percent-encode URLs")]
    NotUtf8,
    /// The version is neither 1.0 nor 1.1.
    #[error("the version is WARC/{0}, not 1.0 or 1.1; convert the file: warcio recompress")]
    Version(String),
    /// A required field is missing.
    #[error("the field {0} is missing, which the record type must have")]
    MissingField(&'static str),
    /// A field that may occur once occurs again.
    #[error("the field {0} occurs more than once; readers use the first or the last")]
    RepeatedField(String),
    /// A WARC-Date in another form than the version permits.
    #[error("the WARC-Date `{0}` is not a UTC time such as 2026-01-02T03:04:05Z")]
    Date(String),
    /// A WARC-Record-ID that is no URI in brackets.
    #[error("the WARC-Record-ID `{0}` is not a URI in brackets, such as <urn:uuid:...>")]
    RecordId(String),
    /// A URI in brackets in WARC 1.1.
    #[error("the WARC-Target-URI is in brackets, which WARC/1.1 does not permit; remove < and >")]
    Brackets,
    /// An unknown reason in WARC-Truncated.
    #[error("the WARC-Truncated `{0}` is none of length, time, disconnect, unspecified")]
    Truncated(String),
    /// A digest is missing.
    #[error("the field {0} is missing, so later damage cannot be found; write the file with digests")]
    MissingDigest(&'static str),
    /// The algorithm of a digest is unknown.
    #[error("the algorithm of {field} `{value}` is unknown; use sha1 or sha256")]
    UnknownDigest {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The bytes have another digest.
    #[error("the {field} is {declared}, but the bytes have {computed} (base 32); copy the file again")]
    WrongDigest {
        /// The field.
        field: &'static str,
        /// Its value.
        declared: String,
        /// The digest of the bytes.
        computed: String,
    },
    /// A response or request has no HTTP head.
    #[error("the block does not begin with an HTTP head, which its type and URL ask for")]
    NoHttpHead,
    /// The chunks of the body are broken or end early.
    #[error("the chunks of the body are broken or cut, and no WARC-Truncated says so; fetch the URL again")]
    Chunks,
    /// The fields say that there are chunks, and there are none.
    #[error("the HTTP head announces chunks, but the body has none; rename its Transfer-Encoding")]
    NotChunked,
    /// The body has another length than its Content-Length.
    #[error("the HTTP Content-Length is {declared}, but the body has {actual} bytes; fetch the URL again")]
    ContentLength {
        /// The value of the field.
        declared: u64,
        /// The bytes of the body.
        actual: u64,
    },
    /// Several records in a gzip member.
    #[error("the record shares its gzip member with another, so no index can name it: warcio recompress")]
    SharedMember,
    /// The line ends behind the block are not exact.
    #[error("the record does not end with exactly CR LF CR LF; some readers refuse it: warcio recompress")]
    RecordEnd,
}

impl From<HeadFlaw> for RecordFault {
    fn from(flaw: HeadFlaw) -> Self {
        match flaw {
            HeadFlaw::BareLineEnd => Self::BareLineEnd,
            HeadFlaw::NoColon => Self::NoColon,
            HeadFlaw::NotUtf8 => Self::NotUtf8,
        }
    }
}
