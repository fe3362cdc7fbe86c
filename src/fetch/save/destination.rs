//! The part file of a body, its final name, and the rename from one to the other.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::converted::Conversion;
use super::partial_file::PartialPath;
use crate::model::{ErrorKind, FetchError, shown_path};
use crate::output_folder::{OutputFolder, path_octets};

/// The paths of a part file and its final file.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) folder: OutputFolder,
    /// The part file, below the folder.
    pub(crate) part: PathBuf,
    /// The final name, below the folder.
    pub(crate) target: PathBuf,
    /// Whether a kept body gets a name with the same beginning as that of the part.
    pub(crate) claimed: bool,
    /// The modification time for the file, if it gets one.
    pub(crate) modified: Option<SystemTime>,
    /// Whether the file must survive a power failure.
    pub(crate) sync: bool,
    /// Whether this process gives the final name. Otherwise its parent process does.
    pub(crate) names: bool,
    /// How the links of the body are rewritten, if they are.
    pub(crate) conversion: Option<Arc<Conversion>>,
}

/// The file of a complete body.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    /// Its path below the folder, until it has its final name.
    pub(crate) path: PathBuf,
    /// Whether a note lies beside it.
    pub(crate) has_note: bool,
    /// Its length, if its links were rewritten or might have been.
    pub(crate) bytes: Option<u64>,
}

impl Destination {
    /// Writes a complete body and gives it its final name, unless its fetch is given up.
    pub(crate) fn write_whole(&self, body: &[u8], commit_state: &CommitState) -> io::Result<WrittenFile> {
        commit_state.check()?;
        let converted = self.conversion.as_ref().and_then(|conversion| conversion.bytes(body));
        let body = converted.as_deref().unwrap_or(body);
        let mut file = self.create()?;
        file.write_all(body)?;
        self.seal(&file)?;
        drop(file);
        if !commit_state.commit() {
            self.unless_given_up(commit_state)?;
        }
        self.name(&self.part)?;
        let bytes = self.conversion.is_some().then_some(body.len() as u64);
        Ok(WrittenFile { path: self.part.clone(), has_note: false, bytes })
    }

    /// Returns the complete body, for another process to give it its name.
    pub(crate) fn finished_body(&self, written: WrittenFile) -> FinishedBody {
        FinishedBody { from: written.path, to: self.target.clone(), kept: written.has_note, sync: self.sync }
    }

    /// Sets the modification time of a complete file, and syncs it to the disk with `sync`.
    pub(crate) fn seal(&self, file: &File) -> io::Result<()> {
        if let Some(modified) = self.modified {
            // Err: the file system does not support it; the body is complete all the same.
            let _ = file.set_modified(modified);
        }
        if self.sync { file.sync_all() } else { Ok(()) }
    }

    /// Creates the part file.
    pub(crate) fn create(&self) -> io::Result<File> {
        let (folder, name) = self.folder.make_parent(&self.part, self.sync)?;
        folder.create(name).map_err(|e| if_removed(&self.folder, &self.part, e))
    }

    /// Removes the part file.
    pub(crate) fn remove_part(&self) {
        // Err: it may not exist; if it cannot be removed, the next run does that.
        let _ = self.folder.remove(&self.part);
    }

    /// Removes the part file that was just created if the fetch was given up before: the file did not exist then.
    pub(crate) fn unless_given_up(&self, commit_state: &CommitState) -> io::Result<()> {
        commit_state.check().inspect_err(|_| self.remove_part())
    }

    /// Gives the file its final name.
    pub(crate) fn name(&self, file: &Path) -> io::Result<()> {
        if self.names { rename(&self.folder, file, &self.target, self.sync) } else { Ok(()) }
    }

    /// Returns the path at which the body is kept if it is cut off.
    pub(crate) fn partial_path(&self, id: u64) -> PartialPath {
        let in_folder = self.claimed.then(|| PartialPath::like(&self.folder, &self.part, id)).flatten();
        in_folder.unwrap_or_else(|| PartialPath::beside(&self.folder, &self.target, id))
    }

    /// Syncs the folder of the final name to the disk, if `sync` is set and this process gives the name.
    pub(crate) fn sync_folder(&self) -> io::Result<()> {
        if self.sync && self.names { sync_parent(&self.folder, &self.target) } else { Ok(()) }
    }

    pub(crate) fn error(&self, e: &io::Error) -> FetchError {
        cannot_write(&self.folder, &self.target, e)
    }
}

/// Gives a file its final name, and makes the folders of that name.
fn rename(folder: &OutputFolder, from: &Path, to: &Path, sync: bool) -> io::Result<()> {
    let (parts, part) = folder.open_parent(from).map_err(|e| if_removed(folder, from, e))?;
    let (files, file) = folder.make_parent(to, sync)?;
    folder.refuse_reserved(&files, file)?;
    parts.rename(part, &files, file).map_err(|e| match e.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            let what = format!("{} is in the way: it is a folder; move it away", shown_path(&folder.path().join(to)));
            io::Error::new(io::ErrorKind::IsADirectory, what)
        }
        _ if parts.info(part).is_ok() => if_removed(folder, to, e),
        _ => if_removed(folder, from, e),
    })
}

