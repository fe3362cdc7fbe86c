//! Checks the response heads and the chunk size lines of an HTTP/1 connection before the client reads them.
//!
//! hyper either refuses an answer for one line that it cannot read, or drops any such line. The filter drops
//! the harmless ones and refuses those that may define the body (`policy/message/response_head.rs`). It also bounds
//! heads, interim responses and chunk size lines (`policy/message/chunk_lines.rs`), and acknowledges a head that comes
//! without its body.
//!
//! Requests have no body and are not pipelined, so a response head follows each written request. A whole and
//! clean head stays in the buffer of the caller. The filter copies any other head, until it is whole.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::error::is_end;
use super::head_limits::{MAX_FIELDS, MAX_HEAD};
use super::wire_heads::WireHeads;
use crate::policy::message::chunk_lines::{ChunkLines, ChunkLinesError};
use crate::policy::message::response_head::{Head, HeadSearchResult, Search, UnreadableField, read_head};

#[cfg(test)]
mod tests;

/// The most interim responses (1xx; RFC 9110, section 15.2) before a final one.
pub(crate) const MAX_INTERIM: u32 = 100;

/// A refused response head, or the chunk size lines of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableField),
    #[error("message head is too large")]
    TooLarge,
    #[error("more than {MAX_INTERIM} interim responses (1xx) and no other")]
    TooManyInterim,
    #[error(transparent)]
    ChunkLines(#[from] ChunkLinesError),
    /// The connection ended behind its first byte.
    #[error("the server closed the connection in the middle of the response head")]
    Cut,
}

/// A stream over TCP, or over something else in tests.
pub(crate) trait OverTcp {
    /// The connection below.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has TCP_QUICKACK"))]
    fn tcp(&self) -> Option<&TcpStream>;
}

impl OverTcp for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// A connection whose response heads are checked.
pub(crate) struct HeadFilter<T> {
    io: T,
    /// The most bytes of one read.
    max_read: usize,
    reading: FilterState,
    /// Bytes that the client has not had yet.
    held: Vec<u8>,
    /// How many of them the client may have.
    ready: usize,
    search: Search,
    interim: u32,
    /// The chunks of the content.
    chunks: ChunkLines,
    /// Records the heads, if the run archives them.
    heads: Option<WireHeads>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterState {
    /// A response head comes next.
    Head,
    /// Bytes pass unchanged until the next request.
    Content,
}

impl<T> HeadFilter<T> {
    /// Checks the response heads of this connection.
    pub(crate) fn new(io: T) -> Self {
        Self {
            io,
            max_read: usize::MAX,
            reading: FilterState::Content,
            held: Vec::new(),
            ready: 0,
            search: Search::default(),
            interim: 0,
            chunks: ChunkLines::default(),
            heads: None,
        }
    }

    /// Limits one read to this many bytes. hyper's own reads grow with the data.
    pub(crate) fn with_max_read(mut self, max_read: Option<usize>) -> Self {
        self.max_read = max_read.unwrap_or(usize::MAX);
        self
    }

    /// Records the heads of each exchange.
    pub(crate) fn with_heads(mut self, heads: Option<WireHeads>) -> Self {
        self.heads = heads;
        self
    }

    /// The connection.
    pub(crate) fn get_ref(&self) -> &T {
        &self.io
    }

    /// Begins a request.
    fn expect_head(&mut self) {
        if self.reading == FilterState::Content {
            // The client takes early bytes for the answer, so they are checked as one.
            (self.ready, self.search, self.interim) = (0, Search::default(), 0);
            self.chunks = ChunkLines::default();
            self.reading = FilterState::Head;
            if let Some(heads) = &self.heads {
                heads.begin();
            }
        }
    }

