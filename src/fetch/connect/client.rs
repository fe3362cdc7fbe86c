//! The HTTP clients of one fetcher, and their renewal.
//!
//! hyper's pooled client sends the requests for `https` and those through a proxy. It supports HTTP/2 and uses
//! connections of [`Connector`]. Plain `http` uses hyper's HTTP/1 and the smaller [`Pool`], which needs about half
//! of the instructions for a small page.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::Empty;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use url::{Host, Position, Url};

use super::address_filter::{AddressFilter, AllowedAddresses};
use super::alpn_gate::{AlpnGate, Http1Origins};
use super::connection_choice::ConnectionChoice;
use super::connector::{Connector, Dialer, Settings};
use super::error::{ClientError, ReusedConnection};
use super::head_limits::{MAX_FIELDS, MAX_HEAD, is_kept_after};
use super::host_field::is_its_own;
use super::pool::{IDLE, Pool};
use super::proxy::{ProxyError, ProxyFault};
use super::response::Response;
use super::route::Routes;
use super::stream::ConnectionState;
use super::tls;
use crate::fetch::body::throttle::ByteLimit;
use crate::fetch::config::{BuildError, FetchConfig, TlsConfig};

/// The smallest limit of one read, in bytes; smaller reads gain nothing.
const LEAST_READ: usize = 512;

/// The window of a stream of HTTP/2, in bytes: what a server may send before it is read.
const STREAM_WINDOW: u32 = 2 << 20;

/// The window of a connection, the largest (RFC 9113, section 6.9.1). A body that waits for memory of decoders is
/// not read, and must not stop the other streams. Their own windows are the bound.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Returns the window of a stream under a byte limit: the bytes of a quarter of a second. A server with a
/// round trip of that length still fills it. The initial window is the minimum (RFC 9113, section 6.9.2).
fn window(limit: ByteLimit) -> u32 {
    u32::try_from(limit.a_second / 4).unwrap_or(u32::MAX).clamp(65_535, STREAM_WINDOW)
}

/// Sends requests to servers.
pub(crate) struct Clients {
    tls_settings: TlsConfig,
    tls_config: OnceLock<Arc<ClientConfig>>,
    timeout: Option<Duration>,
    http1: Http1Origins,
    dialer: Dialer,
    plain: Pool,
    /// The window of a stream of HTTP/2.
    window: u32,
    /// The most bytes of one read.
    max_read: Option<usize>,
    /// Whether the heads of each exchange are recorded.
    keeps_heads: bool,
    routes: Arc<Routes>,
    pooled: Renewed<PooledClient>,
    /// The client for public addresses only, because a hyper client offers no choice among its idle connections.
    public: Renewed<PooledClient>,
}

type PooledClient = Client<Connector, Empty<Bytes>>;

