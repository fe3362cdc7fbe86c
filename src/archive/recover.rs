//! Files that a run left open: it was killed. The next run cuts them to their last whole record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};

use flate2::bufread::GzDecoder;

use super::files::ArchiveFiles;
use super::open_file::{OpenFile, close, lock, of_path};
use crate::model::{ArchivePosition, RecordEncoding};

/// The most bytes of the header of a record. Longer ones are not read.
const LONGEST_HEADER: u64 = 64 * 1024;

/// Sees to the files that an earlier run left open, and returns what is to be appended to. `position` is how far the
/// state knows the archive: what comes after it belongs to pages that are fetched again, so it is removed. Files that
/// are closed are not touched.
///
/// # Errors
/// Returns the error of the file system, or that another run writes the archive.
pub(super) fn recover(files: &ArchiveFiles, sync: bool, position: Option<ArchivePosition>) -> io::Result<OpenFile> {
    let existing = files.existing()?;
    let mut left: Vec<(u32, File)> = Vec::new();
    for (number, _) in existing.iter().filter(|(_, is_closed)| !is_closed) {
        let path = files.open(*number);
        let file = File::options().read(true).append(true).open(&path).map_err(|e| of_path(&path, e))?;
        lock(&file, &path)?;
        left.push((*number, file));
    }
    if !left.is_empty() {
        // The locks say that no other run is at work here.
        files.remove_temporary()?;
    }
    let next = existing.last().map_or(0, |(number, _)| number + 1);
    let mut open = OpenFile::new(files.clone(), sync, next);
    let known = position.filter(|position| left.iter().any(|(number, _)| *number == position.file));
    for (number, mut file) in left {
        match known {
            Some(known) if number > known.file => std::fs::remove_file(files.open(number))?,
            Some(known) if number == known.file => {
                let length = file.metadata()?.len();
                let length =
                    if length < known.length { whole_length(&mut file, files.encoding())? } else { known.length };
                file.set_len(length)?;
                open.resume(file, ArchivePosition { file: number, length });
            }
            _ => {
                let length = whole_length(&mut file, files.encoding())?;
                file.set_len(length)?;
                close(files, number)?;
            }
        }
    }
    Ok(open)
}

/// Returns the length of the whole records at the beginning of a file.
fn whole_length(file: &mut File, encoding: RecordEncoding) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut whole = 0;
    while whole < length && skip_record(&mut reader, encoding)? {
        whole = reader.stream_position()?;
    }
    Ok(whole)
}

/// Passes a record. Returns whether it was whole.
fn skip_record(reader: &mut BufReader<&mut File>, encoding: RecordEncoding) -> io::Result<bool> {
    let passed = match encoding {
        RecordEncoding::Gzip => io::copy(&mut GzDecoder::new(&mut *reader), &mut io::sink()).map(|_| true),
        RecordEncoding::None => skip_plain(reader),
    };
    match passed {
        Ok(passed) => Ok(passed),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            ) =>
        {
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

/// Passes a record that is not compressed.
fn skip_plain(reader: &mut BufReader<&mut File>) -> io::Result<bool> {
    let (mut length, mut line) = (None, Vec::new());
    loop {
        line.clear();
        reader.take(LONGEST_HEADER).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            None => return Ok(false),
            Some(b"") => break,
            Some(text) => {
                let value = text.strip_prefix(b"Content-Length: ").and_then(|value| str::from_utf8(value).ok());
                length = value.and_then(|value| value.parse::<u64>().ok()).or(length);
            }
        }
    }
    let Some(length) = length else { return Ok(false) };
    let skipped = io::copy(&mut reader.take(length), &mut io::sink())?;
    let mut end = [0; 4];
    reader.read_exact(&mut end)?;
    Ok(skipped == length && end == *super::record::RECORD_END)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use super::*;
    use crate::archive::deflate::Deflater;

    /// Three records, each with its end in the file.
    fn records(encoding: RecordEncoding) -> (Vec<u8>, Vec<u64>) {
        let (mut bytes, mut ends, mut deflater) = (Vec::new(), Vec::new(), Deflater::new());
        for length in [0, 10, 5000] {
            let text = format!("WARC/1.1\r\nContent-Length: {length}\r\n\r\n{}\r\n\r\n", "x".repeat(length));
            match encoding {
                RecordEncoding::Gzip => bytes.extend(deflater.member(&[text.as_bytes()]).unwrap()),
                RecordEncoding::None => bytes.extend_from_slice(text.as_bytes()),
            }
            ends.push(bytes.len() as u64);
        }
        (bytes, ends)
    }

    #[test]
    fn file_is_cut_behind_its_last_whole_record() {
        for encoding in [RecordEncoding::Gzip, RecordEncoding::None] {
            let (bytes, ends) = records(encoding);
            for cut in (0..bytes.len()).step_by(7).chain([bytes.len() - 1, bytes.len()]) {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&bytes[..cut]).unwrap();
                let whole = ends.iter().copied().filter(|end| *end <= cut as u64).max().unwrap_or(0);
                assert_eq!(whole_length(&mut file, encoding).unwrap(), whole, "{encoding:?} {cut}");
            }
        }
    }

    #[test]
    fn state_decides_where_a_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let files = ArchiveFiles::new(&folder.path().join("a"), RecordEncoding::None).unwrap();
        let (bytes, ends) = records(RecordEncoding::None);
        let name = |number| files.open(number);
        for number in 1..4 {
            std::fs::write(name(number), &bytes).unwrap();
        }
        std::fs::write(files.closed(0), b"closed").unwrap();
        let temporary = [".a-Ab3xYz.part", ".a-b-Ab3xYz.part", ".ab-Ab3xYz.part"].map(|name| folder.path().join(name));
        temporary.iter().for_each(|path| std::fs::write(path, b"part").unwrap());
        let open = recover(&files, false, Some(ArchivePosition { file: 2, length: ends[0] })).unwrap();
        assert_eq!((open.number(), open.length(), open.is_open()), (2, ends[0], true));
        let length = |path: &Path| path.metadata().ok().map(|found| found.len());
        assert_eq!(length(&files.closed(0)), Some(6));
        assert_eq!(length(&files.closed(1)), Some(bytes.len() as u64));
        assert_eq!((length(&name(2)), length(&name(3))), (Some(ends[0]), None));
        assert_eq!(temporary.map(|path| path.exists()), [false, true, true], "only those of this archive go");
        let busy = recover(&files, false, None).err().unwrap();
        assert!(busy.to_string().contains("another run writes it"), "{busy}");
    }

    #[test]
    fn without_a_state_the_next_file_begins() {
        let folder = tempfile::tempdir().unwrap();
        let files = ArchiveFiles::new(&folder.path().join("a"), RecordEncoding::None).unwrap();
        let (bytes, ends) = records(RecordEncoding::None);
        std::fs::write(files.open(4), &bytes[..bytes.len() - 1]).unwrap();
        let open = recover(&files, false, None).unwrap();
        assert_eq!((open.number(), open.is_open()), (5, false));
        assert_eq!(files.closed(4).metadata().unwrap().len(), ends[1]);
    }
}
