//! The reasons why a WARC file cannot be read on, each with advice.

use std::io;

/// A part of a WARC file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A zstd file.
    #[error("the file is compressed with zstd; decompress it first: zstd -d")]
    Zstd,
    /// A ZIP file, as a WACZ is.
    #[error("the file is a ZIP or WACZ; unzip it first, a WACZ has its WARC files in archive/")]
    Zip,
    /// An ARC file, the format before WARC.
    #[error("the file is ARC, not WARC; convert it first: warcio recompress")]
    Arc,
    /// The bytes between two members are no gzip.
    #[error("no gzip member begins here; cut the file at this offset if nothing of use follows")]
    NotAMember,
    /// The file ends within a gzip member.
    #[error("the file ends within a gzip member; cut the file at this offset to keep the records before it")]
    MemberCut,
    /// A gzip member cannot be decompressed, or has another checksum.
    #[error("the gzip member is damaged ({0}); copy the file again, or fetch the URL again")]
    MemberDamaged(String),
    /// A member ends before its record.
    #[error(
        "the gzip member ends within the record; its Content-Length is wrong, or it has several members: warcio recompress"
    )]
    MemberEnds,
    /// The line is not the first line of a record.
    #[error("no WARC record begins here; the Content-Length of the record before may be wrong")]
    NotARecord,
    /// The head is longer than the limit.
    #[error("the head of the record is longer than {0} bytes; this is not a WARC record")]
    HeadTooLong(u64),
    /// The head has no empty line at its end.
    #[error("the file ends within the head of a record; cut the file at this offset to keep the records before it")]
    HeadCut,
    /// There is no Content-Length that is a number.
    #[error("the record has no valid Content-Length, so its end is unknown; fetch the URL again")]
    NoLength,
    /// The block is shorter than the Content-Length.
    #[error("the file lacks {0} bytes of the record; cut the file at this offset to keep the records before it")]
    BlockCut(u64),
    /// The record does not end with two line ends after its block.
    #[error("other bytes follow the block than CR LF CR LF; the Content-Length of the record is wrong")]
    WrongEnd,
}

impl Damage {
    /// Converts the errors of a gzip decoder. Errors of its input have a code of the system.
    pub(super) fn of_member(error: io::Error) -> io::Error {
        match error.kind() {
            _ if error.raw_os_error().is_some() || error.get_ref().is_some_and(|inner| inner.is::<Self>()) => error,
            io::ErrorKind::UnexpectedEof => Self::MemberCut.into(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::MemberDamaged(error.to_string()).into(),
            _ => error,
        }
    }
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, damage)
    }
}

/// The file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum WarcError {
    /// The record at this offset is damaged.
    #[error("offset {offset}: {damage}")]
    Damaged {
        /// The offset of the record, or of the bytes where a record should begin.
        offset: u64,
        /// The damage.
        damage: Damage,
    },
    /// An error of the file system.
    #[error(transparent)]
    Io(io::Error),
}

impl WarcError {
    /// Names the offset of a record with an error.
    pub(super) fn at(offset: u64, error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
            Some(damage) => Self::Damaged { offset, damage: damage.clone() },
            None => Self::Io(error),
        }
    }
}