impl Clients {
    /// Makes the clients. `bytes` is the limit of bytes per second, and `keeps_heads` whether responses have the heads
    /// of their exchange.
    pub(crate) fn new(
        config: &FetchConfig,
        bytes: Option<ByteLimit>,
        addresses: &Arc<AddressFilter>,
        keeps_heads: bool,
    ) -> Self {
        let mut http = hyper::client::conn::http1::Builder::new();
        http.max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD).title_case_headers(true);
        let max_read = bytes.map(|limit| usize::try_from(limit.at_once).unwrap_or(usize::MAX).max(LEAST_READ));
        Self {
            tls_settings: config.tls.clone(),
            tls_config: OnceLock::new(),
            timeout: config.timeout,
            http1: Http1Origins::default(),
            dialer: Dialer { addresses: addresses.clone(), limit: config.connect_timeout, keeps_alive: true },
            plain: Pool::new(config.connect_timeout, http, config.idle_connections, max_read, keeps_heads, addresses),
            window: bytes.map_or(STREAM_WINDOW, window),
            max_read,
            keeps_heads,
            routes: Arc::new(Routes::new(&config.proxies, &config.no_proxy)),
            pooled: Renewed::new(config.idle_connections),
            public: Renewed::new(config.idle_connections),
        }
    }

    /// Sends a request without a body to an address within `allowed` and waits for the head of the
    /// response.
    ///
    /// `in_use` is the peak of concurrent fetches of this fetcher.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        mut fields: HeaderMap,
        in_use: usize,
        allowed: AllowedAddresses,
        choice: ConnectionChoice,
    ) -> Result<Response, ClientError> {
        self.dialer.addresses.check(url, allowed)?;
        let is_plain = url.scheme() == "http";
        let relay = match self.routes.of_url(url).filter(|_| is_plain) {
            // `plain` does not support proxies.
            None if is_plain => {
                return Ok(Response::leased(self.plain.send(method, url, fields, allowed, choice).await?));
            }
            proxy => proxy.filter(|proxy| proxy.is_http()),
        };
        if fields.get(header::HOST).is_some_and(is_its_own) {
            if is_plain || self.tls_settings.http1 {
                let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])?;
                fields.insert(header::HOST, host);
            } else {
                // HTTP/2 has none; for HTTP/1.1 the client adds it.
                fields.remove(header::HOST);
            }
        }
        if let Some(value) = relay.and_then(|proxy| proxy.authorization.as_ref()) {
            fields.entry(header::PROXY_AUTHORIZATION).or_insert_with(|| value.clone());
        }
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() =
            Uri::try_from(format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterQuery]))?;
        *request.headers_mut() = fields;
        let renewed = if allowed == AllowedAddresses::All { &self.pooled } else { &self.public };
        let client = match choice {
            ConnectionChoice::Any => renewed.get(in_use, |opened| self.build(opened, allowed, choice))?,
            ConnectionChoice::New => self.build(&Arc::default(), allowed, choice)?,
        };
        let connection = capture_connection(&mut request);
        let response = client.request(request).await.inspect(|response| {
            let is_kept = response.version() == Version::HTTP_2 || is_kept_after(url, response.headers());
            if let (false, Some(connection)) = (is_kept, connection.connection_metadata().as_ref()) {
                connection.poison();
                renewed.left_large(in_use);
            }
        });
        response.map(Response::new).map_err(|error| {
            let reused = reused(&error);
            let source: ClientError = match relay {
                Some(proxy) => ProxyError::new(proxy, ProxyFault::Failed(error.into())).into(),
                None => error.into(),
            };
            match reused {
                Some(is_shared) => ReusedConnection { is_shared, source }.into(),
                None => source,
            }
        })
    }

    /// Returns the address that answered for this URL, if it is known. Behind a proxy it is known only
    /// if the URL contains it.
    pub(crate) fn peer(&self, url: &Url, remote: Option<SocketAddr>) -> Option<SocketAddr> {
        match (self.routes.of_url(url), url.host()) {
            (None, _) => remote,
            (Some(_), Some(Host::Ipv4(address))) => Some((address, 0).into()),
            (Some(_), Some(Host::Ipv6(address))) => Some((address, 0).into()),
            (Some(_), Some(Host::Domain(_)) | None) => None,
        }
    }

    /// Builds a client. One for new connections only keeps none of them.
    fn build(
        &self,
        opened: &Arc<AtomicUsize>,
        allowed: AllowedAddresses,
        choice: ConnectionChoice,
    ) -> Result<PooledClient, ClientError> {
        // A fresh client needs a fresh gate, because it has none of the old connections.
        let gate = || Arc::new(AlpnGate::new(self.dialer.limit, self.timeout, &self.http1));
        let settings = Settings {
            dialer: self.dialer.clone(),
            allowed,
            routes: self.routes.clone(),
            tls: self.tls_config()?,
            gate: (!self.tls_settings.http1).then(gate),
            max_read: self.max_read,
            keeps_heads: self.keeps_heads,
            opened: opened.clone(),
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(if choice == ConnectionChoice::New { 0 } else { usize::MAX })
            // As other clients write them; some servers know no other form.
            .http1_title_case_headers(true)
            .http1_max_headers(MAX_FIELDS)
            .http1_max_buf_size(MAX_HEAD)
            // 16 KiB unless told.
            .http2_max_header_list_size(MAX_HEAD as u32)
            // A dead pooled HTTP/2 connection would otherwise be used for ever.
            .http2_keep_alive_interval(Duration::from_secs(15))
            .http2_keep_alive_timeout(Duration::from_secs(15))
            .http2_initial_stream_window_size(self.window)
            .http2_initial_connection_window_size(CONNECTION_WINDOW);
        Ok(builder.build(Connector(Arc::new(settings))))
    }

    /// The TLS settings, made when they are first needed.
    fn tls_config(&self) -> Result<Arc<ClientConfig>, BuildError> {
        if let Some(config) = self.tls_config.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(tls::client_config(&self.tls_settings)?);
        Ok(self.tls_config.get_or_init(|| config).clone())
    }
}

/// Returns whether the reused connection of a failed request is shared; `None`: it had answered no request before.
fn reused(error: &Error) -> Option<bool> {
    let connection = error.connect_info()?;
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    extras.get::<ConnectionState>()?.has_answered().then(|| connection.is_negotiated_h2())
}

/// A client that is built on first use and rebuilt when it holds too many idle connections.
///
/// A hyper client keeps every connection for reuse, without a bound over all hosts. Dropping it closes
/// the idle ones. Repeated requests to one host open no more connections than there are concurrent
/// fetches, so they never cause a rebuild.
struct Renewed<C> {
    most_idle: usize,
    opened: Arc<AtomicUsize>,
    /// The connections of the current client with large buffers.
    large: AtomicUsize,
    current: Mutex<Option<C>>,
}

impl<C: Clone> Renewed<C> {
    fn new(most_idle: usize) -> Self {
        Self {
            most_idle: most_idle.max(1),
            opened: Arc::default(),
            large: AtomicUsize::default(),
            current: Mutex::new(None),
        }
    }

    /// Counts a connection with large buffers that is not used again. The client may have put it among the idle
    /// ones already. It closes such a connection only after [`IDLE`]. So a quarter as many as the concurrent fetches
    /// cause a rebuild.
    fn left_large(&self, in_use: usize) {
        if self.large.fetch_add(1, Relaxed) >= in_use / 4 {
            *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn get(
        &self,
        in_use: usize,
        build: impl FnOnce(&Arc<AtomicUsize>) -> Result<C, ClientError>,
    ) -> Result<C, ClientError> {
        // The lock is never contended: a fetcher belongs to one runtime of one thread.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // The connections beyond the peak of concurrent fetches. The current number would be wrong:
        // fetches end in bursts, and the next ones reuse the idle connections at once.
        let idle = self.opened.load(Relaxed).saturating_sub(in_use);
        if let Some(client) = current.as_ref().filter(|_| idle < self.most_idle) {
            return Ok(client.clone());
        }
        let fresh = build(&self.opened)?;
        self.opened.store(0, Relaxed);
        self.large.store(0, Relaxed);
        *current = Some(fresh.clone());
        Ok(fresh)
    }
}
