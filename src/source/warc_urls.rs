//! The URLs of a WARC file, as JSON lines.
//!
//! Blocks are no text. They are thus read before the text of a list is decoded.

use std::io::{self, BufReader, Cursor, Read};

use super::NotAList;
use super::decompress::Unpacked;
use crate::config::InputFormat;
use crate::warc::{WarcError, WarcReader, WarcRecord};

/// The first bytes of each record.
const BEGINNING: &[u8] = b"WARC/";

/// The size of the first read, in bytes. The bytes show the format of another list too, so they are not few.
const PIECE: usize = 4096;

/// The buffer between the file and the reader of its records, in bytes.
const BUFFER: usize = 64 * 1024;

/// The types of records whose URLs can be fetched again. A request has the URL of its response.
const FETCHED: [&str; 3] = ["response", "revisit", "resource"];

/// The bytes of a list. Those of a WARC file are replaced by an object with its URL for each capture.
pub(super) struct WarcUrls {
    list: ListBytes,
    format: InputFormat,
}

enum ListBytes {
    /// The first bytes are not known yet. Holds those that were read.
    Undecided(Vec<u8>, Unpacked),
    Other(io::Chain<Cursor<Vec<u8>>, Unpacked>),
    Warc(Box<CaptureLines>),
    Closed,
}

/// The lines of a WARC file.
struct CaptureLines {
    records: WarcReader<BufReader<io::Chain<Cursor<Vec<u8>>, Unpacked>>>,
    line: Cursor<Vec<u8>>,
}

impl WarcUrls {
    /// A list in the format that the user named.
    pub(super) fn new(list: Unpacked, format: InputFormat) -> Self {
        Self { list: ListBytes::Undecided(Vec::new(), list), format }
    }

    /// A list that is no WARC file, such as records.
    pub(super) fn none_in(list: Unpacked) -> Self {
        Self { list: ListBytes::Other(Cursor::new(Vec::new()).chain(list)), format: InputFormat::Ndjson }
    }

    /// Reads the first bytes, and decides what they are.
    fn decide(&mut self) -> io::Result<()> {
        let ListBytes::Undecided(head, list) = &mut self.list else { return Ok(()) };
        let may_be_warc = matches!(self.format, InputFormat::Auto | InputFormat::Warc);
        while may_be_warc && head.len() < BEGINNING.len() && BEGINNING.starts_with(head) {
            let begin = head.len();
            head.resize(begin + PIECE, 0);
            let read = list.read(&mut head[begin..]);
            head.truncate(begin + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                break;
            }
        }
        let is_warc = may_be_warc && head.starts_with(BEGINNING);
        if self.format == InputFormat::Warc && !is_warc && !head.is_empty() {
            return Err(NotAList::from("no WARC file; leave out --input-format warc".to_owned()).into());
        }
        let ListBytes::Undecided(head, list) = std::mem::replace(&mut self.list, ListBytes::Closed) else {
            return Ok(());
        };
        let whole = Cursor::new(head).chain(list);
        self.list = if is_warc {
            let records = WarcReader::new(BufReader::with_capacity(BUFFER, whole), 0).map_err(explained)?;
            ListBytes::Warc(Box::new(CaptureLines { records, line: Cursor::default() }))
        } else {
            ListBytes::Other(whole)
        };
        Ok(())
    }
}

impl Read for WarcUrls {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decide()?;
        match &mut self.list {
            ListBytes::Other(list) => list.read(buf),
            ListBytes::Warc(lines) => lines.read(buf),
            ListBytes::Undecided(..) | ListBytes::Closed => Ok(0),
        }
    }
}

impl Read for CaptureLines {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.line.read(buf)?;
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            let Some(record) = self.records.next_record().map_err(explained)? else { return Ok(0) };
            if let Some(url) = url_of(&record) {
                let mut line = serde_json::to_vec(&serde_json::json!({ "url": url }))?;
                line.push(b'\n');
                self.line = Cursor::new(line);
            }
        }
    }
}

/// The URL of a record that can be fetched again.
fn url_of(record: &WarcRecord) -> Option<&str> {
    let is_fetched = FETCHED.contains(&record.kind());
    record.target().filter(|url| is_fetched && is_web(url))
}

/// Whether a URL has a scheme that is fetched.
pub(super) fn is_web(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Describes damage. The offset is that of the unpacked file, which does not help.
fn explained(error: WarcError) -> io::Error {
    match error {
        WarcError::Damaged { damage, .. } => {
            let what = damage.to_string();
            let what = what.split(';').next().unwrap_or_default();
            io::Error::new(io::ErrorKind::InvalidData, format!("{what}; fetchall warc check says where"))
        }
        WarcError::Io(error) => error,
    }
}
