//! The records of an earlier run, one a line: JSON objects, or the rows of a CSV or TSV table.

use std::io;

use serde::Deserialize;

use super::NotAList;
use super::cells::{Cells, Splitter};
use super::lines::{InputLines, LineEnding, LinePiece};
use crate::policy::rerun::selection::is_outcome;
use crate::wire::VERSION;

/// The advice for a file that is none.
const WANTED: &str = "name the records that a run wrote with --json, --csv or --tsv, or its state";
/// The separators of tables. fetchall writes commas and tabs; a spreadsheet may write a semicolon.
const SEPARATORS: [u8; 3] = *b",\t;";

/// The fields of a record that decide whether its URL is tried again.
pub(super) struct RecordedResult {
    pub url: String,
    pub outcome: String,
    pub status: Option<u16>,
    pub kind: Option<String>,
    pub skip_reason: Option<String>,
}

/// How the lines of a report are read.
pub(super) enum RecordFormat {
    Json,
    Table(RecordTable),
}

/// A table of records and the positions of the columns that count.
pub(super) struct RecordTable {
    separator: u8,
    splitter: Splitter,
    cells: Cells,
    columns: usize,
    url: usize,
    outcome: usize,
    status: Option<usize>,
    kind: Option<usize>,
    skip_reason: Option<usize>,
}

impl RecordFormat {
    /// Detects the format by the first line that is not blank. A list in the place of the report would cause one
    /// failure per line, so it is refused. The header of a table is read; the first object is not.
    ///
    /// # Errors
    /// When that line is neither a record nor the header of records, or cannot be read.
    pub fn detect(lines: &mut InputLines) -> io::Result<Self> {
        loop {
            let number = lines.number();
            let wrong = |why| io::Error::from(NotAList { line: Some(number), why });
            match lines.next(LineEnding::Newline) {
                LinePiece::Starved => lines.fill()?,
                LinePiece::End => return Ok(Self::Json),
                LinePiece::TooLong(..) | LinePiece::Unclosed(..) => {
                    return Err(wrong(format!("not a record; {WANTED}")));
                }
                LinePiece::Line(bytes, _) if bytes.trim_ascii().is_empty() => {}
                LinePiece::Line(bytes, _) => {
                    if let Some(table) = SEPARATORS.iter().find_map(|&by| RecordTable::of_header(bytes, by)) {
                        return Ok(Self::Table(table));
                    }
                    object(String::from_utf8_lossy(bytes).trim()).map_err(wrong)?;
                    lines.unread();
                    return Ok(Self::Json);
                }
            }
        }
    }

    /// How a record ends.
    pub fn ending(&self) -> LineEnding {
        match self {
            Self::Table(table) if table.separator != b'\t' => LineEnding::Csv(table.separator),
            Self::Table(_) | Self::Json => LineEnding::Newline,
        }
    }

    /// Reads one record.
    ///
    /// # Errors
    /// The reason why the line is none.
    pub fn record(&mut self, bytes: &[u8]) -> Result<RecordedResult, String> {
        match self {
            Self::Json => object(String::from_utf8_lossy(bytes).trim()),
            Self::Table(table) => table.row(bytes),
        }
    }
}

impl RecordTable {
    /// Reads the header line; `None` if it is no header of records.
    fn of_header(line: &[u8], separator: u8) -> Option<Self> {
        let (mut splitter, mut cells) = (Splitter::new(separator), Cells::default());
        cells.split(&mut splitter, line);
        let column = |name: &str| cells.iter().position(|cell| cell == name.as_bytes());
        let (url, outcome) = (column("url")?, column("outcome")?);
        let (status, kind, skip_reason) = (column("status"), column("error_kind"), column("skip_reason"));
        let columns = cells.count();
        Some(Self { separator, splitter, cells, columns, url, outcome, status, kind, skip_reason })
    }

    fn row(&mut self, bytes: &[u8]) -> Result<RecordedResult, String> {
        self.cells.split(&mut self.splitter, bytes);
        if self.cells.count() < self.columns {
            return Err(format!("the row is cut off; {WANTED}"));
        }
        let text = |at: usize| {
            let cell = std::str::from_utf8(self.cells.get(at)).map_err(|_| format!("not UTF-8; {WANTED}"))?;
            Ok::<_, String>(Some(cell.to_owned()).filter(|cell| !cell.is_empty()))
        };
        // The list had an empty URL.
        let url = text(self.url)?.unwrap_or_default();
        let maybe = |at: Option<usize>| at.map_or(Ok(None), text);
        let status = match maybe(self.status)? {
            None => None,
            Some(status) => Some(status.parse().map_err(|_| format!("its status is no number; {WANTED}"))?),
        };
        checked(Some(url), text(self.outcome)?, status, maybe(self.kind)?, maybe(self.skip_reason)?)
    }
}

#[derive(Deserialize)]
struct JsonRecord {
    v: Option<u64>,
    url: Option<String>,
    outcome: Option<String>,
    status: Option<u16>,
    error: Option<JsonError>,
    skip: Option<JsonSkip>,
}

#[derive(Deserialize)]
struct JsonError {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct JsonSkip {
    reason: Option<String>,
}

/// Reads one JSON record.
fn object(text: &str) -> Result<RecordedResult, String> {
    if !text.starts_with('{') {
        return Err(format!("not a record; {WANTED}"));
    }
    let record: JsonRecord = serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => {
            "a record that is cut off, as by a run that was killed; only a run of its list fetches the URL".to_owned()
        }
        false => format!("not a whole record (at column {}); {WANTED}", error.column()),
    })?;
    if let Some(v) = record.v.filter(|v| *v != u64::from(VERSION)) {
        return Err(format!("a record of version {v}, and this program reads {VERSION}; use the one that wrote it"));
    }
    let (kind, reason) = (record.error.and_then(|error| error.kind), record.skip.and_then(|skip| skip.reason));
    checked(record.url, record.outcome, record.status, kind, reason)
}

fn checked(
    url: Option<String>,
    outcome: Option<String>,
    status: Option<u16>,
    kind: Option<String>,
    skip_reason: Option<String>,
) -> Result<RecordedResult, String> {
    match (url, outcome) {
        (None, _) => Err(format!("the record has no url; {WANTED}")),
        (_, None) => Err(format!("the record has no outcome; {WANTED}")),
        (_, Some(outcome)) if !is_outcome(&outcome) => Err(format!("the record has an outcome that is none; {WANTED}")),
        (Some(url), Some(outcome)) => Ok(RecordedResult { url, outcome, status, kind, skip_reason }),
    }
}
