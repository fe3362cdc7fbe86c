//! An HTTP/1 connection on which every response head can be read by the client above.
//!
//! The client refuses a whole answer for one line, or drops the line whatever it says. The filter looks at
//! the heads first: a line that cannot be read is left out, or ends the request where it may decide about the
//! body (`policy/response_head.rs`). It also bounds heads and interim responses, and sees to it that a server
//! whose head comes without its body is not kept waiting by a delayed ACK.
//!
//! A head begins with a request: requests have no body here and are not pipelined. A head that is whole and
//! can be read stays in the buffer of the caller; any other is gathered, and handed on when it is whole.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::client::MAX_HEAD;
use crate::policy::response_head::{Content, Found, Head, Search, UnreadableField, read_head};

#[cfg(test)]
mod tests;

/// The most interim responses (1xx; RFC 9110, section 15.2) before a final one.
const MAX_INTERIM: u32 = 100;

/// A response head that is not read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableField),
    #[error("message head is too large")]
    TooLarge,
    #[error("more than {MAX_INTERIM} interim responses (1xx) and no other")]
    TooManyInterim,
}

/// A stream over TCP, or over something else in tests.
pub(super) trait OverTcp {
    /// The connection below.
    fn tcp(&self) -> Option<&TcpStream>;
}

impl OverTcp for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// See the module.
pub(super) struct HeadFilter<T> {
    io: T,
    /// The most bytes of one read.
    max_read: usize,
    reading: Reading,
    /// Bytes that were read and not handed on. Those before `ready` need no more looking at.
    held: Vec<u8>,
    ready: usize,
    search: Search,
    interim: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// A response head comes next.
    Head,
    /// What comes is for the client alone.
    Content,
}

impl<T> HeadFilter<T> {
    /// Looks at the response heads that come over this connection.
    pub(super) fn new(io: T) -> Self {
        Self {
            io,
            max_read: usize::MAX,
            reading: Reading::Content,
            held: Vec::new(),
            ready: 0,
            search: Search::default(),
            interim: 0,
        }
    }

    /// Reads at most so many bytes at once. The client above makes its reads longer the more comes.
    pub(super) fn with_max_read(mut self, max_read: Option<usize>) -> Self {
        self.max_read = max_read.unwrap_or(usize::MAX);
        self
    }

    /// The connection.
    pub(super) fn get_ref(&self) -> &T {
        &self.io
    }

    /// A request is being sent.
    fn expect_head(&mut self) {
        if self.reading == Reading::Content {
            // The client takes what is still held, which came before its time, for the answer.
            (self.ready, self.search, self.interim) = (0, Search::default(), 0);
            self.reading = Reading::Head;
        }
    }

    /// Reads a whole head.
    fn read_head(bytes: &[u8]) -> Result<Head, HeadError> {
        if bytes.len() > MAX_HEAD { Err(HeadError::TooLarge) } else { Ok(read_head(bytes)?) }
    }

    /// A head ends here.
    fn end_head(&mut self, head: &Head) -> Result<(), HeadError> {
        for name in &head.dropped {
            tracing::debug!(name, "a field line cannot be read and is left out");
        }
        self.search = Search::default();
        if !head.is_interim {
            self.reading = Reading::Content;
            return Ok(());
        }
        self.interim += 1;
        if self.interim > MAX_INTERIM { Err(HeadError::TooManyInterim) } else { Ok(()) }
    }

    /// Says how many of these bytes, which are the first of a head, can be handed on as they are.
    fn clean(&mut self, bytes: &[u8]) -> Result<(usize, Option<Content>), HeadError> {
        let mut at = 0;
        while self.reading == Reading::Head && at < bytes.len() {
            match self.search.find(&bytes[at..]) {
                Found::Nothing => return Ok((at, None)),
                Found::NotHttp => self.reading = Reading::Content,
                Found::End(length) => {
                    let head = Self::read_head(&bytes[at..at + length])?;
                    if head.repaired.is_some() {
                        // The head is read again where it can be changed.
                        self.search = Search::default();
                        return Ok((at, None));
                    }
                    self.end_head(&head)?;
                    at += length;
                    if !head.is_interim {
                        let owed = Some(head.content).filter(|content| !content.is_whole(&bytes[at..]));
                        return Ok((bytes.len(), owed));
                    }
                }
            }
        }
        Ok((bytes.len(), None))
    }

    /// Looks on at what is held.
    fn look_on(&mut self) -> Result<Option<Content>, HeadError> {
        let mut owed = None;
        while self.reading == Reading::Head {
            match self.search.find(&self.held[self.ready..]) {
                Found::Nothing if self.held.len() - self.ready >= MAX_HEAD => return Err(HeadError::TooLarge),
                Found::Nothing => return Ok(None),
                Found::NotHttp => self.reading = Reading::Content,
                Found::End(length) => {
                    let end = self.ready + length;
                    let head = Self::read_head(&self.held[self.ready..end])?;
                    self.end_head(&head)?;
                    owed = Some(head.content).filter(|content| !content.is_whole(&self.held[end..]));
                    match head.repaired {
                        None => self.ready = end,
                        Some(repaired) => {
                            let length = repaired.len();
                            self.held.splice(self.ready..end, repaired);
                            self.ready += length;
                        }
                    }
                }
            }
        }
        self.ready = self.held.len();
        Ok(owed)
    }

    /// Hands on what is ready.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.ready.min(buf.remaining());
        buf.put_slice(&self.held[..length]);
        self.ready -= length;
        if length == self.held.len() {
            self.held = Vec::new();
        } else {
            self.held.drain(..length);
        }
    }
}

impl<T: AsyncRead + OverTcp + Unpin> HeadFilter<T> {
    /// Reads into the buffer of the caller, and says how much.
    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        if buf.remaining() <= self.max_read {
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(self.max_read));
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
            let length = part.filled().len();
            buf.advance(length);
        }
        Poll::Ready(Ok(buf.filled().len() - before))
    }

    /// Tells the server at once that its head has arrived. A server that writes head and body apart, with
    /// Nagle's algorithm on, sends the body only then; Linux would wait up to 40 ms for something to send
    /// along (RFC 1122, section 4.2.3.2).
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Some(tcp) = self.io.tcp() {
            // Err: the answer comes all the same, later.
            let _ = rustix::net::sockopt::set_tcp_quickack(tcp, true);
        }
    }
}

impl<T: AsyncRead + OverTcp + Unpin> AsyncRead for HeadFilter<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !this.held.is_empty() {
                if this.look_on().map_err(invalid)?.is_some() {
                    this.acknowledge();
                }
                if this.ready > 0 {
                    this.hand_on(buf);
                    return Poll::Ready(Ok(()));
                }
            }
            let before = buf.filled().len();
            let length = ready!(this.read(cx, buf))?;
            if length == 0 {
                // The connection has ended: what there is of a head is for the client to judge.
                this.reading = Reading::Content;
            }
            if this.held.is_empty() {
                let (clean, owed) = this.clean(&buf.filled()[before..]).map_err(invalid)?;
                if owed.is_some() {
                    this.acknowledge();
                }
                if clean == length {
                    return Poll::Ready(Ok(()));
                }
                this.ready = clean;
            } else if length == 0 {
                continue;
            }
            this.held.extend_from_slice(&buf.filled()[before..]);
            buf.set_filled(before);
        }
    }
}

fn invalid(error: HeadError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeadFilter<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.expect_head();
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.expect_head();
        Pin::new(&mut this.io).poll_write_vectored(cx, bufs)
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
