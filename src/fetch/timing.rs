//! Phase timings, whichever client opens the connection.
//!
//! A connection is opened inside the task that asked for it, so a task-local can be marked from
//! the resolver, from a layer around the connector and from the TLS session store. When the pool
//! gives a task a connection that another one opened, nothing is marked, and the phases are
//! absent: just what the record promises.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::client::legacy::connect::Connection;
use tokio::time::Instant;

use super::answer::ClientError;
use super::gate::{End, Gates, Opening, Served};
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
    /// The origin that is asked, where many fetches might connect to it at once.
    origin: Cell<Option<u64>>,
    /// When the shared connection was open that this task has had last, or been about to have.
    shared: Cell<Option<Instant>>,
    /// The ports that may be connected to, of the URL's host and of a proxy, where that makes a
    /// difference to where a name leads.
    ports: Cell<(u16, Option<u16>)>,
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
        let (start, end) = self.connect.get()?;
        let shared = self.shared.get().filter(|at| *at >= start);
        Some(end.or(shared).unwrap_or(start + connect_timeout))
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

/// A connection to this port of the URL's host may be opened next, or to that of a proxy; `None`: it
/// is not known to which port of a host that has the name of a proxy.
pub(super) fn mark_ports(of_host: u16, of_proxy: Option<u16>) {
    mark(|m| m.ports.set((of_host, of_proxy)));
}

/// The port of the connection that this task opens to a host, if it is known. `is_proxy`: whether that
/// has the name of a proxy.
pub(super) fn wanted_port(is_proxy: bool) -> Option<u16> {
    let (of_host, of_proxy) = MARKS.try_with(|m| m.ports.get()).ok()?;
    if is_proxy { of_proxy } else { Some(of_host) }
}

/// The next request is for this origin; `None`: its connections are nobody else's.
pub(super) fn mark_origin(origin: Option<u64>) {
    mark(|m| m.origin.set(origin));
}

/// A connection that fetches share is there since then.
pub(super) fn mark_shared(since: Instant) {
    mark(|m| m.shared.set(Some(since)));
}

/// Since when the shared connection is there that this task has had, if any.
pub(super) fn shared() -> Option<Instant> {
    MARKS.try_with(|m| m.shared.get()).ok().flatten()
}

/// Whether this is a task that does a fetch, and not one in which the client opens in the background what
/// no fetch waits for any more.
pub(super) fn is_in_fetch() -> bool {
    MARKS.try_with(|_| ()).is_ok()
}

/// Marks a look-up.
pub(super) async fn look_up<A>(answer: impl Future<Output = A>) -> A {
    let start = Instant::now();
    mark(|m| m.dns.set(Some((start, None))));
    let answer = answer.await;
    mark(|m| m.dns.set(Some((start, Some(Instant::now())))));
    answer
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
    /// Where the first of an origin is opened alone.
    pub(super) gates: Option<Arc<Gates>>,
}

/// A connection took too long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimeout(Duration);

impl<S> tower_layer::Layer<S> for ConnectLayer {
    type Service = ConnectService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { opened, timeout, gates } = self.clone();
        ConnectService { inner: Arc::new(inner), opened, timeout, gates, entering: None, turn: None }
    }
}

/// See [`ConnectLayer`]. The client clones its connector five times for every request, nearly
/// always in vain; so the inner one, which is large, is cloned only where a connection is opened.
///
/// It is ready once the gate is open. So the time spent there is in no limit around a connection,
/// whoever sets it: a call comes after it.
pub(super) struct ConnectService<S> {
    inner: Arc<S>,
    opened: Arc<AtomicUsize>,
    timeout: Option<Duration>,
    gates: Option<Arc<Gates>>,
    /// On the way through the gate, and beyond it.
    entering: Option<Entering>,
    turn: Option<Opening>,
}

type Entering = Pin<Box<dyn Future<Output = Result<Opening, Served>> + Send + Sync>>;

impl<S> Clone for ConnectService<S> {
    fn clone(&self) -> Self {
        let Self { inner, opened, timeout, gates, .. } = self;
        let (inner, opened, gates) = (inner.clone(), opened.clone(), gates.clone());
        Self { inner, opened, timeout: *timeout, gates, entering: None, turn: None }
    }
}

impl<S, R> tower_service::Service<R> for ConnectService<S>
where
    S: tower_service::Service<R> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Response: Connection + Send,
    S::Error: Into<ClientError> + Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, ClientError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The clone of the inner one that connects is asked where it does.
        let Some(gates) = self.gates.as_ref().filter(|_| self.turn.is_none()) else { return Poll::Ready(Ok(())) };
        let entering = match &mut self.entering {
            Some(entering) => entering,
            none => {
                let origin = MARKS.try_with(|m| m.origin.get()).ok().flatten();
                let Some(origin) = origin else { return Poll::Ready(Ok(())) };
                // For the limit of silence it is connecting: nobody has been asked yet.
                mark(|m| m.connect.set(Some((Instant::now(), None))));
                none.insert(Box::pin(gates.clone().enter(origin)))
            }
        };
        let turn = ready!(entering.as_mut().poll(cx));
        self.entering = None;
        self.turn = Some(turn?);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let start = Instant::now();
        mark(|m| m.connect.set(Some((start, None))));
        let turn = self.turn.take();
        let (inner, opened, limit) = (self.inner.clone(), self.opened.clone(), self.timeout);
        Box::pin(async move {
            opened.fetch_add(1, Relaxed);
            let mut connector = S::clone(&inner);
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
            if let Some(turn) = turn {
                turn.ended(match &connected {
                    Ok(connection) if connection.connected().is_negotiated_h2() => End::Shared,
                    Ok(_) => End::Alone,
                    Err(_) => End::Failed,
                });
            }
            connected
        })
    }
}

#[cfg(test)]
mod tests;
