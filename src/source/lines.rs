//! Bytes to lines, with bounded memory: byte order marks are seen through here.

use std::io::{self, Cursor, Read};

use super::decompress::Unpacked;

/// The longest line, and the longest quoted record, in bytes.
pub(super) const LONGEST: usize = 1 << 20;
/// How much of a longer line is kept to be shown.
const HEAD: usize = 2048;
/// The size of the buffer, until a line is longer.
const BUFFER: usize = 64 * 1024;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// At each newline.
    Newline,
    /// At each newline that is not in a quoted CSV cell (RFC 4180).
    Csv,
}

/// A piece of the list.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A line, or a CSV record of several, without its newline; and the number of the line after it.
    Line(&'a [u8], u64),
    /// The beginning of a line longer than [`LONGEST`].
    TooLong(&'a [u8], u64),
    /// A line that opens a quote which nothing closes; the line after it is read on its own.
    Unclosed(&'a [u8], u64),
    /// The list is UTF-16: nothing in it can be read.
    Utf16,
    /// No whole line has arrived.
    Starved,
    /// The end of the list.
    End,
}

/// What stands at the beginning of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    MaybeMark,
    Text,
}

/// Where the scan of a CSV record stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Csv {
    RecordStart,
    CellStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
    Comment,
}

/// What of an input was not handed out as lines.
pub(super) type Rest = io::Chain<Cursor<Vec<u8>>, Unpacked>;

/// The lines of one input.
pub(super) struct Lines {
    bytes: Unpacked,
    stage: Stage,
    buf: Vec<u8>,
    /// What is in the buffer and not yet handed out.
    start: usize,
    end: usize,
    /// Up to here no line end was found.
    scanned: usize,
    csv: Csv,
    /// The line at `start`, and where the last piece began.
    number: u64,
    last: (usize, u64),
    eof: bool,
    utf16: bool,
    /// The beginning of a line that is being skipped.
    skipping: bool,
    head: Vec<u8>,
}

impl Lines {
    pub fn new(bytes: Unpacked) -> Self {
        Self {
            bytes,
            stage: Stage::MaybeMark,
            buf: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            csv: Csv::RecordStart,
            number: 1,
            last: (0, 1),
            eof: false,
            utf16: false,
            skipping: false,
            head: Vec::new(),
        }
    }

    /// The line after the last piece: the first that is unread.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Takes the last line back, to be read again, perhaps with another ending. Only before the
    /// next [`Lines::fill`].
    pub fn unread(&mut self) {
        (self.start, self.number) = self.last;
        self.scanned = self.start;
        self.csv = Csv::RecordStart;
    }

    /// What has arrived and was not handed out; `None` while it may be a mark and no text.
    pub fn unread_bytes(&self) -> Option<&[u8]> {
        (self.stage == Stage::Text && !self.utf16).then(|| &self.buf[self.start..self.end])
    }

    /// Whether nothing of the list can be read.
    pub fn is_utf16(&self) -> bool {
        self.utf16
    }

    /// Whether there is nothing more to come than [`Lines::unread_bytes`].
    pub fn at_end(&self) -> bool {
        self.eof
    }

    /// Everything that was not handed out, for a reader to which lines mean nothing.
    pub fn into_rest(mut self) -> Rest {
        self.buf.truncate(self.end);
        self.buf.drain(..self.start);
        Cursor::new(self.buf).chain(self.bytes)
    }

