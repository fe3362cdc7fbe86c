//! A body that becomes a file: held in memory while it is small, and renamed when it is complete.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::converted::ConvertedFile;
use super::destination::{CommitState, Destination, SavedBody, WrittenFile};
use super::partial_file::{PartialCopy, PartialFile};
use super::small_file_writer::SmallFileWriter;
use crate::model::FetchError;

/// The largest body that stays in memory until it is complete; see [`SmallFileWriter`]. A larger body is written in
/// pieces of this size on blocking threads.
const SMALL: usize = 256 * 1024;

/// A writer that several owners may hold, such as standard output.
pub type SharedWriter = Arc<Mutex<dyn Write + Send>>;

/// A body that becomes a file. A drop before the commit removes the file or keeps the partial body.
pub(crate) struct FilePart {
    destination: Destination,
    small_files: Arc<SmallFileWriter>,
    buffer: Vec<u8>,
    /// Open once the body has outgrown the buffer, if it is not kept.
    file: Option<File>,
    /// Whether an incomplete file may exist.
    begun: bool,
    commit_state: Arc<CommitState>,
    /// How to keep the body if it is cut off. With `None` it is removed.
    partial: Option<PartialCopy>,
}

impl FilePart {
    pub(crate) fn new(
        destination: Destination,
        small_files: Arc<SmallFileWriter>,
        commit_state: Option<&Arc<CommitState>>,
        partial: Option<PartialCopy>,
    ) -> Self {
        let commit_state = commit_state.cloned().unwrap_or_default();
        let (buffer, file, begun) = (Vec::new(), None, false);
        Self { destination, small_files, buffer, file, begun, commit_state, partial }
    }

    /// Resumes a kept body; the file stands behind its last byte.
    pub(crate) fn resume(&mut self, kept: PartialFile) {
        self.partial = Some(PartialCopy::Open(Box::new(kept.resume(self.destination.sync))));
    }

    /// Takes the next bytes into memory.
    pub(crate) fn push(&mut self, data: &[u8]) {
        if self.buffer.len() + data.len() > SMALL {
            // Doubling would waste memory: the next spill empties the buffer.
            self.buffer.reserve_exact(data.len());
        }
        self.buffer.extend_from_slice(data);
    }

    /// Whether the bytes in memory are due for [`FilePart::spill`].
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() > SMALL
    }

    /// Moves the bytes in memory to the file, on a blocking thread.
    pub(crate) async fn spill(&mut self) -> Result<(), FetchError> {
        self.begun = true;
        let mut writing = PartWrite {
            destination: self.destination.clone(),
            commit_state: self.commit_state.clone(),
            file: self.file.take(),
            partial: self.partial.take(),
        };
        let buffer = std::mem::take(&mut self.buffer);
        let (writing, buffer) = blocking(move || {
            let written = writing.write(&buffer).and_then(|()| writing.record());
            written.inspect_err(|_| writing.spoil()).map(|()| (writing, buffer))
        })
        .await
        .map_err(|e| self.destination.error(&e))?;
        (self.file, self.partial) = (writing.file, writing.partial);
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest of a complete body and gives it its final name.
    pub(crate) async fn commit(&mut self) -> Result<SavedBody, FetchError> {
        self.begun = true;
        let (destination, commit_state) = (self.destination.clone(), self.commit_state.clone());
        let (file, partial, buffer) = (self.file.take(), self.partial.take(), std::mem::take(&mut self.buffer));
        let written = if file.is_none() && !matches!(partial, Some(PartialCopy::Open(_))) {
            self.small_files.write(destination, buffer, commit_state).await
        } else {
            blocking(move || PartWrite { destination, commit_state, file, partial }.finish(&buffer)).await
        };
        let written = written.map_err(|e| self.destination.error(&e))?;
        self.begun = false;
        let destination = &self.destination;
        let path = destination.folder.path().join(&destination.target).to_string_lossy().into_owned();
        let file_bytes = written.bytes;
        let finished_body = (!destination.names).then(|| Box::new(destination.finished_body(written)));
        Ok(SavedBody { path: Some(path), file_bytes, finished_body })
    }

    /// Removes the bytes so far. The fetch is not given up: it may ask for the whole body again.
    pub(crate) fn spoil(&mut self) {
        (self.buffer, self.file) = (Vec::new(), None);
        if let Some(PartialCopy::Open(body)) = self.partial.take() {
            body.at.remove();
        }
        if std::mem::take(&mut self.begun) {
            self.destination.remove_part();
        }
    }
}

/// The state of a body while a blocking thread works on its file.
struct PartWrite {
    destination: Destination,
    commit_state: Arc<CommitState>,
    file: Option<File>,
    partial: Option<PartialCopy>,
}

