//! The stream that the only body of a run goes to, and what a cut body has left of it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::transfer::Transfer;
use crate::fetch::save::part::SharedWriter;
use crate::fetch::save::partial_file::Note;
use crate::model::{ErrorKind, FetchError};

/// The destination of the only body of a run, if that is no file.
#[derive(Clone)]
pub struct BodyStream {
    writer: SharedWriter,
    /// A body that has been written in part.
    cut: Arc<Mutex<Option<Box<PartialStream>>>>,
}

/// A body that was cut off after part of it had been written: those bytes cannot be taken back.
pub(crate) struct PartialStream {
    /// Identifies its response; `None` if that cannot be resumed.
    pub(crate) note: Option<Note>,
    pub(crate) transfer: Transfer,
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyStream")
    }
}

impl BodyStream {
    /// Into this writer.
    pub fn new(writer: SharedWriter) -> Self {
        Self { writer, cut: Arc::default() }
    }

    /// The writer.
    pub fn writer(&self) -> &SharedWriter {
        &self.writer
    }

    /// Keeps the state of a body that was cut off.
    pub(crate) fn keep(&self, note: Option<Note>, transfer: Transfer) {
        self.put_back(Box::new(PartialStream { note, transfer }));
    }

    /// Puts an unused partial body back.
    pub(crate) fn put_back(&self, cut: Box<PartialStream>) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Takes the partial body, to go on with it.
    pub(crate) fn cut(&self) -> Option<Box<PartialStream>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PartialStream {
    /// Returns the error of a body that cannot start again.
    pub(crate) fn is_out(&self) -> FetchError {
        let bytes = self.transfer.bytes();
        let message = format!("{bytes} bytes of the body are written already, and the server cannot go on from there");
        FetchError::new(ErrorKind::Io, message)
    }
}
