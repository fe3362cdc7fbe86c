//! Who may open a connection to an `https` origin of which nobody knows yet what it speaks.
//!
//! Over HTTP/2 one connection is enough for all, but that an origin speaks it is known only when
//! the first one is there (ALPN). So the first fetch opens it alone and the others wait in their
//! connector. Over HTTP/2 the pool gives them that connection while they wait; where it turns out to
//! be HTTP/1.1 all of them open their own at once. With every failure, and with every second
//! without news, twice as many may try, so that each has an error of its own and one connection
//! that hangs holds nobody up for long.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::timing;

/// So long one connection may take until another one is tried beside it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between TLS and the pool a connection of HTTP/2 has nothing to wait for but its turn.
const TURN: Duration = Duration::from_millis(50);

/// How many origins are remembered that nobody is connecting to.
const MOST: usize = 1024;

/// The gates of one client.
#[derive(Debug, Default)]
pub(super) struct Gates {
    known: Mutex<Known>,
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
    /// `used` tells the shared connection that this fetch has had, if any: whoever comes again does
    /// not wait for it.
    fn turn(&mut self, now: Instant, used: Option<Instant>) -> Turn {
        if let Some(at) = self.shared.filter(|at| *at + TURN > now && Some(*at) != used) {
            timing::mark_shared(at);
            return Turn::Wait(at + TURN - now);
        }
        if self.opening == 0 {
            self.since = now;
        }
        let waited = now - self.since;
        let doublings = u32::try_from(waited.as_secs() / PATIENCE.as_secs()).unwrap_or(u32::MAX).min(31);
        if self.opening < self.may.saturating_mul(1 << doublings) {
            self.opening += 1;
            return Turn::Open;
        }
        Turn::Wait(PATIENCE * (doublings + 1) - waited)
    }
}

impl Gates {
    /// Waits until this task may open a connection to this origin.
    ///
    /// # Errors
    /// When it need not: its fetch has gone on, and left the opening to a task of the client.
    pub(super) async fn enter(self: &Arc<Self>, origin: u64) -> Result<Opening, Served> {
        // As it is now: what it waits for here has not failed it yet.
        let used = timing::shared();
        loop {
            let now = Instant::now();
            let (turn, waiting) = {
                let mut known = self.locked();
                let known = known.of(origin);
                // Made while nobody can tell the news.
                (known.turn(now, used), known.waiting.clone().notified_owned())
            };
            let left = match turn {
                Turn::Open => return Ok(Opening { gates: self.clone(), origin, told: false }),
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
            }
            Some(End::Alone) => {
                known.may = u32::MAX;
                known.shared = None;
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
