//! The forms of an archive.

/// The digest of the records of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DigestKind {
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
