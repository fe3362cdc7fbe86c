//! The layout of a list: table or not, its separator, and the column of the URLs.
//!
//! Columns are known by name, in any order. Without a column `url`, the only column that holds URLs is taken.
//! A table with no such column, or with two of them, is refused as a whole: one mistake is one message.

use super::NotAList;
use super::cells::{Cells, CsvScan, Splitter};
use super::column::{self, Column, Meaning, printed};
use super::lines::{LineCount, line_end};
use crate::config::InputFormat;
use crate::policy::text::url_text;
use crate::policy::text::url_text::http_prefix;

/// The separators of spreadsheets, the most usual one first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many columns a message names.
const NAMED: usize = 20;

/// How the records of a table are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableLayout {
    pub separator: u8,
    /// The number of columns that the header or the first row has.
    pub width: usize,
    /// The known ones, from left to right.
    pub columns: Vec<(usize, Column)>,
    /// The column of the URLs, and what messages call it. They show no secret that its header may hold.
    pub url: usize,
    pub url_name: String,
    pub has_header: bool,
    /// The number of records before the first row with content.
    pub records_before: usize,
    /// A note for the user about the choice of the column.
    pub note: Option<String>,
}

/// The detected layout of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// More of it must be seen.
    Unknown,
    /// Not a table.
    Plain,
    Table(TableLayout),
}

/// The beginning of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListSample<'a> {
    pub bytes: &'a [u8],
    /// Whether these are the last bytes that are examined.
    pub whole: bool,
    /// Whether to decide with the bytes that have arrived, because rows wait.
    pub live: bool,
}

/// Whether a record is a comment, or blank as spreadsheets write blank rows: a row of separators.
pub(super) fn says_nothing(record: &[u8]) -> bool {
    record.starts_with(b"#") || record.iter().all(|byte| byte.is_ascii_whitespace() || b",;|\"".contains(byte))
}

/// Detects the layout of a list in the format `Auto`, `Csv` or `Tsv`. With `tables_only` the list is
/// a table in any case.
///
/// # Errors
/// Returns the reason to refuse the table, and advice.
pub(super) fn of(
    sample: ListSample<'_>,
    format: InputFormat,
    url_column: Option<&str>,
    tables_only: bool,
) -> Result<Layout, NotAList> {
    let told = match format {
        InputFormat::Tsv => Some(b'\t'),
        _ => None,
    };
    let Some(first) = sample.records(None).next() else {
        return Ok(if sample.whole { Layout::Plain } else { Layout::Unknown });
    };
    let separator_line = separator_line(first);
    let skip = usize::from(separator_line.is_some());
    // A quote that is left open in the first line of a list that need not be a table is text.
    let fits = |by: &u8| format != InputFormat::Auto || skip > 0 || closes_quotes(first, *by);
    let separators = match separator_line.or(told) {
        Some(separator) => vec![separator],
        None => SEPARATORS.into_iter().filter(fits).collect(),
    };
    let candidates: Vec<_> = separators.iter().map(|&by| Candidate::new(sample, by, skip, url_column)).collect();
    // A header may go on in the next line.
    if !sample.whole && candidates.iter().any(Option::is_none) {
        return Ok(Layout::Unknown);
    }
    // Take the first of several equal ones.
    let Some(best) = candidates.into_iter().flatten().rev().max_by_key(Candidate::score) else {
        return Ok(if sample.whole { Layout::Plain } else { Layout::Unknown });
    };
    if format == InputFormat::Auto && separator_line.is_none() && !tables_only {
        match best.is_table(sample) {
            None => return Ok(Layout::Unknown),
            Some(false) => return Ok(Layout::Plain),
            Some(true) => {}
        }
    }
    best.layout(sample, url_column, skip)
}

/// The separator that a line `sep=;` names, as spreadsheets read and write it.
fn separator_line(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let (name, rest) = line.split_at_checked(4)?;
    let (&separator, rest) = rest.split_first()?;
    let named = name.eq_ignore_ascii_case(b"sep=") && !separator.is_ascii_alphanumeric() && separator.is_ascii();
    let ends = rest.iter().all(|&byte| byte == separator || byte == b'"' || byte.is_ascii_whitespace());
    (named && ends && separator != b'"').then_some(separator)
}

