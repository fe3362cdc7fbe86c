//! Bytes that follow the end of a coding.

use super::coding::Coding;
use crate::model::{ErrorKind, FetchError};

/// The most bytes in a message.
const SHOWN: usize = 16;

/// The number of bytes after which an error need not wait for the last of them.
const LONG: u64 = 64 * 1024;

/// The bytes after the end of a coding: their number, and the first of them for the message.
#[derive(Debug)]
pub(super) struct Trailing {
    /// The number of coded bytes before them.
    end: u64,
    first: Vec<u8>,
    len: u64,
    only_zeros: bool,
}

impl Trailing {
    /// Creates the record of the first bytes after `end`.
    pub(super) fn new(end: u64, bytes: &[u8]) -> Self {
        let mut trailing = Self { end, first: Vec::new(), len: 0, only_zeros: true };
        trailing.add(bytes);
        trailing
    }

    /// Adds further bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = SHOWN - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.len += bytes.len() as u64;
        self.only_zeros &= bytes.iter().all(|&byte| byte == 0);
    }

    /// Returns their number.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are too many to wait for all of them.
    pub(super) fn is_long(&self) -> bool {
        self.len > LONG
    }

    /// Whether all bytes are zeros, the padding of files from tapes and disks.
    pub(super) fn is_padding(&self) -> bool {
        self.only_zeros
    }

    /// Returns a description for messages.
    pub(super) fn found(&self, coding: Coding) -> String {
        let least = if self.is_long() { "at least " } else { "" };
        let (bytes, follow) = if self.len == 1 { ("byte", "follows") } else { ("bytes", "follow") };
        let dots = if self.len > self.first.len() as u64 { " ..." } else { "" };
        let Self { end, first, len, .. } = self;
        let (name, shown) = (coding.name(), show(first));
        format!("{least}{len} {bytes} {follow} the end of the {name} coding, which is at byte {end}: {shown}{dots}")
    }

    /// Returns the error for forbidden trailing bytes.
    pub(super) fn refused(&self, coding: Coding) -> FetchError {
        FetchError::new(ErrorKind::Decode, self.found(coding))
    }
}

/// Returns the first bytes, escaped and in quotes.
pub(super) fn show(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}
