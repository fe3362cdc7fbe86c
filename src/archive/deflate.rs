//! Gzip members (RFC 1952), made in one go or from two parts.
//!
//! The header of a record has the digest and the length of its block, so it is known last, but comes first. A long
//! body is compressed while it streams. At the end the header is compressed on its own, up to a byte boundary, and
//! put before it. Both parts are blocks of one deflate stream (RFC 1951): the second refers to no byte of the first.
//! The checksum of both follows from theirs.

use std::io;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Deflate, without a time, from an unknown system.
pub(super) const MEMBER_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// The level of zlib for responses: a better one costs more time than the bytes are worth.
const LEVEL: Compression = Compression::new(6);

/// The level for records without a payload. Most are shorter than 1 KiB and shrink hardly more at a better one.
const SHORT_LEVEL: Compression = Compression::new(1);

/// The room for output that is made at once.
const ROOM: usize = 16 * 1024;

/// The room for the parts of a member that do not shrink.
const ROOM_OF_MEMBER: usize = 512;

/// One deflate stream at a time. Its tables are large, so it is used again.
pub(super) struct Deflater {
    stream: Compress,
    /// Made for the first short record.
    short: Option<Compress>,
}

impl Deflater {
    pub(super) fn new() -> Self {
        Self { stream: Compress::new(LEVEL, false), short: None }
    }

    /// Begins another stream.
    pub(super) fn reset(&mut self) {
        self.stream.reset();
    }

    /// Compresses bytes without ending the stream.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        run(&mut self.stream, bytes, FlushCompress::None, out)
    }

    /// Ends a block at a byte boundary.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        run(&mut self.stream, &[], FlushCompress::Sync, out)
    }

    /// Ends the stream.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        run(&mut self.stream, &[], FlushCompress::Finish, out)
    }

    /// Makes a whole member of these pieces.
    pub(super) fn member(&mut self, pieces: &[&[u8]]) -> io::Result<Vec<u8>> {
        member(&mut self.stream, pieces)
    }

    /// As [`Deflater::member`], for pieces without a payload.
    pub(super) fn short_member(&mut self, pieces: &[&[u8]]) -> io::Result<Vec<u8>> {
        member(self.short.get_or_insert_with(|| Compress::new(SHORT_LEVEL, false)), pieces)
    }

    /// Begins a member with these pieces. The rest of its stream is compressed apart, and `crc` gets the sum of both.
    pub(super) fn member_start(&mut self, pieces: &[&[u8]], crc: &mut Crc) -> io::Result<Vec<u8>> {
        self.reset();
        let (mut out, mut sum) = (MEMBER_HEADER.to_vec(), Crc::new());
        for piece in pieces {
            sum.update(piece);
            self.push(piece, &mut out)?;
        }
        self.flush(&mut out)?;
        sum.combine(crc);
        *crc = sum;
        Ok(out)
    }
}

fn member(stream: &mut Compress, pieces: &[&[u8]]) -> io::Result<Vec<u8>> {
    stream.reset();
    let mut out = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum::<usize>() / 2 + ROOM_OF_MEMBER);
    out.extend_from_slice(&MEMBER_HEADER);
    let mut crc = Crc::new();
    for piece in pieces {
        crc.update(piece);
        run(stream, piece, FlushCompress::None, &mut out)?;
    }
    run(stream, &[], FlushCompress::Finish, &mut out)?;
    out.extend_from_slice(&member_end(&crc));
    Ok(out)
}

fn run(stream: &mut Compress, mut bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> io::Result<()> {
    loop {
        out.reserve(ROOM.min(bytes.len() + 256));
        let before = stream.total_in();
        let status = stream.compress_vec(bytes, out, flush).map_err(io::Error::other)?;
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(bytes.len());
        bytes = &bytes[taken..];
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            // Room that is left means that nothing is held back.
            FlushCompress::None => bytes.is_empty(),
            _ => bytes.is_empty() && out.len() < out.capacity(),
        };
        if is_done {
            return Ok(());
        }
    }
}

/// Returns the end of a member: the checksum and the length of its bytes.
pub(super) fn member_end(crc: &Crc) -> [u8; 8] {
    let mut end = [0; 8];
    end[..4].copy_from_slice(&crc.sum().to_le_bytes());
    end[4..].copy_from_slice(&crc.amount().to_le_bytes());
    end
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn unpacked(member: &[u8]) -> Vec<u8> {
        let (mut decoder, mut bytes) = (GzDecoder::new(member), Vec::new());
        decoder.read_to_end(&mut bytes).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing is behind the member");
        bytes
    }

    proptest! {
        #[test]
        fn member_of_two_parts_is_one_member(
            head in proptest::collection::vec(any::<u8>(), 0..3000),
            body in proptest::collection::vec(0..4_u8, 0..200_000),
        ) {
            let (mut deflater, mut other) = (Deflater::new(), Deflater::new());
            let (mut rest, mut crc) = (Vec::new(), Crc::new());
            for piece in body.chunks(30_011) {
                crc.update(piece);
                deflater.push(piece, &mut rest).unwrap();
            }
            deflater.end(&mut rest).unwrap();
            let mut member = other.member_start(&[&head], &mut crc).unwrap();
            member.extend_from_slice(&rest);
            member.extend_from_slice(&member_end(&crc));
            let all = [head.as_slice(), &body].concat();
            prop_assert_eq!(&unpacked(&member), &all);
            prop_assert_eq!(&unpacked(&other.member(&[&head, &body]).unwrap()), &all);
            prop_assert_eq!(&unpacked(&other.short_member(&[&head, &body]).unwrap()), &all);
        }
    }
}
