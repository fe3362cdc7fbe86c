//! Who may open a connection to an `https` origin of which nobody knows yet what it speaks.
//!
//! Over HTTP/2 one connection is enough for all, but that an origin speaks it is known only when
//! the first one is there (ALPN). So the first fetch opens it alone and the others wait before they
//! connect. Over HTTP/2 the pool gives them that connection while they wait; where it turns out to
//! be HTTP/1.1 all of them open their own at once, and nobody waits there again. With every failure
//! twice as many may try, so that each has an error of its own. Half of the patience without news lets
//! as many try again beside those that hang; after all of it everybody goes on. So whoever waits loses
//! that much at most, which is little beside the limits of time, and those count only from then on.

use std::collections::{HashMap, HashSet};
use std::future::{Future as _, poll_fn};
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ::http::Uri;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, sleep};

use super::timing;

/// So long a fetch waits at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// And for no more than such a part of what it has to connect, or for all of it.
const PART: u32 = 4;

/// Between TLS and the pool a connection of HTTP/2 has nothing to wait for but its turn.
const TURN: Duration = Duration::from_millis(50);

/// How many origins are remembered that nobody is connecting to.
const MOST: usize = 1024;

/// The gates of one client.
#[derive(Debug)]
pub(super) struct Gates {
    known: Mutex<Known>,
    http1: Http1Origins,
    patience: Duration,
}

/// Origins that have been seen to speak no HTTP/2. A fresh client has none of the connections of the
/// one before, but this it need not learn again.
#[derive(Debug, Default, Clone)]
pub(super) struct Http1Origins {
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
            // One wait for each of them, if they are asked again.
            origins.clear();
        }
        origins.insert(origin);
    }

    fn remove(&self, origin: u64) {
        self.locked().remove(&origin);
    }

    /// Never contended: a fetcher belongs to one runtime of one thread.
    fn locked(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Known {
    origins: HashMap<u64, Origin>,
    /// With so many, those that nobody is connecting to are forgotten.
    full: usize,
}

impl Known {
    fn of(&mut self, origin: u64) -> &mut Origin {
        if self.origins.len() >= self.full.max(MOST) && !self.origins.contains_key(&origin) {
            self.origins.retain(|_, known| known.opening > 0 || Arc::strong_count(&known.waiting) > 1);
            // Not to be gone through again for each one more.
            self.full = 2 * self.origins.len();
        }
        self.origins.entry(origin).or_default()
    }
}

/// What is known of one origin.
#[derive(Debug)]
struct Origin {
    /// Connections that are being opened, and since when there are any.
    opening: u32,
    since: Instant,
    /// How many may be opened at once.
    may: u32,
    /// When the last one was open that all can use.
    shared: Option<Instant>,
    /// Who waits.
    waiting: Arc<Notify>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { opening: 0, since: Instant::now(), may: 1, shared: None, waiting: Arc::default() }
    }
}

/// This task need no longer connect: the pool has given its fetch a connection.
#[derive(Debug, thiserror::Error)]
#[error("served by another connection")]
pub(super) struct Served;

/// What a fetch that wants to open a connection is told.
enum Turn {
    Open,
    /// So long at most.
    Wait(Duration),
}

impl Origin {
    /// For a fetch that waits until `latest` at most. `used` tells the shared connection that it has had,
    /// if any: whoever comes again does not wait for it.
    fn turn(&mut self, now: Instant, latest: Instant, used: Option<Instant>, patience: Duration) -> Turn {
        let shared = self.shared.filter(|at| *at + TURN > now && Some(*at) != used);
        // What is on its way to the pool is worth a little more, but not again and again.
        if let Some(at) = shared.filter(|_| now < latest + TURN) {
            timing::mark_shared(at);
            return Turn::Wait(at + TURN - now);
        }
        if self.opening == 0 {
            self.since = now;
        }
        let (beside, wide) = (self.since + patience / 2, latest.min(self.since + patience));
        let may = if now < beside { self.may } else { self.may.saturating_mul(2) };
        if self.opening < may || now >= wide {
            self.opening += 1;
            return Turn::Open;
        }
        let until = if now < beside { wide.min(beside) } else { wide };
        Turn::Wait(until - now)
    }
}

impl Gates {
    /// For a client with such limits of time for a connection and for a URL.
    pub(super) fn new(connect_timeout: Duration, timeout: Option<Duration>, http1: &Http1Origins) -> Self {
        let limit = timeout.map_or(connect_timeout, |timeout| timeout.min(connect_timeout));
        Self { known: Mutex::default(), http1: http1.clone(), patience: PATIENCE.min(limit / PART) }
    }

    /// The number of an origin. Origins that share one would only wait for each other.
    pub(super) fn origin(&self, uri: &Uri) -> u64 {
        self.http1.hasher.hash_one(uri.authority())
    }

    /// Waits until this task may open a connection to this origin.
    ///
    /// # Errors
    /// When it need not: its fetch has gone on, and left the opening to a task of the client.
    pub(super) async fn enter(self: Arc<Self>, origin: u64) -> Result<Opening, Served> {
        // As it is now: what it waits for here has not failed it yet.
        let used = timing::shared();
        let latest = Instant::now() + self.patience;
        loop {
            let (turn, waiting) = self.turn(origin, latest, used);
            let left = match turn {
                Turn::Open => return Ok(Opening { gates: self, origin, told: false }),
                Turn::Wait(left) => left,
            };
            let mut news = pin!(waiting);
            let mut enough = pin!(sleep(left));
            poll_fn(|cx| {
                if !timing::is_in_fetch() {
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

    /// What a fetch is told now, and the next news of this origin.
    fn turn(&self, origin: u64, latest: Instant, used: Option<Instant>) -> (Turn, OwnedNotified) {
        let is_http1 = self.http1.contains(origin);
        let mut known = self.locked();
        let known = known.of(origin);
        let turn = if is_http1 {
            known.opening += 1;
            Turn::Open
        } else {
            known.turn(Instant::now(), latest, used, self.patience)
        };
        // Made while nobody can tell the news.
        (turn, known.waiting.clone().notified_owned())
    }

    /// Never contended: a fetcher belongs to one runtime of one thread.
    fn locked(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How opening a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// One that all can use.
    Shared,
    /// One for one request at a time.
    Alone,
    Failed,
}

/// A connection that is being opened. Where it is given up another one is tried.
#[derive(Debug)]
pub(super) struct Opening {
    gates: Arc<Gates>,
    origin: u64,
    told: bool,
}

impl Opening {
    /// Tells those who wait.
    pub(super) fn ended(mut self, end: End) {
        self.told = true;
        self.tell(Some(end));
    }

    fn tell(&self, end: Option<End>) {
        let mut known = self.gates.locked();
        let Some(known) = known.origins.get_mut(&self.origin) else { return };
        known.opening = known.opening.saturating_sub(1);
        match end {
            Some(End::Shared) => {
                let at = Instant::now();
                known.may = 1;
                known.shared = Some(at);
                timing::mark_shared(at);
                self.gates.http1.remove(self.origin);
            }
            Some(End::Alone) => {
                known.shared = None;
                self.gates.http1.insert(self.origin);
            }
            Some(End::Failed) => known.may = known.may.saturating_mul(2),
            None => {}
        }
        known.waiting.notify_waiters();
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None);
        }
    }
}

#[cfg(test)]
mod tests;