/// Returns whether the line closes its quotes. With tabs, quotes never hold line ends.
fn closes_quotes(line: &[u8], separator: u8) -> bool {
    let mut scan = CsvScan::default();
    scan.record_end(line, separator);
    separator == b'\t' || !scan.is_quoted()
}

impl<'a> ListSample<'a> {
    /// The records that have arrived and say something; with a separator, quotes hold line ends.
    fn records(self, separator: Option<u8>) -> impl Iterator<Item = &'a [u8]> {
        self.located(separator).map(|(_, record)| record)
    }

    /// As [`ListSample::records`], each with the number of bytes before it.
    fn located(self, separator: Option<u8>) -> impl Iterator<Item = (usize, &'a [u8])> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let before = self.bytes.len() - rest.len();
            let found = match separator {
                Some(separator) if separator != b'\t' => {
                    let mut scan = CsvScan::default();
                    let end = scan.record_end(rest, separator);
                    let is_open = scan.is_unclosed() || (self.whole && scan.is_quoted());
                    if is_open { line_end(rest) } else { end }
                }
                _ => line_end(rest),
            };
            let stop = found.or((self.whole && !rest.is_empty()).then_some(rest.len()))?;
            let record = &rest[..stop];
            rest = rest.get(stop + 1..).unwrap_or_default();
            Some((before, record))
        })
        .filter(|(_, record)| !says_nothing(record))
    }

    /// The line at which a record begins, from 1.
    fn line(self, separator: u8, number: usize) -> u64 {
        let before = self.located(Some(separator)).nth(number).map_or(0, |(before, _)| before);
        1 + LineCount::default().count(&self.bytes[..before])
    }
}

/// The table that one of the separators gives.
struct Candidate {
    separator: u8,
    /// The records before the first one, which are titles.
    titles: usize,
    /// The header, or the first row.
    first: Vec<String>,
    /// The number of cells of the second record.
    second: Option<usize>,
    /// Whether a record up to the first URL has another number of cells than the first record.
    uneven: bool,
    /// Whether the first record is a row.
    headless: bool,
    /// Whether the header names the column of the URLs.
    named: bool,
    /// The number of the first record with a URL, from 0.
    first_url: Option<usize>,
    /// The columns that hold a URL in some row, sorted.
    urls: Vec<usize>,
    /// Whether something stands after a URL in some row.
    follows: bool,
}

impl Candidate {
    fn new(sample: ListSample<'_>, separator: u8, skip: usize, url_column: Option<&str>) -> Option<Self> {
        let (mut splitter, mut cells) = (Splitter::new(separator), Cells::default());
        let wanted = url_column.unwrap_or(Column::Url.name());
        let titles = titles(sample.records(Some(separator)).skip(skip), &mut splitter, &mut cells, wanted);
        let mut records = sample.records(Some(separator)).skip(skip + titles).peekable();
        cells.split(&mut splitter, records.peek()?);
        let first: Vec<_> = cells.iter().map(name).collect();
        let mut found = Self {
            separator,
            titles,
            named: first.iter().any(|name| name.eq_ignore_ascii_case(wanted)),
            headless: first.iter().any(|cell| cell.contains("://")),
            first,
            second: None,
            uneven: false,
            first_url: None,
            urls: Vec::new(),
            follows: false,
        };
        for (number, record) in records.enumerate() {
            cells.split(&mut splitter, record);
            if number == 1 {
                found.second = Some(cells.count());
            }
            found.uneven |= found.first_url.is_none() && cells.count() != found.first.len();
            // On a pipe the first row with a URL decides, whether or not others came with it.
            if (number > 0 || found.headless) && !(sample.live && found.first_url.is_some()) {
                found.look(number, &cells);
            }
        }
        found.urls.sort_unstable();
        Some(found)
    }

    /// Notes which cells of a row are URLs.
    fn look(&mut self, number: usize, cells: &Cells) {
        let mut after = false;
        for (at, cell) in cells.iter().enumerate().take(self.first.len()) {
            self.follows |= after && !cell.is_empty();
            if is_url(cell) {
                after = true;
                self.first_url.get_or_insert(number);
                if !self.urls.contains(&at) {
                    self.urls.push(at);
                }
            }
        }
    }

    /// Rates how well the separator fits the first record.
    fn score(&self) -> (bool, bool, usize) {
        (self.named, self.first_url == Some(0), self.first.len())
    }

