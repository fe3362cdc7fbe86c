//! Leases: when, how many, and on to the engine.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;

use super::QueueThread;
use crate::fleet::notes;
use crate::model::{Batch, Entry, FromQueue, LeaseNews, Seed, SeedLease, SourcePos};
use crate::queue::{LeasedUrl, QueueError, SharedLeases, SharedRequest, SharedRest};

/// The wait before the next lease while nothing waits: from this to that.
pub(super) const POLL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// A lease of so many URLs says that there are more soon.
const MANY: usize = 32;

/// The fewest URLs of one host that are leased at once.
pub(super) const FEWEST_OF_HOST: usize = 4;

impl QueueThread {
    pub(super) fn may_lease(&self) -> bool {
        let room = self.window - self.leases.urls().min(self.window);
        !self.is_drained && self.outgoing.is_empty() && room >= self.window / 2 && !self.is_stopping()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// Leases URLs.
    pub(super) fn lease(&mut self) -> Result<(), QueueError> {
        let most = self.window - self.leases.urls();
        let request = SharedRequest { most, per_host: self.of_host, hosts: self.window / 2 };
        let leased = self.repeat(|queue| queue.lease(&request))?;
        let (many, rest) = (leased.urls.len(), leased.rest);
        let is_short = many < most;
        self.take(leased);
        // A host that got all that it may get may have more.
        let is_bound = is_short && self.leases.has_full_host(self.of_host) && self.of_host < self.most_of_host();
        self.poll = if is_bound || many >= MANY { self.soon() } else { (self.poll * 2).min(POLL.1) };
        self.lease_due = Instant::now() + if is_short { self.poll } else { Duration::ZERO };
        if is_bound {
            self.of_host *= 2;
        }
        self.of_host = self.of_host.min(self.most_of_host());
        if is_short {
            self.hint();
        }
        if rest == SharedRest::Drained {
            self.is_drained = true;
            self.outgoing.push_back(Ok(None));
        }
        Ok(())
    }

    /// The wait before the next lease while there is more. A worker with enough to do is in no hurry.
    pub(super) fn soon(&self) -> Duration {
        let enough = 2 * self.options.concurrency as usize;
        if self.leases.urls() < enough { POLL.0 } else { 10 * POLL.0 }
    }

    /// The most URLs of one host: a host alone gets the whole window, one of many a part of it.
    pub(super) fn most_of_host(&self) -> usize {
        (2 * self.window / self.leases.hosts().max(1)).clamp(FEWEST_OF_HOST, self.window)
    }

    /// Turns leased URLs into batches for the engine.
    pub(super) fn take(&mut self, leased: SharedLeases) {
        let SharedLeases { hosts, urls, notes, has_reconnected: may_have_forgotten, rest: _ } = leased;
        hosts.iter().for_each(|pace| self.leases.add_host(&pace.host));
        for LeasedUrl { lease, attempts, url } in &urls {
            self.leases.add_url(SeedLease { id: *lease, attempts: *attempts }, url.host());
        }
        let scope: Vec<_> = notes.iter().filter_map(|text| notes::decode(text)).collect();
        if hosts.is_empty() && urls.is_empty() && scope.is_empty() && !may_have_forgotten {
            return;
        }
        let mut news = Some(Box::new(LeaseNews { hosts, scope, may_have_forgotten }));
        let mut urls = urls.into_iter().map(|url| Entry::Seed(seed(url))).peekable();
        loop {
            let entries: Vec<_> = urls.by_ref().take(Batch::MAX).collect();
            let next = SourcePos { list: self.options.queue.clone(), line: 1 };
            self.outgoing.push_back(Ok(Some(Batch { entries, next, notes: Vec::new(), leased: news.take() })));
            if urls.peek().is_none() {
                return;
            }
        }
    }

    /// Names the hosts for which nothing waits. The next lease names them again.
    pub(super) fn hint(&self) {
        let idle = self.leases.idle();
        if !idle.is_empty() {
            // Err: the engine is busy, or gone.
            let _ = self.to_engine.try_send(FromQueue::Idle(idle));
        }
    }

    pub(super) fn send_batches(&mut self) {
        while let Some(next) = self.outgoing.pop_front() {
            match self.batches.try_send(next) {
                Ok(()) => {}
                Err(TrySendError::Full(next)) => return self.outgoing.push_front(next),
                // The source is gone: the run is about to end.
                Err(TrySendError::Closed(_)) => return,
            }
        }
    }
}

fn seed(leased: LeasedUrl) -> Seed {
    let LeasedUrl { lease, attempts, url } = leased;
    let lease = Some(SeedLease { id: lease, attempts });
    Seed { depth: url.depth, kind: url.kind, priority: url.priority, lease, ..Seed::new(url.url, url.via) }
}
