//! Phase timings, whichever client opens the connection.
//!
//! A connection is opened inside the task that asked for it, so a task-local can be marked from
//! the resolver, from a layer around the connector and from the TLS session store. When the pool
//! gives a task a connection that another one opened, nothing is marked, and the phases are
//! absent: just what the record promises.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

use super::answer::ClientError;
use crate::model::Timing;

tokio::task_local! {
    /// The marks of the fetch that this task is doing.
    pub(super) static MARKS: Marks;
}

/// When the phases of the current hop began and ended.
#[derive(Debug, Default)]
pub(super) struct Marks {
    dns: Cell<Option<(Instant, Option<Instant>)>>,
    connect: Cell<Option<(Instant, Option<Instant>)>>,
    tls: Cell<Option<Instant>>,
}

impl Marks {
    /// Forgets the last hop.
    pub(super) fn reset(&self) {
        self.dns.set(None);
        self.connect.set(None);
        self.tls.set(None);
    }

    /// Whether this hop was sent on a connection that had served before.
    pub(super) fn reused(&self) -> bool {
        !matches!(self.connect.get(), Some((_, Some(_))))
    }

    /// When the connection that this hop is opening was or will at the latest be open.
    pub(super) fn connected_by(&self, connect_timeout: Duration) -> Option<Instant> {
        self.connect.get().map(|(start, end)| end.unwrap_or(start + connect_timeout))
    }

    /// Adds the phases of the hop that has just been answered.
    pub(super) fn add_to(&self, timing: &mut Timing) {
        let Some((start, Some(end))) = self.connect.get() else { return };
        let add = |sum: &mut Option<Duration>, d: Duration| *sum = Some(sum.unwrap_or_default() + d);
        let mut tcp_from = start;
        if let Some((dns_start, Some(dns_end))) = self.dns.get() {
            add(&mut timing.dns, dns_end - dns_start);
            tcp_from = dns_end;
        }
        let tcp_until = self.tls.get().unwrap_or(end);
        add(&mut timing.connect, tcp_until.saturating_duration_since(tcp_from));
        if let Some(tls) = self.tls.get() {
            add(&mut timing.tls, end - tls);
        }
    }
}

/// Marks, if this is the task that wants it.
fn mark(f: impl FnOnce(&Marks)) {
    // Err: the pool is opening this connection in the background, for nobody's account.
    let _ = MARKS.try_with(f);
}

/// TLS begins.
pub(super) fn mark_tls_start() {
    mark(|m| m.tls.set(Some(Instant::now())));
}

/// Whether this task's connection got as far as TLS and not beyond, once opening it has failed.
pub(super) fn in_handshake() -> bool {
    // Err: not within a fetch, as in tests of what calls this.
    MARKS.try_with(|m| m.tls.get().is_some()).unwrap_or(false)
}

/// A layer around reqwest's connector that marks connects and counts them.
#[derive(Debug, Clone)]
pub(super) struct ConnectLayer {
    /// Connections begun by the client that has this layer.
    pub(super) opened: Arc<AtomicUsize>,
    /// How long one may take, its name look-up included.
    pub(super) timeout: Option<Duration>,
}

/// A connection took too long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimeout(Duration);

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the host name: {0}")]
pub(super) struct DnsError(io::Error);

impl<S> tower_layer::Layer<S> for ConnectLayer {
    type Service = ConnectService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ConnectService { inner: Arc::new(inner), opened: self.opened.clone(), timeout: self.timeout }
    }
}

/// See [`ConnectLayer`]. The client clones its connector five times for every request, nearly
/// always in vain; so the inner one, which is large, is cloned only where a connection is opened.
#[derive(Debug)]
pub(super) struct ConnectService<S> {
    inner: Arc<S>,
    opened: Arc<AtomicUsize>,
    timeout: Option<Duration>,
}

impl<S> Clone for ConnectService<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), opened: self.opened.clone(), timeout: self.timeout }
    }
}

impl<S, R> tower_service::Service<R> for ConnectService<S>
where
    S: tower_service::Service<R> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Into<ClientError> + Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, ClientError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The clone that connects is asked instead.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.opened.fetch_add(1, Relaxed);
        let start = Instant::now();
        mark(|m| m.connect.set(Some((start, None))));
        let mut connector = S::clone(&self.inner);
        let limit = self.timeout;
        Box::pin(async move {
            let connecting = async {
                std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(Into::into)?;
                connector.call(request).await.map_err(Into::into)
            };
            let connected = match limit {
                None => connecting.await,
                Some(limit) => match tokio::time::timeout(limit, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => Err(ConnectTimeout(limit).into()),
                },
            };
            mark(|m| m.connect.set(Some((start, connected.is_ok().then(Instant::now)))));
            connected
        })
    }
}

/// The system's resolver (getaddrinfo), marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemResolver;

impl SystemResolver {
    async fn look_up(host: String) -> Result<std::vec::IntoIter<SocketAddr>, DnsError> {
        let start = Instant::now();
        mark(|m| m.dns.set(Some((start, None))));
        let found = tokio::net::lookup_host((host, 0)).await.map_err(DnsError)?;
        mark(|m| m.dns.set(Some((start, Some(Instant::now())))));
        let addrs: Vec<_> = found.collect();
        if addrs.is_empty() {
            return Err(DnsError(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(addrs.into_iter())
    }
}

/// For reqwest.
impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move { Ok(Box::new(Self::look_up(host).await?) as Addrs) })
    }
}

/// For the plain client.
impl tower_service::Service<dns::Name> for SystemResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = DnsError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DnsError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DnsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        Box::pin(Self::look_up(name.as_str().to_owned()))
    }
}
