//! The bytes of a list, unpacked: gzip and zstd are known by their first bytes.

use std::io::{self, Cursor, Read};

use super::NotAList;
use super::gzip::Gzip;
use super::magic::{self, Magic};
use super::open::InputBytes;

/// The size of one read, in bytes, while the kind of the data is unknown.
const PIECE: usize = 4096;
/// The most bytes unpacked by one read. A corrupt place costs the unpacked bytes before it that the
/// same read would have returned, so it is small.
const UNPACKED: usize = 2048;
/// The base-2 logarithm of the largest zstd window: 128 MiB, as for the zstd program.
const WINDOW_LOG: u32 = 27;

type Packed = io::Chain<Cursor<Vec<u8>>, InputBytes>;

enum InputStream {
    Plain(InputBytes),
    Gzip(Gzip<Packed>),
    Zstd(Box<zstd::stream::read::Decoder<'static, io::BufReader<Packed>>>),
    /// A decoder could not be made.
    Closed,
}

/// The unpacked bytes of one input. A file that is known to hold no list is an error of the first read.
pub(super) struct Unpacked {
    name: String,
    stream: InputStream,
    /// Bytes that were read and not yet handed out.
    head: Vec<u8>,
    handed: usize,
    decided: bool,
}

impl Unpacked {
    /// `name` is the list's name in messages.
    pub fn new(feed: InputBytes, name: &str) -> Self {
        Self { name: name.to_owned(), stream: InputStream::Plain(feed), head: Vec::new(), handed: 0, decided: false }
    }

    /// Reads until the kind of the data is known, through at most one compression.
    fn decide(&mut self) -> io::Result<()> {
        loop {
            let eof = self.read_head()? == 0;
            match magic::look(&self.head, &self.name, eof) {
                Magic::Undecided if self.head.len() < magic::ENOUGH => {}
                Magic::Undecided | Magic::Unknown => break,
                Magic::NotAList(what) => return Err(NotAList::from(what).into()),
                Magic::Gzip | Magic::Zstd if !matches!(self.stream, InputStream::Plain(_)) => {
                    return Err(NotAList::from("compressed twice; unpack it once".to_owned()).into());
                }
                kind => self.unpack(&kind)?,
            }
        }
        self.decided = true;
        Ok(())
    }

    fn unpack(&mut self, kind: &Magic) -> io::Result<()> {
        let head = Cursor::new(std::mem::take(&mut self.head));
        let InputStream::Plain(feed) = std::mem::replace(&mut self.stream, InputStream::Closed) else { return Ok(()) };
        let packed = head.chain(feed);
        self.stream = if *kind == Magic::Gzip {
            InputStream::Gzip(Gzip::new(packed))
        } else {
            let mut decoder = zstd::stream::read::Decoder::new(packed)?;
            decoder.window_log_max(WINDOW_LOG)?;
            InputStream::Zstd(Box::new(decoder))
        };
        Ok(())
    }

    fn read_head(&mut self) -> io::Result<usize> {
        let begin = self.head.len();
        self.head.resize(begin + PIECE, 0);
        let read = self.stream.read(&mut self.head[begin..]);
        self.head.truncate(begin + *read.as_ref().unwrap_or(&0));
        read
    }
}

impl Read for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.decided {
            self.decide()?;
        }
        if self.handed == self.head.len() {
            return self.stream.read(buf);
        }
        let read = (&self.head[self.handed..]).read(buf)?;
        self.handed += read;
        if self.handed == self.head.len() {
            (self.head, self.handed) = (Vec::new(), 0);
        }
        Ok(read)
    }
}

impl Read for InputStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(UNPACKED);
        match self {
            InputStream::Plain(feed) => feed.read(buf),
            InputStream::Gzip(decoder) => decoder.read(&mut buf[..most]).map_err(|error| explain("gzip", error)),
            InputStream::Zstd(decoder) => decoder.read(&mut buf[..most]).map_err(|error| explain("zstd", error)),
            InputStream::Closed => Ok(0),
        }
    }
}

/// Describes a decoder's error for damaged data, with advice. Errors of the input itself stay as they are.
fn explain(format: &str, error: io::Error) -> io::Error {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    match error.kind() {
        UnexpectedEof => {
            io::Error::new(UnexpectedEof, format!("the {format} data ends too early; get the whole list again"))
        }
        // The zstd decoder has no kind of its own for corrupt data.
        Other if format == "zstd" && error.raw_os_error().is_none() => corrupt(format, &error),
        InvalidInput | InvalidData => corrupt(format, &error),
        _ => error,
    }
}

fn corrupt(format: &str, error: &io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the {format} data is corrupt ({error}); get the list again"))
}
