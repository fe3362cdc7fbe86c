//! A connection of which no more is read at once than was said.
//!
//! The HTTP/1 below makes its reads longer the more comes, and can only be told to make none longer by
//! taking no longer heads either.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

/// See the module.
pub(super) struct Bounded<T> {
    io: T,
    /// As long as a read may be; empty where there is no bound.
    read: Box<[u8]>,
}

impl<T> Bounded<T> {
    /// Reads at most `most` bytes at once.
    pub(super) fn new(io: T, most: Option<usize>) -> Self {
        Self { io, read: vec![0; most.unwrap_or(0)].into() }
    }
}

impl<T: Read + Unpin> Read for Bounded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let Self { io, read } = self.get_mut();
        if read.is_empty() {
            return Pin::new(io).poll_read(cx, buf);
        }
        let most = read.len().min(buf.remaining());
        let mut part = ReadBuf::new(read.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(io).poll_read(cx, part.unfilled()))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Bounded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// How much each read brings of what is there at once.
    async fn reads(most: Option<usize>) -> Vec<usize> {
        let (ours, mut theirs) = tokio::io::duplex(100_000);
        theirs.write_all(&[7; 10_000]).await.unwrap();
        drop(theirs);
        let mut ours = TokioIo::new(Bounded::new(TokioIo::new(ours), most));
        let (mut reads, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match ours.read(&mut buffer).await.unwrap() {
                0 => return reads,
                read => reads.push(read),
            }
            assert!(buffer.iter().take(*reads.last().unwrap()).all(|byte| *byte == 7));
        }
    }

    #[tokio::test]
    async fn a_read_brings_what_it_may_and_no_more() {
        assert_eq!(reads(Some(3000)).await, [3000, 3000, 3000, 1000]);
        assert_eq!(reads(Some(9000)).await, [4096, 4096, 1808], "nor more than there is room for");
        assert_eq!(reads(None).await, [4096, 4096, 1808]);
    }
}
