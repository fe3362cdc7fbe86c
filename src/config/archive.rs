//! The settings of an archive.

use std::path::PathBuf;

use crate::model::{ArchiveDigest, RecordEncoding};

/// The length beyond which another file begins: the usual one of web archives.
const MAX_SIZE: u64 = 1 << 30;

/// The settings of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// `warc-file`: the path of the files, without the number and the end of their names.
    pub file: Option<PathBuf>,
    /// `warc-max-size`: the length beyond which another file begins.
    pub max_size: Option<u64>,
    /// `warc-header`: fields of the warcinfo record, as `Name: value`.
    pub header: Vec<String>,
    /// `warc-compression`: the form of the records.
    pub compression: RecordEncoding,
    /// `warc-digest`: the digest of blocks and payloads.
    pub digest: ArchiveDigest,
    /// `warc-cdx`: whether each file gets an index at the end of the run.
    pub cdx: bool,
    /// `warc-outlinks`: whether the metadata record of a page has its links.
    pub outlinks: bool,
    /// `wacz`: the package of all files, made at the end of the run.
    pub wacz: Option<PathBuf>,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            file: None,
            max_size: Some(MAX_SIZE),
            header: Vec::new(),
            compression: RecordEncoding::Gzip,
            digest: ArchiveDigest::Sha1,
            cdx: false,
            outlinks: false,
            wacz: None,
        }
    }
}
