//! The input being read: a source that may block has a thread of its own and a bounded channel.

use std::io;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::model::{Batch, SourcePos};
use crate::source::{Interrupt, Source, SourceError};

/// Batches that may wait. With the one that the thread holds they are all that is read ahead.
const AHEAD: usize = 2;

/// The input being read.
pub(super) struct InputReading {
    feed: InputReader,
    /// The position after the last seed taken, where reading would go on.
    next: SourcePos,
    ended: Option<InputEnd>,
}

enum InputReader {
    /// A source that may block, on a thread of its own.
    Thread { batches: mpsc::Receiver<Message>, interrupt: Interrupt, thread: JoinHandle<()> },
    /// A source that never blocks, read where it stands.
    Here(Box<dyn Source>),
}

/// The lines that came next; `None` at the end, which is said: a thread that falls silent has died.
type Message = Result<Option<Batch>, SourceError>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputEnd {
    Complete,
    Early,
}

impl InputReading {
    pub(super) fn start(source: Box<dyn Source>) -> io::Result<Self> {
        let next = source.position();
        let feed = if source.may_block() { on_thread(source)? } else { InputReader::Here(source) };
        Ok(Self { feed, next, ended: None })
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether the input was read to its end.
    pub(super) fn complete(&self) -> bool {
        self.ended == Some(InputEnd::Complete)
    }

    /// The first line that was not read, when the input was not read to its end.
    pub(super) fn next_line(&self) -> Option<SourcePos> {
        (!self.complete()).then(|| self.next.clone())
    }

    /// The lines that came next; `None` at the end.
    pub(super) async fn next(&mut self) -> Message {
        let message = match &mut self.feed {
            InputReader::Thread { batches, .. } => batches.recv().await.unwrap_or_else(|| Err(died(&self.next))),
            InputReader::Here(source) => source.next_batch(),
        };
        self.note(&message);
        message
    }

    fn note(&mut self, message: &Message) {
        match message {
            Ok(Some(batch)) => self.next = batch.next.clone(),
            Ok(None) => self.ended = Some(InputEnd::Complete),
            Err(_) => self.ended = Some(InputEnd::Early),
        }
    }

    /// Stops reading. Returns the batches read already, and nothing else.
    pub(super) fn stop(&mut self) -> Vec<Batch> {
        let mut read = Vec::new();
        if self.ended() {
            return read;
        }
        let mut waiting = Vec::new();
        if let InputReader::Thread { batches, interrupt, .. } = &mut self.feed {
            // Closed first: that an interrupted source ends must not look like the end of the input.
            batches.close();
            interrupt();
            while let Ok(message) = batches.try_recv() {
                waiting.push(message);
            }
        }
        for message in waiting {
            self.note(&message);
            read.extend(message.ok().flatten());
        }
        // The source may have been at the end of the input all the same, but only reading on would show it.
        self.ended.get_or_insert(InputEnd::Early);
        read
    }

    /// Waits for the thread, which has ended or is about to.
    pub(super) fn join(self) {
        if let InputReader::Thread { batches, interrupt, thread } = self.feed {
            drop(batches);
            interrupt();
            // Err: the source panicked, which was noted as its silence.
            let _ = thread.join();
        }
    }
}

fn on_thread(mut source: Box<dyn Source>) -> io::Result<InputReader> {
    let interrupt = source.interrupt();
    let (tx, batches) = mpsc::channel(AHEAD);
    let thread = std::thread::Builder::new().name("source".to_owned()).spawn(move || {
        loop {
            let message = source.next_batch();
            let last = !matches!(message, Ok(Some(_)));
            if tx.blocking_send(message).is_err() || last {
                return;
            }
        }
    })?;
    Ok(InputReader::Thread { batches, interrupt, thread })
}

fn died(next: &SourcePos) -> SourceError {
    let source = io::Error::other("a defect of fetchall, please report it: its reader died");
    SourceError { list: next.list.to_string(), source }
}
