//! A file that gets its name when it is complete.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The end of the name of an incomplete file, and how many random characters are before it.
const PART: &str = ".part";
const RANDOM: usize = 6;

/// An incomplete file in the folder of the complete one. Its lock says that its program is still at work.
pub struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Creates the incomplete file, and removes those that killed runs have left for the same path.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let prefix = format!(".{}-", path.file_name().unwrap_or_default().to_string_lossy());
        remove_abandoned(folder, &prefix)?;
        let mut new = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As of any new file: the umask says who may read it.
            new.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = new.prefix(&prefix).rand_bytes(RANDOM).suffix(PART).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // The file system has no locks, so no run removes the file either.
            Err(std::fs::TryLockError::Error(e)) if e.kind() != io::ErrorKind::Unsupported => Err(e),
            _ => Ok(Self { file, path: path.to_owned() }),
        }
    }

    /// The incomplete file.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name. It replaces an earlier one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn complete(self) -> io::Result<()> {
        self.file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// Removes the files of this prefix whose programs were killed.
fn remove_abandoned(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(PART));
        let is_ours = random
            .is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        // Err: another run has removed or completed it.
        if is_ours
            && let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn files_of_killed_runs_are_removed_and_those_at_work_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let at_work = NewFile::create(&path("a.wacz")).unwrap();
        at_work.as_file().write_all(b"whole").unwrap();
        let names = [".a.wacz-Ab3xYz.part", ".a.wacz-b-Ab3xYz.part", ".b.wacz-Ab3xYz.part", ".a.wacz-Ab3xY.part"];
        names.iter().for_each(|name| std::fs::write(path(name), b"part").unwrap());
        drop(NewFile::create(&path("a.wacz")).unwrap());
        assert_eq!(names.map(|name| path(name).exists()), [false, true, true, true]);
        at_work.complete().unwrap();
        assert_eq!(std::fs::read(path("a.wacz")).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no other file is left");
    }
}
