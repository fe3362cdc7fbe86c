//! The lines that earlier runs have written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use crate::policy::text::fingerprint::FingerprintSet;
use crate::wire::WrittenPageText;

/// The longest line that a run writes: a text with each byte escaped, and its links.
const LONGEST: u64 = 64 << 20;
/// The bytes that are looked at together for the end of a line.
const PIECE: u64 = 64 * 1024;

/// The texts in a file, as fingerprints.
#[derive(Clone, Default)]
pub struct WrittenTexts {
    /// The URLs that earlier runs have written.
    urls: Arc<FingerprintSet>,
    /// Each URL with its text.
    texts: FingerprintSet,
}

impl WrittenTexts {
    /// The URLs of earlier runs.
    pub fn urls(&self) -> Arc<FingerprintSet> {
        self.urls.clone()
    }

    /// Adds a text; true if it was new. A page without a text has no digest.
    pub(super) fn insert(&mut self, url: &str, digest: Option<&str>) -> bool {
        self.texts.insert(&identity(url, digest))
    }
}

fn identity(url: &str, digest: Option<&str>) -> String {
    format!("{} {url}", digest.unwrap_or_default())
}

/// Adds the lines of a file to those that are known. Returns its length up to the last complete line.
///
/// # Errors
/// The error of the file system, or which line is none of this program.
pub fn read_written(file: &File, written: &mut WrittenTexts) -> io::Result<u64> {
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let urls = Arc::make_mut(&mut written.urls);
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let (mut line, mut number, mut whole) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let bytes = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? as u64;
        number += 1;
        let is_whole = line.ends_with(b"\n");
        // A killed run may leave a part of a line.
        if bytes == 0 || (!is_whole && bytes < LONGEST && number > 1) {
            return Ok(whole);
        }
        let text = WrittenPageText::read(&line).map_err(|why| {
            let why = format!("line {number} is no text of a page ({why}); name another file");
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
        urls.insert(&text.url);
        written.texts.insert(&identity(&text.url, text.text_sha256.as_deref()));
        whole += bytes;
    }
}

/// The length of a file up to its last complete line.
pub(super) fn whole_lines(mut file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        piece.clear();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut piece)?;
        if let Some(at) = memchr::memrchr(b'\n', &piece) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
