//! The clients of one fetcher, and when they are exchanged for fresh ones.
//!
//! `https`, and all that goes through a proxy, is reqwest's: TLS, HTTP/2, CONNECT, SOCKS. Plain `http`
//! goes through the HTTP/1 that reqwest itself is built on and a pool of our own, without the
//! layers in between: of the instructions that a small page costs these were half, for redirects,
//! retries, proxies and cookies that are switched off here. Under TLS they do not matter.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Method, header};
use url::{Host, Position, Url};

use super::answer::{Answer, ClientError};
use super::gate::{Gates, Http1Origins};
use super::pool::{IDLE, Pool};
use super::reach::{AddressSpec, Names, Reach};
use super::throttle::ByteLimit;
use super::timing::{self, ConnectLayer};
use super::{HttpSpec, TlsSpec, tls};
use crate::config::Proxies;

/// The most fields of a response head; hyper takes 100 unless told.
pub(super) const MAX_FIELDS: usize = 1000;

/// The largest head of a response, in bytes.
pub(super) const MAX_HEAD: usize = 256 * 1024;

/// Nothing is gained by reads that bring less.
const LEAST_READ: usize = 512;

/// The window of a connection where bytes are bounded: a quarter of a second's, so that a server that far
/// away still fills it. RFC 9113, section 6.9.2: a connection begins with 65,535 bytes.
fn window(limit: ByteLimit) -> u32 {
    u32::try_from(limit.a_second / 4).unwrap_or(u32::MAX).clamp(65_535, 16 << 20)
}

/// In the place of the Host field: that of the URL. An empty one that a user wrote is not marked so.
pub(super) fn its_own() -> HeaderValue {
    let mut value = HeaderValue::from_static("");
    value.set_sensitive(true);
    value
}

/// Whether the Host field is to be that of the URL.
pub(super) fn is_its_own(value: &HeaderValue) -> bool {
    value.is_sensitive()
}

/// Whether an exception is for every host; reqwest takes it for one of names, not of addresses.
fn asks_all_directly(spec: &HttpSpec) -> bool {
    spec.no_proxy.as_deref().is_some_and(|hosts| hosts.split(',').any(|host| host.trim() == "*"))
}

/// The port at which a proxy is asked.
fn port_of(proxy: &Url) -> Option<u16> {
    // The usual one of SOCKS (RFC 1928, section 3); the standard for URLs has none.
    proxy.port_or_known_default().or(Some(1080))
}

/// Asks servers.
pub(super) struct Clients {
    tls_spec: TlsSpec,
    connect_timeout: Duration,
    timeout: Option<Duration>,
    http1: Http1Origins,
    addresses: Arc<AddressSpec>,
    plain: Pool,
    /// What an HTTP/2 server may send before it is read; `None`: as much as the way to it holds.
    window: Option<u32>,
    proxies: Proxies,
    no_proxy: Option<String>,
    hasher: RandomState,
    tls: Renewed<reqwest::Client>,
    /// For public addresses only: nobody can tell a client which of its idle connections to use.
    public_tls: Renewed<reqwest::Client>,
    /// The same where a proxy is there, but not for this scheme.
    direct_tls: Renewed<reqwest::Client>,
}

