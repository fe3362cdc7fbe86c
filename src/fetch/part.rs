//! A body that is not whole yet: dropped, handed on, or on its way to become a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError};

use super::SharedWriter;
use super::kept::{Keep, Kept, KeptAt};
use super::place::{Fate, Place, Ready};
use super::whole::Whole;
use crate::model::{ErrorKind, FetchError};

/// A body up to this size stays in memory until it is whole and is then written at once, see
/// [`Whole`]. A larger one is written in pieces of this size on the threads that may block.
const SMALL: usize = 256 * 1024;

/// A body that is not whole yet.
pub(super) enum Part {
    /// Nobody asked for it.
    Discard,
    /// It goes to a writer as it comes.
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

    /// The body is whole and right: gives it its final name and returns that.
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

    /// The file it becomes, if it does.
    pub(super) fn file(&mut self) -> Option<&mut FilePart> {
        match self {
            Part::File(file) => Some(file),
            Part::Discard | Part::Stream(_) => None,
        }
    }
}

/// A body that becomes a file. Dropped before it is whole it leaves nothing, or what can be kept.
pub(super) struct FilePart {
    place: Place,
    whole: Arc<Whole>,
    buffer: Vec<u8>,
    /// Open once the body has outgrown the buffer, where nothing is kept of it.
    file: Option<File>,
    /// Whether a file may exist that is not whole.
    begun: bool,
    fate: Arc<Fate>,
    /// What becomes of it should it be cut off; otherwise it is removed.
    keep: Option<Keep>,
    /// It is whole, and somebody else gives it its name.
    ready: Option<Box<Ready>>,
}

impl FilePart {
    pub(super) fn new(place: Place, whole: Arc<Whole>, fate: Option<&Arc<Fate>>, keep: Option<Keep>) -> Self {
        let fate = fate.cloned().unwrap_or_default();
        Self { place, whole, buffer: Vec::new(), file: None, begun: false, fate, keep, ready: None }
    }

    /// Goes on with what was kept of it; the file stands behind its last byte.
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

    /// Moves the buffer to the file, on a thread that may block.
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

    /// It is whole: writes the rest and gives it its final name.
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

    /// What somebody else has to give its name.
    pub(super) fn ready(&mut self) -> Option<Box<Ready>> {
        self.ready.take()
    }

    /// What there is of it is of no use: it is not kept.
    pub(super) fn spoil(&mut self) {
        self.buffer = Vec::new();
        if let Some(Keep::Does(body)) = self.keep.take() {
            body.at.remove();
        }
    }
}

/// A body while a thread that may block works on its file.
struct Writing {
    place: Place,
    fate: Arc<Fate>,
    file: Option<File>,
    keep: Option<Keep>,
}

impl Writing {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            // Err: something is in the way there, or somebody is at it. Then it is not kept.
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

    /// Notes what is written, where it is kept.
    fn record(&mut self) -> io::Result<()> {
        if let Some(Keep::Does(body)) = &mut self.keep { body.record() } else { Ok(()) }
    }

    /// Writes the end of a body and gives it its final name, unless its fetch is given up. Where it
    /// was kept is told, in case somebody else gives the name.
    fn finish(mut self, end: &[u8]) -> io::Result<Option<KeptAt>> {
        let named = self.write(end).and_then(|()| self.name());
        named.inspect_err(|_| {
            // Given up is cut off: then it stays.
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

    /// It is cut off: keeps what has come.
    fn keep_rest(&mut self, end: &[u8]) -> io::Result<()> {
        if !end.is_empty() {
            self.write(end)?;
        }
        if let Some(Keep::Does(body)) = &mut self.keep { body.record_all() } else { Ok(()) }
    }

    /// An error of the file system: nothing can go on from here.
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
            // Err: there is no room, or no folder. Then there is nothing to go on with.
            let _ = writing.keep_rest(&self.buffer).inspect_err(|_| writing.spoil());
            if writing.keep.is_none() {
                self.place.remove_part();
            }
        } else if self.begun {
            // First, so that whoever creates the file after its removal sees it. False: it is
            // whole and has its name.
            let _ = self.fate.give_up();
            self.place.remove_part();
        }
    }
}

/// Runs what may block on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(io::Error::other(e)),
    }
}
