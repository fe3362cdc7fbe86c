//! When a request may start and a piece of a body be read: one limit for the whole run.
//!
//! Where fetches share memory they share the limits. A child process asks its parent, who has them:
//! for each request, and for bytes in leases of at most a tenth of a second.

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
}

/// A wish, and where the answer goes.
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
            (Wish::Bytes(_), None) => {}
        }
    }

    /// What one body takes of the budget; `None` where there is no limit.
    pub(super) fn lease(&self, length: Option<u64>) -> Option<Lease> {
        let budget = self.bytes.clone()?;
        Some(Lease { budget, asks: self.asks.clone(), left: 0, next: length.unwrap_or(USUAL) })
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
        *paid = if left < 0 { Some(from + time) } else { from.checked_sub(time) };
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
}

impl Lease {
    /// Waits until something may be read.
    pub(super) async fn ready(&mut self) {
        while self.left <= 0 {
            self.take(self.left.unsigned_abs() + self.next.clamp(1, LONGEST)).await;
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
        self.next = bytes as u64;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.asks.is_none() && self.left != 0 {
            self.budget.settle(self.left);
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
                assert!(matches!(wish, Wish::Bytes(bytes) if bytes <= 10_000), "a tenth of a second: {wish:?}");
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
}
