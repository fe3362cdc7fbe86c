//! The time limits of one URL: head, silence, low speed, whole.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::config::LowSpeed;
use crate::fetch::body::time_limit::TimeLimit;
use crate::fetch::config::FetchConfig;
use crate::fetch::connect::connect_context::CONNECT;
use crate::model::{ErrorKind, FetchError};

/// The deadlines of one fetch. Only waits for the network count: a slow local disk or decoder must not look like a
/// slow server.
pub(crate) struct Deadlines {
    limit: TimeLimit,
    connect_timeout: Duration,
    read_timeout: Duration,
    low_speed: Option<LowSpeed>,
    waited: Duration,
    arrived: u64,
    /// The decoded bytes of a coded body so far, those at the beginning of the window, and the coded bytes not yet
    /// decoded.
    decoded: Option<u64>,
    decoded_before: u64,
    pending: u64,
}

impl Deadlines {
    /// The limits of a URL that has taken `spent` already.
    pub(crate) fn new(config: &FetchConfig, started: Instant, spent: Duration) -> Self {
        Self {
            limit: TimeLimit::new(config.timeout, started, spent),
            connect_timeout: config.connect_timeout,
            read_timeout: config.read_timeout,
            low_speed: config.low_speed,
            waited: Duration::ZERO,
            arrived: 0,
            decoded: None,
            decoded_before: 0,
            pending: 0,
        }
    }

    /// Records the decoded bytes of a coded body so far: the low speed limit counts decoded bytes too.
    pub(crate) fn decoded(&mut self, bytes: u64, pending: u64) {
        (self.decoded, self.pending) = (Some(bytes), pending);
    }

    /// The limit for the whole URL.
    pub(crate) fn limit(&self) -> TimeLimit {
        self.limit
    }

    /// Waits for something that the server does not delay: only the limit for the whole URL counts this time.
    pub(crate) async fn apart<F: Future>(&self, wait: F) -> Result<F::Output, FetchError> {
        self.limit.apart(wait).await
    }

    /// Waits for the head of a response. The silence counts from the time the connection is open; until then the
    /// connector has its own limit.
    pub(crate) async fn head<F: Future>(&self, answer: F) -> Result<F::Output, FetchError> {
        tokio::pin!(answer);
        let asked = Instant::now();
        let mut until = asked + self.read_timeout;
        loop {
            if let Ok(answered) = timeout_at(self.limit.or_end(until), &mut answer).await {
                return Ok(answered);
            }
            let now = Instant::now();
            if let Some(error) = self.limit.out_of_time(now) {
                return Err(error);
            }
            let quiet_from = CONNECT.with(|m| m.connected_by(self.connect_timeout)).unwrap_or(asked);
            until = quiet_from + self.read_timeout;
            if until <= now {
                let limit = self.read_timeout;
                return Err(FetchError::new(ErrorKind::Timeout, format!("no answer for {limit:?}")));
            }
        }
    }

    /// Waits for the next piece of a body; `size` tells its length.
    pub(crate) async fn piece<F: Future>(
        &mut self,
        piece: F,
        size: impl FnOnce(&F::Output) -> usize,
    ) -> Result<F::Output, FetchError> {
        // The pieces before this one have been decoded by now.
        self.check_speed()?;
        let asked = Instant::now();
        // The start of the wait that is not counted yet.
        let mut since = asked;
        tokio::pin!(piece);
        loop {
            let mut until = asked + self.read_timeout;
            if let Some(low) = self.low_speed {
                until = until.min(since + low.over.saturating_sub(self.waited));
            }
            let came = timeout_at(self.limit.or_end(until), &mut piece).await;
            let now = Instant::now();
            self.waited += now - since;
            since = now;
            if let Ok(got) = came {
                self.arrived += size(&got) as u64;
                return Ok(got);
            }
            if let Some(error) = self.limit.out_of_time(now) {
                return Err(error);
            }
            if now >= asked + self.read_timeout {
                let limit = self.read_timeout;
                return Err(FetchError::new(ErrorKind::Timeout, format!("no byte of the body for {limit:?}")));
            }
            // After a fast enough window a new one begins, and this wait continues.
            self.check_speed()?;
        }
    }

    fn check_speed(&mut self) -> Result<(), FetchError> {
        let Some(low) = self.low_speed.filter(|low| self.waited >= low.over) else { return Ok(()) };
        let needed = u128::from(low.bytes_per_second) * low.over.as_millis() / 1000;
        let (arrived, over, least) = (self.arrived, low.over, low.bytes_per_second);
        let slow = |what: String| {
            let message = format!("too slow: {what} in {over:?}, less than {least} bytes/s");
            Err(FetchError::new(ErrorKind::Timeout, message))
        };
        if u128::from(arrived) < needed {
            return slow(format!("{arrived} bytes"));
        }
        if let Some(bytes) = self.decoded {
            let decoded = bytes.saturating_sub(self.decoded_before);
            if u128::from(decoded + self.pending) < needed {
                return slow(format!("{decoded} decoded bytes (of {arrived} coded ones)"));
            }
            self.decoded_before = bytes;
        }
        self.waited = Duration::ZERO;
        self.arrived = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn deadlines(low_bytes_per_second: u64, over: u64, read_timeout: u64) -> Deadlines {
        Deadlines {
            limit: TimeLimit::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(read_timeout),
            low_speed: Some(LowSpeed { bytes_per_second: low_bytes_per_second, over: Duration::from_secs(over) }),
            waited: Duration::ZERO,
            arrived: 0,
            decoded: None,
            decoded_before: 0,
            pending: 0,
        }
    }

    async fn after(deadlines: &mut Deadlines, seconds: u64, bytes: usize) -> Result<usize, FetchError> {
        let came = async {
            sleep(Duration::from_secs(seconds)).await;
            bytes
        };
        deadlines.piece(came, |bytes| *bytes).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_across_windows_counts_in_each_for_its_part() {
        let mut deadlines = deadlines(100, 10, 60);
        after(&mut deadlines, 1, 10_000).await.unwrap();
        // The first window ends within this wait; only a second of it belongs to the next.
        after(&mut deadlines, 10, 100).await.unwrap();
        assert_eq!((deadlines.waited, deadlines.arrived), (Duration::from_secs(1), 100));
        after(&mut deadlines, 1, 10_000).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_after_a_good_window_ends_with_the_next() {
        let mut deadlines = deadlines(100, 10, 600);
        let started = Instant::now();
        after(&mut deadlines, 0, 10_000).await.unwrap();
        let error = after(&mut deadlines, 300, 1).await.unwrap_err();
        assert_eq!((error.kind, started.elapsed().as_secs()), (ErrorKind::Timeout, 20), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn coded_bytes_that_yield_nothing_are_no_speed() {
        let mut deadlines = deadlines(100, 10, 60);
        let started = Instant::now();
        for yielded in [5_000, 10_000, 10_000, 10_000] {
            after(&mut deadlines, 7, 50_000).await.unwrap();
            deadlines.decoded(yielded, 0);
        }
        let error = after(&mut deadlines, 7, 50_000).await.unwrap_err();
        assert_eq!((error.kind, started.elapsed().as_secs()), (ErrorKind::Timeout, 30), "{error}");
        assert!(error.message.contains("0 decoded bytes (of 100000 coded ones) in 10s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn coded_bytes_of_an_unfinished_block_are_speed() {
        let mut deadlines = deadlines(100, 10, 60);
        for pending in [6_000, 12_000, 18_000, 24_000] {
            after(&mut deadlines, 6, 6_000).await.unwrap();
            deadlines.decoded(0, pending);
        }
    }
}
