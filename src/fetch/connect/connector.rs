//! Opens connections: look-up, TCP, a tunnel through a proxy, TLS.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tower_service::Service;

use super::address_filter::{AddressFilter, AllowedAddresses, FilteredResolver};
use super::alpn_gate::{AlpnGate, ConnectOutcome};
use super::connect_context;
use super::error::{ClientError, ConnectError, ConnectTimeout, DialError, HandshakeError};
use super::proxy::{self, ProxyError, ProxyFault};
use super::route::{Protocol, Proxy, Routes, Target};
use super::stream::{Conn, Stream, Transport};
use super::wire_heads::WireHeads;

/// The TCP keepalive time and interval of an idle connection, and its number of probes.
const KEEPALIVE: (Duration, u32) = (Duration::from_secs(15), 3);

/// The buffer size for the response head to CONNECT, in bytes.
const HEAD_PIECE: usize = 1024;

/// Opens TCP connections to addresses within the rules.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    pub(crate) addresses: Arc<AddressFilter>,
    /// The time limit of all steps of a connection.
    pub(crate) limit: Duration,
    /// Whether connections stay open between fetches, so that they need TCP keepalive.
    pub(crate) keeps_alive: bool,
}

impl Dialer {
    /// Opens a connection. The addresses of the host share the time limit.
    pub(crate) async fn tcp(&self, target: &Target, allowed: AllowedAddresses) -> Result<TcpStream, ClientError> {
        // The connector ignores scheme and path.
        let to = Uri::try_from(format!("http://{}/", target.authority()))?;
        let mut connector = HttpConnector::new_with_resolver(self.names(target, allowed));
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(self.limit));
        if self.keeps_alive {
            let (time, tries) = KEEPALIVE;
            connector.set_keepalive(Some(time));
            connector.set_keepalive_interval(Some(time));
            connector.set_keepalive_retries(Some(tries));
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            connector.set_tcp_user_timeout(Some(2 * time));
        }
        let opened = connector.call(to).await;
        let failed = |error| DialError { to: target.authority().to_string(), source: Box::new(error) };
        Ok(opened.map_err(failed)?.into_inner())
    }

    fn names(&self, target: &Target, allowed: AllowedAddresses) -> FilteredResolver {
        FilteredResolver { filter: self.addresses.clone(), allowed, port: target.port }
    }

    /// Runs a step of a connection until the deadline, and fails with [`ConnectTimeout`] after it.
    pub(crate) async fn within<T, E: Into<ClientError>>(
        &self,
        deadline: Instant,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ClientError> {
        match timeout_at(deadline, step).await {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(ConnectTimeout(self.limit).into()),
        }
    }
}

/// Opens the connections of one client: those for `https` and those through a proxy. The client clones it
/// several times for every request, so a clone must be cheap.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) Arc<Settings>);

/// See [`Connector`].
pub(crate) struct Settings {
    pub(crate) dialer: Dialer,
    /// The addresses to which the client may send requests.
    pub(crate) allowed: AllowedAddresses,
    pub(crate) routes: Arc<Routes>,
    pub(crate) tls: Arc<ClientConfig>,
    /// The gates that let the first connection of an origin open alone.
    pub(crate) gate: Option<Arc<AlpnGate>>,
    /// The most bytes of one read.
    pub(crate) max_read: Option<usize>,
    /// Whether the heads of each exchange are recorded.
    pub(crate) keeps_heads: bool,
    /// The number of connections begun.
    pub(crate) opened: Arc<AtomicUsize>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Conn>;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ClientError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let settings = self.0.clone();
        Box::pin(async move { settings.connect(&to).await.map(TokioIo::new) })
    }
}

/// Opens a connection once the gate of its origin permits it. The wait counts towards no limit of the connection.
async fn in_turn<T>(
    gate: Option<(&Arc<AlpnGate>, u64)>,
    opened: &AtomicUsize,
    open: impl Future<Output = Result<T, ClientError>>,
    is_shared: impl FnOnce(&T) -> bool,
) -> Result<T, ClientError> {
    let turn = match gate {
        Some((gate, origin)) => Some(connect_context::waiting(gate.clone().enter(origin)).await?),
        None => None,
    };
    opened.fetch_add(1, Relaxed);
    let connection = connect_context::connecting(open).await;
    if let Some(turn) = turn {
        turn.ended(match &connection {
            Ok(connection) if is_shared(connection) => ConnectOutcome::Shared,
            Ok(_) => ConnectOutcome::Alone,
            Err(_) => ConnectOutcome::Failed,
        });
    }
    connection
}

impl Settings {
    async fn connect(&self, to: &Uri) -> Result<Conn, ClientError> {
        let target = Target::of(to).ok_or("the URL has no host")?;
        let gate = self.gate.as_ref().filter(|_| target.is_tls).map(|gate| (gate, gate.origin(to)));
        in_turn(gate, &self.opened, self.open(&target), Conn::is_http2).await
    }

