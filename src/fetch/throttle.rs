//! When a request may start and a piece of a body be read: one limit for the whole run.
//!
//! Where fetches share memory they share the limits. A child process asks its parent, who has them:
//! for each request, and for bytes in leases of at most a tenth of a second, and gives back what is left of one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::policy::origin;
use crate::policy::pacer::SharedPacer;

/// What a read brings as long as nobody knows better.
const USUAL: u64 = 8 * 1024;

/// And the most, as a part of what a second allows: a tenth of a second's bytes.
const PART: u64 = 10;

/// No read of ours is longer.
const LONGEST: u64 = 64 * 1024;

/// A wish that somebody else grants.
#[derive(Debug)]
pub enum Wish {
    /// A request of this host.
    Request(String),
    /// So many bytes.
    Bytes(u64),
    /// Nothing: so many of those that were granted were not used. Less than 0: so many were used and not granted.
    Settle(i64),
}

/// A wish, and where the answer goes; to settle has none.
pub type Asked = (Wish, oneshot::Sender<()>);

/// The limits of a run. A copy is another hold on the same ones.
#[derive(Debug, Clone, Default)]
pub struct Throttle {
    /// Where the limits are kept elsewhere.
    asks: Option<mpsc::Sender<Asked>>,
    pacer: Option<SharedPacer>,
    /// Whether requests are asked for elsewhere.
    paced: bool,
    bytes: Option<Arc<Budget>>,
}

/// Bytes a second, of all.
#[derive(Debug)]
struct Budget {
    a_second: u64,
    /// When all that was taken is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Throttle {
    /// The limits themselves.
    pub fn new(pacer: Option<SharedPacer>, bytes_a_second: Option<u64>) -> Self {
        let budget = |a_second| Arc::new(Budget { a_second, paid: Mutex::default() });
        Self { asks: None, paced: pacer.is_some(), pacer, bytes: bytes_a_second.map(budget) }
    }

    /// What stands for the limits of somebody else.
    pub fn asking(asks: mpsc::Sender<Asked>, paced: bool, bytes_a_second: Option<u64>) -> Self {
        Self { asks: Some(asks), paced, ..Self::new(None, bytes_a_second) }
    }

    /// Whether requests are kept apart.
    pub fn is_paced(&self) -> bool {
        self.paced
    }

    /// The most bytes a second.
    pub fn bytes_a_second(&self) -> Option<u64> {
        self.bytes.as_ref().map(|budget| budget.a_second)
    }

