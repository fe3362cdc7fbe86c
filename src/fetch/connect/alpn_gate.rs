//! Limits the connections to an `https` origin while its protocol is unknown.
//!
//! With HTTP/2 one connection serves all fetches. ALPN selects the protocol in the first handshake.
//! So the first fetch connects alone, and the others wait at the gate before they connect.
//!
//! - HTTP/2: the pool gives the waiting fetches that connection.
//! - HTTP/1.1: all fetches open their own connections at once, and later ones never wait at this gate.
//! - Failure: each one doubles the number of permits, so that each fetch gets its own error.
//! - Silence: half of the patience doubles the permits once more. All of it opens the gate.
//!
//! A fetch waits for the patience at most, which is short beside the time limits of a connection.
//! Those limits begin after the wait.

use std::collections::{HashMap, HashSet};
use std::future::{Future as _, poll_fn};
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::Uri;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, sleep};

use super::connect_context;

/// The longest wait of a fetch at the gate.
const PATIENCE: Duration = Duration::from_secs(1);

/// The wait is also at most this fraction of the connect timeout and of the timeout of the URL.
const PART: u32 = 4;

/// The time that an HTTP/2 connection needs from the TLS handshake to the pool: a turn of the scheduler.
const TURN: Duration = Duration::from_millis(50);

/// The most remembered origins without a pending connection.
const MOST: usize = 1024;

/// The gate of one client, for all its origins.
#[derive(Debug)]
pub(crate) struct AlpnGate {
    known: Mutex<OriginTable>,
    http1: Http1Origins,
    patience: Duration,
}

/// The origins without HTTP/2. They outlive a client, because a fresh client has no old connections
/// but need not learn the protocols again.
#[derive(Debug, Default, Clone)]
pub(crate) struct Http1Origins {
    known: Arc<Mutex<HashSet<u64>>>,
    hasher: RandomState,
}

impl Http1Origins {
    fn contains(&self, origin: u64) -> bool {
        self.locked().contains(&origin)
    }

    fn insert(&self, origin: u64) {
        let mut origins = self.locked();
        if origins.len() >= MOST && !origins.contains(&origin) {
            // Each forgotten origin costs one more wait.
            origins.clear();
        }
        origins.insert(origin);
    }

    fn remove(&self, origin: u64) {
        self.locked().remove(&origin);
    }

