//! Reads the record that a line of an index names.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};

use super::index::IndexLine;
use super::sources::WarcFile;
use crate::warc::{WarcError, WarcReader};

/// Checks that a whole record for the URL of the line is at its offset, and has its length.
///
/// # Errors
/// Says what is wrong.
pub(super) fn check(warc: &WarcFile, line: &IndexLine) -> Result<(), String> {
    let (offset, length) = line.capture.place()?;
    let unreadable = |e: WarcError| {
        let why = match e {
            WarcError::Damaged { damage, .. } => damage.to_string(),
            WarcError::Io(error) => error.to_string(),
        };
        format!("cannot read `{}` at offset {offset}: {why}", warc.name)
    };
    let mut file = File::open(&warc.path).map_err(|e| unreadable(WarcError::Io(e)))?;
    file.seek(SeekFrom::Start(offset)).map_err(|e| unreadable(WarcError::Io(e)))?;
    let mut reader = WarcReader::new(BufReader::new(file.take(length)), offset).map_err(unreadable)?;
    let record = reader.next_record().map_err(unreadable)?;
    let end = reader.finish().map_err(unreadable)?;
    let is_whole = end.is_some_and(|end| {
        // Other programs leave out the line ends behind the block of a plain file.
        let is_end_known = end.is_exact || !end.is_gzip && end.line_ends == 0;
        end.stored_length == length && end.is_own_member && is_end_known
    });
    if !is_whole {
        return Err(format!("the record in `{}` at offset {offset} is not {length} bytes long", warc.name));
    }
    if record.as_ref().and_then(|record| record.target()) != Some(&*line.capture.url) {
        return Err(format!("the record in `{}` at offset {offset} has another URL", warc.name));
    }
    Ok(())
}
