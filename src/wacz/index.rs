//! The lines of CDXJ files: checked, and merged in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::WaczError;
use crate::model::shown_path;

/// The longest line, in bytes.
const LONGEST_LINE: u64 = 1024 * 1024;

/// A line of an index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IndexLine {
    /// Without its line end.
    pub(super) text: String,
    pub(super) capture: Capture,
    /// The offset of the JSON in the text.
    json: usize,
    file: usize,
    place: String,
}

impl PartialOrd for IndexLine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By bytes.
impl Ord for IndexLine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text).then(self.file.cmp(&other.file))
    }
}

/// The JSON of a line. Programs write numbers as texts too.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Capture {
    pub(super) url: String,
    #[serde(default)]
    mime: String,
    status: Option<TextOrNumber>,
    offset: TextOrNumber,
    length: TextOrNumber,
    pub(super) filename: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Number(u64),
    Text(String),
}

impl TextOrNumber {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Capture {
    /// The offset and the length of the record.
    pub(super) fn place(&self) -> Result<(u64, u64), String> {
        let place = self.offset.number().zip(self.length.number());
        place.ok_or_else(|| "its offset or length is no number".to_owned())
    }
}

impl IndexLine {
    fn new(text: String, file: usize, place: String) -> Result<Self, WaczError> {
        let wrong = |why: &str| WaczError::Archive(format!("{place}: {why}"));
        let json = text.find(" {").ok_or_else(|| wrong("it is no line of CDXJ: no JSON"))? + 1;
        let capture = serde_json::from_str(&text[json..]).map_err(|e| wrong(&format!("its JSON: {e}")))?;
        let line = Self { text, capture, json, file, place };
        if line.time().is_none() {
            let why = "it is no line of CDXJ: no time of 14 digits before the JSON";
            return Err(WaczError::Archive(format!("{}: {why}", line.place)));
        }
        Ok(line)
    }

    /// The file and the number of the line, as messages show them.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The key and the time, which precede the JSON.
    pub(super) fn key_and_time(&self) -> &str {
        self.text[..self.json].trim_end()
    }

    /// The time as ISO 8601 has it.
    fn time(&self) -> Option<String> {
        let (_, time) = self.key_and_time().rsplit_once(' ')?;
        let is_time = time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit());
        let part = |from, to| time.get(from..to).unwrap_or_default();
        is_time.then(|| {
            let (date, clock) = ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
            format!("{}T{}Z", date.join("-"), clock.join(":"))
        })
    }

    /// The time of a capture that is a page.
    pub(super) fn page_time(&self) -> Option<String> {
        let is_ok = self.capture.status.as_ref().and_then(TextOrNumber::number) == Some(200);
        let is_page = matches!(&*self.capture.mime, "text/html" | "application/xhtml+xml");
        if is_ok && is_page { self.time() } else { None }
    }
}

/// One sorted index.
struct IndexFile {
    path: PathBuf,
    lines: BufReader<File>,
    read: u64,
    last: String,
}

impl IndexFile {
    fn open(path: &Path) -> Result<Self, WaczError> {
        let file = File::open(path).map_err(WaczError::io("read", path))?;
        Ok(Self { path: path.to_owned(), lines: BufReader::new(file), read: 0, last: String::new() })
    }

    /// Reads the next line, without those that describe the file.
    fn next(&mut self, number: usize) -> Result<Option<IndexLine>, WaczError> {
        loop {
            let mut line = Vec::new();
            let read = self.lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let length = read.map_err(WaczError::io("read", &self.path))? as u64;
            if length == 0 {
                return Ok(None);
            }
            self.read += 1;
            let place = format!("{}:{}", shown_path(&self.path), self.read);
            if length == LONGEST_LINE && !line.ends_with(b"\n") {
                return Err(WaczError::Archive(format!("{place}: the line is longer than {LONGEST_LINE} bytes")));
            }
            let not_utf8 = |_| WaczError::Archive(format!("{place}: the line is not UTF-8"));
            let mut text = String::from_utf8(line).map_err(not_utf8)?;
            text.truncate(text.trim_end().len());
            if text.is_empty() || text.starts_with([' ', '!']) {
                continue;
            }
            if text < self.last {
                let problem = "the line belongs before the one above; sort the index by bytes: LC_ALL=C sort";
                return Err(WaczError::Archive(format!("{place}: {problem}")));
            }
            self.last.clone_from(&text);
            return IndexLine::new(text, number, place).map(Some);
        }
    }
}

/// Several sorted indexes as one. Equal lines come once.
pub(super) struct MergedIndex {
    files: Vec<IndexFile>,
    /// The next line of each file.
    next: BinaryHeap<Reverse<IndexLine>>,
    last: String,
}

impl MergedIndex {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, WaczError> {
        let mut files = paths.iter().map(|path| IndexFile::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut next = BinaryHeap::new();
        for (number, file) in files.iter_mut().enumerate() {
            next.extend(file.next(number)?.map(Reverse));
        }
        Ok(Self { files, next, last: String::new() })
    }

    pub(super) fn next(&mut self) -> Result<Option<IndexLine>, WaczError> {
        while let Some(Reverse(line)) = self.next.pop() {
            if let Some(file) = self.files.get_mut(line.file) {
                self.next.extend(file.next(line.file)?.map(Reverse));
            }
            if line.text != self.last {
                self.last.clone_from(&line.text);
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}