    /// Waits until this URL may be asked.
    pub(super) async fn request(&self, url: &Url) {
        if self.paced {
            match &self.asks {
                Some(asks) => ask(asks, Wish::Request(origin::host(url).to_owned())).await,
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

    /// Grants a wish as soon as it may be.
    pub async fn grant(&self, wish: Wish) {
        match (wish, &self.bytes) {
            (Wish::Request(host), _) => self.start(&host).await,
            (Wish::Bytes(bytes), Some(budget)) => budget.take(bytes).await,
            (Wish::Settle(left), _) => self.settle(left),
            (Wish::Bytes(_), None) => {}
        }
    }

    /// Gives back what somebody has not used, or owes what he has used and not taken.
    pub fn settle(&self, left: i64) {
        if let Some(budget) = &self.bytes {
            budget.settle(left);
        }
    }

    /// What one body takes of the budget; `None` where there is no limit.
    pub(super) fn lease(&self, length: Option<u64>) -> Option<Lease> {
        let budget = self.bytes.clone()?;
        Some(Lease { budget, asks: self.asks.clone(), left: 0, next: length.unwrap_or(USUAL), rest: length, read: 0 })
    }
}

/// Err: nobody grants anything any more, and the fetch is about to be ended.
async fn ask(asks: &mpsc::Sender<Asked>, wish: Wish) {
    let (tell, told) = oneshot::channel();
    if asks.send((wish, tell)).await.is_ok() {
        let _ = told.await;
    }
}

impl Budget {
    /// Takes bytes, and waits until those taken before are paid for.
    async fn take(&self, bytes: u64) {
        let start = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let start = paid.map_or(now, |paid| paid.max(now));
            *paid = Some(start + Duration::from_secs_f64(bytes as f64 / self.a_second as f64));
            start
        };
        sleep_until(start).await;
    }

    /// Gives back what was not used, or owes what was used and not taken.
    fn settle(&self, left: i64) {
        let time = Duration::from_secs_f64(left.unsigned_abs() as f64 / self.a_second as f64);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let from = paid.unwrap_or_else(Instant::now);
        *paid = if left < 0 { from.checked_add(time) } else { from.checked_sub(time) };
    }
}

/// What one body may read.
pub(super) struct Lease {
    budget: Arc<Budget>,
    asks: Option<mpsc::Sender<Asked>>,
    /// Taken and not used; less than 0: used and not taken, for nobody knows how long a piece will be.
    left: i64,
    /// How long the next piece may be.
    next: u64,
    /// How much is still to come, where that is declared.
    rest: Option<u64>,
    /// How much has come.
    read: u64,
}

impl Lease {
    /// Waits until something may be read.
    pub(super) async fn ready(&mut self) {
        // Nothing but the end of the body is to come: that is free.
        while self.left <= 0 && self.rest != Some(0) {
            let most = self.rest.map_or(LONGEST, |rest| rest.min(LONGEST));
            self.take(self.left.unsigned_abs() + self.next.clamp(1, most)).await;
        }
    }

    /// Waits until all that was read is paid for.
    pub(super) async fn settled(&mut self) {
        while self.left < 0 {
            self.take(self.left.unsigned_abs()).await;
        }
    }

    async fn take(&mut self, bytes: u64) {
        let bytes = bytes.min((self.budget.a_second / PART).max(1));
        match &self.asks {
            Some(asks) => ask(asks, Wish::Bytes(bytes)).await,
            None => self.budget.take(bytes).await,
        }
        self.left += bytes as i64;
    }

    /// So much was read.
    pub(super) fn used(&mut self, bytes: usize) {
        self.left -= bytes as i64;
        self.read += bytes as u64;
        self.rest = self.rest.map(|rest| rest.saturating_sub(bytes as u64));
        // To ask somebody else takes time: as much at once as the body has shown to bring.
        self.next = if self.asks.is_some() { self.read } else { bytes as u64 };
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match &self.asks {
            _ if self.left == 0 => {}
            None => self.budget.settle(self.left),
            // Err: more is being said than ever is, and this much of the limit is not used.
            Some(asks) => drop(asks.try_send((Wish::Settle(self.left), oneshot::channel().0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a body of pieces of this length, and tells when each came.
    async fn read(throttle: &Throttle, pieces: usize, length: usize) -> Vec<(Instant, usize)> {
        let mut lease = throttle.lease(None).unwrap();
        let mut came = Vec::new();
        for _ in 0..pieces {
            lease.ready().await;
            came.push((Instant::now(), length));
            lease.used(length);
        }
        lease.settled().await;
        came
    }

    fn assert_bound(mut came: Vec<(Instant, usize)>, a_second: usize) {
        came.sort();
        for (i, (from, _)) in came.iter().enumerate() {
            let window = came[i..].iter().take_while(|(at, _)| *at < *from + Duration::from_secs(2));
            let bytes: usize = window.map(|(_, bytes)| bytes).sum();
            assert!(bytes * 100 <= 2 * a_second * 105, "{bytes} in 2 s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_bodies_together_stay_below_the_limit_and_use_it() {
        let throttle = Throttle::new(None, Some(1_000_000));
        let started = Instant::now();
        let bodies = (0..10).map(|n| read(&throttle, 100, 4000 + 700 * n));
        let came: Vec<_> = futures_util::future::join_all(bodies).await.concat();
        let bytes: usize = came.iter().map(|(_, bytes)| bytes).sum();
        let least = Duration::from_secs_f64(bytes as f64 / 1e6);
        let took = started.elapsed();
        assert!(took >= least.mul_f64(0.97) && took <= least.mul_f64(1.05), "{took:?}, {least:?}");
        assert_bound(came, 1_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_pay_for_all_that_they_are() {
        let throttle = Throttle::new(None, Some(50_000));
        let mut came = Vec::new();
        let started = Instant::now();
        for _ in 0..100 {
            came.extend(read(&throttle, 1, 2000).await);
        }
        assert!(started.elapsed() >= Duration::from_millis(3900), "{:?}", started.elapsed());
        assert!(started.elapsed() <= Duration::from_millis(4200), "{:?}", started.elapsed());
        assert_bound(came, 50_000);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_elsewhere_is_granted_what_is_there() {
        let parent = Throttle::new(None, Some(100_000));
        let (asks, mut asked) = mpsc::channel::<Asked>(1);
        let child = Throttle::asking(asks, false, Some(100_000));
        let grants = async {
            while let Some((wish, tell)) = asked.recv().await {
                let bounded = matches!(wish, Wish::Bytes(bytes) if bytes <= 10_000) || matches!(wish, Wish::Settle(_));
                assert!(bounded, "a tenth of a second: {wish:?}");
                parent.grant(wish).await;
                let _ = tell.send(());
            }
        };
        let started = Instant::now();
        let reads = async move { read(&child, 50, 6000).await };
        let (came, ()) = tokio::join!(reads, grants);
        assert!(started.elapsed() >= Duration::from_millis(2850), "{:?}", started.elapsed());
        assert_bound(came, 100_000);
    }

    /// A child that reads so many bodies, one after another, and what grants its wishes: each takes a moment.
    async fn child(parent: &Throttle, bodies: usize, length: usize, declared: bool) -> Vec<(Instant, usize)> {
        let (asks, mut asked) = mpsc::channel::<Asked>(4);
        let child = Throttle::asking(asks, false, parent.bytes_a_second());
        let grants = async {
            while let Some((wish, tell)) = asked.recv().await {
                tokio::time::sleep(Duration::from_micros(200)).await;
                parent.grant(wish).await;
                let _ = tell.send(());
            }
        };
        let reads = async move {
            let mut came = Vec::new();
            for _ in 0..bodies {
                let mut lease = child.lease(declared.then_some(length as u64)).unwrap();
                lease.ready().await;
                came.push((Instant::now(), length));
                lease.used(length);
                // What tells that the body has ended.
                lease.ready().await;
                lease.settled().await;
            }
            came
        };
        tokio::join!(reads, grants).0
    }

    #[tokio::test(start_paused = true)]
    async fn children_with_many_small_bodies_use_the_limit_and_keep_to_it() {
        for declared in [true, false] {
            let parent = Throttle::new(None, Some(2_000_000));
            let started = Instant::now();
            let children = (0..8).map(|n| child(&parent, 400, 1500 + 500 * n, declared));
            let came: Vec<_> = futures_util::future::join_all(children).await.concat();
            let bytes: usize = came.iter().map(|(_, bytes)| bytes).sum();
            let (took, least) = (started.elapsed(), Duration::from_secs_f64(bytes as f64 / 2e6));
            assert!(took <= least.mul_f64(1.0 / 0.9), "declared: {declared}, {took:?} and not {least:?}");
            assert_bound(came, 2_000_000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_asks_for_more_at_once_the_more_a_body_brings() {
        let (asks, mut asked) = mpsc::channel::<Asked>(4);
        let child = Throttle::asking(asks, false, Some(100_000_000));
        let grants = async {
            let mut leases = Vec::new();
            while let Some((wish, tell)) = asked.recv().await {
                leases.push(wish);
                let _ = tell.send(());
            }
            leases
        };
        let reads = async move { read(&child, 1000, 1000).await };
        let (_, leases) = tokio::join!(reads, grants);
        let taken: u64 = leases.iter().map(|wish| if let Wish::Bytes(bytes) = wish { *bytes } else { 0 }).sum();
        assert!(leases.len() < 30, "{leases:?}");
        assert!(matches!(leases.last(), Some(Wish::Settle(left)) if *left == taken as i64 - 1_000_000), "{leases:?}");
    }
}
