//! A body in progress: dropped, streamed to a writer, or written to a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError};

use super::SharedWriter;
use super::kept::{Keep, Kept, KeptAt};
use super::place::{Fate, Place, Ready};
use super::whole::Whole;
use crate::model::{ErrorKind, FetchError};

/// The largest body that stays in memory until it is complete; see [`Whole`]. A larger body is written in pieces of
/// this size on blocking threads.
const SMALL: usize = 256 * 1024;

/// A body in progress.
pub(super) enum Part {
    /// The bytes are dropped.
    Discard,
    /// The bytes go to a writer as they come.
    Stream(SharedWriter),
    /// It becomes a file.
    File(Box<FilePart>),
}

impl Part {
    /// Takes the next bytes.
    pub(super) async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
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
    pub(super) async fn commit(&mut self) -> Result<Option<String>, FetchError> {
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
    pub(super) fn file(&mut self) -> Option<&mut FilePart> {
        match self {
            Part::File(file) => Some(file),
            Part::Discard | Part::Stream(_) => None,
        }
    }
}

/// A body that becomes a file. A drop before the commit removes the file or keeps the partial body.
pub(super) struct FilePart {
    place: Place,
    whole: Arc<Whole>,
    buffer: Vec<u8>,
    /// Open once the body has outgrown the buffer, if it is not kept.
    file: Option<File>,
    /// Whether an incomplete file may exist.
    begun: bool,
    fate: Arc<Fate>,
    /// How to keep the body if it is cut off. With `None` it is removed.
    keep: Option<Keep>,
    /// The complete body, if another process gives it its name.
    ready: Option<Box<Ready>>,
}

impl FilePart {
    pub(super) fn new(place: Place, whole: Arc<Whole>, fate: Option<&Arc<Fate>>, keep: Option<Keep>) -> Self {
        let fate = fate.cloned().unwrap_or_default();
        Self { place, whole, buffer: Vec::new(), file: None, begun: false, fate, keep, ready: None }
    }

    /// Resumes a kept body; the file stands behind its last byte.
    pub(super) fn go_on(&mut self, kept: Kept) {
        self.keep = Some(Keep::Does(Box::new(kept.go_on(self.place.sync))));
    }

    /// Takes the next bytes.
    pub(super) async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
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
            place: self.place.clone(),
            fate: self.fate.clone(),
            file: self.file.take(),
            keep: self.keep.take(),
        };
        let buffer = std::mem::take(&mut self.buffer);
        let (writing, buffer) = blocking(move || {
            let written = writing.write(&buffer).and_then(|()| writing.record());
            written.inspect_err(|_| writing.spoil()).map(|()| (writing, buffer))
        })
        .await
        .map_err(|e| self.place.error(&e))?;
        (self.file, self.keep) = (writing.file, writing.keep);
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest of a complete body and gives it its final name.
    async fn commit(&mut self) -> Result<String, FetchError> {
        self.begun = true;
        let (place, fate) = (self.place.clone(), self.fate.clone());
        let (file, keep, buffer) = (self.file.take(), self.keep.take(), std::mem::take(&mut self.buffer));
        let written = if file.is_none() && !matches!(keep, Some(Keep::Does(_))) {
            self.whole.write(place, buffer, fate).await.map(|()| None)
        } else {
            blocking(move || Writing { place, fate, file, keep }.finish(&buffer)).await
        };
        let kept = written.map_err(|e| self.place.error(&e))?;
        self.begun = false;
        if !self.place.names {
            self.ready = Some(Box::new(self.place.ready(kept.as_ref())));
        }
        Ok(self.place.folder.path().join(&self.place.target).to_string_lossy().into_owned())
    }

    /// Takes the complete body that another process must give its name.
    pub(super) fn ready(&mut self) -> Option<Box<Ready>> {
        self.ready.take()
    }

    /// Drops the bytes so far and keeps none of them.
    pub(super) fn spoil(&mut self) {
        self.buffer = Vec::new();
        if let Some(Keep::Does(body)) = self.keep.take() {
            body.at.remove();
        }
    }
}

/// The state of a body while a blocking thread works on its file.
struct Writing {
    place: Place,
    fate: Arc<Fate>,
    file: Option<File>,
    keep: Option<Keep>,
}

impl Writing {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            // Err: another file is in the way, or another process holds the lock. Then the body is not kept.
            self.keep = match self.keep.take() {
                Some(keep @ Keep::Would(..)) => keep.create(&self.place).ok().map(Keep::Does),
                keep => keep,
            };
        }
        match (&mut self.keep, &mut self.file) {
            (Some(Keep::Does(body)), _) => body.write(data),
            (_, Some(file)) => file.write_all(data),
            (_, file) => {
                let created = file.insert(self.place.create()?);
                self.place.unless_given_up(&self.fate)?;
                created.write_all(data)
            }
        }
    }

    /// Updates the note of a kept body.
    fn record(&mut self) -> io::Result<()> {
        if let Some(Keep::Does(body)) = &mut self.keep { body.record() } else { Ok(()) }
    }

    /// Writes the end of a body and gives it its final name, unless its fetch is given up. Returns the path of a kept
    /// body, in case another process gives the name.
    fn finish(mut self, end: &[u8]) -> io::Result<Option<KeptAt>> {
        let named = self.write(end).and_then(|()| self.name());
        named.inspect_err(|_| {
            // A given-up body was cut off and stays.
            if self.fate.check().is_ok() {
                self.spoil();
            }
        })?;
        Ok(match self.keep {
            Some(Keep::Does(body)) => Some(body.at),
            Some(Keep::Would(..)) | None => None,
        })
    }

    fn name(&self) -> io::Result<()> {
        let place = &self.place;
        match (&self.keep, &self.file) {
            (Some(Keep::Does(body)), _) => place.seal(body.file())?,
            (_, Some(file)) => place.seal(file)?,
            (_, None) => {}
        }
        let given = self.fate.commit();
        match &self.keep {
            Some(Keep::Does(_)) if !given => return self.fate.check(),
            Some(Keep::Does(body)) => {
                place.name(body.at.path())?;
                if place.names {
                    body.at.forget();
                }
            }
            Some(Keep::Would(..)) | None if !given => return place.unless_given_up(&self.fate),
            Some(Keep::Would(..)) | None => place.name(&place.part)?,
        }
        place.sync_folder()
    }

    /// Keeps the received bytes of a body that is cut off.
    fn keep_rest(&mut self, end: &[u8]) -> io::Result<()> {
        if !end.is_empty() {
            self.write(end)?;
        }
        if let Some(Keep::Does(body)) = &mut self.keep { body.record_all() } else { Ok(()) }
    }

    /// Removes the kept body after an error of the file system.
    fn spoil(&self) {
        if let Some(Keep::Does(body)) = &self.keep {
            body.at.remove();
        }
    }
}

impl Drop for FilePart {
    fn drop(&mut self) {
        let (file, keep) = (self.file.take(), self.keep.take());
        if keep.is_some() {
            let (place, fate) = (self.place.clone(), self.fate.clone());
            let mut writing = Writing { place, fate, file, keep };
            // Err: the disk is full, or the folder is gone. Then the body cannot be resumed.
            let _ = writing.keep_rest(&self.buffer).inspect_err(|_| writing.spoil());
            if writing.keep.is_none() {
                self.place.remove_part();
            }
        } else if self.begun {
            // Give up first, so that a thread that creates the file after its removal sees it. False: it is whole and
            // has its name.
            let _ = self.fate.give_up();
            self.place.remove_part();
        }
    }
}

/// Runs blocking work on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(io::Error::other(e)),
    }
}
