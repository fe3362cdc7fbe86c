//! The names of the files of an archive, and its temporary files.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::model::RecordEncoding;

/// The end of the name of a file that still grows.
pub(super) const OPEN: &str = ".open";

/// The end of the name of a temporary file, and how many random characters are before it.
const PART: &str = ".part";
const RANDOM: usize = 6;

/// The folder of an archive and the names of its files.
#[derive(Debug, Clone)]
pub struct ArchiveFiles {
    folder: PathBuf,
    name: String,
    encoding: RecordEncoding,
}

impl ArchiveFiles {
    /// Names the files after a path: `a/py` has `a/py-00000.warc.gz` and so on. `None` if the path has no file name.
    /// An end that the files get anyway is not repeated.
    pub fn new(path: &Path, encoding: RecordEncoding) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let name = name.strip_suffix(".warc").unwrap_or(name);
        if name.is_empty() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return None;
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self { folder: folder.to_owned(), name: name.to_owned(), encoding })
    }

    /// The form of the records.
    pub(super) fn encoding(&self) -> RecordEncoding {
        self.encoding
    }

    /// The folder of the files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name that the file with this number gets when it is closed.
    pub(super) fn file_name(&self, number: u32) -> String {
        let end = match self.encoding {
            RecordEncoding::Gzip => ".warc.gz",
            RecordEncoding::None => ".warc",
        };
        format!("{}-{number:05}{end}", self.name)
    }

    /// The path of a file that is closed.
    pub(super) fn closed(&self, number: u32) -> PathBuf {
        self.at(self.file_name(number))
    }

    /// The path of a file that still grows.
    pub(super) fn open(&self, number: u32) -> PathBuf {
        self.at(self.file_name(number) + OPEN)
    }

    /// The path of a file in the folder, as the user would write it.
    fn at(&self, name: String) -> PathBuf {
        if self.folder == Path::new(".") { name.into() } else { self.folder.join(name) }
    }

    /// Returns the number of a file of this archive by its name, and whether it is closed.
    fn number(&self, name: &str) -> Option<(u32, bool)> {
        let rest = name.strip_prefix(&self.name)?.strip_prefix('-')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest[..digits].parse().ok().filter(|_| digits >= 5)?;
        let (is_open, rest) = match rest[digits..].strip_suffix(OPEN) {
            Some(rest) => (true, rest),
            None => (false, &rest[digits..]),
        };
        matches!(rest, ".warc" | ".warc.gz").then_some((number, !is_open))
    }

    /// Returns the numbers of the files that exist, and whether each is closed.
    pub(super) fn existing(&self) -> io::Result<Vec<(u32, bool)>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            numbers.extend(entry?.file_name().to_str().and_then(|name| self.number(name)));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Creates a temporary file, which removes itself.
    pub(super) fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!(".{}-", self.name);
        builder.prefix(&prefix).rand_bytes(RANDOM).suffix(PART).tempfile_in(&self.folder)
    }

    /// Removes the temporary files of a run that was killed.
    pub(super) fn remove_temporary(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| self.is_temporary(name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn is_temporary(&self, name: &str) -> bool {
        let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(&self.name)?.strip_prefix('-'));
        let random = rest.and_then(|rest| rest.strip_suffix(PART));
        random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_and_known_again() {
        let files = ArchiveFiles::new(Path::new("a/py.warc.gz"), RecordEncoding::Gzip).unwrap();
        assert_eq!(files.open(7), Path::new("a/py-00007.warc.gz.open"));
        for (name, number) in [
            ("py-00007.warc.gz.open", Some((7, false))),
            ("py-123456.warc", Some((123_456, true))),
            ("py-7.warc.gz", None),
            ("pyx-00007.warc.gz", None),
            ("py-00007.cdxj", None),
        ] {
            assert_eq!(files.number(name), number, "{name}");
        }
    }

    #[test]
    fn folder_is_no_name() {
        for path in ["a/", "/", "..", ".warc"] {
            assert!(ArchiveFiles::new(Path::new(path), RecordEncoding::None).is_none(), "{path}");
        }
    }
}
