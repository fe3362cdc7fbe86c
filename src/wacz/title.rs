//! The titles of archived pages.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write};

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::index::IndexLine;
use super::sources::WarcFile;
use crate::extract::{DocumentHead, Extractor};
use crate::warc::{PayloadForm, WarcReader, copy_payload};

/// How much of a page is read for its title.
const MOST_READ: usize = 64 * 1024;

/// Returns the title of the page that a line of an index names. `None` if it has none near its beginning, or if the
/// record has no payload.
pub(super) fn page_title(warc: &WarcFile, line: &IndexLine) -> Option<String> {
    let head = beginning(warc, line, PayloadForm::Block)?;
    let body = beginning(warc, line, PayloadForm::Decoded)?;
    let mut fields = HeaderMap::new();
    if let Some(value) = content_type(&head).and_then(|value| HeaderValue::from_bytes(value).ok()) {
        fields.insert(CONTENT_TYPE, value);
    }
    let url = Url::parse(&line.capture.url).ok()?;
    let mut page = Extractor::new(&DocumentHead::new(&url, &fields));
    page.piece(&body);
    page.end().title.filter(|title| !title.is_empty())
}

/// The Content-Type of an HTTP head.
fn content_type(block: &[u8]) -> Option<&[u8]> {
    let lines = block.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    lines.skip(1).find_map(|line| {
        let (name, value) = line.split_at(memchr::memchr(b':', line)?);
        name.eq_ignore_ascii_case(CONTENT_TYPE.as_str().as_bytes()).then(|| value[1..].trim_ascii())
    })
}

/// Reads the beginning of a form of the payload.
fn beginning(warc: &WarcFile, line: &IndexLine, form: PayloadForm) -> Option<Vec<u8>> {
    let (offset, length) = line.capture.place().ok()?;
    let mut file = File::open(&warc.path).ok()?;
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut reader = WarcReader::new(BufReader::new(file.take(length)), offset).ok()?;
    let record = reader.next_record().ok()??;
    let mut beginning = PayloadBeginning(Vec::new());
    // Err: there is enough of it, or the rest is damaged.
    let _ = copy_payload(&mut reader, &record, form, &mut beginning);
    Some(beginning.0)
}

/// Takes so many bytes, and then an error ends the copy.
struct PayloadBeginning(Vec<u8>);

impl Write for PayloadBeginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MOST_READ - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_is_that_of_the_head() {
        let head = b"HTTP/1.1 200 OK\r\nX: y\r\ncontent-TYPE:  text/html; charset=x \r\n\r\nContent-Type: b\r\n";
        assert_eq!(content_type(head), Some(&b"text/html; charset=x"[..]));
        assert_eq!(content_type(b"HTTP/1.1 200 OK\r\n\r\nContent-Type: b\r\n"), None);
    }
}
