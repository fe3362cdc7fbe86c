//! A body in progress: dropped, streamed to a writer, or written to a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError};

use super::destination::{CommitState, Destination, FinishedBody};
use super::partial_file::{PartialCopy, PartialFile, PartialPath};
use super::small_file_writer::SmallFileWriter;
use crate::fetch::SharedWriter;
use crate::model::{ErrorKind, FetchError};

/// The largest body that stays in memory until it is complete; see [`SmallFileWriter`]. A larger body is written in
/// pieces of this size on blocking threads.
const SMALL: usize = 256 * 1024;

/// A body in progress.
pub(crate) enum Part {
    /// The bytes are dropped.
    Discard,
    /// The bytes go to a writer as they come.
    Stream(SharedWriter),
    /// It becomes a file.
    File(Box<FilePart>),
}

impl Part {
    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
        match self {
            Part::Discard => Ok(()),
            Part::File(file) => file.write(data).await,
            Part::Stream(writer) => {
                let (writer, data) = (writer.clone(), data.to_vec());
                blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&data))
                    .await
                    .map_err(|e| FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}")))
            }
        }
    }

    /// Gives a complete and checked body its final name and returns the name.
    pub(crate) async fn commit(&mut self) -> Result<Option<String>, FetchError> {
        match self {
            Part::Discard => Ok(None),
            Part::File(file) => file.commit().await.map(Some),
            Part::Stream(writer) => {
                let writer = writer.clone();
                blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).flush())
                    .await
                    .map(|()| None)
                    .map_err(|e| FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}")))
            }
        }
    }

    /// Returns the file of the body, if it has one.
    pub(crate) fn file(&mut self) -> Option<&mut FilePart> {
        match self {
            Part::File(file) => Some(file),
            Part::Discard | Part::Stream(_) => None,
        }
    }
}

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
    /// The complete body, if another process gives it its name.
    finished_body: Option<Box<FinishedBody>>,
}

impl FilePart {
    pub(crate) fn new(
        destination: Destination,
        small_files: Arc<SmallFileWriter>,
        commit_state: Option<&Arc<CommitState>>,
        partial: Option<PartialCopy>,
    ) -> Self {
        let commit_state = commit_state.cloned().unwrap_or_default();
        Self {
            destination,
            small_files,
            buffer: Vec::new(),
            file: None,
            begun: false,
            commit_state,
            partial,
            finished_body: None,
        }
    }

    /// Resumes a kept body; the file stands behind its last byte.
    pub(crate) fn resume(&mut self, kept: PartialFile) {
        self.partial = Some(PartialCopy::Open(Box::new(kept.resume(self.destination.sync))));
    }

    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
        if self.buffer.len() + data.len() > SMALL {
            self.spill().await?;
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    /// Moves the buffer to the file, on a blocking thread.
    async fn spill(&mut self) -> Result<(), FetchError> {
        self.begun = true;
        let mut writing = Writing {
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
    async fn commit(&mut self) -> Result<String, FetchError> {
        self.begun = true;
        let (destination, commit_state) = (self.destination.clone(), self.commit_state.clone());
        let (file, partial, buffer) = (self.file.take(), self.partial.take(), std::mem::take(&mut self.buffer));
        let written = if file.is_none() && !matches!(partial, Some(PartialCopy::Open(_))) {
            self.small_files.write(destination, buffer, commit_state).await.map(|()| None)
        } else {
            blocking(move || Writing { destination, commit_state, file, partial }.finish(&buffer)).await
        };
        let kept = written.map_err(|e| self.destination.error(&e))?;
        self.begun = false;
        if !self.destination.names {
            self.finished_body = Some(Box::new(self.destination.finished_body(kept.as_ref())));
        }
        Ok(self.destination.folder.path().join(&self.destination.target).to_string_lossy().into_owned())
    }

    /// Takes the complete body that another process must give its name.
    pub(crate) fn finished_body(&mut self) -> Option<Box<FinishedBody>> {
        self.finished_body.take()
    }

    /// Drops the bytes so far and keeps none of them.
    pub(crate) fn spoil(&mut self) {
        self.buffer = Vec::new();
        if let Some(PartialCopy::Open(body)) = self.partial.take() {
            body.at.remove();
        }
    }
}

/// The state of a body while a blocking thread works on its file.
struct Writing {
    destination: Destination,
    commit_state: Arc<CommitState>,
    file: Option<File>,
    partial: Option<PartialCopy>,
}

impl Writing {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            // Err: another file is in the way, or another process holds the lock. Then the body is not kept.
            self.partial = match self.partial.take() {
                Some(partial @ PartialCopy::Planned(..)) => {
                    partial.create(&self.destination).ok().map(PartialCopy::Open)
                }
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

    /// Writes the end of a body and gives it its final name, unless its fetch is given up. Returns the path of a kept
    /// body, in case another process gives the name.
    fn finish(mut self, end: &[u8]) -> io::Result<Option<PartialPath>> {
        let named = self.write(end).and_then(|()| self.name());
        named.inspect_err(|_| {
            // A given-up body was cut off and stays.
            if self.commit_state.check().is_ok() {
                self.spoil();
            }
        })?;
        Ok(match self.partial {
            Some(PartialCopy::Open(body)) => Some(body.at),
            Some(PartialCopy::Planned(..)) | None => None,
        })
    }

    fn name(&self) -> io::Result<()> {
        let destination = &self.destination;
        match (&self.partial, &self.file) {
            (Some(PartialCopy::Open(body)), _) => destination.seal(body.file())?,
            (_, Some(file)) => destination.seal(file)?,
            (_, None) => {}
        }
        let given = self.commit_state.commit();
        match &self.partial {
            Some(PartialCopy::Open(_)) if !given => return self.commit_state.check(),
            Some(PartialCopy::Open(body)) => {
                destination.name(body.at.path())?;
                if destination.names {
                    body.at.forget();
                }
            }
            Some(PartialCopy::Planned(..)) | None if !given => return destination.unless_given_up(&self.commit_state),
            Some(PartialCopy::Planned(..)) | None => destination.name(&destination.part)?,
        }
        destination.sync_folder()
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
            let mut writing = Writing { destination, commit_state, file, partial };
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
