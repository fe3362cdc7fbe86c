//! The payload of a response: held in memory while it is short, else compressed while it arrives.

use std::io::{self, Read, Write as _};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use tempfile::NamedTempFile;

use super::deflate::{Deflater, member_end};
use super::digest::RecordHasher;
use super::files::ArchiveFiles;
use super::group::RecordPart;
use super::record::RECORD_END;
use crate::model::ArchiveDigest;

/// The longest payload that is kept as it is until its end, and how much of a longer one is compressed at once.
pub(super) const SHORT: usize = 128 * 1024;

/// A payload that is too long to be held in memory.
pub(super) struct LongBody {
    /// `None` where records are not compressed.
    deflater: Option<Deflater>,
    crc: Crc,
    payload: RecordHasher,
    /// The digest of the head and the payload so far, if the head is known.
    block: Option<RecordHasher>,
    length: u64,
    /// The bytes of the record so far: those in the file, then those in memory. Most texts need no file.
    file: Option<NamedTempFile>,
    in_file: u64,
    memory: Vec<u8>,
}

/// The facts of a whole payload.
pub(super) struct PayloadFacts {
    pub(super) length: u64,
    pub(super) payload: String,
    pub(super) block: String,
}

impl LongBody {
    /// Begins a payload. `head` is the head before it, if that does not depend on the length.
    pub(super) fn new(is_packed: bool, kind: ArchiveDigest, head: Option<&[u8]>) -> Self {
        let block = head.map(|head| {
            let mut block = RecordHasher::new(kind);
            block.update(head);
            block
        });
        Self {
            deflater: is_packed.then(Deflater::new),
            crc: Crc::new(),
            payload: RecordHasher::new(kind),
            block,
            length: 0,
            file: None,
            in_file: 0,
            memory: Vec::new(),
        }
    }

    /// Takes a piece of the payload. The rest goes to a temporary file of `files`.
    pub(super) fn take(&mut self, bytes: &[u8], files: &ArchiveFiles) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.payload.update(bytes);
        if let Some(block) = &mut self.block {
            block.update(bytes);
        }
        self.pack(bytes)?;
        if self.memory.len() < SHORT {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(files.temporary()?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
            self.in_file += self.memory.len() as u64;
            self.memory.clear();
        }
        Ok(())
    }

    /// Adds bytes to the record.
    fn pack(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.deflater {
            Some(deflater) => {
                self.crc.update(bytes);
                deflater.push(bytes, &mut self.memory)
            }
            None => {
                self.memory.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Ends the payload behind a head of `head` bytes, made once the length is known.
    pub(super) fn end(
        &mut self,
        kind: ArchiveDigest,
        head: impl FnOnce(u64) -> Vec<u8>,
    ) -> io::Result<(Vec<u8>, PayloadFacts)> {
        self.pack(RECORD_END)?;
        if let Some(deflater) = &mut self.deflater {
            deflater.end(&mut self.memory)?;
        }
        let head = head(self.length);
        let block = match self.block.take() {
            Some(block) => block,
            None => self.block_again(kind, &head)?,
        };
        let facts = PayloadFacts { length: self.length, payload: self.payload.clone().label(), block: block.label() };
        Ok((head, facts))
    }

    /// Computes the digest of the block from the bytes of the record: its head was not known before.
    fn block_again(&self, kind: ArchiveDigest, head: &[u8]) -> io::Result<RecordHasher> {
        let mut hasher = RecordHasher::new(kind);
        hasher.update(head);
        let file = self.file.as_ref().map(NamedTempFile::reopen).transpose()?;
        let file: Box<dyn Read> = file.map_or_else(|| Box::new(io::empty()) as _, |file| Box::new(file) as _);
        let record = file.chain(&*self.memory);
        let mut payload: Box<dyn Read + '_> = match self.deflater {
            Some(_) => Box::new(DeflateDecoder::new(record).take(self.length)),
            None => Box::new(record.take(self.length)),
        };
        let (mut buffer, mut left) = (vec![0; 64 * 1024], self.length);
        while left > 0 {
            let read = payload.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..read]);
            left -= read as u64;
        }
        Ok(hasher)
    }

    /// Returns the parts of the record, whose header and head are these pieces.
    pub(super) fn into_parts(mut self, deflater: &mut Deflater, pieces: &[&[u8]]) -> io::Result<Vec<RecordPart>> {
        let start = if self.deflater.is_some() {
            let start = deflater.member_start(pieces, &mut self.crc)?;
            self.memory.extend_from_slice(&member_end(&self.crc));
            start
        } else {
            pieces.concat()
        };
        let file = self.file.map(|file| RecordPart::File(file.into_temp_path(), self.in_file));
        let parts = [Some(RecordPart::Memory(start)), file, Some(RecordPart::Memory(self.memory))];
        Ok(parts.into_iter().flatten().collect())
    }
}
