//! Where a body waits until it is whole, and where it goes then.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{ErrorKind, FetchError};

/// Where a part and its final file are.
#[derive(Clone)]
pub(super) struct Place {
    /// The output folder and the folders below it that are known to be folders.
    pub(super) root: Option<(PathBuf, Arc<Mutex<HashSet<PathBuf>>>)>,
    pub(super) part: PathBuf,
    pub(super) target: PathBuf,
}

impl Place {
    /// Writes a body that is whole, unless nobody wants it any more.
    pub(super) fn write_whole(&self, body: &[u8], dropped: &AtomicBool) -> io::Result<()> {
        let mut file = self.create()?;
        self.unless_dropped(dropped)?;
        file.write_all(body)?;
        drop(file);
        self.rename()
    }

    /// Creates the part file. A device or a pipe that the user named is written to directly:
    /// a rename would replace it.
    pub(super) fn create(&self) -> io::Result<File> {
        self.ensure_parent(&self.part)?;
        if self.is_special() {
            return OpenOptions::new().write(true).open(&self.target);
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        }
        options.open(&self.part)
    }

    /// For whoever has just created the part file: the fetch may have been given up meanwhile, and
    /// what it removed was not there yet.
    pub(super) fn unless_dropped(&self, dropped: &AtomicBool) -> io::Result<()> {
        if dropped.load(SeqCst) {
            fs::remove_file(&self.part)?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    pub(super) fn rename(&self) -> io::Result<()> {
        if self.is_special() {
            return Ok(());
        }
        self.ensure_parent(&self.target)?;
        fs::rename(&self.part, &self.target)
    }

    fn is_special(&self) -> bool {
        self.root.is_none() && fs::metadata(&self.target).is_ok_and(|m| !m.is_file() && !m.is_dir())
    }

    /// Makes the folders between the output folder and `path`, following no symbolic link.
    fn ensure_parent(&self, path: &Path) -> io::Result<()> {
        let (Some((root, known)), Some(parent)) = (&self.root, path.parent()) else { return Ok(()) };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(parent) {
            return Ok(());
        }
        let below = parent.strip_prefix(root).map_err(io::Error::other)?;
        let mut folder = root.clone();
        for component in below {
            folder.push(component);
            if known.contains(&folder) {
                continue;
            }
            match fs::create_dir(&folder) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if !fs::symlink_metadata(&folder)?.is_dir() {
                        let what = format!("{} is in the way: it is no folder", folder.display());
                        return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
                    }
                }
                Err(e) => return Err(e),
            }
            known.insert(folder.clone());
        }
        Ok(())
    }

    pub(super) fn error(&self, e: &io::Error) -> FetchError {
        FetchError::new(ErrorKind::Io, format!("cannot write {}: {e}", self.target.display()))
    }
}