/// Returns an error that names the folder, if that was removed while in use.
fn if_removed(folder: &OutputFolder, file: &Path, e: io::Error) -> io::Error {
    if e.kind() != io::ErrorKind::NotFound {
        return e;
    }
    let path = folder.path().join(file.parent().unwrap_or(file));
    io::Error::new(e.kind(), format!("the folder {} was removed meanwhile, or its files were", shown_path(&path)))
}

/// The place of a complete body.
#[derive(Debug, Default)]
pub(crate) struct SavedBody {
    /// The path of its file, as the user spelled its folder.
    pub(crate) path: Option<String>,
    /// The length of its file, if its links were rewritten or might have been.
    pub(crate) file_bytes: Option<u64>,
    /// The body, if another process has to give it its name.
    pub(crate) finished_body: Option<Box<FinishedBody>>,
}

/// A complete and checked body without its final name. A child process does not rename it: the parent reports the
/// outcome and gives the name, so a child that outlives its parent changes no final file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedBody {
    /// The part file, below the output folder.
    #[serde(with = "path_octets")]
    pub from: PathBuf,
    /// The final name, below the output folder.
    #[serde(with = "path_octets")]
    pub to: PathBuf,
    /// Whether a note lies beside the part.
    pub kept: bool,
    /// Whether the name must survive a power failure.
    pub sync: bool,
}

impl FinishedBody {
    /// Gives it its final name, or removes it.
    ///
    /// # Errors
    /// Returns the error of the file system, with the file name.
    pub fn give_name(&self, folder: &OutputFolder) -> Result<(), FetchError> {
        let named = rename(folder, &self.from, &self.to, self.sync);
        if named.is_err() {
            self.remove(folder);
        } else if self.kept {
            PartialPath::at(folder, &self.from).forget();
        }
        let synced = named.and_then(|()| if self.sync { sync_parent(folder, &self.to) } else { Ok(()) });
        synced.map_err(|e| cannot_write(folder, &self.to, &e))
    }

    /// Removes a body that gets no name.
    pub fn remove(&self, folder: &OutputFolder) {
        // Err: it is gone, or harmless.
        let _ = folder.remove(&self.from);
        if self.kept {
            PartialPath::at(folder, &self.from).forget();
        }
    }
}

fn cannot_write(folder: &OutputFolder, file: &Path, e: &io::Error) -> FetchError {
    FetchError::new(ErrorKind::Io, format!("cannot write {}: {e}", shown_path(&folder.path().join(file))))
}

/// Syncs the folder of a name to the disk.
fn sync_parent(folder: &OutputFolder, file: &Path) -> io::Result<()> {
    folder.open_parent(file)?.0.sync()
}

/// Decides once between the final name of a body and giving up its fetch; the faster thread wins. So no record says
/// cancelled for a file that exists.
#[derive(Debug, Default)]
pub(crate) struct CommitState(AtomicU8);

const OPEN: u8 = 0;
const COMMITTING: u8 = 1;
const GIVEN_UP: u8 = 2;

impl CommitState {
    /// Gives the fetch up. Returns false if it is too late: the caller must await its end.
    pub(crate) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP)
    }

    /// Begins the rename. Returns false if the fetch was given up.
    pub(crate) fn commit(&self) -> bool {
        self.decide(COMMITTING)
    }

    fn decide(&self, decision: u8) -> bool {
        match self.0.compare_exchange(OPEN, decision, SeqCst, SeqCst) {
            Ok(_) => true,
            Err(decided) => decided == decision,
        }
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.load(SeqCst) == GIVEN_UP { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(folder: &Path) -> Destination {
        Destination {
            folder: OutputFolder::new(folder.to_owned()),
            part: ".fetchall/part/1".into(),
            target: "a/b".into(),
            claimed: true,
            modified: None,
            sync: false,
            names: true,
            conversion: None,
        }
    }

    #[test]
    fn an_abandoned_body_writes_no_file_and_a_written_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (destination, commit_state) = (destination(folder.path()), CommitState::default());
        assert!(commit_state.give_up());
        assert!(destination.write_whole(b"body", &commit_state).is_err());
        assert!(
            destination.folder.info(&destination.part).is_err()
                && destination.folder.info(&destination.target).is_err()
        );
        let commit_state = CommitState::default();
        destination.write_whole(b"body", &commit_state).unwrap();
        assert!(!commit_state.give_up(), "whoever asks must await the end");
        assert_eq!(std::fs::read(folder.path().join("a/b")).unwrap(), b"body");
    }

    #[test]
    fn a_fetch_given_up_while_its_part_is_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (destination, commit_state) = (destination(folder.path()), CommitState::default());
        drop(destination.create().unwrap());
        assert!(commit_state.give_up() && commit_state.give_up());
        assert!(destination.unless_given_up(&commit_state).is_err());
        assert!(
            destination.folder.info(&destination.part).is_err()
                && destination.folder.info(&destination.target).is_err()
        );
    }
}
