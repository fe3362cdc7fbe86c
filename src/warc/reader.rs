//! Reads the records of a WARC file one after the other.

use std::io::{self, BufRead, Read};

use super::damage::{Damage, WarcError};
use super::head::{HeadFlaw, WarcFields, WarcHead};
use super::stored::StoredRecords;

/// The head of a record, and where the record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarcRecord {
    /// The offset of the record, or of the gzip member that it is in.
    pub offset: u64,
    /// The version, such as `1.1`.
    pub version: String,
    /// The named fields.
    pub fields: WarcFields,
    /// The bytes of the block.
    pub block_length: u64,
    pub(super) flaws: Vec<HeadFlaw>,
}

impl WarcRecord {
    /// The type, such as `response`, in the case of the file.
    pub fn kind(&self) -> &str {
        self.fields.get("WARC-Type").unwrap_or_default()
    }

    /// The WARC-Target-URI without the brackets that some programs write, as WARC 1.0 seems to ask for.
    pub fn target(&self) -> Option<&str> {
        let value = self.fields.get("WARC-Target-URI")?;
        Some(value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value))
    }

    /// Whether the block begins with the head of an HTTP message.
    pub fn has_http_head(&self) -> bool {
        let is_http = |url: &str| {
            let scheme = url.split(':').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        };
        ["response", "request", "revisit"].contains(&self.kind())
            && self.block_length > 0
            && self.target().is_some_and(is_http)
    }
}

/// The end of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordEnd {
    /// The bytes of the record in the file.
    pub stored_length: u64,
    /// The bytes of the line ends behind the block, not compressed.
    pub line_ends: u64,
    /// Whether the record is in a gzip member.
    pub is_gzip: bool,
    /// Whether a gzip member has this record and nothing else. True in a plain file.
    pub is_own_member: bool,
    /// Whether exactly CR LF CR LF follows the block.
    pub is_exact: bool,
}

impl RecordEnd {
    /// The length that an index has. In a plain file it leaves out the line ends behind the block.
    pub fn index_length(&self) -> u64 {
        if self.is_gzip { self.stored_length } else { self.stored_length - self.line_ends }
    }
}

/// Reads records in order. It is a reader of the block of the current record.
///
/// A file that is read from an offset must have a record or a gzip member there.
pub struct WarcReader<R> {
    stored: StoredRecords<R>,
    /// The offset of the current record or of its member.
    offset: u64,
    /// The bytes of the block that are not read yet. `None` between records.
    left: Option<u64>,
    /// How many records of the current gzip member were begun.
    in_member: u64,
}

impl<R: BufRead> WarcReader<R> {
    /// Reads records from an input that is at this offset of its file.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub fn new(input: R, offset: u64) -> Result<Self, WarcError> {
        let stored = StoredRecords::new(input, offset).map_err(|error| WarcError::at(offset, error))?;
        Ok(Self { stored, offset, left: None, in_member: 0 })
    }

    /// The offset of the current record or of its gzip member.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the head of the next record. Skips what is left of the current one.
    ///
    /// # Errors
    /// If the file is damaged or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<WarcRecord>, WarcError> {
        self.finish()?;
        let read = self.read_head();
        let head = read.map_err(|error| WarcError::at(self.offset, error))?;
        Ok(head.map(|(head, block_length)| WarcRecord {
            offset: self.offset,
            version: head.version,
            fields: head.fields,
            block_length,
            flaws: head.flaws,
        }))
    }

    /// Reads the current record to its end. `None` between records.
    ///
    /// # Errors
    /// If the record is damaged or cannot be read.
    pub fn finish(&mut self) -> Result<Option<RecordEnd>, WarcError> {
        if self.left.is_none() {
            return Ok(None);
        }
        let end = self.read_end().map_err(|error| WarcError::at(self.offset, error))?;
        self.left = None;
        Ok(Some(end))
    }

    /// Skips the gzip member of a damaged record. Returns whether the records behind it can be read.
    pub fn skip_damaged(&mut self) -> bool {
        self.left = None;
        let skipped = self.stored.is_in_member() && io::copy(&mut self.stored, &mut io::sink()).is_ok();
        skipped && self.end_member().is_ok_and(|more| !more)
    }

    fn read_head(&mut self) -> io::Result<Option<(WarcHead, u64)>> {
        if self.in_member == 0 {
            self.offset = self.stored.offset();
            if !self.stored.begin()? {
                return Ok(None);
            }
        }
        self.in_member += 1;
        let head = WarcHead::read(&mut self.stored)?;
        let length = head.fields.get("Content-Length").and_then(|length| length.parse().ok());
        let length = length.ok_or(Damage::NoLength)?;
        self.left = Some(length);
        Ok(Some((head, length)))
    }

    fn read_end(&mut self) -> io::Result<RecordEnd> {
        io::copy(self, &mut io::sink())?;
        let (mut seen, mut is_exact) = (0_u64, true);
        while let Some(&byte) = self.stored.fill_buf()?.first() {
            let expected = if seen % 2 == 0 { b'\r' } else { b'\n' };
            if !matches!(byte, b'\r' | b'\n') {
                break;
            }
            is_exact &= byte == expected && seen < 4;
            self.stored.consume(1);
            seen += 1;
        }
        let had = self.in_member;
        let more = self.end_member()?;
        let is_next = self.stored.fill_buf()?.first() == Some(&b'W');
        let is_end = !more && (self.stored.is_gzip() || self.stored.fill_buf()?.is_empty());
        if !is_end && (seen == 0 || !is_next) {
            return Err(Damage::WrongEnd.into());
        }
        let (stored_length, is_gzip) = (self.stored.offset() - self.offset, self.stored.is_gzip());
        let (is_own_member, is_exact) = (had == 1 && !more, is_exact && seen == 4);
        Ok(RecordEnd { stored_length, line_ends: seen, is_gzip, is_own_member, is_exact })
    }

    /// Leaves a gzip member that was read to its end. Returns whether it has more.
    fn end_member(&mut self) -> io::Result<bool> {
        let more = self.stored.end()?;
        if !more {
            self.in_member = 0;
        }
        Ok(more)
    }
}

impl<R: BufRead> BufRead for WarcReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.left.unwrap_or(0);
        if left == 0 {
            return Ok(&[]);
        }
        let is_gzip = self.stored.is_gzip();
        let bytes = self.stored.fill_buf()?;
        if bytes.is_empty() {
            return Err(if is_gzip { Damage::MemberEnds } else { Damage::BlockCut(left) }.into());
        }
        let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        Ok(&bytes[..length])
    }

    fn consume(&mut self, length: usize) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(length as u64);
        }
        self.stored.consume(length);
    }
}

impl<R: BufRead> Read for WarcReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}
