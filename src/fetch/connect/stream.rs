//! A connection, whatever it leads through: TCP, a tunnel, TLS over either.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::frame_filter::FrameFilter;
use super::head_filter::{HeadFilter, OverTcp};
use super::tls;
use super::wire_heads::WireHeads;

/// A bidirectional byte stream over TCP.
pub(crate) trait Stream: AsyncRead + AsyncWrite + OverTcp + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + OverTcp + Send + Unpin> Stream for S {}

impl OverTcp for Box<dyn Stream> {
    fn tcp(&self) -> Option<&TcpStream> {
        (**self).tcp()
    }
}

impl<L: OverTcp, R: OverTcp> OverTcp for Either<L, R> {
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Either::Left(stream) => stream.tcp(),
            Either::Right(stream) => stream.tcp(),
        }
    }
}

impl<S: OverTcp> OverTcp for TlsStream<S> {
    fn tcp(&self) -> Option<&TcpStream> {
        self.get_ref().0.tcp()
    }
}

impl<S: OverTcp + AsyncRead> OverTcp for BufReader<S> {
    fn tcp(&self) -> Option<&TcpStream> {
        self.get_ref().tcp()
    }
}

/// The way to a server: TCP to it, or what leads through a proxy.
pub(crate) type Transport = Either<TcpStream, Box<dyn Stream>>;

/// Without or with TLS.
type Coded = Either<Transport, TlsStream<Transport>>;

/// A connection that requests can be sent on.
pub(crate) struct Conn {
    /// For HTTP/1 and for HTTP/2.
    io: Either<HeadFilter<Coded>, FrameFilter<Coded>>,
    peer: Option<SocketAddr>,
    /// Whether plain `http` is asked of a proxy.
    relays: bool,
    /// The version of TLS.
    tls: Option<&'static str>,
    /// The heads of HTTP/1, if the run archives them.
    heads: Option<WireHeads>,
}

/// The state of a connection; in the extensions of its responses and in its errors.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionState {
    pub(crate) peer: Option<SocketAddr>,
    /// The version of TLS, such as `tls/1.3`.
    pub(crate) tls: Option<&'static str>,
    /// The heads of HTTP/1, if the run archives them.
    pub(crate) heads: Option<WireHeads>,
    has_answered: Arc<AtomicBool>,
}

impl ConnectionState {
    /// Whether the connection has answered a request.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered.load(Relaxed)
    }

    /// Records a response. Returns whether it follows an earlier one.
    pub(crate) fn record_answer(&self) -> bool {
        self.has_answered.swap(true, Relaxed)
    }
}

impl Conn {
    /// Without TLS; `relays`: to a proxy that is asked for what others serve.
    pub(crate) fn plain(
        transport: Transport,
        peer: Option<SocketAddr>,
        relays: bool,
        max_read: Option<usize>,
        heads: Option<WireHeads>,
    ) -> Self {
        let io = HeadFilter::new(Either::Left(transport)).with_max_read(max_read).with_heads(heads.clone());
        Self { io: Either::Left(io), peer, relays, tls: None, heads }
    }

    /// With TLS.
    pub(crate) fn tls(
        stream: TlsStream<Transport>,
        peer: Option<SocketAddr>,
        max_read: Option<usize>,
        heads: Option<WireHeads>,
    ) -> Self {
        // ALPN; RFC 9113, section 3.2.
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let tls = stream.get_ref().1.protocol_version().and_then(tls::version_name);
        let stream = Either::Right(stream);
        let heads = heads.filter(|_| !is_http2);
        let io = if is_http2 {
            Either::Right(FrameFilter::new(stream))
        } else {
            Either::Left(HeadFilter::new(stream).with_max_read(max_read).with_heads(heads.clone()))
        };
        Self { io, peer, relays: false, tls, heads }
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.io, Either::Right(_))
    }
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.relays);
        let connected = if self.is_http2() { connected.negotiated_h2() } else { connected };
        connected.extra(ConnectionState {
            peer: self.peer,
            tls: self.tls,
            heads: self.heads.clone(),
            has_answered: Arc::default(),
        })
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
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
