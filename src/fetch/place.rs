//! Where a body waits until it is whole, and where it goes then.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::SystemTime;

use super::kept::KeptAt;
use crate::model::{ErrorKind, FetchError};
use crate::output_folder::OutputFolder;

/// Where a part and its final file are.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) folder: OutputFolder,
    /// The part file, below the folder.
    pub(super) part: PathBuf,
    /// The final name, below the folder.
    pub(super) target: PathBuf,
    /// Whether what is cut off is kept under a name that begins as that of the part.
    pub(super) claimed: bool,
    /// When the body was last modified, where its file is to say so.
    pub(super) modified: Option<SystemTime>,
    /// Whether it has to outlast a loss of power.
    pub(super) sync: bool,
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
        let (folder, name) = self.folder.make_parent(&self.part, self.sync)?;
        folder.create(name).map_err(|e| if_removed(&self.folder, &self.part, e))
    }

    /// Removes the part file.
    pub(super) fn remove_part(&self) {
        // Err: it may not exist; if it cannot be removed, the next run does that.
        let _ = self.folder.remove(&self.part);
    }

    /// Removes the part file that was just created if the fetch was given up meanwhile: what that
    /// removed was not there yet.
    pub(super) fn unless_given_up(&self, fate: &Fate) -> io::Result<()> {
        fate.check().inspect_err(|_| self.remove_part())
    }

    /// Gives the file its final name.
    pub(super) fn name(&self, file: &Path) -> io::Result<()> {
        if self.names { rename(&self.folder, file, &self.target, self.sync) } else { Ok(()) }
    }

    /// Where its body is kept should it be cut off.
    pub(super) fn kept_at(&self, id: u64) -> KeptAt {
        let in_folder = self.claimed.then(|| KeptAt::like(&self.folder, &self.part, id)).flatten();
        in_folder.unwrap_or_else(|| KeptAt::beside(&self.folder, &self.target, id))
    }

    /// Brings the final name to the disk, where that is asked: the folder that has it.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        if self.sync && self.names { sync_parent(&self.folder, &self.target) } else { Ok(()) }
    }

    pub(super) fn error(&self, e: &io::Error) -> FetchError {
        cannot_write(&self.folder, &self.target, e)
    }
}

/// Gives a file its final name, and makes the folders of that.
fn rename(folder: &OutputFolder, from: &Path, to: &Path, sync: bool) -> io::Result<()> {
    let (parts, part) = folder.open_parent(from).map_err(|e| if_removed(folder, from, e))?;
    let (files, file) = folder.make_parent(to, sync)?;
    parts.rename(part, &files, file).map_err(|e| match e.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            let what = format!("{} is in the way: it is a folder; move it away", folder.path().join(to).display());
            io::Error::new(io::ErrorKind::IsADirectory, what)
        }
        _ if parts.info(part).is_ok() => if_removed(folder, to, e),
        _ => if_removed(folder, from, e),
    })
}

/// The error of a file whose folder was removed while it was used: which folder that was.
fn if_removed(folder: &OutputFolder, file: &Path, e: io::Error) -> io::Error {
    if e.kind() != io::ErrorKind::NotFound {
        return e;
    }
    let path = folder.path().join(file.parent().unwrap_or(file));
    io::Error::new(e.kind(), format!("the folder {} was removed meanwhile, or its files were", path.display()))
}

/// A body that is whole, checked and on its way: all that is missing is its final name. A process
/// that was started to fetch it does not give that: whoever decides what is told of a URL decides
/// this too, and a process that outlives its parent changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The part file, below the output folder.
    pub from: PathBuf,
    /// The final name, below the output folder.
    pub to: PathBuf,
    /// Whether a note lies beside the part.
    pub kept: bool,
    /// Whether the name has to outlast a loss of power.
    pub sync: bool,
}

impl Ready {
    /// Gives it its name, or removes it.
    pub(super) fn give_name(&self, folder: &OutputFolder) -> Result<(), FetchError> {
        let named = rename(folder, &self.from, &self.to, self.sync);
        if named.is_err() {
            self.remove(folder);
        } else if self.kept {
            KeptAt::at(folder, &self.from).forget();
        }
        let synced = named.and_then(|()| if self.sync { sync_parent(folder, &self.to) } else { Ok(()) });
        synced.map_err(|e| cannot_write(folder, &self.to, &e))
    }

    /// Removes it, where nobody wants it.
    pub(super) fn remove(&self, folder: &OutputFolder) {
        // Err: it is gone, or in nobody's way.
        let _ = folder.remove(&self.from);
        if self.kept {
            KeptAt::at(folder, &self.from).forget();
        }
    }
}

fn cannot_write(folder: &OutputFolder, file: &Path, e: &io::Error) -> FetchError {
    FetchError::new(ErrorKind::Io, format!("cannot write {}: {e}", folder.path().join(file).display()))
}

/// Brings a name to the disk: the folder that has it.
fn sync_parent(folder: &OutputFolder, file: &Path) -> io::Result<()> {
    folder.open_parent(file)?.0.sync()
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
        Place {
            folder: OutputFolder::new(folder.to_owned()),
            part: ".fetchall/part/1".into(),
            target: "a/b".into(),
            claimed: true,
            modified: None,
            sync: false,
            names: true,
        }
    }

    #[test]
    fn what_is_given_up_has_no_file_and_what_has_one_cannot_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (place, fate) = (place(folder.path()), Fate::default());
        assert!(fate.give_up());
        assert!(place.write_whole(b"body", &fate).is_err());
        assert!(place.folder.info(&place.part).is_err() && place.folder.info(&place.target).is_err());
        let fate = Fate::default();
        place.write_whole(b"body", &fate).unwrap();
        assert!(!fate.give_up(), "whoever asks must await the end");
        assert_eq!(std::fs::read(folder.path().join("a/b")).unwrap(), b"body");
    }

    #[test]
    fn a_fetch_given_up_while_its_part_is_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (place, fate) = (place(folder.path()), Fate::default());
        drop(place.create().unwrap());
        assert!(fate.give_up() && fate.give_up());
        assert!(place.unless_given_up(&fate).is_err());
        assert!(place.folder.info(&place.part).is_err() && place.folder.info(&place.target).is_err());
    }
}
