//! Files of settings, credentials and cookies are read whole, so each kind has a largest size.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::SetupError;
use crate::model::{shown_missing, shown_path};

/// The most bytes of settings, of request fields, and of passwords by host.
pub const SETTINGS: u64 = 1 << 20;

/// The most bytes of the file that a stranger may have left in the working folder. Reading a file of
/// nothing but errors takes 500 times its size of memory.
const UNNAMED: u64 = 64 << 10;

/// The most bytes of cookies and of certificates. The bundles of systems have some hundred KiB.
pub(super) const LARGE: u64 = 16 << 20;

/// The path of a file in a message that this error stopped its use, see [`shown_missing`].
pub fn shown_unusable(path: &Path, error: &io::Error) -> String {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    match error.kind() {
        NotFound | NotADirectory | InvalidFilename | InvalidInput => shown_missing(path),
        _ => shown_path(path),
    }
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    rest(File::open(path)?, most)
}

/// As [`read`], with an error that names the purpose of the file.
pub(super) fn read_for(path: &Path, purpose: &'static str, most: u64) -> Result<Vec<u8>, SetupError> {
    read(path, most).map_err(|source| SetupError::Path { path: path.to_owned(), purpose, source })
}

/// Reads a file of the working folder that no user named, of at most 64 KiB. It has to be a regular file itself: a pipe
/// would hold the run up, and a link may lead to a private file.
///
/// # Errors
/// When it is a link, a pipe or a device, cannot be read, or is larger.
pub fn read_unnamed(path: &Path) -> io::Result<Vec<u8>> {
    let found = path.symlink_metadata()?;
    if found.is_symlink() {
        return Err(io::Error::other("it is a link, and links of the working folder are not followed"));
    }
    let not_regular = || io::Error::other("it is no regular file");
    if !found.is_file() {
        return Err(not_regular());
    }
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // It may have become a link or a pipe in between.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { rest(file, UNNAMED) } else { Err(not_regular()) }
}

fn rest(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let size = if most < 1 << 20 { format!("{} KiB", most >> 10) } else { format!("{} MiB", most >> 20) };
        let why = format!("it has more than {size}; is it the right file?");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_largest_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
        assert_eq!(read(&path, 2 << 20).unwrap().len(), 2 << 20);
        let why = read(&path, SETTINGS).unwrap_err().to_string();
        assert!(why.contains("more than 1 MiB"), "{why}");
        let why = read_unnamed(&path).unwrap_err().to_string();
        assert!(why.contains("more than 64 KiB"), "{why}");
    }

    #[cfg(unix)]
    #[test]
    fn endless_files_end() {
        assert_eq!(read(Path::new("/dev/zero"), SETTINGS).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