    /// Returns whether a list without other signs of a table is one; `None` until more bytes arrive.
    fn is_table(&self, sample: ListSample<'_>) -> Option<bool> {
        if self.named {
            return Some(true);
        }
        if self.headless && self.separator == b'\t' {
            // If every cell is a URL, tabs separate mirrors of one file.
            let other = self.first.iter().any(|cell| !cell.is_empty() && !cell.contains("://"));
            return Some(self.first_url == Some(0) && other);
        }
        // A list of URLs with separators in them is plain text.
        if self.first.len() < 2 || self.first.first().is_some_and(|cell| cell.contains("://")) {
            return Some(false);
        }
        if self.headless {
            let has_url = self.first_url == Some(0);
            return match self.second {
                None => sample.whole.then_some(has_url),
                Some(cells) => Some(has_url && cells == self.first.len()),
            };
        }
        // Rows without a URL may come first.
        if self.uneven || self.first_url.is_some() {
            return Some(!self.uneven);
        }
        sample.whole.then_some(false)
    }

    /// Returns the column that the user gave by its number from 1.
    fn numbered(&self, wanted: &str) -> Option<usize> {
        let at = wanted.trim().parse::<usize>().ok()?.checked_sub(1)?;
        (at < self.first.len()).then_some(at)
    }

    fn layout(self, sample: ListSample<'_>, url_column: Option<&str>, skip: usize) -> Result<Layout, NotAList> {
        let mut notes = Vec::new();
        let (url, has_header) = match url_column {
            Some(wanted) => self.named_column(wanted)?,
            None => match self.column_called(Column::Url.name())? {
                Some(url) => (url, true),
                // With more rows another column may turn out to hold URLs.
                None if !sample.whole && (!sample.live || self.urls.is_empty()) => return Ok(Layout::Unknown),
                None => {
                    let url = self.only_column()?;
                    if !self.headless || self.first.len() > 1 {
                        notes.push(format!("taking the URLs from the {}", self.shown(url)));
                    }
                    (url, !self.headless)
                }
            },
        };
        if self.titles > 0 {
            let (rows, what) = (self.titles, if self.titles == 1 { "row" } else { "rows" });
            notes.insert(0, format!("skipping {rows} title {what} before the header {}", self.all()));
        }
        let (mut columns, mut ignored) = (vec![(url, Column::Url)], Vec::new());
        if has_header {
            self.assign(url, &mut columns, &mut ignored)
                .map_err(|why| NotAList { line: Some(sample.line(self.separator, skip + self.titles)), why })?;
        }
        if !ignored.is_empty() {
            let what = if ignored.len() == 1 { "column" } else { "columns" };
            notes.push(format!("ignoring the {what} {}", self.listed(ignored.into_iter())));
        }
        let url_name = if has_header { self.cell(url) } else { Some(Column::Url.name().to_owned()) };
        let url_name = url_name.unwrap_or_else(|| "URL".to_owned());
        let records_before = skip + self.titles + usize::from(has_header);
        let note = (!notes.is_empty()).then(|| notes.join(", "));
        let (separator, width) = (self.separator, self.first.len());
        Ok(Layout::Table(TableLayout { separator, width, columns, url, url_name, has_header, records_before, note }))
    }

    /// Adds the known columns of the header beside the one of the URLs, from left to right, and the names of the
    /// others. The columns of records are all known: a list of records is tried again as it is.
    fn assign(&self, url: usize, columns: &mut Vec<(usize, Column)>, ignored: &mut Vec<usize>) -> Result<(), String> {
        let holds_records = ["outcome", "source_line"].iter().all(|name| self.first.iter().any(|cell| cell == name));
        for (at, name) in self.first.iter().enumerate().filter(|(at, _)| *at != url) {
            match column::meaning(name) {
                Meaning::Known(Column::Url) => {}
                Meaning::Known(column) if columns.iter().any(|(_, known)| *known == column) => {
                    return Err(format!(
                        "the header line names the column `{}` twice; rename one of them",
                        column.name()
                    ));
                }
                Meaning::Known(column) => columns.push((at, column)),
                _ if holds_records || name.is_empty() => {}
                Meaning::Unclear(question) => return Err(column::unclear(name, question)),
                Meaning::Other => ignored.push(at),
            }
        }
        columns.sort_unstable_by_key(|(at, _)| *at);
        Ok(())
    }

