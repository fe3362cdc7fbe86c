//! The owner of a database, read from its first bytes before SQLite opens it. SQLite itself first writes a log beside a
//! database into it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use super::StateError;
use super::files::StateFiles;

/// The application id of a state, which `file` and SQLite show: `fall`.
pub(super) const APPLICATION: i32 = 0x6661_6c6c;

/// The SQLite file format (sqlite.org/fileformat.html): the header of a database and of its first page.
const DATABASE: &[u8] = b"SQLite format 3\0";
const HEADER: usize = 108;
const FIRST_PAGE: usize = 100;
/// The kind of a page that has rows of a table.
const LEAF: u8 = 13;

/// The same, section 4: a log begins with this, or with that number plus 1.
const LOG: u32 = 0x377f_0682;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The frames of a log that are looked at. The first ones of a new database have its first page.
const MOST_FRAMES: usize = 10_000;

/// The same, section 3: the start of a rollback journal, which is zero until its pages are on the disk.
const JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The suffix of a foreign file, and why it is one.
pub(super) type Foreign = (&'static str, &'static str);

/// Why the file of a database is no state of ours, or what lies beside an empty or missing one is of no state. `None` if
/// SQLite may open it. Else the suffix of the file that is in the way, and why.
pub(super) fn why_foreign(files: &StateFiles, database: Option<&File>) -> Result<Option<Foreign>, StateError> {
    let head = database.map_or(Ok(Vec::new()), head).map_err(|source| files.error("", source))?;
    if !head.is_empty() && !head.starts_with(DATABASE) {
        return Ok(Some(("", "file is not a database")));
    }
    if is_ours(&head) {
        return Ok(None);
    }
    if !holds_nothing(&head) {
        return Ok(Some(("", "it is another program's database")));
    }
    // SQLite removes a log or a journal beside an empty database, or writes it into that.
    for (suffix, is_ours) in [("-wal", has_our_page as fn(File) -> io::Result<bool>), ("-journal", is_journal)] {
        let is_ours = match files.open_to_read(suffix) {
            Ok(file) => is_ours(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) => Err(e),
        };
        if !is_ours.map_err(|source| files.error(suffix, source))? {
            return Ok(Some((suffix, "it lies beside an empty or missing state, and is not known as its own")));
        }
    }
    Ok(None)
}

fn head(mut file: &File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEADER);
    file.rewind()?;
    file.take(HEADER as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a first page has our application id.
fn is_ours(page: &[u8]) -> bool {
    page.starts_with(DATABASE) && page.get(68..72) == Some(&APPLICATION.to_be_bytes())
}

/// Whether a database has neither a table nor a version nor an owner.
fn holds_nothing(head: &[u8]) -> bool {
    let is_zero = |from: usize, to: usize| head.get(from..to).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let has_no_row = head.get(FIRST_PAGE) == Some(&LEAF) && is_zero(FIRST_PAGE + 3, FIRST_PAGE + 5);
    head.is_empty() || (has_no_row && is_zero(60, 64) && is_zero(68, 72))
}

/// Whether a log is empty, or has a first page of ours among its frames.
fn has_our_page(mut log: File) -> io::Result<bool> {
    let Some(header) = next::<LOG_HEADER>(&mut log)? else { return Ok(log.metadata()?.len() == 0) };
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let page_size = number(&header[8..]);
    if number(&header) | 1 != LOG | 1 || !(512..=65_536).contains(&page_size) {
        return Ok(false);
    }
    for _ in 0..MOST_FRAMES {
        let Some(frame) = next::<FRAME_HEADER>(&mut log)? else { break };
        let Some(start) = next::<FIRST_PAGE>(&mut log)? else { break };
        if number(&frame) == 1 && is_ours(&start) {
            return Ok(true);
        }
        log.seek(SeekFrom::Current(i64::from(page_size) - FIRST_PAGE as i64))?;
    }
    Ok(false)
}

/// Whether a journal is empty or begins as one.
fn is_journal(mut journal: File) -> io::Result<bool> {
    let Some(start) = next::<8>(&mut journal)? else { return Ok(journal.metadata()?.len() == 0) };
    Ok(start == JOURNAL || start == [0; 8])
}

/// The next bytes of a file, `None` if it has no more of them.
fn next<const LEN: usize>(file: &mut File) -> io::Result<Option<[u8; LEN]>> {
    let mut bytes = [0; LEN];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}
