//! A writer that never waits: a bounded queue, and a thread that writes it out.
//!
//! Standard error and the log may be a full pipe, a FIFO without a reader, a stopped terminal or a
//! slow disk. A write to one of them can block for ever, so only the thread of its queue writes.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the thread waits before it tries a non-blocking descriptor again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// Makes the text with the number of dropped lines.
pub type Notice = fn(u64) -> Vec<u8>;

/// The handle of a queue. Writes never block and never fail; what finds no room is dropped, and its
/// lines are counted. Clones share the queue.
#[derive(Clone)]
pub struct LossyWriter {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<WriterState>,
    /// Signalled when bytes come in, are taken, or are written.
    changed: Condvar,
    capacity: usize,
}

struct WriterState {
    pending: Vec<u8>,
    /// The thread is writing what it took.
    writing: bool,
    /// Lines dropped since the last notice.
    dropped: u64,
    notice: Notice,
    /// Why nothing is written any more.
    failed: Option<io::ErrorKind>,
    /// Lines lost because the output failed.
    lost: u64,
    /// The output. The thread takes it; it stays here when no thread could be started.
    out: Option<Box<dyn Write + Send>>,
    threadless: bool,
}

impl LossyWriter {
    /// Starts the thread of a queue of at most `capacity` bytes. When the system has no thread left,
    /// writes go to `out` directly.
    pub fn new(name: &str, out: Box<dyn Write + Send>, capacity: usize, notice: Notice) -> Self {
        let state = WriterState {
            pending: Vec::new(),
            writing: false,
            dropped: 0,
            notice,
            failed: None,
            lost: 0,
            out: Some(out),
            threadless: false,
        };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new(), capacity });
        let served = Arc::clone(&queue);
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || served.serve());
        queue.lock().threadless = started.is_err();
        Self { queue }
    }

    /// Replaces the notice, for an output in another format.
    pub fn set_notice(&self, notice: Notice) {
        self.queue.lock().notice = notice;
    }

    /// Whether everything is written.
    pub fn is_idle(&self) -> bool {
        self.queue.lock().is_idle()
    }

    /// Drops the bytes without a count if the queue is full: the next drawing replaces them.
    pub(super) fn draw(&self, bytes: &[u8]) {
        self.queue.push(bytes, |_| 0);
    }

    /// Appends the bytes even beyond the capacity. The caller must bound them by [`Self::wait_idle`].
    pub(super) fn push_lossless(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.queue.lock();
        if let Some(kind) = state.failed {
            return Err(kind.into());
        }
        state.append(bytes);
        self.queue.changed.notify_all();
        Ok(())
    }

    /// Blocks until everything is written or the output has failed.
    pub(super) fn wait_idle(&self) {
        let busy = |state: &mut WriterState| !state.is_idle();
        drop(self.queue.changed.wait_while(self.queue.lock(), busy).unwrap_or_else(PoisonError::into_inner));
    }

    /// How many lines were lost because the output failed, and why it did.
    pub fn lost(&self) -> Option<(u64, io::ErrorKind)> {
        let state = self.queue.lock();
        state.failed.map(|kind| (state.lost, kind))
    }

    /// Waits at most this long until everything is written.
    pub fn finish(&self, limit: Duration) {
        let busy = |state: &mut WriterState| !state.is_idle();
        drop(self.queue.changed.wait_timeout_while(self.queue.lock(), limit, busy));
    }
}

impl Write for LossyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.queue.push(bytes, lines);
        Ok(bytes.len())
    }

    /// Does nothing: the thread flushes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, bytes: &[u8], lines: fn(&[u8]) -> u64) {
        let mut state = self.lock();
        if state.failed.is_some() {
            state.lost += lines(bytes);
            return;
        }
        if state.pending.len() + bytes.len() > self.capacity {
            state.dropped += lines(bytes);
            return;
        }
        state.append(bytes);
        self.changed.notify_all();
    }

    /// Writes the queue out, until the output fails.
    fn serve(&self) {
        let Some(mut out) = self.lock().out.take() else { return };
        let mut batch = Vec::new();
        loop {
            let empty = |state: &mut WriterState| state.pending.is_empty();
            let mut state = self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut batch, &mut state.pending);
            state.writing = true;
            if state.dropped > 0 {
                batch.extend((state.notice)(std::mem::take(&mut state.dropped)));
            }
            drop(state);
            let mut rest = &*batch;
            let failed = write_out(&mut *out, &mut rest).err().map(|error| error.kind());
            let mut state = self.lock();
            state.writing = false;
            state.failed = failed;
            if failed.is_some() {
                let pending = std::mem::take(&mut state.pending);
                state.lost +=
                    [rest, &pending].map(|bytes| if bytes.is_empty() { 0 } else { lines(bytes) }).iter().sum::<u64>();
                self.changed.notify_all();
                return;
            }
            self.changed.notify_all();
            drop(state);
            batch.clear();
        }
    }
}

impl WriterState {
    fn is_idle(&self) -> bool {
        self.failed.is_some() || (self.pending.is_empty() && !self.writing)
    }

    fn append(&mut self, bytes: &[u8]) {
        match &mut self.out {
            Some(out) if self.threadless => {
                let mut rest = bytes;
                self.failed = write_out(&mut **out, &mut rest).err().map(|error| error.kind());
                self.lost += if self.failed.is_some() { lines(rest) } else { 0 };
            }
            _ => self.pending.extend_from_slice(bytes),
        }
    }
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count().max(1) as u64
}

/// Writes everything, to a descriptor in non-blocking mode too: another program may have set that
/// on a terminal that both use. After an error `bytes` has what was not written.
fn write_out(out: &mut (dyn Write + Send), bytes: &mut &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => *bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::park_timeout(TRY_AGAIN),
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Takes a write only when the test lets it, and sends the bytes to the test.
    struct Valve {
        open: Receiver<()>,
        written: SyncSender<Vec<u8>>,
    }

    impl Write for Valve {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            self.open.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn valve(capacity: usize) -> (LossyWriter, SyncSender<()>, Receiver<Vec<u8>>) {
        let (opener, open) = sync_channel(8);
        let (written, seen) = sync_channel(8);
        let notice = |lines| format!("{lines} dropped\n").into_bytes();
        (LossyWriter::new("test", Box::new(Valve { open, written }), capacity, notice), opener, seen)
    }

    #[test]
    fn dropped_lines_are_counted_and_reported_later() {
        let (mut writer, opener, seen) = valve(8);
        writer.write_all(b"first\n").unwrap();
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"first\n");
        for line in ["second\n", "third\n", "fourth\n"] {
            writer.write_all(line.as_bytes()).unwrap();
        }
        writer.draw(b"a drawing that is not counted");
        writer.finish(Duration::from_millis(1));
        assert!(!writer.is_idle(), "the wait at the end is bounded");
        opener.send(()).unwrap();
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"second\n2 dropped\n");
        opener.send(()).unwrap();
        writer.wait_idle();
        writer.write_all(b"third\n").unwrap();
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"third\n");
    }

    #[test]
    fn a_failed_output_discards_lines_without_blocking() {
        let (mut writer, opener, seen) = valve(8);
        drop(opener);
        writer.write_all(b"first\n").unwrap();
        drop(seen);
        writer.wait_idle();
        writer.write_all(b"second\nthird\n").unwrap();
        assert!(writer.is_idle());
        assert_eq!(writer.lost(), Some((3, io::ErrorKind::Other)));
        assert_eq!(writer.push_lossless(b"x").unwrap_err().kind(), io::ErrorKind::Other);
    }
}
