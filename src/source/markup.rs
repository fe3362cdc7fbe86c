//! The text of a document in XML or HTML, with its lines counted and its memory bounded.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::lines::{LineCount, RemainingBytes};

/// How much is read at once.
const BUFFER: usize = 16 * 1024;

/// The progress of reading a document. The parser that owns the document gives no access to it.
#[derive(Debug)]
pub(super) struct ParseProgress {
    line: AtomicU64,
    /// Bytes since the last tag or text was complete.
    pending: AtomicU64,
    /// Whether the document ended within a tag.
    cut: AtomicBool,
}

impl ParseProgress {
    /// The line of the next byte.
    pub fn line(&self) -> u64 {
        self.line.load(Relaxed)
    }

    /// A tag or text is complete.
    pub fn complete(&self) {
        self.pending.store(0, Relaxed);
    }

    /// The document ends within a tag.
    pub fn cut(&self) {
        self.cut.store(true, Relaxed);
    }

    /// Whether the document ended within a tag.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }
}

/// The bytes of a document as UTF-8. Each invalid sequence is replaced by U+FFFD.
pub(super) struct MarkupDocument {
    bytes: RemainingBytes,
    raw: Vec<u8>,
    text: Vec<u8>,
    start: usize,
    /// The most bytes of one tag or text, and of the document.
    longest: u64,
    left: u64,
    line_ends: LineCount,
    progress: Arc<ParseProgress>,
}

impl MarkupDocument {
    /// Begins at this line.
    pub fn new(bytes: RemainingBytes, line: u64, longest: u64, limit: u64) -> Self {
        let (line, pending) = (AtomicU64::new(line), AtomicU64::new(0));
        let progress = Arc::new(ParseProgress { line, pending, cut: AtomicBool::new(false) });
        let line_ends = LineCount::default();
        Self { bytes, raw: Vec::new(), text: Vec::new(), start: 0, longest, left: limit, line_ends, progress }
    }

    /// Returns a handle to the progress, for use while a parser owns the document.
    pub fn progress(&self) -> Arc<ParseProgress> {
        Arc::clone(&self.progress)
    }

    /// Reads once, and puts whole characters into the empty buffer.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.start = 0;
        let cut = self.raw.len();
        self.raw.resize(cut + BUFFER, 0);
        let read = self.bytes.read(&mut self.raw[cut..]);
        self.raw.truncate(cut + *read.as_ref().unwrap_or(&0));
        let read = read? as u64;
        if read > self.left {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the document is longer than its format allows"));
        }
        self.left -= read;
        let mut cut = 0;
        let mut chunks = self.raw.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text.extend_from_slice(chunk.valid().as_bytes());
            let invalid = chunk.invalid();
            let incomplete = chunks.peek().is_none() && read > 0 && is_cut(invalid);
            if incomplete {
                cut = invalid.len();
            } else if !invalid.is_empty() {
                self.text.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
        self.raw.drain(..self.raw.len() - cut);
        Ok(())
    }
}

/// Whether these bytes, which are no character, may be the beginning of one.
fn is_cut(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl Read for MarkupDocument {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for MarkupDocument {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.progress.pending.load(Relaxed) > self.longest {
            let message = format!("line {}: a tag or text longer than {} bytes", self.progress.line(), self.longest);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        while self.start == self.text.len() {
            let before = self.raw.len();
            self.fill()?;
            // Only part of a character came, or the end.
            if self.text.is_empty() && self.raw.len() == before {
                break;
            }
        }
        Ok(&self.text[self.start..])
    }

    fn consume(&mut self, amount: usize) {
        let lines = self.line_ends.count(&self.text[self.start..self.start + amount]);
        self.progress.line.fetch_add(lines, Relaxed);
        self.progress.pending.fetch_add(amount as u64, Relaxed);
        self.start += amount;
    }
}

impl html5gum::Reader for MarkupDocument {
    type Error = io::Error;

    fn read_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill_buf()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    fn try_read_string(&mut self, wanted: &[u8], case_sensitive: bool) -> io::Result<bool> {
        // The wanted text is a few bytes long, and may lie on both sides of the end of the buffer.
        while self.text.len() - self.start < wanted.len() {
            let here = &self.text[self.start..];
            if !same(here, &wanted[..here.len()], case_sensitive) {
                return Ok(false);
            }
            let here = here.to_vec();
            self.fill()?;
            if self.text.is_empty() && self.raw.is_empty() {
                self.text = here;
                return Ok(false);
            }
            self.text.splice(..0, here);
        }
        let found = same(&self.text[self.start..self.start + wanted.len()], wanted, case_sensitive);
        if found {
            self.consume(wanted.len());
        }
        Ok(found)
    }

    fn read_until<'b>(&'b mut self, needle: &[u8], char_buf: &'b mut [u8; 4]) -> io::Result<Option<&'b [u8]>> {
        let here = self.fill_buf()?;
        let Some(&first) = here.first() else { return Ok(None) };
        let length = here.iter().position(|byte| needle.contains(byte)).unwrap_or(here.len());
        if length == 0 {
            self.consume(1);
            char_buf[0] = first;
            return Ok(Some(&char_buf[..1]));
        }
        let start = self.start;
        self.consume(length);
        Ok(Some(&self.text[start..start + length]))
    }
}

fn same(bytes: &[u8], wanted: &[u8], case_sensitive: bool) -> bool {
    if case_sensitive { bytes == wanted } else { bytes.eq_ignore_ascii_case(wanted) }
}