    /// Records what was written of a request.
    fn record_sent(&self, bufs: &[IoSlice<'_>], written: &Poll<io::Result<usize>>) {
        if let (Some(heads), Poll::Ready(Ok(sent))) = (&self.heads, written) {
            heads.sent(bufs, *sent);
        }
    }

    /// Records the head of a final response, which came as these bytes.
    fn record_received(&self, head: &Head, bytes: &[u8]) {
        if let Some(heads) = self.heads.as_ref().filter(|_| !head.is_interim) {
            heads.received(bytes);
        }
    }

    /// Whether a part of the expected head has arrived, or an interim response before it.
    fn has_begun_head(&self) -> bool {
        self.reading == FilterState::Head && (self.interim > 0 || !self.held.is_empty())
    }

    /// Reads a whole head within its bound.
    fn read_head(bytes: &[u8]) -> Result<Head, HeadError> {
        if bytes.len() > MAX_HEAD {
            return Err(HeadError::TooLarge);
        }
        let head = read_head(bytes)?;
        if head.fields > MAX_FIELDS { Err(HeadError::TooLarge) } else { Ok(head) }
    }

    /// Ends a head.
    fn end_head(&mut self, head: &Head) -> Result<(), HeadError> {
        for name in &head.dropped {
            tracing::debug!(name, "dropped an unreadable field line");
        }
        self.search = Search::default();
        if !head.is_interim {
            self.reading = FilterState::Content;
            self.chunks = ChunkLines::new(head.content);
            return Ok(());
        }
        self.interim += 1;
        if self.interim > MAX_INTERIM { Err(HeadError::TooManyInterim) } else { Ok(()) }
    }

    /// Counts the bytes that the client may have as they are, in a read that begins with a head. Returns also
    /// whether a head ended and its content is still to come.
    fn clean(&mut self, bytes: &[u8]) -> Result<(usize, bool), HeadError> {
        let mut at = 0;
        while self.reading == FilterState::Head && at < bytes.len() {
            match self.search.find(&bytes[at..]) {
                HeadSearchResult::Nothing => return Ok((at, false)),
                HeadSearchResult::NotHttp => self.reading = FilterState::Content,
                HeadSearchResult::End(length) => {
                    let head = Self::read_head(&bytes[at..at + length])?;
                    if head.repaired.is_some() {
                        // The caller holds the head back and repairs it.
                        self.search = Search::default();
                        return Ok((at, false));
                    }
                    self.record_received(&head, &bytes[at..at + length]);
                    self.end_head(&head)?;
                    at += length;
                    if !head.is_interim {
                        self.chunks.follow(&bytes[at..])?;
                        return Ok((bytes.len(), !head.content.is_whole(&bytes[at..])));
                    }
                }
            }
        }
        self.chunks.follow(bytes)?;
        Ok((bytes.len(), false))
    }

    /// Checks the held bytes. Returns whether a head ended and its content is still to come.
    fn check_held(&mut self) -> Result<bool, HeadError> {
        let mut is_owed = false;
        while self.reading == FilterState::Head {
            match self.search.find(&self.held[self.ready..]) {
                HeadSearchResult::Nothing if self.held.len() - self.ready >= MAX_HEAD => {
                    return Err(HeadError::TooLarge);
                }
                HeadSearchResult::Nothing => return Ok(false),
                HeadSearchResult::NotHttp => self.reading = FilterState::Content,
                HeadSearchResult::End(length) => {
                    let end = self.ready + length;
                    let head = Self::read_head(&self.held[self.ready..end])?;
                    self.record_received(&head, &self.held[self.ready..end]);
                    self.end_head(&head)?;
                    self.chunks.follow(&self.held[end..])?;
                    is_owed = !head.content.is_whole(&self.held[end..]);
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
        Ok(is_owed)
    }

    /// Gives ready bytes to the client.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
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
    /// Reads into the buffer of the caller. Returns the number of bytes.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
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

    /// Acknowledges the head at once. Linux delays an ACK by up to 40 ms (RFC 1122, section 4.2.3.2). A server
    /// that writes head and body apart, with Nagle's algorithm on, holds the body back for that time.
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Some(tcp) = self.io.tcp() {
            // Without it the answer is only late.
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
                if this.check_held().map_err(invalid)? {
                    this.acknowledge();
                }
                if this.ready > 0 {
                    this.give(buf);
                    return Poll::Ready(Ok(()));
                }
            }
            let before = buf.filled().len();
            let length = match ready!(this.poll_fill(cx, buf)) {
                Err(error) if !this.has_begun_head() => return Poll::Ready(Err(error)),
                Ok(length) if length > 0 || !this.has_begun_head() => length,
                Err(error) if !is_end(&error) => return Poll::Ready(Err(error)),
                Ok(_) | Err(_) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, HeadError::Cut)));
                }
            };
            if length == 0 {
                // The client reports a missing head.
                this.reading = FilterState::Content;
            }
            if this.held.is_empty() {
                let (clean, is_owed) = this.clean(&buf.filled()[before..]).map_err(invalid)?;
                if is_owed {
                    this.acknowledge();
                }
                if clean == length {
                    return Poll::Ready(Ok(()));
                }
                this.ready = clean;
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
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        this.record_sent(&[IoSlice::new(buf)], &written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.expect_head();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.record_sent(bufs, &written);
        written
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
