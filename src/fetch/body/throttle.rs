//! The limits of the whole run on request starts and on body bytes per second.
//!
//! Fetches in one process share the limits in memory. A child process asks its parent for each request and for each
//! part of a body.
//!
//! Each part of a body acquires its bytes after it is read and before it is counted. A fetch reads no further before
//! that, so each body has at most one piece that is read and not yet paid for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::policy::credentials::origin;
use crate::policy::limits::pacer::SharedPacer;

/// The divisor of a second's bytes for all parts in flight together.
const TOGETHER: u64 = 20;

/// The divisor of a second's bytes for the largest single part.
const ALONE: u64 = 50;

/// The most bodies that divide the limit: with more, the parts would be too small to be worth a request.
const BODIES: u32 = 256;

/// The longest part, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The most unused time that later parts may use. A timer wakes a little late, and without credit each part would
/// lose that time. Older unused time is lost.
const CREDIT: Duration = Duration::from_millis(30);

/// A request to the process that has the limits.
#[derive(Debug)]
pub enum QuotaRequest {
    /// A request of this host.
    Request(String),
    /// So many bytes.
    Bytes(u64),
    /// So many KiB for the decoders of a body of this host, held until the next such wish or the end of the job.
    Memory(String, u32),
}

/// A wish, and the sender that grants it.
pub type PendingQuota = (QuotaRequest, oneshot::Sender<()>);

/// The most bytes a second of all bodies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteLimit {
    /// Bytes a second.
    pub a_second: u64,
    /// The most bytes that one body takes at once; at least 1.
    pub at_once: u64,
}

impl ByteLimit {
    /// Divides the limit among so many bodies at once.
    pub fn shared(a_second: u64, bodies: u32) -> Self {
        let share = a_second / TOGETHER / u64::from(bodies.clamp(1, BODIES));
        Self { a_second, at_once: share.min(a_second / ALONE).clamp(1, LONGEST) }
    }
}

/// The limits of a run. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Throttle {
    /// The channel to the owner of the limits, if another process has them.
    asks: Option<mpsc::Sender<PendingQuota>>,
    pacer: Option<SharedPacer>,
    /// Whether request starts are paced.
    paced: bool,
    bytes: Option<Arc<ByteBudget>>,
}

/// The bytes per second of all bodies together.
#[derive(Debug)]
struct ByteBudget {
    limit: ByteLimit,
    /// The time at which all taken bytes are paid for.
    paid: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Makes the owner of the limits.
    pub fn new(pacer: Option<SharedPacer>, bytes: Option<ByteLimit>) -> Self {
        let budget = |limit| Arc::new(ByteBudget { limit, paid: Mutex::default() });
        Self { asks: None, paced: pacer.is_some(), pacer, bytes: bytes.map(budget) }
    }

    /// Makes a throttle that asks the owner of the limits through this channel.
    pub fn asking(asks: mpsc::Sender<PendingQuota>, paced: bool, bytes: Option<ByteLimit>) -> Self {
        Self { asks: Some(asks), paced, ..Self::new(None, bytes) }
    }

    /// Whether request starts are paced.
    pub fn is_paced(&self) -> bool {
        self.paced
    }

    /// Returns the limit of bytes per second, if there is one.
    pub fn bytes(&self) -> Option<ByteLimit> {
        self.bytes.as_ref().map(|budget| budget.limit)
    }

    /// Waits until this URL may be requested.
    pub(crate) async fn request(&self, url: &Url) {
        if self.paced {
            match &self.asks {
                Some(asks) => request_quota(asks, QuotaRequest::Request(origin::host(url).to_owned())).await,
                None => self.start(origin::host(url)).await,
            }
        }
    }

    async fn start(&self, host: &str) {
        let Some(pacer) = &self.pacer else { return };
        loop {
            let started = pacer.lock().start(host, Instant::now().into_std());
            match started {
                Ok(()) => return,
                Err(due) => sleep_until(Instant::from_std(due)).await,
            }
        }
    }

