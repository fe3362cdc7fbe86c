//! Bounds the frames of an HTTP/2 connection that carry nothing (RFC 9113, section 10.5).
//!
//! The client handles every frame that a server sends, so pings, settings, priorities, window updates, empty
//! data and interim heads without end keep it busy. The filter reads the headers of the frames both ways, knows
//! from them which streams are open, and ends a connection that has brought too many frames to no end. A body in
//! tiny frames is honest, so its connection is only read more slowly.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

#[cfg(test)]
mod tests;

/// So many frames may carry nothing. A frame that does carry something makes up for two of them.
const MOST_IDLE: u32 = 1000;

/// After so many frames the other connections have their turn.
const FRAMES_A_TURN: u32 = 64;

/// DATA with fewer octets is small, unless it ends its stream.
const SMALL_DATA: usize = 512;

/// After so many small ones beyond those of streams that have ended, the connection rests so long for each.
const SMALL_A_TURN: u32 = 64;
const REST: Duration = Duration::from_micros(50);

/// The octets that begin a connection of a client (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// Types and flags of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;
const PADDED: u8 = 8;

/// The longest padding, with its length.
const MOST_PADDING: usize = 256;

/// A server that sends frames which carry nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MOST_IDLE} HTTP/2 frames that carry nothing; --http1.1 does without HTTP/2")]
pub(crate) struct TooManyFrames;

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn of(head: [u8; 9]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        Self { length, kind, flags, stream: u32::from_be_bytes([s0 & 0x7F, s1, s2, s3]) }
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.has(END_STREAM)
    }
}

/// Finds the headers of frames in one direction of a connection.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; 9],
    filled: usize,
    /// Bytes before the next header.
    skip: usize,
}

impl Frames {
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let taken = (bytes.len() - skipped).min(self.head.len() - self.filled);
        let (head, rest) = bytes[skipped..].split_at(taken);
        self.head[self.filled..self.filled + taken].copy_from_slice(head);
        self.filled += taken;
        *bytes = rest;
        if self.filled < self.head.len() {
            return None;
        }
        let frame = Frame::of(self.head);
        (self.filled, self.skip) = (0, frame.length);
        Some(frame)
    }
}

/// The counts of the frames of a connection.
#[derive(Debug)]
struct Account {
    sent: Frames,
    received: Frames,
    /// The streams that are open, and whether their answers have begun.
    open: HashMap<u32, bool>,
    /// Frames that may yet carry nothing.
    left: u32,
    /// Frames since the others had their turn.
    turn: u32,
    /// Small DATA since the last rest; each stream that ends makes up for two.
    small: u32,
}

impl Account {
    fn new() -> Self {
        let sent = Frames { skip: PREFACE, ..Frames::default() };
        Self { sent, received: Frames::default(), open: HashMap::new(), left: MOST_IDLE, turn: 0, small: 0 }
    }

    fn sent(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.sent.next(&mut bytes) {
            match frame.kind {
                HEADERS => drop(self.open.insert(frame.stream, false)),
                RST_STREAM => drop(self.open.remove(&frame.stream)),
                _ => {}
            }
        }
    }

    fn received(&mut self, mut bytes: &[u8]) -> Result<(), TooManyFrames> {
        while let Some(frame) = self.received.next(&mut bytes) {
            self.turn += 1;
            let carries = self.carries(frame);
            if frame.ends_stream() || frame.kind == RST_STREAM {
                self.open.remove(&frame.stream);
                self.small = self.small.saturating_sub(2);
            } else if frame.kind == DATA && frame.length < SMALL_DATA {
                self.small += 1;
            }
            if carries {
                self.left = MOST_IDLE.min(self.left + 2);
            } else {
                self.left = self.left.checked_sub(1).ok_or(TooManyFrames)?;
            }
        }
        Ok(())
    }

    /// How long the connection rests now.
    fn rest(&mut self) -> Option<Duration> {
        let is_due = self.small >= SMALL_A_TURN;
        is_due.then(|| REST * std::mem::take(&mut self.small))
    }

    /// Whether a frame brings an open stream on.
    fn carries(&mut self, frame: Frame) -> bool {
        let Some(is_answered) = self.open.get_mut(&frame.stream) else { return false };
        match frame.kind {
            DATA if frame.has(END_STREAM) => true,
            DATA if frame.has(PADDED) => frame.length > MOST_PADDING,
            DATA => frame.length > 0,
            HEADERS => !std::mem::replace(is_answered, true) || frame.has(END_STREAM),
            kind => kind == RST_STREAM,
        }
    }
}

/// A connection whose frames are counted.
pub(crate) struct FrameFilter<T> {
    io: T,
    account: Account,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<T> FrameFilter<T> {
    /// Counts the frames of this connection, which speaks HTTP/2.
    pub(crate) fn new(io: T) -> Self {
        Self { io, account: Account::new(), rest: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameFilter<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(rest) = &mut this.rest {
            ready!(rest.as_mut().poll(cx));
            this.rest = None;
        }
        if this.account.turn >= FRAMES_A_TURN {
            this.account.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let counted = this.account.received(&buf.filled()[before..]);
        this.rest = this.account.rest().map(|rest| Box::pin(sleep(rest)));
        Poll::Ready(counted.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for FrameFilter<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, buf))?;
        this.account.sent(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let part = left.min(buf.len());
            this.account.sent(&buf[..part]);
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
