//! The files of a run in the output folder beside the bodies: its lock and its partial files.

use std::io;
use std::path::Path;

use super::SetupError;
use crate::fetch::{self, Saving};
use crate::state::{Lock, StateError, StatePath};

/// Locks the folder with this own state, so that runs with different states also save into it one after another. The
/// lock of the folder is that of its own state, whether or not that state exists.
pub(super) fn lock_folder(own: &StatePath, named: &StatePath) -> Result<Option<Lock>, SetupError> {
    if own.is_same(named) {
        return Ok(None);
    }
    match Lock::of(own) {
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
        (Saving::File(..) | Saving::Stream | Saving::Discard, _) => {}
    }
}
