//! The destinations of a body, as observers of its bytes: a file, the copy from which a retry resumes, a stream.

use std::sync::PoisonError;

use futures::future::BoxFuture;

use super::observer::{BodyObserver, ObserverRequest};
use crate::fetch::save::destination::SavedBody;
use crate::fetch::save::part::{FilePart, SharedWriter, blocking};
use crate::model::{ErrorKind, FetchError};

/// The file of a body. It gets its final name when every observer has agreed.
pub(crate) struct SavedFile(FilePart);

impl SavedFile {
    pub(crate) fn observer(file: FilePart) -> Box<dyn BodyObserver> {
        Box::new(Self(file))
    }
}

impl BodyObserver for SavedFile {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        self.0.push(bytes);
        if self.0.is_full() { ObserverRequest::Flush } else { ObserverRequest::More }
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<(), FetchError>> {
        Box::pin(self.0.spill())
    }

    fn commit<'a>(&'a mut self, saved: &'a mut SavedBody) -> Option<BoxFuture<'a, Result<(), FetchError>>> {
        Some(Box::pin(async move {
            *saved = self.0.commit().await?;
            Ok(())
        }))
    }

    fn discard(&mut self) {
        self.0.spoil();
    }
}

/// The coded bytes of a body that is saved decoded. A retry resumes from them; a complete body has no use for them.
pub(crate) struct CodedCopy(Option<FilePart>);

impl CodedCopy {
    pub(crate) fn observer(file: FilePart) -> Box<dyn BodyObserver> {
        Box::new(Self(Some(file)))
    }
}

impl BodyObserver for CodedCopy {
    fn content(&mut self, bytes: &[u8]) -> ObserverRequest {
        let Some(file) = &mut self.0 else { return ObserverRequest::More };
        file.push(bytes);
        if file.is_full() { ObserverRequest::Flush } else { ObserverRequest::More }
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<(), FetchError>> {
        Box::pin(async move {
            if let Some(mut file) = self.0.take() {
                match file.spill().await {
                    Ok(()) => self.0 = Some(file),
                    // A full disk does not stop the transfer.
                    Err(_) => file.spoil(),
                }
            }
            Ok(())
        })
    }

    fn commit<'a>(&'a mut self, _saved: &'a mut SavedBody) -> Option<BoxFuture<'a, Result<(), FetchError>>> {
        self.discard();
        None
    }

    fn discard(&mut self) {
        if let Some(mut file) = self.0.take() {
            file.spoil();
        }
    }
}

/// A body that goes to a writer as it comes.
pub(crate) struct StreamedBody {
    writer: SharedWriter,
    /// Empty between two pieces.
    piece: Vec<u8>,
}

impl StreamedBody {
    pub(crate) fn observer(writer: SharedWriter) -> Box<dyn BodyObserver> {
        Box::new(Self { writer, piece: Vec::new() })
    }
}

impl BodyObserver for StreamedBody {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        self.piece.extend_from_slice(bytes);
        ObserverRequest::Flush
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<(), FetchError>> {
        let (writer, mut piece) = (self.writer.clone(), std::mem::take(&mut self.piece));
        Box::pin(async move {
            let written = blocking(move || {
                writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&piece)?;
                piece.clear();
                Ok(piece)
            });
            self.piece = written.await.map_err(|e| cannot_write(&e))?;
            Ok(())
        })
    }

    fn commit<'a>(&'a mut self, _saved: &'a mut SavedBody) -> Option<BoxFuture<'a, Result<(), FetchError>>> {
        let writer = self.writer.clone();
        Some(Box::pin(async move {
            let flushed = blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).flush());
            flushed.await.map_err(|e| cannot_write(&e))
        }))
    }
}

fn cannot_write(e: &std::io::Error) -> FetchError {
    FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}"))
}
