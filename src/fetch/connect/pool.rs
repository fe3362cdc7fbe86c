//! Connections to plain `http` origins, and the pool of idle ones.
//!
//! A fetch opens its own connection, and no other fetch uses it until the body has been read to its end. So
//! connections in use never outnumber the fetches under way. The phases in a record are always those of its own
//! connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::{Position, Url};

use super::address_filter::{AddressFilter, AllowedAddresses};
use super::connect_context;
use super::connection_choice::ConnectionChoice;
use super::connector::Dialer;
use super::error::{ClientError, ConnectError, ReusedConnection};
use super::head_filter::HeadFilter;
use super::head_limits::is_kept_after;
use super::host_field::is_its_own;
use super::route::Target;
use super::wire_heads::WireHeads;

/// The longest idle time of a kept connection.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// Opens connections and keeps the idle ones.
pub(crate) struct Pool {
    dialer: Dialer,
    http: http1::Builder,
    /// The most bytes of one read.
    most: Option<usize>,
    /// Whether the heads of each exchange are recorded.
    keeps_heads: bool,
    connections: Arc<Mutex<Connections>>,
}

impl Pool {
    /// Makes a pool. It keeps `most_idle` connections beyond the peak of those in use, and reads at most `most` bytes
    /// at once.
    pub(crate) fn new(
        connect_timeout: Duration,
        http: http1::Builder,
        most_idle: usize,
        most: Option<usize>,
        keeps_heads: bool,
        addresses: &Arc<AddressFilter>,
    ) -> Self {
        let dialer = Dialer { addresses: addresses.clone(), limit: connect_timeout, keeps_alive: false };
        let connections =
            Connections { idle: VecDeque::new(), most_idle, in_use: 0, most_in_use: 0, drivers: JoinSet::new() };
        Self { dialer, http, most, keeps_heads, connections: Arc::new(Mutex::new(connections)) }
    }

