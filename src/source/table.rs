//! Tables: tab-separated, and comma-separated after RFC 4180, with a line of column names.
//!
//! The columns `url out sha256 blake3 priority headers` are known by name in any order and any
//! case; others are ignored. A list that begins with a URL has no line of names and may have
//! one column only: guessing what a second one means could save a file under a wrong name.

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use super::address::Reason;
use super::line::{Gathered, Place, Wants};
use super::{text, wants};

/// What the first line said of the columns.
enum Header {
    Unread,
    Named { columns: Vec<Option<Column>>, url: usize },
    SingleUrl,
    Broken(Reason),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Url,
    Out,
    Sha256,
    Blake3,
    Priority,
    Headers,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Column); 6] = [
            ("url", Column::Url),
            ("out", Column::Out),
            ("sha256", Column::Sha256),
            ("blake3", Column::Blake3),
            ("priority", Column::Priority),
            ("headers", Column::Headers),
        ];
        NAMES.iter().find(|(known, _)| name.trim().eq_ignore_ascii_case(known)).map(|&(_, column)| column)
    }
}

/// A table that is being read.
pub(super) struct Table {
    /// `None` for tab-separated lists, which know no quotes.
    csv: Option<csv_core::Reader>,
    header: Header,
    cells: Cells,
}

impl Table {
    pub fn tsv() -> Self {
        Self { csv: None, header: Header::Unread, cells: Cells::default() }
    }

    pub fn csv() -> Self {
        // A carriage return before the end is cut off by us; one inside a cell is a part of it.
        let reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { csv: Some(reader), header: Header::Unread, cells: Cells::default() }
    }

    /// Whether quotes may hold line ends.
    pub fn quoted(&self) -> bool {
        self.csv.is_some()
    }

    /// Reads one record.
    pub fn record(&mut self, bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
        let Ok(line) = std::str::from_utf8(bytes) else { return text::not_utf8(bytes, place, out) };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        match &mut self.csv {
            None => self.cells.split_tabs(line),
            Some(reader) => self.cells.split_csv(reader, line.as_bytes()),
        }
        // Spreadsheets write empty rows as rows of separators.
        if self.cells.iter().all(str::is_empty) {
            return;
        }
        if matches!(self.header, Header::Unread) {
            self.header = header(&self.cells);
            if matches!(self.header, Header::Named { .. }) {
                return;
            }
        }
        let shown = match &self.header {
            Header::Named { url, .. } => self.cells.get(*url).filter(|cell| !cell.is_empty()).unwrap_or(line),
            Header::SingleUrl => self.cells.get(0).unwrap_or(line),
            Header::Unread | Header::Broken(_) => line,
        };
        let entry = match self.row() {
            Ok((url, wants)) => place.entry(url, wants),
            Err(reason) => place.bad(shown, reason),
        };
        out.push(entry, place.next);
    }

    fn row(&self) -> Result<(&str, Wants), Reason> {
        let mut found = Wants::default();
        let (columns, url) = match &self.header {
            Header::Named { columns, url } => (columns, *url),
            Header::Broken(reason) => return Err(reason.clone()),
            Header::Unread | Header::SingleUrl => {
                if self.cells.iter().skip(1).any(|cell| !cell.is_empty()) {
                    return Err("has several columns but the list has no header line; \
                                add one that names them, such as url and out"
                        .into());
                }
                return Ok((self.cells.get(0).unwrap_or_default(), found));
            }
        };
        if self.cells.iter().skip(columns.len()).any(|cell| !cell.is_empty()) {
            // Most often an unquoted comma in the URL, which moves every later cell by one column.
            return Err("has more cells than the header names; quote a cell that holds the separator".into());
        }
        for (column, cell) in columns.iter().zip(self.cells.iter()) {
            let (Some(column), false) = (column, cell.is_empty()) else { continue };
            match column {
                Column::Url => {}
                Column::Out => found.per_seed.out = Some(cell.to_owned()),
                Column::Sha256 => found.per_seed.sha256 = Some(wants::digest("sha256", cell)?),
                Column::Blake3 => found.per_seed.blake3 = Some(wants::digest("blake3", cell)?),
                Column::Priority => found.priority = wants::priority(cell)?,
                Column::Headers => found.per_seed.headers = wants::headers_cell(cell)?,
            }
        }
        match self.cells.get(url) {
            Some(url) if !url.is_empty() => Ok((url, found)),
            _ => Err("the url cell is empty; fill it in or remove the row".into()),
        }
    }
}

fn header(cells: &Cells) -> Header {
    if cells.iter().any(|cell| cell.contains("://")) {
        return Header::SingleUrl;
    }
    let columns: Vec<_> = cells.iter().map(Column::named).collect();
    for (at, column) in columns.iter().enumerate() {
        if column.is_some() && columns[..at].contains(column) {
            let name = cells.get(at).unwrap_or_default().to_ascii_lowercase();
            return Header::Broken(format!("the header line names the column {name} twice; rename one of them").into());
        }
    }
    match columns.iter().position(|column| *column == Some(Column::Url)) {
        Some(url) => Header::Named { columns, url },
        None => Header::Broken("the header line names no column url; name the column that holds the URLs".into()),
    }
}

/// The cells of one record; the buffers are used again for the next.
#[derive(Default)]
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Cells {
    fn split_tabs(&mut self, line: &str) {
        self.bytes.clear();
        self.ends.clear();
        for cell in line.split('\t') {
            self.bytes.extend_from_slice(cell.as_bytes());
            self.ends.push(self.bytes.len());
        }
        self.count = self.ends.len();
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

    fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends[..self.count].get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        // Cells are cut from valid UTF-8 at ASCII characters.
        std::str::from_utf8(&self.bytes[start..end]).ok().map(str::trim)
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.count).filter_map(|at| self.get(at))
    }
}
