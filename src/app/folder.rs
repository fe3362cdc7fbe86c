//! The files of a run in the output folder beside the bodies: its lock and its partial files.

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

/// Locks the folder, so that runs with different states also save into it one after another. The
/// lock of the folder is that of its own state, whether or not that state exists.
pub(super) fn lock_folder(folder: &Path, named: &Path) -> Result<Option<Lock>, SetupError> {
    let own = own_state(folder);
    // Err: taking the lock reports it.
    let _ = fs::create_dir(folder.join(".fetchall"));
    if state::is_same(&own, named) {
        return Ok(None);
    }
    match Lock::of(&own) {
        Ok(lock) => Ok(Some(lock)),
        // Runs that cannot write here cannot conflict.
        Err(StateError::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// Refuses links to the program's own files in the output folder: a link might lead out of it.
/// Opening a state checks the files beside it.
pub(super) fn refuse_links(folder: &Path, own_state: bool) -> Result<(), SetupError> {
    let (names, advice) = match own_state {
        true => (&["", "/state.db"][..], "remove it, or name a place with --state"),
        false => (&[""][..], "remove it"),
    };
    for path in names.iter().map(|name| folder.join(format!(".fetchall{name}"))) {
        if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_symlink()) {
            let source = io::Error::other(format!("it is a symbolic link; {advice}"));
            return Err(SetupError::Path { path, purpose: "what the run remembers", source });
        }
    }
    Ok(())
}

/// Removes partial files of killed runs, except those that the next run can resume. With
/// `forgotten`, it also removes those that runs with the state of this id have kept. Folder and
/// state are locked, so no other run works here.
pub(super) fn clear_parts(saving: &Saving, forgotten: Option<u64>) {
    match (saving, forgotten) {
        (Saving::Dir(folder), _) => {
            let ours = forgotten.map(|id| format!("-{id:016x}."));
            // Err: there is none, or what is there is no folder of ours.
            let Ok(parts) = folder.open(Path::new(fetch::PARTS)) else { return };
            for name in parts.names().unwrap_or_default() {
                let goes =
                    !fetch::is_kept(&name) || ours.as_ref().is_some_and(|ours| name.to_string_lossy().contains(ours));
                if goes && parts.info(&name).is_ok_and(|there| there.is_file) {
                    // Err: the leftover file does no harm.
                    let _ = parts.remove(&name);
                }
            }
        }
        (Saving::File(folder, file), Some(id)) => {
            fetch::forget_beside(folder, file, id);
        }
        (Saving::File(..) | Saving::Stream(_) | Saving::Discard, _) => {}
    }
}
