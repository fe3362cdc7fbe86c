//! The memory budget for the decoder windows of all bodies of a run.
//!
//! A window is up to 16 MiB, whatever the length of the body. A zstd decoder touches no more of it than it has
//! yielded. A br decoder fills it before it yields anything. A small body, or one that has yielded little so far,
//! needs no part of the budget. Any other body waits until the budget has room for all its windows.
//!
//! A body reserves once, so none holds a part of the budget while it waits for more. The time limits of a silent
//! holder end it and free its part. One host has at most half of the budget, so it alone never blocks other hosts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::fetch::body::throttle::{PendingQuota, QuotaRequest, request_quota};
use crate::fetch::body::time_limit::TimeLimit;
use crate::model::FetchError;

/// The budget, in KiB.
const TOTAL: u32 = 128 * 1024;

/// The largest share of one host, in KiB. It exceeds the windows of one body.
const OF_ONE_HOST: u32 = TOTAL / 2;

/// The memory for the windows of all decoders of a run. Clones share one budget.
#[derive(Debug, Clone)]
pub struct DecoderMemory(LeaseSource);

#[derive(Debug, Clone)]
enum LeaseSource {
    Own(Arc<MemoryBudget>),
    /// The budget of another process, which also keeps the leases.
    Asks(mpsc::Sender<PendingQuota>),
}

#[derive(Debug)]
struct MemoryBudget {
    room: Arc<Semaphore>,
    /// The shares of the hosts whose bodies hold or await memory.
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub struct MemoryLease {
    _of_host: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Default for DecoderMemory {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(TOTAL as usize));
        Self(LeaseSource::Own(Arc::new(MemoryBudget { room, hosts: Mutex::default() })))
    }
}

impl DecoderMemory {
    /// Creates a proxy for the budget of another process.
    pub fn asking(asks: mpsc::Sender<PendingQuota>) -> Self {
        Self(LeaseSource::Asks(asks))
    }

    /// Waits for this many KiB for a body of this host.
    pub async fn lease(&self, host: String, kib: u32) -> MemoryLease {
        let budget = match &self.0 {
            LeaseSource::Own(budget) => budget,
            LeaseSource::Asks(asks) => {
                request_quota(asks, QuotaRequest::Memory(host, kib)).await;
                return MemoryLease { _of_host: None, _of_all: None };
            }
        };
        let kib = kib.min(OF_ONE_HOST);
        // Acquire from the share of the host first, so that its bodies never block other hosts.
        let of_host = budget.host(host).acquire_many_owned(kib).await.ok();
        let of_all = budget.room.clone().acquire_many_owned(kib).await.ok();
        MemoryLease { _of_host: of_host, _of_all: of_all }
    }
}

impl MemoryBudget {
    fn host(&self, host: String) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = hosts.get(&host).and_then(Weak::upgrade) {
            return room;
        }
        hosts.retain(|_, room| room.strong_count() > 0);
        let room = Arc::new(Semaphore::new(OF_ONE_HOST as usize));
        hosts.insert(host, Arc::downgrade(&room));
        room
    }
}

/// The memory for the windows of one body.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    memory: DecoderMemory,
    host: String,
    pub(super) limit: TimeLimit,
    lease: Option<(MemoryLease, u32)>,
}

impl BodyMemory {
    /// Creates a handle that holds no memory yet. A wait for memory ends at the time limit of the URL.
    pub(crate) fn new(memory: &DecoderMemory, host: &str, limit: TimeLimit) -> Self {
        Self { memory: memory.clone(), host: host.to_owned(), limit, lease: None }
    }

    /// Returns the reserved memory in KiB; `None` before the reservation.
    pub(super) fn held(&self) -> Option<u32> {
        self.lease.as_ref().map(|&(_, kib)| kib)
    }

    /// Waits for this many KiB, unless the body has reserved already.
    ///
    /// # Errors
    /// [`crate::model::ErrorKind::Timeout`] at the time limit of the URL.
    pub(crate) async fn reserve(&mut self, kib: u32) -> Result<(), FetchError> {
        if self.lease.is_none() {
            let lease = self.limit.apart(self.memory.lease(self.host.clone(), kib)).await?;
            self.lease = Some((lease, kib));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::model::ErrorKind;

    fn body(memory: &DecoderMemory, host: &str) -> BodyMemory {
        BodyMemory::new(memory, host, TimeLimit::default())
    }

    async fn waits(memory: &DecoderMemory, host: &str) -> bool {
        timeout(Duration::from_secs(600), body(memory, host).reserve(16 * 1024)).await.is_err()
    }

    async fn hold(memory: &DecoderMemory, host: &str, bodies: usize) -> Vec<BodyMemory> {
        let mut all = Vec::new();
        for _ in 0..bodies {
            let mut body = body(memory, host);
            body.reserve(16 * 1024).await.unwrap();
            all.push(body);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn one_host_has_half_of_the_memory() {
        let memory = DecoderMemory::default();
        let mut first = hold(&memory, "a.test", 4).await;
        assert!(waits(&memory, "a.test").await);
        let second = hold(&memory, "b.test", 4).await;
        assert!(waits(&memory, "c.test").await, "all is in use");
        first.pop();
        assert!(!waits(&memory, "c.test").await);
        drop((first, second));
        drop(hold(&memory, "a.test", 4).await);
        let LeaseSource::Own(budget) = &memory.0 else { panic!("it is its own") };
        assert!(budget.hosts.lock().unwrap().len() <= 1, "hosts that hold nothing are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_wait_do_not_stand_before_other_hosts() {
        let memory = DecoderMemory::default();
        let held = hold(&memory, "a.test", 4).await;
        let waiting = async {
            let mut bodies: Vec<BodyMemory> = (0..50).map(|_| body(&memory, "a.test")).collect();
            futures::future::join_all(bodies.iter_mut().map(|body| body.reserve(16 * 1024))).await;
        };
        let other = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hold(&memory, "b.test", 4).await.len()
        };
        tokio::select! {
            () = waiting => panic!("its host has its part"),
            got = other => assert_eq!(got, 4),
        }
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_limit_of_the_url() {
        let memory = DecoderMemory::default();
        let _held = hold(&memory, "a.test", 4).await;
        let (now, limit) = (Instant::now(), Duration::from_secs(5));
        let mut late = BodyMemory::new(&memory, "a.test", TimeLimit::new(Some(limit), now, Duration::ZERO));
        let error = late.reserve(16 * 1024).await.unwrap_err();
        assert_eq!((error.kind, now.elapsed()), (ErrorKind::Timeout, limit), "{error}");
    }
}
