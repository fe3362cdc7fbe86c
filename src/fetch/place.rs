//! Where a body waits until it is whole, and where it goes then.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::kept::KeptAt;
use crate::model::{ErrorKind, FetchError};

/// Where a part and its final file are.
#[derive(Clone)]
pub(super) struct Place {
    /// The output folder and the folders below it that are known to be folders.
    pub(super) root: Option<(PathBuf, Arc<Mutex<HashSet<PathBuf>>>)>,
    pub(super) part: PathBuf,
    pub(super) target: PathBuf,
    /// When the body was last modified, where its file is to say so.
    pub(super) modified: Option<SystemTime>,
    /// Whether it has to outlast a loss of power.
    pub(super) sync: bool,
    /// Tells runs from one another.
    pub(super) run: u64,
    /// Whether the final name is given here; else whoever started this process gives it.
    pub(super) names: bool,
}

impl Place {
    /// Writes a body that is whole and gives it its final name, unless its fetch is given up.
    pub(super) fn write_whole(&self, body: &[u8], fate: &Fate) -> io::Result<()> {
        fate.check()?;
        let mut file = self.create()?;
        file.write_all(body)?;
        self.seal(&file)?;
        drop(file);
        if !fate.commit() {
            return self.unless_given_up(fate);
        }
        self.name(&self.part)
    }

    /// A body that is whole, for another process to give it its name.
    pub(super) fn ready(&self, kept: Option<&KeptAt>) -> Ready {
        let from = kept.map_or(&*self.part, KeptAt::path).to_owned();
        Ready { from, to: self.target.clone(), kept: kept.is_some(), sync: self.sync }
    }

    /// The file is whole: gives it its time, and brings it to the disk where that is asked.
    pub(super) fn seal(&self, file: &File) -> io::Result<()> {
        if let Some(modified) = self.modified {
            // Err: the file system cannot say it; the body is whole all the same.
            let _ = file.set_modified(modified);
        }
        if self.sync { file.sync_all() } else { Ok(()) }
    }

    /// Creates the part file.
    pub(super) fn create(&self) -> io::Result<File> {
        self.ensure_parent(&self.part)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        }
        options.open(&self.part)
    }

    /// Removes the part file that was just created if the fetch was given up meanwhile: what that
    /// removed was not there yet.
    pub(super) fn unless_given_up(&self, fate: &Fate) -> io::Result<()> {
        // Err of the removal: it is gone already.
        fate.check().inspect_err(|_| drop(fs::remove_file(&self.part)))
    }

    /// Gives the file its final name.
    pub(super) fn name(&self, file: &Path) -> io::Result<()> {
        self.ensure_parent(&self.target)?;
        if self.names { rename(file, &self.target) } else { Ok(()) }
    }

    /// Where its body is kept should it be cut off.
    pub(super) fn kept_at(&self, id: u64) -> KeptAt {
        let in_folder = self.root.as_ref().and_then(|_| KeptAt::like(&self.part, id));
        in_folder.unwrap_or_else(|| KeptAt::beside(&self.target, id))
    }

    /// Brings the final name to the disk, where that is asked: the folder that has it.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        if self.sync && self.names { sync_parent(&self.target) } else { Ok(()) }
    }

    /// Makes the folders between the output folder and `path`, following no symbolic link.
    pub(super) fn ensure_parent(&self, path: &Path) -> io::Result<()> {
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
                Ok(()) if self.sync => folder.parent().map_or(Ok(()), sync_folder)?,
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if !fs::symlink_metadata(&folder)?.is_dir() {
                        let what = format!("{} is in the way: it is no folder; move it away", folder.display());
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
        cannot_write(&self.target, e)
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).map_err(|e| match e.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            let what = format!("{} is in the way: it is a folder; move it away", to.display());
            io::Error::new(io::ErrorKind::IsADirectory, what)
        }
        _ => e,
    })
}

/// A body that is whole, checked and on its way: all that is missing is its final name. A process
/// that was started to fetch it does not give that: whoever decides what is told of a URL decides
/// this too, and a process that outlives its parent changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The part file.
    pub from: PathBuf,
    /// The final name.
    pub to: PathBuf,
    /// Whether a note lies beside the part.
    pub kept: bool,
    /// Whether the name has to outlast a loss of power.
    pub sync: bool,
}

impl Ready {
    /// Gives it its name.
    ///
    /// # Errors
    /// What the file system says, with the name.
    pub fn give_name(&self) -> Result<(), FetchError> {
        let named = rename(&self.from, &self.to).and_then(|()| {
            if self.kept {
                KeptAt::at(&self.from).forget();
            }
            if self.sync { sync_parent(&self.to) } else { Ok(()) }
        });
        named.map_err(|e| cannot_write(&self.to, &e))
    }

    /// Nobody wants it.
    pub fn remove(&self) {
        // Err: it is gone, or in nobody's way.
        let _ = fs::remove_file(&self.from);
        if self.kept {
            KeptAt::at(&self.from).forget();
        }
    }
}

fn cannot_write(path: &Path, e: &io::Error) -> FetchError {
    FetchError::new(ErrorKind::Io, format!("cannot write {}: {e}", path.display()))
}

/// Brings a name to the disk: the folder that has it.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Brings the names in a folder to the disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no such call: names are on the disk when a rename returns.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether a body gets its final name or its fetch is given up: one of them, decided once, whatever
/// thread is faster. So no record can say cancelled of a file that is there.
#[derive(Debug, Default)]
pub(super) struct Fate(AtomicU8);

const OPEN: u8 = 0;
const COMMITTING: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Fate {
    /// Gives the fetch up; false when it is too late for that, and its end must be awaited.
    pub(super) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP)
    }

    /// The final name comes next; false when the fetch is given up.
    pub(super) fn commit(&self) -> bool {
        self.decide(COMMITTING)
    }

    fn decide(&self, fate: u8) -> bool {
        match self.0.compare_exchange(OPEN, fate, SeqCst, SeqCst) {
            Ok(_) => true,
            Err(decided) => decided == fate,
        }
    }

    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.load(SeqCst) == GIVEN_UP { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path) -> Place {
        let root = Some((folder.to_owned(), Arc::default()));
        Place {
            root,
            part: folder.join(".fetchall/part/1"),
            target: folder.join("a/b"),
            modified: None,
            sync: false,
            run: 1,
            names: true,
        }
    }

    #[test]
    fn what_is_given_up_has_no_file_and_what_has_one_cannot_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (place, fate) = (place(folder.path()), Fate::default());
        assert!(fate.give_up());
        assert!(place.write_whole(b"body", &fate).is_err());
        assert!(!place.part.exists() && !place.target.exists());
        let fate = Fate::default();
        place.write_whole(b"body", &fate).unwrap();
        assert!(!fate.give_up(), "whoever asks must await the end");
        assert_eq!(fs::read(&place.target).unwrap(), b"body");
    }

    #[test]
    fn a_fetch_given_up_while_its_part_is_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (place, fate) = (place(folder.path()), Fate::default());
        drop(place.create().unwrap());
        assert!(fate.give_up() && fate.give_up());
        assert!(place.unless_given_up(&fate).is_err());
        assert!(!place.part.exists() && !place.target.exists());
    }
}
