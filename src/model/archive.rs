//! The forms of an archive.

use std::sync::Arc;

/// The digest of the records of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArchiveDigest {
    /// SHA-1, which every archive tool knows.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The form of the records in a file of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecordEncoding {
    /// Each record is a gzip member of its own (RFC 1952).
    #[default]
    Gzip,
    /// As they are.
    None,
}

/// How far an archive is written: the number of its file, and the length of that up to its last whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivePosition {
    /// The number in the name of the file.
    pub file: u32,
    /// The length.
    pub length: u64,
}

/// The place of a record in the files of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLocation {
    /// The path of its file, under the name that the file has when it is closed.
    pub file: Arc<str>,
    /// The offset of its first byte, or of its gzip member.
    pub offset: u64,
    /// The length in the file.
    pub length: u64,
}

/// The files of an archive at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// The closed files that this run has written to, in order.
    pub files: Vec<String>,
    /// The indexes that this run has made.
    pub indexes: Vec<String>,
    /// The package that it has made.
    pub package: Option<String>,
}

/// The records of an exchange in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivedRecords {
    /// The archive of this process holds them under this number until the outcome is final.
    Held(u64),
    /// They are written. This is the place of the response or revisit.
    Written(RecordLocation),
}

/// A response in an archive, which records of the same payload refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedPayload {
    /// The WARC-Payload-Digest.
    pub digest: Box<str>,
    /// The WARC-Target-URI.
    pub target: Box<str>,
    /// The WARC-Date.
    pub date: Box<str>,
}

/// The progress of an archive that a state records with some outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveProgress {
    /// How far the archive is written. It has the records of these outcomes.
    pub position: ArchivePosition,
    /// The payloads that are new in it.
    pub payloads: Vec<ArchivedPayload>,
}