    /// Sends a request without a body and waits for the head of the response.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        fields: HeaderMap,
        allowed: AllowedAddresses,
        choice: ConnectionChoice,
    ) -> Result<(Response<Incoming>, Lease), ClientError> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery])?;
        *request.headers_mut() = fields;
        let origin = &url[Position::BeforeHost..Position::AfterPort];
        let idle = match choice {
            ConnectionChoice::Any => self.idle(origin, allowed).await,
            ConnectionChoice::New => None,
        };
        let mut lease = match idle {
            Some(lease) => lease,
            None => self.open(url, allowed).await?,
        };
        if request.headers().get(header::HOST).is_none_or(is_its_own) {
            request.headers_mut().insert(header::HOST, lease.connection.origin.clone());
        }
        match lease.connection.sender.send_request(request).await {
            Ok(response) => {
                lease.is_kept = is_kept_after(url, response.headers());
                Ok((response, lease))
            }
            Err(error) if lease.is_reused => Err(ReusedConnection { is_shared: false, source: error.into() }.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the most recently used connection to this origin that is open and allowed.
    async fn idle(&self, origin: &str, allowed: AllowedAddresses) -> Option<Lease> {
        loop {
            let permits = |connection: &Connection| self.dialer.addresses.permits(allowed, connection.addr);
            let connection = locked(&self.connections).take(origin, permits)?;
            let counted = ConnectionCount::new(&self.connections);
            let mut lease = Lease { connection, counted, is_reused: true, is_kept: false };
            // Err: the server has closed it.
            if lease.connection.sender.ready().await.is_ok() {
                return Some(lease);
            }
        }
    }

    async fn open(&self, url: &Url, allowed: AllowedAddresses) -> Result<Lease, ClientError> {
        let origin = &url[Position::BeforeHost..Position::AfterPort];
        let target = Target::of_url(url).ok_or("the URL has no host")?;
        // Count it from here on: a connection being opened uses a descriptor too.
        let counted = ConnectionCount::new(&self.connections);
        let deadline = Instant::now() + self.dialer.limit;
        let tcp = connect_context::connecting(self.dialer.within(deadline, self.dialer.tcp(&target, allowed)));
        let tcp = tcp.await.map_err(ConnectError)?;
        let heads = self.keeps_heads.then(WireHeads::default);
        let io = HeadFilter::new(tcp).with_max_read(self.most).with_heads(heads.clone());
        let addr = io.get_ref().peer_addr().ok();
        let (sender, driver) = self.http.handshake(TokioIo::new(io)).await?;
        let mut connections = locked(&self.connections);
        while connections.drivers.try_join_next().is_some() {}
        connections.drivers.spawn(async move {
            // The request gets the same error, if there is a request.
            let _ = driver.await;
        });
        drop(connections);
        let connection = Connection { origin: HeaderValue::from_str(origin)?, sender, addr, heads };
        Ok(Lease { connection, counted, is_reused: false, is_kept: false })
    }
}

struct Connection {
    /// Host and, unless it is 80, port: the value of the Host field.
    origin: HeaderValue,
    sender: SendRequest<Empty<Bytes>>,
    addr: Option<SocketAddr>,
    heads: Option<WireHeads>,
}

/// The connections of a pool that are not in use.
struct Connections {
    /// In the order of last use, oldest first.
    idle: VecDeque<(Instant, Connection)>,
    most_idle: usize,
    in_use: usize,
    most_in_use: usize,
    /// The tasks that read and write the connections.
    drivers: JoinSet<()>,
}

impl Connections {
    fn take(&mut self, origin: &str, permits: impl Fn(&Connection) -> bool) -> Option<Connection> {
        self.trim();
        // The last one nearly always fits; with many hosts, few are kept.
        let fits = |kept: &Connection| kept.origin.as_bytes() == origin.as_bytes() && permits(kept);
        let at = self.idle.iter().rposition(|(_, kept)| fits(kept))?;
        self.idle.remove(at).map(|(_, connection)| connection)
    }

    fn keep(&mut self, connection: Connection) {
        self.idle.push_back((Instant::now(), connection));
        self.trim();
    }

    /// Closes surplus and expired connections.
    fn trim(&mut self) {
        // Fetches end in bursts, and the next ones use the idle connections at once.
        let room = (self.most_in_use + self.most_idle).saturating_sub(self.in_use);
        while self.idle.len() > room || self.idle.front().is_some_and(|(since, _)| since.elapsed() > IDLE) {
            self.idle.pop_front();
        }
    }
}

/// A connection in use. A drop closes it, unless it is given back.
pub(crate) struct Lease {
    connection: Connection,
    counted: ConnectionCount,
    is_reused: bool,
    /// Whether the pool keeps it.
    is_kept: bool,
}

impl Lease {
    /// Whether the connection had answered an earlier request.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// The peer.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.connection.addr
    }

    /// The heads of the exchange, if they are recorded.
    pub(crate) fn heads(&self) -> Option<WireHeads> {
        self.connection.heads.clone()
    }

    /// Returns the connection to the pool for the next request. The caller must have read the body to its end: before
    /// that no request can use the connection.
    pub(crate) fn give_back(self) {
        let Self { connection, counted, is_kept, .. } = self;
        if is_kept && !connection.sender.is_closed() {
            locked(&counted.0).keep(connection);
        }
    }
}

/// Counts a connection while it is being opened or in use.
struct ConnectionCount(Arc<Mutex<Connections>>);

impl ConnectionCount {
    fn new(connections: &Arc<Mutex<Connections>>) -> Self {
        let mut counts = locked(connections);
        counts.in_use += 1;
        counts.most_in_use = counts.most_in_use.max(counts.in_use);
        counts.trim();
        Self(connections.clone())
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        locked(&self.0).in_use -= 1;
    }
}

/// Never contended: a fetcher belongs to one runtime of one thread.
fn locked(connections: &Mutex<Connections>) -> MutexGuard<'_, Connections> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}