    /// Returns the column that the user named, or numbered from 1, and whether there is a header.
    fn named_column(&self, wanted: &str) -> Result<(usize, bool), String> {
        if let Some(url) = self.column_called(wanted.trim())? {
            return Ok((url, true));
        }
        match self.numbered(wanted) {
            Some(url) => Ok((url, !self.headless)),
            None if self.headless => Err(format!(
                "no header line that could name a column `{}`; add one, or give --url-column the number of the column",
                printed(wanted)
            )),
            None => Err(format!(
                "no column is called `{}`; the columns are {}; name one of them with --url-column",
                printed(wanted),
                self.all()
            )),
        }
    }

    /// Returns the column of this name. A known name must not repeat.
    fn column_called(&self, wanted: &str) -> Result<Option<usize>, String> {
        let mut found = (0..self.first.len()).filter(|&at| self.first[at].eq_ignore_ascii_case(wanted));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                Err(format!("the header line names the column `{}` twice; rename one of them", printed(wanted)))
            }
            (first, _) => Ok(first),
        }
    }

    /// The only column that holds URLs.
    fn only_column(&self) -> Result<usize, String> {
        match *self.urls {
            [] if self.headless => Err("no http or https URL in the first row, and no header line; \
                                        add one that names the column of the URLs url"
                .to_owned()),
            [] => Err(format!(
                "no column holds URLs; the columns are {}; call the one that does url, or name it with --url-column",
                self.all()
            )),
            // The rest of a URL that holds the separator would be cut off.
            [url] if self.headless && self.follows && b",;".contains(&self.separator) => Err(format!(
                "several columns and no header line; add one such as url{0}out, or say --url-column {1}; \
                 if the URLs hold the separator, say --input-format text",
                char::from(self.separator),
                url + 1
            )),
            [url] => Ok(url),
            [first, second, ..] => Err(format!(
                "the {} and the {} hold URLs; name the one to fetch with --url-column",
                self.shown(first),
                self.shown(second)
            )),
        }
    }

    /// A cell of the first row as messages show it; `None` if it may hold a secret.
    fn cell(&self, at: usize) -> Option<String> {
        let is_header = self.named || !self.first.iter().any(|cell| column::may_be_url(cell));
        column::shown(self.first.get(at)?, is_header)
    }

    /// A column as messages call it.
    fn shown(&self, at: usize) -> String {
        match self.cell(at) {
            Some(name) if !self.headless => format!("column `{name}`"),
            _ => format!("column {}", at + 1),
        }
    }

    /// The names of the columns.
    fn all(&self) -> String {
        self.listed(0..self.first.len())
    }

    /// Names of columns as messages list them, and the numbers of those that are not shown.
    fn listed(&self, columns: impl ExactSizeIterator<Item = usize>) -> String {
        let more = if columns.len() > NAMED { " …" } else { "" };
        let name = |at| self.cell(at).map_or_else(|| format!("column {}", at + 1), |name| format!("`{name}`"));
        columns.take(NAMED).map(name).collect::<Vec<_>>().join(", ") + more
    }
}

/// Counts the title rows before the header, as many spreadsheets are exported. The header is the first
/// record, before any URL, that has several cells, none of them empty, and a known column name.
/// The very first record needs only the name. Any other is a header only if a row follows.
fn titles<'a>(
    records: impl Iterator<Item = &'a [u8]>,
    splitter: &mut Splitter,
    cells: &mut Cells,
    wanted: &str,
) -> usize {
    let means_something = |cell: &[u8]| {
        let cell = name(cell);
        cell.eq_ignore_ascii_case(wanted) || matches!(column::meaning(&cell), Meaning::Known(_))
    };
    let mut records = records.enumerate().peekable();
    while let Some((number, record)) = records.next() {
        cells.split(splitter, record);
        // It may be a row of another separator.
        if cells.iter().any(is_url) || record.split(|byte| SEPARATORS.contains(byte)).any(is_url) {
            break;
        }
        let is_header = cells.iter().any(means_something);
        let is_full = cells.count() > 1 && cells.iter().all(|cell| !cell.is_empty());
        if is_header && (number == 0 || (is_full && records.peek().is_some())) {
            return number;
        }
    }
    0
}

/// A cell of the header line.
fn name(cell: &[u8]) -> String {
    url_text::trim(&String::from_utf8_lossy(cell)).to_owned()
}

fn is_url(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|cell| {
        let url = url_text::bare(cell);
        http_prefix(url).is_some_and(|after| url[after..].starts_with("//")) && !url.contains(char::is_whitespace)
    })
}