impl PartWrite {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            // Err: another file is in the way, or another process holds the lock. Then the body is not kept.
            self.partial = match self.partial.take() {
                Some(partial @ PartialCopy::Planned(..)) => partial
                    .create(|id| self.destination.partial_path(id), self.destination.sync)
                    .ok()
                    .map(PartialCopy::Open),
                partial => partial,
            };
        }
        match (&mut self.partial, &mut self.file) {
            (Some(PartialCopy::Open(body)), _) => body.write(data),
            (_, Some(file)) => file.write_all(data),
            (_, file) => {
                let created = file.insert(self.destination.create()?);
                self.destination.unless_given_up(&self.commit_state)?;
                created.write_all(data)
            }
        }
    }

    /// Updates the note of a kept body.
    fn record(&mut self) -> io::Result<()> {
        if let Some(PartialCopy::Open(body)) = &mut self.partial { body.record() } else { Ok(()) }
    }

    /// Writes the end of a body and gives it its final name, unless its fetch is given up.
    fn finish(mut self, end: &[u8]) -> io::Result<WrittenFile> {
        let named = self.write(end).and_then(|()| self.convert()).and_then(|converted| self.name(converted));
        named.inspect_err(|_| {
            // A given-up body was cut off and stays.
            if self.commit_state.check().is_ok() {
                self.spoil();
            }
        })
    }

    /// Rewrites the links of the complete body into another file, if that changes anything.
    fn convert(&self) -> io::Result<Option<ConvertedFile>> {
        let Destination { folder, part, conversion, .. } = &self.destination;
        let body = match &self.partial {
            Some(PartialCopy::Open(body)) => body.at.path(),
            Some(PartialCopy::Planned(..)) | None => part,
        };
        conversion.as_ref().map_or(Ok(None), |conversion| conversion.file(folder, body, part))
    }

    /// Gives the final name to the rewritten body, and removes the one that came.
    fn name_converted(&self, converted: ConvertedFile) -> io::Result<WrittenFile> {
        let destination = &self.destination;
        let ConvertedFile { path, file, bytes } = converted;
        let remove = || {
            // Err: it is harmless, and the next run removes it.
            let _ = destination.folder.remove(&path);
        };
        destination.seal(&file).inspect_err(|_| remove())?;
        drop(file);
        if !self.commit_state.commit() {
            remove();
            self.commit_state.check()?;
        }
        destination.name(&path).inspect_err(|_| remove())?;
        match &self.partial {
            Some(PartialCopy::Open(body)) => body.at.remove(),
            Some(PartialCopy::Planned(..)) | None => destination.remove_part(),
        }
        destination.sync_folder()?;
        Ok(WrittenFile { path, has_note: false, bytes: Some(bytes) })
    }

    fn name(&self, converted: Option<ConvertedFile>) -> io::Result<WrittenFile> {
        if let Some(converted) = converted {
            return self.name_converted(converted);
        }
        let destination = &self.destination;
        let bytes = destination.conversion.as_ref().map(|_| self.length()).transpose()?;
        match (&self.partial, &self.file) {
            (Some(PartialCopy::Open(body)), _) => destination.seal(body.file())?,
            (_, Some(file)) => destination.seal(file)?,
            (_, None) => {}
        }
        let given = self.commit_state.commit();
        match &self.partial {
            Some(PartialCopy::Open(_)) if !given => self.commit_state.check()?,
            Some(PartialCopy::Open(body)) => {
                destination.name(body.at.path())?;
                if destination.names {
                    body.at.forget();
                }
            }
            Some(PartialCopy::Planned(..)) | None if !given => destination.unless_given_up(&self.commit_state)?,
            Some(PartialCopy::Planned(..)) | None => destination.name(&destination.part)?,
        }
        destination.sync_folder()?;
        Ok(match &self.partial {
            Some(PartialCopy::Open(body)) => WrittenFile { path: body.at.path().to_owned(), has_note: true, bytes },
            Some(PartialCopy::Planned(..)) | None => {
                WrittenFile { path: destination.part.clone(), has_note: false, bytes }
            }
        })
    }

    /// The length of the complete body.
    fn length(&self) -> io::Result<u64> {
        match (&self.partial, &self.file) {
            (Some(PartialCopy::Open(body)), _) => Ok(body.file().metadata()?.len()),
            (_, Some(file)) => Ok(file.metadata()?.len()),
            (_, None) => Ok(0),
        }
    }

    /// Keeps the received bytes of a body that is cut off.
    fn keep_rest(&mut self, end: &[u8]) -> io::Result<()> {
        if !end.is_empty() {
            self.write(end)?;
        }
        if let Some(PartialCopy::Open(body)) = &mut self.partial { body.record_all() } else { Ok(()) }
    }

    /// Removes the kept body after an error of the file system.
    fn spoil(&self) {
        if let Some(PartialCopy::Open(body)) = &self.partial {
            body.at.remove();
        }
    }
}

impl Drop for FilePart {
    fn drop(&mut self) {
        let (file, partial) = (self.file.take(), self.partial.take());
        if partial.is_some() {
            let (destination, commit_state) = (self.destination.clone(), self.commit_state.clone());
            let mut writing = PartWrite { destination, commit_state, file, partial };
            // Err: the disk is full, or the folder is gone. Then the body cannot be resumed.
            let _ = writing.keep_rest(&self.buffer).inspect_err(|_| writing.spoil());
            if writing.partial.is_none() {
                self.destination.remove_part();
            }
        } else if self.begun {
            // Give up first, so that a thread that creates the file after its removal sees it. False: it is whole and
            // has its name.
            let _ = self.commit_state.give_up();
            self.destination.remove_part();
        }
    }
}

/// Runs blocking work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(io::Error::other(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output_folder::OutputFolder;

    #[tokio::test]
    async fn spoilt_body_can_be_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination {
            folder: OutputFolder::new(folder.path().to_owned()),
            part: ".fetchall/part/1".into(),
            target: "a".into(),
            claimed: true,
            modified: None,
            sync: false,
            names: true,
            conversion: None,
        };
        let small_files = Arc::new(SmallFileWriter::new(Arc::default()));
        let commit_state = Arc::<CommitState>::default();
        let begin = || FilePart::new(destination.clone(), small_files.clone(), Some(&commit_state), None);
        let mut first = begin();
        first.push(&[b'x'; SMALL + 1]);
        assert!(first.is_full());
        first.spill().await.unwrap();
        assert!(destination.folder.info(&destination.part).is_ok());
        first.spoil();
        drop(first);
        assert!(destination.folder.info(&destination.part).is_err(), "nothing is left of it");
        let mut second = begin();
        second.push(b"body");
        let saved = second.commit().await.unwrap();
        assert_eq!(std::fs::read(saved.path.unwrap()).unwrap(), b"body");
    }
}
