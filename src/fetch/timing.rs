//! Phase timings, whichever client opens the connection.
//!
//! A connection is opened inside the task that asked for it, so a task-local can be marked from
//! the resolver and the connector. When the pool gives a task a connection that another one opened,
//! nothing is marked, and the phases are absent: just what the record promises.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

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
    /// When the shared connection was open that this task has had last, or been about to have.
    shared: Cell<Option<Instant>>,
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

/// Marks the wait of a fetch that is to open a connection: for the limit of silence it is connecting, for
/// nobody has been asked yet.
pub(super) async fn waiting<A>(turn: impl Future<Output = A>) -> A {
    mark(|m| m.connect.set(Some((Instant::now(), None))));
    turn.await
}

/// Marks a connection that is opened.
pub(super) async fn connecting<C, E>(open: impl Future<Output = Result<C, E>>) -> Result<C, E> {
    let start = Instant::now();
    mark(|m| m.connect.set(Some((start, None))));
    let opened = open.await;
    mark(|m| m.connect.set(Some((start, opened.is_ok().then(Instant::now)))));
    opened
}

/// TLS with the server begins.
pub(super) fn mark_tls_start() {
    mark(|m| m.tls.set(Some(Instant::now())));
}
