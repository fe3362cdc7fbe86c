//! Splits text into lines, with bounded memory. A line ends at LF, CR LF or CR, even if a list mixes them.

use std::io::{self, Cursor, Read};

use encoding_rs::Encoding;

use super::cells::CsvScan;
use super::encoding::Decoded;
use super::warc_urls::WarcUrls;

/// The longest line, and the longest quoted record, in bytes.
pub(super) const LONGEST: usize = 1 << 20;
/// The number of vain scans for a closing quote, per byte of the list. After an unclosed quote, the next
/// line is read on its own, and its own quote may reach as far. Without scans left, each line end counts.
const AGAIN: usize = 8;
/// The number of bytes of a longer line that a message may show.
const HEAD: usize = 2048;
/// The size of the buffer, until a line is longer.
const BUFFER: usize = 64 * 1024;
/// Its size for the first read: every list is looked at when it is opened, and there may be many.
const FIRST: usize = 8 * 1024;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnding {
    /// At each line end.
    Newline,
    /// At each line end that is not in a quoted CSV cell (RFC 4180). Cells are separated by this byte.
    Csv(u8),
}

/// A piece of the list.
#[derive(Debug)]
pub(super) enum LinePiece<'a> {
    /// A line, or a CSV record of several, without its end; and the number of the line after it.
    Line(&'a [u8], u64),
    /// The beginning of a line longer than [`LONGEST`].
    TooLong(&'a [u8], u64),
    /// A line that opens a quote which nothing closes; the line after it is read on its own.
    Unclosed(&'a [u8], u64),
    /// No whole line has arrived.
    Starved,
    /// The end of the list.
    End,
}

/// The part of an input that was not handed out as lines, as UTF-8.
pub(super) type RemainingBytes = Box<dyn Read + Send>;

/// The lines of one input.
pub(super) struct InputLines {
    bytes: Decoded<WarcUrls>,
    buf: Vec<u8>,
    /// The bytes in the buffer that are not yet handed out begin at `start` and stop at `end`.
    start: usize,
    end: usize,
    /// The end of the bytes that were scanned without finding a line end.
    scanned: usize,
    csv: CsvScan,
    /// The number of bytes that may still be scanned in vain for a closing quote, see [`AGAIN`].
    patience: usize,
    /// The last line ended at a CR; an LF that follows belongs to it.
    after_cr: bool,
    /// The line at `start`, and where the last piece began.
    number: u64,
    last: (usize, u64),
    eof: bool,
    /// The beginning of a line that is being skipped.
    skipping: bool,
    head: Vec<u8>,
}

impl InputLines {
    pub fn new(bytes: Decoded<WarcUrls>) -> Self {
        Self {
            bytes,
            buf: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            csv: CsvScan::default(),
            patience: AGAIN * LONGEST,
            after_cr: false,
            number: 1,
            last: (0, 1),
            eof: false,
            skipping: false,
            head: Vec::new(),
        }
    }

    /// The line after the last piece: the first that is unread.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the bytes that have arrived and were not handed out.
    pub fn unread_bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// Returns whether [`InputLines::unread_bytes`] are the last bytes.
    pub fn at_end(&self) -> bool {
        self.eof
    }

    /// The encoding that a byte order mark, the zero bytes or the user shows; `None` while nothing does.
    pub fn encoding(&self) -> Option<&'static Encoding> {
        self.bytes.shown()
    }

    /// Returns all bytes that were not handed out, for a reader that does not work by lines.
    pub fn into_rest(mut self) -> RemainingBytes {
        self.buf.truncate(self.end);
        self.buf.drain(..self.start);
        Box::new(Cursor::new(self.buf).chain(self.bytes))
    }

    /// Puts the last line back, so that it can be read again, perhaps with another ending. Call it only
    /// before the next [`InputLines::fill`].
    pub fn unread(&mut self) {
        (self.start, self.number) = self.last;
        self.scanned = self.start;
        self.csv = CsvScan::default();
        self.after_cr = false;
    }

    /// Returns the next piece of the bytes that have arrived.
    pub fn next(&mut self, ending: LineEnding) -> LinePiece<'_> {
        if self.after_cr && self.start < self.end {
            self.after_cr = false;
            if self.buf[self.start] == b'\n' {
                self.start += 1;
                self.scanned = self.start;
            }
        }
        self.last = (self.start, self.number);
        if self.skipping {
            return self.skip();
        }
        let unscanned = &self.buf[self.scanned..self.end];
        let found = match ending {
            LineEnding::Newline => line_end(unscanned),
            LineEnding::Csv(separator) if self.patience < LONGEST => {
                let found = line_end(unscanned);
                self.csv.record_end(&unscanned[..found.unwrap_or(unscanned.len())], separator);
                if let (Some(at), true) = (found, self.csv.is_quoted()) {
                    let stop = self.scanned + at;
                    if stop - self.start <= LONGEST {
                        return self.unclosed(stop);
                    }
                }
                found
            }
            LineEnding::Csv(separator) => self.csv.record_end(unscanned, separator),
        };
        let stop = found.map(|at| self.scanned + at);
        if self.csv.is_unclosed() {
            self.scanned = stop.unwrap_or(self.end);
            let stop = line_end(self.unread_bytes()).map(|at| self.start + at);
            return self.unclosed(stop.unwrap_or(self.end));
        }
        if stop.unwrap_or(self.end) - self.start > LONGEST {
            self.scanned = stop.unwrap_or(self.end);
            return self.overlong();
        }
        if let Some(stop) = stop {
            return self.line(stop, ending);
        }
        self.scanned = self.end;
        if !self.eof {
            return LinePiece::Starved;
        }
        if self.start == self.end {
            return LinePiece::End;
        }
        if self.csv.is_quoted() {
            let stop = line_end(self.unread_bytes()).map(|at| self.start + at);
            return self.unclosed(stop.unwrap_or(self.end));
        }
        self.line(self.end, ending)
    }

    /// Reads once, and blocks until something has arrived or the input ends.
    pub fn fill(&mut self) -> io::Result<()> {
        self.make_room();
        let read = self.bytes.read(&mut self.buf[self.end..])?;
        self.end += read;
        self.eof = read == 0;
        Ok(())
    }

    fn line(&mut self, stop: usize, ending: LineEnding) -> LinePiece<'_> {
        let start = self.start;
        let inner = match ending {
            LineEnding::Newline => 0,
            LineEnding::Csv(_) => LineCount::default().count(&self.buf[start..stop]),
        };
        self.advance(stop, inner + 1);
        LinePiece::Line(&self.buf[start..stop], self.number)
    }

    fn unclosed(&mut self, stop: usize) -> LinePiece<'_> {
        let start = self.start;
        self.patience = self.patience.saturating_sub(self.scanned.saturating_sub(stop));
        self.advance(stop, 1);
        LinePiece::Unclosed(&self.buf[start..stop], self.number)
    }

    /// Goes on after the line end at `stop`, or after the last line, which has none.
    fn advance(&mut self, stop: usize, lines: u64) {
        self.patience = (self.patience + AGAIN * (stop - self.start)).min(AGAIN * LONGEST);
        self.after_cr = self.buf[..self.end].get(stop) == Some(&b'\r');
        self.start = (stop + 1).min(self.end);
        self.scanned = self.start;
        self.csv = CsvScan::default();
        self.number += lines;
    }

    /// Handles more than [`LONGEST`] bytes without an end. A CSV record of several lines has an open quote
    /// somewhere, most likely by mistake. Only its first line is given up.
    fn overlong(&mut self) -> LinePiece<'_> {
        let within = self.start + LONGEST + 1;
        if let Some(at) = line_end(&self.buf[self.start..within]) {
            return self.unclosed(self.start + at);
        }
        self.head.clear();
        self.head.extend_from_slice(&self.buf[self.start..self.start + HEAD]);
        self.skipping = true;
        self.start = within;
        self.scanned = within;
        self.skip()
    }

    fn skip(&mut self) -> LinePiece<'_> {
        match line_end(&self.buf[self.scanned..self.end]) {
            Some(at) => self.advance(self.scanned + at, 1),
            None => {
                self.start = self.end;
                self.scanned = self.end;
                if !self.eof {
                    return LinePiece::Starved;
                }
                self.advance(self.end, 1);
            }
        }
        self.skipping = false;
        LinePiece::TooLong(&self.head, self.number)
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < BUFFER / 2 {
            let size = if self.buf.is_empty() { FIRST } else { BUFFER.max(self.buf.len() * 2) };
            self.buf.resize(size, 0);
        }
    }
}

/// Returns the position of the first line end.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', bytes)
}

/// Counts line ends in the bytes of one text: LF, CR LF and CR.
#[derive(Debug, Default)]
pub(super) struct LineCount {
    after_cr: bool,
}

impl LineCount {
    /// How many lines end in the next bytes.
    pub fn count(&mut self, bytes: &[u8]) -> u64 {
        bytes.iter().filter(|&&byte| self.ends_at(byte)).count() as u64
    }

    /// Whether a line ends at the next byte.
    pub fn ends_at(&mut self, byte: u8) -> bool {
        let ends = byte == b'\r' || byte == b'\n' && !self.after_cr;
        self.after_cr = byte == b'\r';
        ends
    }
}