    async fn open(&self, target: &Target) -> Result<Conn, ClientError> {
        let deadline = Instant::now() + self.dialer.limit;
        let proxy = self.routes.of_target(target);
        let heads = self.keeps_heads.then(WireHeads::default);
        let (transport, peer) = match proxy {
            None => {
                let tcp = self.dialer.within(deadline, self.dialer.tcp(target, self.allowed)).await?;
                let peer = tcp.peer_addr().ok();
                (Either::Left(tcp), peer)
            }
            Some(proxy) => self.open_through(proxy, target, deadline).await?,
        };
        if !target.is_tls {
            let relays = proxy.is_some_and(|proxy| proxy.is_http());
            return Ok(Conn::plain(transport, peer, relays, self.max_read, heads));
        }
        connect_context::mark_tls_start();
        let stream = self.dialer.within(deadline, handshake(&self.tls, &target.host, transport)).await;
        let stream = stream.map_err(|error| match proxy {
            Some(proxy) => ProxyError::new(proxy, ProxyFault::Behind(ConnectError(error).into())).into(),
            None => error,
        })?;
        Ok(Conn::tls(stream, peer, self.max_read, heads))
    }

    /// The way through a proxy, and the address of the proxy.
    async fn open_through(
        &self,
        proxy: &Proxy,
        target: &Target,
        deadline: Instant,
    ) -> Result<(Transport, Option<SocketAddr>), ClientError> {
        let failed = |fault| ProxyError::new(proxy, fault);
        let host = self.dialer.within(deadline, self.host_for(proxy, target)).await?;
        // The user named the proxy, so its own address needs no check. The target behind it still does.
        let tcp = self.dialer.within(deadline, self.dialer.tcp(&proxy.target, AllowedAddresses::All)).await;
        let tcp = tcp.map_err(|error| failed(ProxyFault::Failed(ConnectError(error).into())))?;
        let peer = tcp.peer_addr().ok();
        match timeout_at(deadline, self.through(proxy, tcp, &host, target)).await {
            Ok(through) => Ok((through.map_err(failed)?, peer)),
            Err(_) => {
                let (target, limit) = (target.authority(), self.dialer.limit);
                Err(failed(ProxyFault::Silent { target, limit }).into())
            }
        }
    }

    /// Returns the host to request from a proxy. It is an address if the protocol needs a local look-up.
    async fn host_for(&self, proxy: &Proxy, target: &Target) -> Result<String, ClientError> {
        let is_local = matches!(proxy.protocol, Protocol::Socks4 | Protocol::Socks5);
        if !is_local || target.host.parse::<IpAddr>().is_ok() {
            return Ok(target.host.to_string());
        }
        let found = self.dialer.names(target, self.allowed).look_up(&target.host).await?;
        // SOCKS 4 supports IPv4 only.
        let may = |address: &&SocketAddr| proxy.protocol == Protocol::Socks5 || address.is_ipv4();
        let address = found.iter().find(may).ok_or("SOCKS 4 leads to IPv4 addresses only, and the host has none")?;
        Ok(address.ip().to_string())
    }

    /// Opens the transport through a connected proxy.
    async fn through(
        &self,
        proxy: &Proxy,
        tcp: TcpStream,
        host: &str,
        target: &Target,
    ) -> Result<Transport, ProxyFault> {
        match proxy.protocol {
            Protocol::Http if target.is_tls => tunnel(tcp, proxy, target).await,
            Protocol::Http => Ok(Either::Left(tcp)),
            Protocol::Https => {
                let mut config = ClientConfig::clone(&self.tls);
                // The request to the proxy is HTTP/1.1.
                config.alpn_protocols.clear();
                let stream = handshake(&Arc::new(config), &proxy.target.host, tcp).await;
                let stream = stream.map_err(|error| ProxyFault::Failed(ConnectError(error).into()))?;
                if target.is_tls { tunnel(stream, proxy, target).await } else { Ok(Either::Right(Box::new(stream))) }
            }
            Protocol::Socks4 | Protocol::Socks4a | Protocol::Socks5 | Protocol::Socks5h => {
                proxy::socks(tcp, proxy, host, target).await.map(Either::Left)
            }
        }
    }
}

async fn tunnel<S: Stream + 'static>(stream: S, proxy: &Proxy, target: &Target) -> Result<Transport, ProxyFault> {
    // The reader stays in the transport, because its buffer may hold early bytes of the server.
    let mut stream = BufReader::with_capacity(HEAD_PIECE, stream);
    proxy::connect(&mut stream, proxy, target).await?;
    Ok(Either::Right(Box::new(stream)))
}

async fn handshake<S: Stream>(tls: &Arc<ClientConfig>, host: &str, stream: S) -> Result<TlsStream<S>, ClientError> {
    let name = ServerName::try_from(host.to_owned())?;
    Ok(TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(HandshakeError)?)
}

#[cfg(test)]
mod tests;
