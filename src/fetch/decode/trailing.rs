//! Bytes that follow the end of a coding.

use super::coding::Coding;
use crate::model::{ErrorKind, FetchError};

/// The most bytes that a message shows.
const SHOWN: usize = 16;

/// Beyond so many bytes an error need not wait for the last of them.
const LONG: u64 = 64 * 1024;

/// The bytes after the end of a coding: counted, and the first of them kept for the message.
#[derive(Debug)]
pub(super) struct Trailing {
    /// How many coded bytes come before.
    end: u64,
    first: Vec<u8>,
    len: u64,
    only_zeros: bool,
}

impl Trailing {
    /// These bytes follow the end.
    pub(super) fn new(end: u64, bytes: &[u8]) -> Self {
        let mut trailing = Self { end, first: Vec::new(), len: 0, only_zeros: true };
        trailing.add(bytes);
        trailing
    }

    /// These bytes follow too.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = SHOWN - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.len += bytes.len() as u64;
        self.only_zeros &= bytes.iter().all(|&byte| byte == 0);
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are too many to wait for all of them.
    pub(super) fn is_long(&self) -> bool {
        self.len > LONG
    }

    /// Whether all are zeros: files from tapes and disks are padded so.
    pub(super) fn is_padding(&self) -> bool {
        self.only_zeros
    }

    /// Says what was found.
    pub(super) fn found(&self, coding: Coding) -> String {
        let least = if self.is_long() { "at least " } else { "" };
        let (bytes, follow) = if self.len == 1 { ("byte", "follows") } else { ("bytes", "follow") };
        let dots = if self.len > self.first.len() as u64 { " ..." } else { "" };
        let Self { end, first, len, .. } = self;
        let (name, shown) = (coding.name(), show(first));
        format!("{least}{len} {bytes} {follow} the end of the {name} coding, which is at byte {end}: {shown}{dots}")
    }

    /// The error where none may follow.
    pub(super) fn refused(&self, coding: Coding) -> FetchError {
        FetchError::new(ErrorKind::Decode, self.found(coding))
    }
}

/// The first bytes of a text or what else it is, escaped and in quotes.
pub(super) fn show(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}
