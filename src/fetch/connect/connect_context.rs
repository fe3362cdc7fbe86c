//! Phase timings, whichever client opens the connection.
//!
//! A task opens its own connection, so the resolver and the connector can set marks in a task-local. A pooled
//! connection that another task opened sets no marks. Its phases are absent, as the record format defines.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Timing;

tokio::task_local! {
    /// The marks of the fetch that this task is doing.
    pub(crate) static CONNECT: ConnectContext;
}

/// The start and end times of the phases of the current hop.
#[derive(Debug, Default)]
pub(crate) struct ConnectContext {
    dns: Cell<Option<(Instant, Option<Instant>)>>,
    connect: Cell<Option<(Instant, Option<Instant>)>>,
    tls: Cell<Option<Instant>>,
    /// The opening time of the shared connection that this task used last or is about to use.
    shared: Cell<Option<Instant>>,
}

impl ConnectContext {
    /// Forgets the last hop.
    pub(crate) fn reset(&self) {
        self.dns.set(None);
        self.connect.set(None);
        self.tls.set(None);
    }

    /// Returns the time at which the connection of this hop was open, or the latest time for that.
    pub(crate) fn connected_by(&self, connect_timeout: Duration) -> Option<Instant> {
        let (start, end) = self.connect.get()?;
        let shared = self.shared.get().filter(|at| *at >= start);
        Some(end.or(shared).unwrap_or(start + connect_timeout))
    }

    /// Adds the phases of the hop that has just been answered.
    pub(crate) fn add_to(&self, timing: &mut Timing) {
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

/// Sets a mark, if this task does a fetch.
fn mark(f: impl FnOnce(&ConnectContext)) {
    // Err: the pool opens this connection in the background, outside a fetch.
    let _ = CONNECT.try_with(f);
}

/// Marks the time at which a shared connection was open.
pub(crate) fn mark_shared(since: Instant) {
    mark(|m| m.shared.set(Some(since)));
}

/// Returns the time at which the shared connection of this task was open, if any.
pub(crate) fn shared() -> Option<Instant> {
    CONNECT.try_with(|m| m.shared.get()).ok().flatten()
}

/// Whether this task does a fetch. A task of the client that opens a connection in the background does not.
pub(crate) fn is_in_fetch() -> bool {
    CONNECT.try_with(|_| ()).is_ok()
}

/// Marks a look-up.
pub(crate) async fn look_up<A>(answer: impl Future<Output = A>) -> A {
    let start = Instant::now();
    mark(|m| m.dns.set(Some((start, None))));
    let answer = answer.await;
    mark(|m| m.dns.set(Some((start, Some(Instant::now())))));
    answer
}

/// Marks the wait of a fetch before it opens a connection. For the limit of silence it is connecting, as it has sent
/// no request yet.
pub(crate) async fn waiting<A>(turn: impl Future<Output = A>) -> A {
    mark(|m| m.connect.set(Some((Instant::now(), None))));
    turn.await
}

/// Marks a connection that is opened.
pub(crate) async fn connecting<C, E>(open: impl Future<Output = Result<C, E>>) -> Result<C, E> {
    let start = Instant::now();
    mark(|m| m.connect.set(Some((start, None))));
    let opened = open.await;
    mark(|m| m.connect.set(Some((start, opened.is_ok().then(Instant::now)))));
    opened
}

/// Marks the start of the TLS handshake with the server.
pub(crate) fn mark_tls_start() {
    mark(|m| m.tls.set(Some(Instant::now())));
}