    /// Grants a request of this host as soon as it may be.
    pub fn grant_request(&self, host: String) -> BoxFuture<'static, ()> {
        let throttle = self.clone();
        Box::pin(async move { throttle.start(&host).await })
    }

    /// Grants bytes as soon as it may be. They are paid for at once, even if the future is dropped: they have been
    /// read.
    pub fn grant_bytes(&self, bytes: u64) -> BoxFuture<'static, ()> {
        match &self.bytes {
            Some(budget) => Box::pin(sleep_until(budget.take(bytes))),
            None => Box::pin(std::future::ready(())),
        }
    }

    /// Pays for bytes that were read, and waits until they may count. A dropped wait may have paid.
    pub(crate) async fn pay(&self, bytes: u64) {
        match (&self.asks, &self.bytes) {
            (_, None) => {}
            (Some(asks), Some(_)) => request_quota(asks, QuotaRequest::Bytes(bytes)).await,
            (None, Some(budget)) => sleep_until(budget.take(bytes)).await,
        }
    }
}

/// Asks for a permit and waits for it. Returns at once if the owner is gone: the fetch is about to end.
pub(crate) async fn request_quota(asks: &mpsc::Sender<PendingQuota>, request: QuotaRequest) {
    let (tell, told) = oneshot::channel();
    if asks.send((request, tell)).await.is_ok() {
        let _ = told.await;
    }
}

impl ByteBudget {
    /// Takes bytes, and returns the time at which those taken before are paid for.
    fn take(&self, bytes: u64) -> Instant {
        let now = Instant::now();
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let start = paid.map_or(now, |paid| now.checked_sub(CREDIT).map_or(paid, |oldest| paid.max(oldest)));
        *paid = Some(start + Duration::from_secs_f64(bytes as f64 / self.limit.a_second as f64));
        start
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    fn throttle(a_second: u64, bodies: u32) -> Throttle {
        Throttle::new(None, Some(ByteLimit::shared(a_second, bodies)))
    }

    /// Takes a body in pieces of this length, and returns the time at which each part counted.
    async fn read(throttle: &Throttle, pieces: usize, length: u64) -> Vec<(Instant, u64)> {
        let at_once = throttle.bytes().unwrap().at_once;
        let mut came = Vec::new();
        for _ in 0..pieces {
            let mut left = length;
            while left > 0 {
                let part = left.min(at_once);
                throttle.pay(part).await;
                came.push((Instant::now(), part));
                left -= part;
            }
        }
        came
    }

    fn sum<'a>(came: impl IntoIterator<Item = &'a (Instant, u64)>) -> u64 {
        came.into_iter().map(|(_, bytes)| bytes).sum()
    }

    fn assert_bound(mut came: Vec<(Instant, u64)>, a_second: u64) {
        came.sort();
        let (mut bytes, mut end) = (0, 0);
        for (from, first) in &came {
            while let Some((_, next)) = came.get(end).filter(|(at, _)| *at < *from + Duration::from_secs(2)) {
                bytes += next;
                end += 1;
            }
            assert!(bytes * 100 <= 2 * a_second * 105, "{bytes} in 2 s of {a_second} a second");
            bytes -= first;
        }
    }

