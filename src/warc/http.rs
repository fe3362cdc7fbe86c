//! The HTTP message in the block of a record: its head, and the payload behind it.

use std::io::{self, BufRead, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most bytes of the head of a message. Servers send less, and writers keep what they sent.
const MOST_HEAD: u64 = 1024 * 1024;

/// The most bytes of a line between chunks.
const MOST_CHUNK_LINE: u64 = 64 * 1024;

/// The largest window of zstd is 2 to this power (RFC 9659, section 3).
const ZSTD_WINDOW_LOG: u32 = 23;

/// The head of an HTTP message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredHttpHead {
    /// The status line, or the request line.
    pub start_line: String,
    /// The fields in order.
    pub fields: Vec<(String, String)>,
}

/// The flaws of a message that no decoder can pass over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFlaw {
    /// The block does not begin with the head of an HTTP message.
    #[error("the block has no HTTP head")]
    NoHead,
    /// The chunks of the chunked coding are broken or have no end.
    #[error("the chunks of the body are broken or cut")]
    Chunks,
    /// The content coding is unknown.
    #[error("the content coding `{0}` cannot be decoded")]
    Coding(String),
}

impl From<HttpFlaw> for io::Error {
    fn from(flaw: HttpFlaw) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, flaw)
    }
}

/// Returns the flaw of the message that an error has, if it has one.
pub(super) fn flaw_of(error: &io::Error) -> Option<&HttpFlaw> {
    error.get_ref()?.downcast_ref()
}

impl StoredHttpHead {
    /// Reads a head to its empty line. A head without one ends with the block.
    pub(super) fn read(block: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = block.take(MOST_HEAD);
        let (mut line, mut head) = (Vec::new(), Self::default());
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)?;
            let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
            let text = line.trim_ascii_end();
            if text.is_empty() {
                break if length == 0 && lines.limit() == 0 || head.start_line.is_empty() {
                    Err(HttpFlaw::NoHead.into())
                } else {
                    Ok(head)
                };
            }
            let text: String = match std::str::from_utf8(text) {
                Ok(text) => text.to_owned(),
                Err(_) => text.iter().copied().map(char::from).collect(),
            };
            if head.start_line.is_empty() {
                head.start_line = text;
                if !head.is_http() {
                    return Err(HttpFlaw::NoHead.into());
                }
            } else if let Some((_, value)) = head.fields.last_mut().filter(|_| is_folded) {
                value.push(' ');
                value.push_str(text.trim());
            } else if let Some((name, value)) = text.split_once(':') {
                head.fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        let mut words = self.start_line.strip_prefix("HTTP/")?.split_ascii_whitespace();
        words.nth(1)?.parse().ok()
    }

    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Whether the fields say that the body is in chunks.
    pub fn is_chunked(&self) -> bool {
        let last = |value: &str| value.rsplit(',').next().unwrap_or_default().trim().eq_ignore_ascii_case("chunked");
        self.get("Transfer-Encoding").is_some_and(last)
    }

    /// The content codings, first applied first.
    pub(super) fn codings(&self) -> Vec<String> {
        let fields = self.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Encoding"));
        let names = fields.flat_map(|(_, value)| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty() && name != "identity").collect()
    }

    fn is_http(&self) -> bool {
        let version = |word: &str| word.starts_with("HTTP/");
        version(&self.start_line) || self.start_line.rsplit(' ').next().is_some_and(version)
    }
}

/// Whether a body begins with a chunk. Some programs store decoded chunks under the fields of the server.
pub(super) fn begins_with_chunk(body: &mut impl BufRead) -> io::Result<bool> {
    let bytes = body.fill_buf()?;
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    Ok((1..=16).contains(&digits) && matches!(bytes.get(digits), None | Some(b'\r' | b'\n' | b';' | b' ' | b'\t')))
}

/// The content of a body in chunks (RFC 9112, section 7.1). Trailers are not a part of it.
pub(super) struct ChunkedContent<R> {
    body: R,
    left: u64,
    state: ChunkedState,
}

#[derive(PartialEq, Eq)]
enum ChunkedState {
    First,
    Chunk,
    End,
}

impl<R: BufRead> ChunkedContent<R> {
    pub(super) fn new(body: R) -> Self {
        Self { body, left: 0, state: ChunkedState::First }
    }

    /// Reads a line between chunks.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.body.by_ref().take(MOST_CHUNK_LINE).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(HttpFlaw::Chunks.into());
        }
        Ok(line)
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.state == ChunkedState::Chunk && !self.line()?.trim_ascii().is_empty() {
            return Err(HttpFlaw::Chunks.into());
        }
        let line = self.line()?;
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()));
        self.left = size.and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or(HttpFlaw::Chunks)?;
        self.state = ChunkedState::Chunk;
        if self.left == 0 {
            while !self.line()?.trim_ascii().is_empty() {}
            self.state = ChunkedState::End;
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for ChunkedContent<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 && self.state != ChunkedState::End {
            self.next_chunk()?;
        }
        if self.left == 0 {
            return Ok(&[]);
        }
        let bytes = self.body.fill_buf()?;
        if bytes.is_empty() {
            return Err(HttpFlaw::Chunks.into());
        }
        let length = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        Ok(&bytes[..length])
    }

    fn consume(&mut self, length: usize) {
        self.left = self.left.saturating_sub(length as u64);
        self.body.consume(length);
    }
}

impl<R: BufRead> Read for ChunkedContent<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}

/// Decodes the content codings of a payload.
///
/// # Errors
/// If a coding is unknown, or a decoder cannot begin.
pub(super) fn decoded<'a>(payload: Box<dyn BufRead + 'a>, codings: &[String]) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut content = payload;
    for coding in codings.iter().rev() {
        let decoder: Box<dyn Read + 'a> = match &**coding {
            "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(content)),
            "deflate" if begins_with_zlib(&mut content)? => Box::new(ZlibDecoder::new(content)),
            "deflate" => Box::new(DeflateDecoder::new(content)),
            "br" => Box::new(brotli::Decompressor::new(content, 16 * 1024)),
            "zstd" => {
                let mut decoder = zstd::Decoder::with_buffer(content)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            other => return Err(HttpFlaw::Coding(other.to_owned()).into()),
        };
        content = Box::new(io::BufReader::new(decoder));
    }
    Ok(content)
}

/// Whether a body has the header of RFC 1950. Some servers send the bare stream of RFC 1951.
fn begins_with_zlib(body: &mut impl BufRead) -> io::Result<bool> {
    let bytes = body.fill_buf()?;
    let is_checked = |flags: u8| (u16::from(bytes[0]) << 8 | u16::from(flags)) % 31 == 0;
    Ok(bytes.first().is_some_and(|first| first & 0x0F == 8) && bytes.get(1).is_none_or(|flags| is_checked(*flags)))
}
