//! The heads of an exchange over HTTP/1, byte by byte as they were sent and received.

use std::io::IoSlice;
use std::sync::{Arc, Mutex, PoisonError};

/// The last heads of a connection. Its driver records them and the fetch that uses the connection takes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct WireHeads(Arc<Mutex<HeadBytes>>);

/// A request, which has no body, and the head of its final response.
#[derive(Debug, Default)]
pub(crate) struct HeadBytes {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

impl WireHeads {
    /// Takes both heads, which leaves none.
    pub(crate) fn take(&self) -> HeadBytes {
        self.change(std::mem::take)
    }

    /// Begins with another exchange.
    pub(super) fn begin(&self) {
        self.change(|heads| *heads = HeadBytes::default());
    }

    /// Records the first `sent` bytes of these buffers.
    pub(super) fn sent(&self, bufs: &[IoSlice<'_>], sent: usize) {
        self.change(|heads| {
            let mut left = sent;
            for buf in bufs {
                let length = buf.len().min(left);
                heads.request.extend_from_slice(&buf[..length]);
                left -= length;
            }
        });
    }

    /// Records the head of the final response.
    pub(super) fn received(&self, head: &[u8]) {
        self.change(|heads| heads.response = head.to_vec());
    }

    fn change<T>(&self, change: impl FnOnce(&mut HeadBytes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