impl Clients {
    pub(super) fn new(spec: &HttpSpec) -> Self {
        let mut http = hyper::client::conn::http1::Builder::new();
        http.max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD).title_case_headers(true);
        let bytes = spec.throttle.bytes();
        let most = bytes.map(|limit| usize::try_from(limit.at_once).unwrap_or(usize::MAX).max(LEAST_READ));
        Self {
            tls_spec: spec.tls.clone(),
            connect_timeout: spec.connect_timeout,
            timeout: spec.timeout,
            http1: Http1Origins::default(),
            addresses: spec.addresses.clone(),
            plain: Pool::new(spec.connect_timeout, http, spec.idle_connections, most, &spec.addresses),
            window: bytes.map(window),
            proxies: if asks_all_directly(spec) { Proxies::default() } else { spec.proxies.clone() },
            no_proxy: spec.no_proxy.clone(),
            hasher: RandomState::new(),
            tls: Renewed::new(spec.idle_connections),
            public_tls: Renewed::new(spec.idle_connections),
            direct_tls: Renewed::new(spec.idle_connections),
        }
    }

    /// Sends a request without a body to an address within `reach` and waits for the head of the
    /// response.
    ///
    /// `in_use` is how many fetches this fetcher does at once, at most.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        mut fields: HeaderMap,
        in_use: usize,
        reach: Reach,
    ) -> Result<Answer, ClientError> {
        self.addresses.check(url, reach)?;
        if !self.addresses.pins.is_empty() {
            timing::mark_ports(url.port_or_known_default().unwrap_or_default(), self.port_of_proxy(url));
        }
        // The pool of our own knows no proxies.
        if url.scheme() == "http" && self.proxies.http.is_none() {
            return Ok(Answer::plain(self.plain.ask(method, url, fields, reach).await?));
        }
        // A number, for that costs no allocation; origins that share one would only wait for each other.
        let origin = || self.hasher.hash_one(&url[Position::BeforeHost..Position::AfterPort]);
        timing::mark_origin((url.scheme() == "https").then(origin));
        if fields.get(header::HOST).is_some_and(is_its_own) {
            // HTTP/2 has none.
            fields.remove(header::HOST);
        }
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = fields;
        let any_proxy = self.proxies.http.is_some() || self.proxies.https.is_some();
        let clients = match reach {
            Reach::All => &self.tls,
            _ if any_proxy && self.proxy_of(url).is_none() => &self.direct_tls,
            _ => &self.public_tls,
        };
        // The user named the proxy: its host may be reached, but by whoever goes through it alone.
        let proxied = !std::ptr::eq(clients, &self.direct_tls);
        let client = clients.get(in_use, |opened| self.build_tls(opened, reach, proxied))?;
        Ok(Answer::tls(client.execute(request).await?))
    }

    /// The address that answered for this URL, as far as it can be known: what a proxy asked for us
    /// is known only where it is written out.
    pub(super) fn peer(&self, url: &Url, remote: Option<SocketAddr>) -> Option<SocketAddr> {
        match (self.proxy_of(url), url.host()) {
            (None, _) => remote,
            (Some(_), Some(Host::Ipv4(address))) => Some((address, 0).into()),
            (Some(_), Some(Host::Ipv6(address))) => Some((address, 0).into()),
            (Some(_), Some(Host::Domain(_)) | None) => None,
        }
    }

    /// What requests of this scheme go through.
    fn proxy_of(&self, url: &Url) -> Option<&Url> {
        if url.scheme() == "http" { self.proxies.http.as_ref() } else { self.proxies.https.as_ref() }
    }

    /// The port of a connection that this URL may need to a host with the name of a proxy, as far as it can be
    /// known: whether the connection goes to the proxy itself, or to a server of the same name.
    fn port_of_proxy(&self, url: &Url) -> Option<u16> {
        let own = url.port_or_known_default();
        let Some(proxy) = self.proxy_of(url) else { return own };
        let port = port_of(proxy);
        let host = url.host_str();
        let mut others = [&self.proxies.http, &self.proxies.https].into_iter().flatten();
        // Of servers only a tunnel of SOCKS may look up the name here, and what is asked without the proxy.
        let is_direct = self.no_proxy.is_some() || !matches!(proxy.scheme(), "http" | "https");
        let is_shared = others.any(|other| other.host_str() == host) && (is_direct || proxy.host_str() != host);
        port.filter(|port| !is_shared || own == Some(*port))
    }

    fn build_tls(
        &self,
        opened: &Arc<AtomicUsize>,
        reach: Reach,
        proxied: bool,
    ) -> Result<reqwest::Client, ClientError> {
        let proxies = [&self.proxies.http, &self.proxies.https].into_iter().flatten().filter(|_| proxied);
        let except = proxies.filter_map(Url::host_str).map(Box::from).collect();
        // Of its own: a fresh client has none of the connections of the one before.
        let gates = || Arc::new(Gates::new(self.connect_timeout, self.timeout, &self.http1));
        let gates = (!self.tls_spec.http1).then(gates);
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&self.tls_spec)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .http1_max_headers(MAX_FIELDS)
            // 16 KiB unless told.
            .http2_max_header_list_size(MAX_HEAD as u32)
            .pool_idle_timeout(IDLE)
            // A dead pooled HTTP/2 connection would otherwise be used for ever.
            .http2_keep_alive_interval(Duration::from_secs(15))
            .http2_keep_alive_timeout(Duration::from_secs(15))
            .dns_resolver(Arc::new(Names { spec: self.addresses.clone(), reach, except }))
            // The timeout is reqwest's, around this layer: it begins when that is ready. reqwest also
            // shares it out among the addresses of a host, which no layer can.
            .connector_layer(ConnectLayer { opened: opened.clone(), timeout: None, gates });
        client = match self.window {
            None => client.http2_adaptive_window(true),
            Some(bytes) => client.http2_initial_stream_window_size(bytes).http2_initial_connection_window_size(bytes),
        };
        if self.tls_spec.http1 {
            client = client.http1_only();
        }
        for proxy in self.through()? {
            client = client.proxy(proxy);
        }
        Ok(client.build()?)
    }

    /// The proxies as reqwest knows them.
    fn through(&self) -> Result<Vec<reqwest::Proxy>, ClientError> {
        let mut proxies = Vec::new();
        if let Some(proxy) = &self.proxies.http {
            proxies.push(reqwest::Proxy::http(proxy.clone())?);
        }
        if let Some(proxy) = &self.proxies.https {
            proxies.push(reqwest::Proxy::https(proxy.clone())?);
        }
        let without = self.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        Ok(proxies.into_iter().map(|proxy| proxy.no_proxy(without.clone())).collect())
    }
}

/// A client, built when it is first needed, and anew when it holds too many idle connections: it
/// keeps every one for later use, without a bound over all hosts, and when it goes the idle ones
/// go with it. Where one host is asked again and again no more connections are opened than
/// fetches are under way, and nothing is ever replaced.
struct Renewed<C> {
    most_idle: usize,
    opened: Arc<AtomicUsize>,
    current: Mutex<Option<C>>,
}

impl<C: Clone> Renewed<C> {
    fn new(most_idle: usize) -> Self {
        Self { most_idle: most_idle.max(1), opened: Arc::default(), current: Mutex::new(None) }
    }

    fn get(
        &self,
        in_use: usize,
        build: impl FnOnce(&Arc<AtomicUsize>) -> Result<C, ClientError>,
    ) -> Result<C, ClientError> {
        // The lock is never contended: a fetcher belongs to one runtime of one thread.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // What it opened beyond what fetches need. Not what they use at this moment: they end in
        // bursts, and what is idle in between is wanted again at once.
        let idle = self.opened.load(Relaxed).saturating_sub(in_use);
        if let Some(client) = current.as_ref().filter(|_| idle < self.most_idle) {
            return Ok(client.clone());
        }
        let fresh = build(&self.opened)?;
        self.opened.store(0, Relaxed);
        *current = Some(fresh.clone());
        Ok(fresh)
    }
}
