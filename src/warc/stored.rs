//! The bytes of a WARC file: plain, or in gzip members.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::damage::Damage;

/// The buffer between a decoder and its reader, in bytes.
const UNPACKED: usize = 16 * 1024;

/// The buffer of a member.
type Member<R> = BufReader<GzDecoder<CountedInput<R>>>;

/// A WARC file. Within a gzip member it ends with the member.
pub(super) struct StoredRecords<R> {
    state: StoredState<R>,
}

enum StoredState<R> {
    Plain(CountedInput<R>),
    Between(CountedInput<R>),
    Member(Box<Member<R>>),
    /// While the state changes.
    Moved,
}

impl<R: BufRead> StoredRecords<R> {
    /// Finds out how the records are stored. The input is at this offset of its file.
    pub(super) fn new(input: R, offset: u64) -> io::Result<Self> {
        let mut input = CountedInput { input, offset };
        let first = input.fill_buf()?;
        if first.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) || first.get(1..4) == Some(&[0x2A, 0x4D, 0x18]) {
            return Err(Damage::Zstd.into());
        }
        if first.starts_with(b"PK\x03\x04") {
            return Err(Damage::Zip.into());
        }
        let is_gzip = first.starts_with(&[0x1F]);
        Ok(Self { state: if is_gzip { StoredState::Between(input) } else { StoredState::Plain(input) } })
    }

    /// Returns whether the file has gzip members.
    pub(super) fn is_gzip(&self) -> bool {
        !matches!(self.state, StoredState::Plain(_))
    }

    /// Returns whether a gzip member was begun and not left.
    pub(super) fn is_in_member(&self) -> bool {
        matches!(self.state, StoredState::Member(_))
    }

    /// The offset of the next byte of the file. Only exact outside of members.
    pub(super) fn offset(&self) -> u64 {
        match &self.state {
            StoredState::Plain(input) | StoredState::Between(input) => input.offset,
            StoredState::Member(member) => member.get_ref().get_ref().offset,
            StoredState::Moved => 0,
        }
    }

    /// Begins the next member of a gzip file. Returns whether there are more bytes.
    pub(super) fn begin(&mut self) -> io::Result<bool> {
        self.state = match std::mem::replace(&mut self.state, StoredState::Moved) {
            StoredState::Between(mut input) => match input.fill_buf().map(|bytes| bytes.first().copied()) {
                Ok(Some(0x1F)) => {
                    StoredState::Member(Box::new(BufReader::with_capacity(UNPACKED, GzDecoder::new(input))))
                }
                first => {
                    self.state = StoredState::Between(input);
                    return match first? {
                        None => Ok(false),
                        Some(_) => Err(Damage::NotAMember.into()),
                    };
                }
            },
            state => state,
        };
        Ok(self.is_in_member() || !self.fill_buf()?.is_empty())
    }

    /// Leaves the member if all of it was read. Returns whether bytes of it are left.
    pub(super) fn end(&mut self) -> io::Result<bool> {
        if !self.is_in_member() {
            return Ok(false);
        }
        if !self.fill_buf()?.is_empty() {
            return Ok(true);
        }
        self.state = match std::mem::replace(&mut self.state, StoredState::Moved) {
            StoredState::Member(member) => StoredState::Between(member.into_inner().into_inner()),
            state => state,
        };
        Ok(false)
    }
}

impl<R: BufRead> BufRead for StoredRecords<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.state {
            StoredState::Plain(input) => input.fill_buf(),
            StoredState::Member(member) => member.fill_buf().map_err(Damage::of_member),
            StoredState::Between(_) | StoredState::Moved => Ok(&[]),
        }
    }

    fn consume(&mut self, length: usize) {
        match &mut self.state {
            StoredState::Plain(input) => input.consume(length),
            StoredState::Member(member) => member.consume(length),
            StoredState::Between(_) | StoredState::Moved => {}
        }
    }
}

impl<R: BufRead> Read for StoredRecords<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}

/// Counts the bytes that its reader takes.
struct CountedInput<R> {
    input: R,
    offset: u64,
}

impl<R: BufRead> BufRead for CountedInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.offset += length as u64;
        self.input.consume(length);
    }
}

impl<R: BufRead> Read for CountedInput<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}
