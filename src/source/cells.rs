//! The records of a table and their cells.

use std::str::Utf8Error;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// Finds the ends of CSV records, as csv-core reads them; a line end in quotes is a part of its cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CsvScan {
    #[default]
    RecordStart,
    CellStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
    /// In a quoted cell, behind a line end.
    QuotedLines,
    /// At the quote that closes such a cell, or at the first of two quotes in it.
    QuoteInLines,
    /// Text follows that quote: it opens a cell of a later record, and the cell before has no end.
    Unclosed,
    Comment,
}

impl CsvScan {
    /// Returns the end of the record, or `None` if the scan goes on in the bytes after these. The scan of
    /// an unclosed quote ends at the byte that reveals it.
    pub fn record_end(&mut self, bytes: &[u8], separator: u8) -> Option<usize> {
        let mut state = *self;
        for (at, &byte) in bytes.iter().enumerate() {
            state = match (state, byte) {
                (Self::Quoted, b'"') => Self::QuoteInQuoted,
                (Self::Quoted, b'\n' | b'\r') => Self::QuotedLines,
                (Self::Quoted, _) | (Self::QuoteInQuoted, b'"') => Self::Quoted,
                (Self::QuotedLines, b'"') => Self::QuoteInLines,
                (Self::QuotedLines, _) | (Self::QuoteInLines, b'"') => Self::QuotedLines,
                (_, b'\n' | b'\r') => return Some(at),
                (Self::Comment, _) | (Self::RecordStart, b'#') => Self::Comment,
                (Self::RecordStart | Self::CellStart, b'"') => Self::Quoted,
                (_, byte) if byte == separator => Self::CellStart,
                (Self::QuoteInLines, b' ' | b'\t') => Self::QuoteInLines,
                (Self::QuoteInLines, _) => {
                    *self = Self::Unclosed;
                    return Some(at);
                }
                _ => Self::Unquoted,
            };
        }
        *self = state;
        None
    }

    /// Whether the scan has found a quote that nothing closes.
    pub fn is_unclosed(self) -> bool {
        self == Self::Unclosed
    }

    /// Returns whether an open quote keeps the record from ending.
    pub fn is_quoted(self) -> bool {
        matches!(self, Self::Quoted | Self::QuotedLines)
    }
}

/// How a record is cut into cells.
#[derive(Debug)]
pub(super) enum Splitter {
    /// Comma-separated values (RFC 4180), or with another separator.
    Csv(Box<csv_core::Reader>),
    /// Tab-separated values. A cell that begins and ends with a quote is quoted as spreadsheets do
    /// it, and any other quote is text. A line end always ends the record. The reader is for records
    /// in which a tab may be quoted: it is made once, as that takes longer than to read a record.
    Tsv(Option<Box<csv_core::Reader>>),
}

impl Splitter {
    pub fn new(separator: u8) -> Self {
        match separator {
            b'\t' => Self::Tsv(None),
            other => Self::Csv(Box::new(reader(other))),
        }
    }
}

/// A record comes without its end, so that every line end in it is one of a quoted cell.
fn reader(separator: u8) -> csv_core::Reader {
    ReaderBuilder::new().delimiter(separator).terminator(Terminator::Any(b'\n')).build()
}

/// The cells of one record; the buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Cells {
    /// Cuts one record, without its line end.
    pub fn split(&mut self, splitter: &mut Splitter, record: &[u8]) {
        match splitter {
            Splitter::Tsv(_) => self.split_tabs(record),
            Splitter::Csv(reader) => self.split_csv(reader, record),
        }
    }

    /// Cuts one record of a table of `columns` columns. A tab in quotes is a part of its cell if the
    /// record would otherwise have too many cells.
    pub fn split_row(&mut self, splitter: &mut Splitter, record: &[u8], columns: usize) {
        self.split(splitter, record);
        if let Splitter::Tsv(quoting) = splitter
            && self.count > columns
            && record.contains(&b'"')
        {
            self.split_csv(quoting.get_or_insert_with(|| Box::new(reader(b'\t'))), record);
            if self.count > columns {
                self.split_tabs(record);
            }
        }
    }

    fn split_tabs(&mut self, record: &[u8]) {
        self.bytes.clear();
        self.ends.clear();
        for cell in record.split(|&byte| byte == b'\t') {
            match quoted(cell.trim_ascii()) {
                Some(text) => self.unquote(text),
                None => self.bytes.extend_from_slice(cell),
            }
            self.ends.push(self.bytes.len());
        }
        self.count = self.ends.len();
    }

    /// Adds the text of a quoted cell, in which a quote is written as two.
    fn unquote(&mut self, text: &[u8]) {
        let mut last_is_quote = false;
        for &byte in text {
            last_is_quote = byte == b'"' && !last_is_quote;
            if byte != b'"' || last_is_quote {
                self.bytes.push(byte);
            }
        }
    }

    fn split_csv(&mut self, reader: &mut csv_core::Reader, record: &[u8]) {
        reader.reset();
        // Unquoting never makes a cell longer, and each cell but the last costs a separator.
        self.bytes.resize(self.bytes.len().max(record.len() + 1), 0);
        self.ends.resize(self.ends.len().max(16), 0);
        let (mut read, mut written) = (0, 0);
        self.count = 0;
        loop {
            let (result, ate, wrote, cells) =
                reader.read_record(&record[read..], &mut self.bytes[written..], &mut self.ends[self.count..]);
            read += ate;
            written += wrote;
            self.count += cells;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
    }

    /// Returns the number of the first cell with text behind its closing quote. This quote is a mistake,
    /// and the cells after it may have become a part of this one.
    pub fn torn(splitter: &Splitter, record: &[u8], separator: u8) -> Option<usize> {
        if matches!(splitter, Splitter::Tsv(_)) || !record.contains(&b'"') {
            return None;
        }
        let (mut cell, mut state) = (0, CsvScan::CellStart);
        for &byte in record {
            state = match (state, byte) {
                (CsvScan::CellStart, b'"') => CsvScan::Quoted,
                (CsvScan::Quoted, b'"') => CsvScan::QuoteInQuoted,
                (CsvScan::Quoted, _) | (CsvScan::QuoteInQuoted, b'"') => CsvScan::Quoted,
                (_, byte) if byte == separator => {
                    cell += 1;
                    CsvScan::CellStart
                }
                (CsvScan::QuoteInQuoted, b' ' | b'\t' | b'\r') => CsvScan::QuoteInQuoted,
                (CsvScan::QuoteInQuoted, _) => return Some(cell),
                _ => CsvScan::Unquoted,
            };
        }
        None
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text of a cell, without blanks around it; empty where the record is shorter.
    pub fn text(&self, at: usize) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.get(at))
    }

    /// The bytes of a cell, without blanks around it; none where the record is shorter.
    pub fn get(&self, at: usize) -> &[u8] {
        let Some(&end) = self.ends[..self.count].get(at) else { return &[] };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.bytes[start..end].trim_ascii()
    }

    /// The bytes of every cell.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|at| self.get(at))
    }
}

/// Returns the text between the quotes of a cell that begins and ends with one.
fn quoted(cell: &[u8]) -> Option<&[u8]> {
    cell.strip_prefix(b"\"")?.strip_suffix(b"\"")
}
