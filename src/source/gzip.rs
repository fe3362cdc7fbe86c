//! gzip files (RFC 1952): members one after the other, and zeros behind the last one.
//!
//! Tapes and block devices fill a file up with zeros, and gzip(1) ignores them.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// The unpacked bytes of all members.
pub(super) struct Gzip<R> {
    state: GzipState<R>,
}

enum GzipState<R> {
    Member(Box<GzDecoder<BufReader<R>>>),
    /// Between two members, or behind the last one.
    Behind(BufReader<R>),
    End,
}

impl<R: Read> Gzip<R> {
    pub fn new(packed: R) -> Self {
        Self { state: GzipState::Member(Box::new(GzDecoder::new(BufReader::new(packed)))) }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match std::mem::replace(&mut self.state, GzipState::End) {
                GzipState::Member(mut member) => match member.read(buf) {
                    Ok(0) if !buf.is_empty() => GzipState::Behind(member.into_inner()),
                    read => {
                        self.state = GzipState::Member(member);
                        return read;
                    }
                },
                GzipState::Behind(mut rest) => match rest.fill_buf()?.first() {
                    None => GzipState::End,
                    Some(0) => {
                        skip_zeros(&mut rest)?;
                        GzipState::End
                    }
                    Some(_) => GzipState::Member(Box::new(GzDecoder::new(rest))),
                },
                GzipState::End => return Ok(0),
            };
        }
    }
}

/// Reads to the end; only zeros may follow the data.
fn skip_zeros(rest: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = rest.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        if piece.iter().any(|&byte| byte != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the zeros behind its end"));
        }
        let length = piece.len();
        rest.consume(length);
    }
}
