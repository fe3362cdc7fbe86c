//! Reads the record that a line of an index names.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};

use flate2::bufread::GzDecoder;

use super::index::IndexLine;
use super::sources::WarcFile;

/// The most bytes of the head of a record.
const MOST_HEAD: u64 = 256 * 1024;

/// Checks that a whole record for the URL of the line is at its offset, and has its length.
///
/// # Errors
/// Says what is wrong.
pub(super) fn check(warc: &WarcFile, line: &IndexLine) -> Result<(), String> {
    let (offset, length) = line.capture.place()?;
    let unreadable = |e: io::Error| format!("cannot read `{}` at offset {offset}: {e}", warc.name);
    let mut file = File::open(&warc.path).map_err(unreadable)?;
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut stored = BufReader::new(file.take(length));
    let target = if warc.is_gzip() {
        let mut record = BufReader::new(GzDecoder::new(&mut stored));
        let target = read_record(&mut record).map_err(unreadable)?;
        drop(record);
        target
    } else {
        read_record(&mut stored).map_err(unreadable)?
    };
    let is_whole = stored.fill_buf().map_err(unreadable)?.is_empty() && stored.get_ref().limit() == 0;
    if !is_whole {
        return Err(format!("the record in `{}` at offset {offset} is not {length} bytes long", warc.name));
    }
    if target.as_deref() != Some(&*line.capture.url) {
        return Err(format!("the record in `{}` at offset {offset} has another URL", warc.name));
    }
    Ok(())
}

/// Reads one record to its end. Returns its WARC-Target-URI.
fn read_record(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    let (mut length, mut target) = (None, None);
    let mut head = from.by_ref().take(MOST_HEAD);
    let mut line = Vec::new();
    head.read_until(b'\n', &mut line)?;
    if !line.starts_with(b"WARC/1.") {
        return Err(invalid("no record begins there"));
    }
    loop {
        line.clear();
        if head.read_until(b'\n', &mut line)? == 0 {
            return Err(invalid("the head of the record has no end"));
        }
        let text = String::from_utf8_lossy(&line);
        let Some((name, value)) = text.trim_end().split_once(':') else {
            if text.trim_end().is_empty() {
                break;
            }
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Content-Length") {
            length = value.parse::<u64>().ok();
        } else if name.eq_ignore_ascii_case("WARC-Target-URI") {
            // Some programs write the URL in brackets, as WARC 1.0 seems to ask for.
            let bare = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value);
            target = Some(bare.to_owned());
        }
    }
    let length = length.ok_or_else(|| invalid("the record has no Content-Length"))?;
    let mut end = Vec::new();
    if io::copy(&mut from.by_ref().take(length), &mut io::sink())? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // One byte more than the end has, so that more of them are seen.
    from.by_ref().take(5).read_to_end(&mut end)?;
    if end == b"\r\n\r\n" { Ok(target) } else { Err(invalid("the record does not end where it says")) }
}