    /// The next piece of what has arrived.
    pub fn next(&mut self, ending: Ending) -> Piece<'_> {
        if self.stage != Stage::Text {
            return Piece::Starved;
        }
        self.last = (self.start, self.number);
        if self.utf16 {
            self.utf16 = false;
            (self.start, self.scanned, self.end, self.eof) = (0, 0, 0, true);
            return Piece::Utf16;
        }
        if self.skipping {
            return self.skip();
        }
        let found = match ending {
            Ending::Newline => newline(&self.buf[self.scanned..self.end]),
            Ending::Csv => self.csv_end(),
        };
        let stop = found.map(|at| self.scanned + at);
        if stop.unwrap_or(self.end) - self.start > LONGEST {
            return self.overlong();
        }
        if let Some(stop) = stop {
            return self.line(stop, stop + 1);
        }
        self.scanned = self.end;
        if !self.eof {
            return Piece::Starved;
        }
        if self.start == self.end {
            return Piece::End;
        }
        if ending == Ending::Csv && self.csv == Csv::Quoted {
            let stop = newline(&self.buf[self.start..self.end]).map(|at| self.start + at);
            return self.unclosed(stop.unwrap_or(self.end));
        }
        self.line(self.end, self.end)
    }

    /// Reads once, and blocks until something has arrived or the input ends.
    pub fn fill(&mut self) -> io::Result<()> {
        self.make_room();
        let read = self.bytes.read(&mut self.buf[self.end..])?;
        self.end += read;
        self.eof = read == 0;
        self.look_at_beginning();
        Ok(())
    }

    fn line(&mut self, stop: usize, next: usize) -> Piece<'_> {
        let start = self.start;
        let inner = self.buf[start..stop].iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.advance(next, inner + 1);
        Piece::Line(&self.buf[start..stop], self.number)
    }

    fn unclosed(&mut self, stop: usize) -> Piece<'_> {
        let start = self.start;
        self.advance((stop + 1).min(self.end), 1);
        Piece::Unclosed(&self.buf[start..stop], self.number)
    }

    fn advance(&mut self, next: usize, lines: u64) {
        self.start = next;
        self.scanned = next;
        self.csv = Csv::RecordStart;
        self.number += lines;
    }

    /// More than [`LONGEST`] bytes and no end. A CSV record of several lines has an open quote
    /// somewhere, most likely by mistake, so that only its first line is given up.
    fn overlong(&mut self) -> Piece<'_> {
        let within = self.start + LONGEST + 1;
        if let Some(at) = newline(&self.buf[self.start..within]) {
            return self.unclosed(self.start + at);
        }
        self.head.clear();
        self.head.extend_from_slice(&self.buf[self.start..self.start + HEAD]);
        self.skipping = true;
        self.start = within;
        self.scanned = within;
        self.skip()
    }

    fn skip(&mut self) -> Piece<'_> {
        match newline(&self.buf[self.scanned..self.end]) {
            Some(at) => self.advance(self.scanned + at + 1, 1),
            None => {
                self.start = self.end;
                self.scanned = self.end;
                if !self.eof {
                    return Piece::Starved;
                }
                self.advance(self.end, 1);
            }
        }
        self.skipping = false;
        Piece::TooLong(&self.head, self.number)
    }

    /// Scans on for the end of a CSV record, as csv-core would read it.
    fn csv_end(&mut self) -> Option<usize> {
        let mut state = self.csv;
        for (at, &byte) in self.buf[self.scanned..self.end].iter().enumerate() {
            state = match (state, byte) {
                (Csv::Quoted, b'"') => Csv::QuoteInQuoted,
                (Csv::Quoted, _) | (Csv::QuoteInQuoted, b'"') => Csv::Quoted,
                (_, b'\n') => return Some(at),
                (Csv::Comment, _) | (Csv::RecordStart, b'#') => Csv::Comment,
                (Csv::RecordStart | Csv::CellStart, b'"') => Csv::Quoted,
                (_, b',') => Csv::CellStart,
                _ => Csv::Unquoted,
            };
        }
        self.csv = state;
        None
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < BUFFER / 2 {
            let size = if self.buf.is_empty() { BUFFER } else { self.buf.len() * 2 };
            self.buf.resize(size, 0);
        }
    }

    /// Decides, as soon as enough bytes are there, whether the text begins with a byte order mark.
    fn look_at_beginning(&mut self) {
        if self.stage == Stage::MaybeMark {
            let bytes = &self.buf[..self.end];
            let marks = [&[0xef, 0xbb, 0xbf][..], &[0xff, 0xfe], &[0xfe, 0xff]];
            let [utf8, little, big] = marks.map(|mark| begins(bytes, mark, self.eof));
            if utf8 == Some(true) {
                self.start = 3;
                self.scanned = 3;
            } else if little == Some(true) || big == Some(true) {
                self.utf16 = true;
            } else if utf8.is_none() || little.is_none() || big.is_none() {
                return;
            }
            self.stage = Stage::Text;
        }
    }
}

/// Whether the bytes begin with the mark; `None` when that cannot be said yet.
fn begins(bytes: &[u8], mark: &[u8], eof: bool) -> Option<bool> {
    let shared = bytes.len().min(mark.len());
    if bytes[..shared] != mark[..shared] {
        return Some(false);
    }
    if shared == mark.len() { Some(true) } else { eof.then_some(false) }
}

fn newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}
