//! The bytes of a list, unpacked: gzip is known by its first bytes.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::open::Feed;

/// The most bytes unpacked by one read. A corrupt place costs the unpacked bytes before it that the
/// same read would have returned, so it is small.
const UNPACKED: usize = 2048;

enum Stream {
    Plain(Feed),
    Gzip(Box<MultiGzDecoder<io::Chain<Cursor<Vec<u8>>, Feed>>>),
    Closed,
}

/// The unpacked bytes of one input.
pub(super) struct Unpacked {
    stream: Stream,
    /// What was read and not yet handed out.
    head: Vec<u8>,
    decided: bool,
}

impl Unpacked {
    pub fn new(feed: Feed, _name: &str) -> Self {
        Self { stream: Stream::Plain(feed), head: Vec::new(), decided: false }
    }

    /// Reads until it is known whether the input is gzip (RFC 1952).
    fn decide(&mut self) -> io::Result<()> {
        const MAGIC: [u8; 2] = [0x1f, 0x8b];
        while let Stream::Plain(feed) = &mut self.stream {
            let mut piece = [0; 4096];
            let read = feed.read(&mut piece)?;
            self.head.extend_from_slice(&piece[..read]);
            if read > 0 && self.head.len() < MAGIC.len() {
                continue;
            }
            if self.head.starts_with(&MAGIC) {
                let head = Cursor::new(std::mem::take(&mut self.head));
                if let Stream::Plain(feed) = std::mem::replace(&mut self.stream, Stream::Closed) {
                    self.stream = Stream::Gzip(Box::new(MultiGzDecoder::new(head.chain(feed))));
                }
            }
            break;
        }
        self.decided = true;
        Ok(())
    }
}

impl Read for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.decided {
            self.decide()?;
        }
        if !self.head.is_empty() {
            let read = (&self.head[..]).read(buf)?;
            self.head.drain(..read);
            return Ok(read);
        }
        match &mut self.stream {
            Stream::Plain(feed) => feed.read(buf),
            Stream::Gzip(decoder) => {
                let most = buf.len().min(UNPACKED);
                decoder.read(&mut buf[..most]).map_err(explain)
            }
            Stream::Closed => Ok(0),
        }
    }
}

/// What the decoder says of damaged data, with advice; errors of the input itself stay as they are.
fn explain(error: io::Error) -> io::Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        UnexpectedEof => io::Error::new(UnexpectedEof, "the gzip data ends too early; get the whole list again"),
        InvalidInput | InvalidData => {
            io::Error::new(InvalidData, format!("the gzip data is corrupt ({error}); get the list again"))
        }
        _ => error,
    }
}
