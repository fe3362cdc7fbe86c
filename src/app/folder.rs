//! What a run has in the output folder beside the bodies: its lock, and what is not whole yet.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SetupError;
use crate::fetch::{self, Saving};
use crate::state::{self, Lock, StateError};

/// The state that an output folder has unless another is named.
pub(super) fn own_state(folder: &Path) -> PathBuf {
    folder.join(".fetchall").join("state.db")
}

/// Runs with different states save into one folder one after another as well: the lock of the
/// folder is that of its own state, whether or not that is there.
pub(super) fn lock_folder(folder: &Path, named: &Path) -> Result<Option<Lock>, SetupError> {
    let own = own_state(folder);
    // Err: then the lock tells of it.
    let _ = fs::create_dir(folder.join(".fetchall"));
    if state::is_same(&own, named) {
        return Ok(None);
    }
    match Lock::of(&own) {
        Ok(lock) => Ok(Some(lock)),
        // Where nothing can be written, nobody is in anybody's way.
        Err(StateError::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// What is kept in the output folder is never reached through a link: it might lead out of it.
pub(super) fn refuse_links(folder: &Path, own_state: bool) -> Result<(), SetupError> {
    let names = ["", "/state.db.lock", "/state.db", "/state.db-wal", "/state.db-shm"];
    let (names, advice) = match own_state {
        true => (&names[..], "remove it, or name a place with --state"),
        false => (&names[..2], "remove it"),
    };
    for path in names.iter().map(|name| folder.join(format!(".fetchall{name}"))) {
        if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_symlink()) {
            let source = io::Error::other(format!("it is a symbolic link; {advice}"));
            return Err(SetupError::Path { path, purpose: "what the run remembers", source });
        }
    }
    Ok(())
}

/// Removes what a run that was killed left half done, but for what the next one can go on with;
/// and of that what runs with the state of this id have kept, where they are to be forgotten. Folder
/// and state are locked, so nobody is at work here.
pub(super) fn clear_parts(saving: &Saving, forgotten: Option<u64>) {
    match (saving, forgotten) {
        (Saving::Dir(folder), _) => {
            let folder = folder.join(".fetchall").join("part");
            let ours = forgotten.map(|id| format!("-{id:016x}."));
            if fs::symlink_metadata(&folder).is_ok_and(|entry| entry.is_dir()) {
                remove(&folder, |name| {
                    !fetch::is_kept(name) || ours.as_ref().is_some_and(|ours| name.to_string_lossy().contains(ours))
                });
            }
        }
        (Saving::File(target), Some(id)) => {
            fetch::forget_beside(target, id);
        }
        (Saving::File(_) | Saving::Stream(_) | Saving::Discard, _) => {}
    }
}

/// Removes files from a folder; what is no file, or cannot be removed, is in nobody's way.
fn remove(folder: &Path, goes: impl Fn(&OsStr) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if goes(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
