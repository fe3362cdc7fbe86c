//! The leased URLs as the source of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{Receiver, Sender};

use super::FleetOptions;
use crate::model::{Batch, SourcePos};
use crate::source::{Interrupt, Source, SourceError};

/// The next lines, the end, or the error of a list that cannot be read on.
pub(super) type Next = Result<Option<Batch>, SourceError>;

/// Gives the leased URLs in batches.
pub struct FleetSource {
    batches: Receiver<Next>,
    /// Ends a read that blocks.
    wake: Sender<Next>,
    position: SourcePos,
    stop: Arc<AtomicBool>,
    list: Option<Interrupt>,
    has_ended: bool,
}

impl FleetSource {
    pub(super) fn new(
        batches: Receiver<Next>,
        wake: Sender<Next>,
        options: &FleetOptions,
        list: Option<Interrupt>,
    ) -> Self {
        let position = SourcePos { list: options.queue.clone(), line: 1 };
        Self { batches, wake, position, stop: options.stop.clone(), list, has_ended: false }
    }
}

impl Drop for FleetSource {
    /// Nothing more is taken: the list need not be read on.
    fn drop(&mut self) {
        self.interrupt()();
    }
}

impl Source for FleetSource {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        if self.has_ended || self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.batches.blocking_recv() {
            Some(Ok(Some(batch))) => Ok(Some(batch)),
            Some(Err(error)) => Err(error),
            // The end, or a queue thread that died: joining it tells.
            Some(Ok(None)) | None => {
                self.has_ended = true;
                Ok(None)
            }
        }
    }

    fn position(&self) -> SourcePos {
        self.position.clone()
    }

    fn interrupt(&self) -> Interrupt {
        let (stop, wake, list) = (self.stop.clone(), self.wake.clone(), self.list.clone());
        Arc::new(move || {
            stop.store(true, Ordering::Relaxed);
            if let Some(list) = &list {
                list();
            }
            // Err: batches wait, so no read blocks.
            let _ = wake.try_send(Ok(None));
        })
    }
}