    /// At least so much of the limit, in hundredths, was used.
    fn assert_used(came: &[(Instant, u64)], started: Instant, a_second: u64, hundredths: u64) {
        let (took, least) = (started.elapsed(), Duration::from_secs_f64(sum(came) as f64 / a_second as f64));
        assert!(took * hundredths as u32 <= least * 100, "{took:?} for {least:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_share_the_rate_limit_at_any_chunk_size() {
        for (a_second, bodies, length) in
            [(1_000_000, 10, 400_000), (655_360, 60, 16_384), (655_360, 20, 512_000), (100_000, 40, 30_000)]
        {
            let throttle = throttle(a_second, bodies);
            let started = Instant::now();
            let pieces = 1 + (6 * a_second / u64::from(bodies) / length) as usize;
            let came = join_all((0..bodies).map(|_| read(&throttle, pieces, length))).await.concat();
            assert_eq!(sum(&came), u64::from(bodies) * pieces as u64 * length);
            assert_used(&came, started, a_second, 97);
            assert_bound(came, a_second);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_body_has_all_of_the_limit_however_many_there_might_be() {
        for bodies in [1, 12, 60, 5000] {
            let throttle = throttle(1_000_000, bodies);
            let started = Instant::now();
            let came = read(&throttle, 100, 60_000).await;
            assert_used(&came, started, 1_000_000, 97);
            assert_bound(came, 1_000_000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_pay_for_all_that_they_are() {
        let throttle = throttle(50_000, 4);
        let started = Instant::now();
        let mut came = Vec::new();
        for _ in 0..100 {
            came.extend(read(&throttle, 1, 2000).await);
            // A request is on its way.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(started.elapsed() >= Duration::from_millis(3900), "{:?}", started.elapsed());
        assert_used(&came, started, 50_000, 97);
        assert_bound(came, 50_000);
    }

    #[tokio::test(start_paused = true)]
    async fn unused_rate_does_not_accumulate() {
        let throttle = throttle(100_000, 20);
        let mut came = read(&throttle, 1, 50_000).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        came.extend(join_all((0..20).map(|_| read(&throttle, 1, 10_000))).await.concat());
        came.sort();
        let from = came[0].0 + Duration::from_millis(1900);
        let burst = sum(came.iter().filter(|(at, _)| *at >= from && *at < from + Duration::from_millis(500)));
        assert!(burst <= 55_000, "{burst} in half a second");
        assert_bound(came, 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_wait_has_paid_for_its_bytes() {
        let throttle = throttle(100_000, 1);
        throttle.pay(50_000).await;
        let started = Instant::now();
        for _ in 0..5 {
            let wait = tokio::time::timeout(Duration::from_millis(1), throttle.pay(10_000));
            assert!(wait.await.is_err(), "it is not its turn");
        }
        throttle.pay(1).await;
        assert!(started.elapsed() >= Duration::from_millis(990), "{:?}", started.elapsed());
        drop(throttle.grant_bytes(50_000));
        throttle.pay(1).await;
        assert!(started.elapsed() >= Duration::from_millis(1480), "{:?}", started.elapsed());
    }

    /// A child that takes so many bodies, one after another, and the owner that grants its wishes after a moment
    /// each.
    async fn child(parent: &Throttle, bodies: usize, length: u64) -> Vec<(Instant, u64)> {
        let (asks, mut asked) = mpsc::channel::<PendingQuota>(4);
        let child = Throttle::asking(asks, false, parent.bytes());
        let grants = async {
            while let Some((request, tell)) = asked.recv().await {
                tokio::time::sleep(Duration::from_micros(200)).await;
                let QuotaRequest::Bytes(bytes) = request else { panic!("bytes alone are bounded") };
                parent.grant_bytes(bytes).await;
                let _ = tell.send(());
            }
        };
        let reads = async move { read(&child, bodies, length).await };
        tokio::join!(reads, grants).0
    }

    #[tokio::test(start_paused = true)]
    async fn children_share_the_rate_limit_for_small_and_large_bodies() {
        for (children, bodies, length) in [(8, 400, 4000), (1, 100, 120_000), (40, 3, 100_000)] {
            let parent = throttle(2_000_000, 40);
            let started = Instant::now();
            let came = join_all((0..children).map(|_| child(&parent, bodies, length))).await.concat();
            assert_used(&came, started, 2_000_000, 90);
            assert_bound(came, 2_000_000);
        }
    }

    #[test]
    fn a_part_is_a_small_part_of_the_limit_and_never_nothing() {
        for (a_second, bodies, at_once) in
            [(1_000_000, 1, 20_000), (1_000_000, 10, 5000), (1_000_000, 5000, 195), (1 << 30, 4, 65_536), (10, 9, 1)]
        {
            assert_eq!(ByteLimit::shared(a_second, bodies).at_once, at_once, "{a_second} for {bodies}");
        }
    }
}
