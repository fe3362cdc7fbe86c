//! The finished records of one exchange, on their way to the file.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::ops::Range;

use tempfile::TempPath;

use super::files::ArchiveFiles;
use crate::model::ArchivedPayload;

/// A part of the bytes of some records.
pub(super) enum RecordPart {
    Memory(Vec<u8>),
    /// A temporary file with so many bytes. It goes with the part.
    File(TempPath, u64),
}

impl RecordPart {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => out.write_all(bytes),
            Self::File(path, length) => {
                let copied = io::copy(&mut File::open(path)?.take(*length), out)?;
                if copied == *length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
        }
    }
}

/// Records that come one after another, with nothing between them.
#[derive(Default)]
pub struct RecordGroup {
    parts: Vec<RecordPart>,
    /// The response among them, if records of the same payload may refer to it.
    payload: Option<ArchivedPayload>,
    /// The bytes of the response.
    response: Range<u64>,
}

impl RecordGroup {
    /// Adds the record of a response or a revisit.
    pub(super) fn push_response(&mut self, parts: impl IntoIterator<Item = RecordPart>) {
        let start = self.len();
        self.push(parts);
        self.response = start..self.len();
    }

    /// Adds a record.
    pub(super) fn push(&mut self, parts: impl IntoIterator<Item = RecordPart>) {
        for part in parts {
            match (self.parts.last_mut(), part) {
                // One write for many short records.
                (Some(RecordPart::Memory(bytes)), RecordPart::Memory(more)) => bytes.extend_from_slice(&more),
                (_, part) => self.parts.push(part),
            }
        }
    }

    /// Lets records of the same payload refer to the response of this group.
    pub(super) fn set_payload(&mut self, payload: Option<ArchivedPayload>) {
        self.payload = payload;
    }

    /// The response to which records of the same payload may refer.
    pub(super) fn into_payload(self) -> Option<ArchivedPayload> {
        self.payload
    }

    /// The bytes of the response.
    pub(super) fn response(&self) -> Range<u64> {
        self.response.clone()
    }

    /// The length of all records.
    pub(super) fn len(&self) -> u64 {
        self.parts.iter().map(RecordPart::len).sum()
    }

    /// The bytes that are in memory.
    pub(super) fn memory(&self) -> usize {
        self.parts.iter().map(|part| if let RecordPart::Memory(bytes) = part { bytes.len() } else { 0 }).sum()
    }

    /// Appends all records to `out` if they are in memory. Returns whether they are.
    pub(super) fn copy_to(&self, out: &mut Vec<u8>) -> bool {
        let parts = self.parts.iter().map(|part| if let RecordPart::Memory(bytes) = part { Some(bytes) } else { None });
        let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return false };
        parts.into_iter().for_each(|bytes| out.extend_from_slice(bytes));
        true
    }

    /// Writes all records.
    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| part.write_to(out))
    }

    /// Moves the bytes in memory to a temporary file.
    pub(super) fn spill(&mut self, files: &ArchiveFiles) -> io::Result<()> {
        let mut file = files.temporary()?;
        self.write_to(&mut file)?;
        self.parts = vec![RecordPart::File(file.into_temp_path(), self.len())];
        Ok(())
    }
}