    /// Locks the set. The lock is never contended: a fetcher belongs to one runtime of one thread.
    fn locked(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct OriginTable {
    origins: HashMap<u64, OriginState>,
    /// The number of origins at which to drop those without a pending connection; at least [`MOST`].
    full: usize,
}

impl OriginTable {
    fn of(&mut self, origin: u64) -> &mut OriginState {
        if self.origins.len() >= self.full.max(MOST) && !self.origins.contains_key(&origin) {
            self.origins.retain(|_, known| known.opening > 0 || Arc::strong_count(&known.waiting) > 1);
            // Do not scan again for each further origin.
            self.full = 2 * self.origins.len();
        }
        self.origins.entry(origin).or_default()
    }
}

/// The state of one origin.
#[derive(Debug)]
struct OriginState {
    /// The number of pending connections, and the time of the first.
    opening: u32,
    since: Instant,
    /// The number of permits: the most pending connections.
    may: u32,
    /// The time when the last shared connection opened.
    shared: Option<Instant>,
    /// Wakes the waiting fetches.
    waiting: Arc<Notify>,
}

impl Default for OriginState {
    fn default() -> Self {
        Self { opening: 0, since: Instant::now(), may: 1, shared: None, waiting: Arc::default() }
    }
}

/// The pool has given the fetch another connection, so this task need not connect.
#[derive(Debug, thiserror::Error)]
#[error("served by another connection")]
pub(crate) struct Served;

/// The decision about a fetch that wants to open a connection.
enum ConnectDecision {
    Open,
    /// Wait for this time at most, then ask again.
    Wait(Duration),
}

impl OriginState {
    /// Decides for a fetch that waits until `latest` at most. `used` is the opening time of the shared
    /// connection that this fetch has already used. It does not wait for that one again.
    fn turn(&mut self, now: Instant, latest: Instant, used: Option<Instant>, patience: Duration) -> ConnectDecision {
        let shared = self.shared.filter(|at| *at + TURN > now && Some(*at) != used);
        // A connection on its way to the pool is worth one extra turn beyond `latest`, but no more.
        if let Some(at) = shared.filter(|_| now < latest + TURN) {
            connect_context::mark_shared(at);
            return ConnectDecision::Wait(at + TURN - now);
        }
        if self.opening == 0 {
            self.since = now;
        }
        let (beside, wide) = (self.since + patience / 2, latest.min(self.since + patience));
        let may = if now < beside { self.may } else { self.may.saturating_mul(2) };
        if self.opening < may || now >= wide {
            self.opening += 1;
            return ConnectDecision::Open;
        }
        let until = if now < beside { wide.min(beside) } else { wide };
        ConnectDecision::Wait(until - now)
    }
}

impl AlpnGate {
    /// Creates the gate of a client with these time limits for a connection and for a URL.
    pub(crate) fn new(connect_timeout: Duration, timeout: Option<Duration>, http1: &Http1Origins) -> Self {
        let limit = timeout.map_or(connect_timeout, |timeout| timeout.min(connect_timeout));
        Self { known: Mutex::default(), http1: http1.clone(), patience: PATIENCE.min(limit / PART) }
    }

    /// Returns the hash of an origin. Two origins with the same hash only wait for each other.
    pub(crate) fn origin(&self, uri: &Uri) -> u64 {
        self.http1.hasher.hash_one(uri.authority())
    }

    /// Waits until this task may open a connection to this origin.
    ///
    /// # Errors
    /// [`Served`] if the fetch got another connection. The client then polls this future in a background task.
    pub(crate) async fn enter(self: Arc<Self>, origin: u64) -> Result<ConnectPermit, Served> {
        // Read this before the wait: a connection that opens during the wait is not a used one.
        let used = connect_context::shared();
        let latest = Instant::now() + self.patience;
        loop {
            let (turn, waiting) = self.turn(origin, latest, used);
            let left = match turn {
                ConnectDecision::Open => return Ok(ConnectPermit { gate: self, origin, told: false }),
                ConnectDecision::Wait(left) => left,
            };
            let mut news = pin!(waiting);
            let mut enough = pin!(sleep(left));
            poll_fn(|cx| {
                if !connect_context::is_in_fetch() {
                    return Poll::Ready(Err(Served));
                }
                if news.as_mut().poll(cx).is_ready() || enough.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending
            })
            .await?;
        }
    }

    /// Returns the decision for a fetch, and a future for the next change of this origin.
    fn turn(&self, origin: u64, latest: Instant, used: Option<Instant>) -> (ConnectDecision, OwnedNotified) {
        let is_http1 = self.http1.contains(origin);
        let mut known = self.locked();
        let known = known.of(origin);
        let turn = if is_http1 {
            known.opening += 1;
            ConnectDecision::Open
        } else {
            known.turn(Instant::now(), latest, used, self.patience)
        };
        // Create the future under the lock, so that it misses no change.
        (turn, known.waiting.clone().notified_owned())
    }

    /// Locks the origins. The lock is never contended: a fetcher belongs to one runtime of one thread.
    fn locked(&self) -> MutexGuard<'_, OriginTable> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of opening a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectOutcome {
    /// A connection for all fetches (HTTP/2).
    Shared,
    /// A connection for one request at a time (HTTP/1.1).
    Alone,
    Failed,
}

/// A permit to open one connection. Dropping it returns the permit and wakes the waiting fetches.
#[derive(Debug)]
pub(crate) struct ConnectPermit {
    gate: Arc<AlpnGate>,
    origin: u64,
    told: bool,
}

impl ConnectPermit {
    /// Records the outcome and wakes the waiting fetches.
    pub(crate) fn ended(mut self, end: ConnectOutcome) {
        self.told = true;
        self.tell(Some(end));
    }

    fn tell(&self, end: Option<ConnectOutcome>) {
        let mut known = self.gate.locked();
        let Some(known) = known.origins.get_mut(&self.origin) else { return };
        known.opening = known.opening.saturating_sub(1);
        match end {
            Some(ConnectOutcome::Shared) => {
                let at = Instant::now();
                known.may = 1;
                known.shared = Some(at);
                connect_context::mark_shared(at);
                self.gate.http1.remove(self.origin);
            }
            Some(ConnectOutcome::Alone) => {
                known.shared = None;
                self.gate.http1.insert(self.origin);
            }
            Some(ConnectOutcome::Failed) => known.may = known.may.saturating_mul(2),
            None => {}
        }
        known.waiting.notify_waiters();
    }
}

impl Drop for ConnectPermit {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None);
        }
    }
}

#[cfg(test)]
mod tests;
