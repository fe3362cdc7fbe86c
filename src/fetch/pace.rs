//! The time limits of one URL: head, silence, low speed, whole.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::HttpSpec;
use super::timing::MARKS;
use crate::config::LowSpeed;
use crate::model::{ErrorKind, FetchError};

/// Only time spent waiting for the network is counted: a slow disk or decoder of ours must not
/// look like a slow server.
pub(super) struct Pace {
    ends: Option<Instant>,
    timeout: Option<Duration>,
    connect_timeout: Duration,
    read_timeout: Duration,
    low_speed: Option<LowSpeed>,
    waited: Duration,
    arrived: u64,
}

impl Pace {
    pub(super) fn new(spec: &HttpSpec, started: Instant) -> Self {
        Self {
            ends: spec.timeout.map(|t| started + t),
            timeout: spec.timeout,
            connect_timeout: spec.connect_timeout,
            read_timeout: spec.read_timeout,
            low_speed: spec.low_speed,
            waited: Duration::ZERO,
            arrived: 0,
        }
    }

    fn out_of_time(&self, now: Instant) -> Option<FetchError> {
        let limit = self.timeout.filter(|_| self.ends.is_some_and(|ends| now >= ends))?;
        Some(FetchError::new(ErrorKind::Timeout, format!("not done within {limit:?}, the limit for one URL")))
    }

    fn or_end(&self, at: Instant) -> Instant {
        self.ends.map_or(at, |ends| ends.min(at))
    }

    /// Waits for the head of a response. The silence is counted from the moment the connection
    /// is there; until then the connector has its own limit.
    pub(super) async fn head<F: Future>(&self, answer: F) -> Result<F::Output, FetchError> {
        tokio::pin!(answer);
        let asked = Instant::now();
        let mut until = asked + self.read_timeout;
        loop {
            if let Ok(answered) = timeout_at(self.or_end(until), &mut answer).await {
                return Ok(answered);
            }
            let now = Instant::now();
            if let Some(error) = self.out_of_time(now) {
                return Err(error);
            }
            let quiet_from = MARKS.with(|m| m.connected_by(self.connect_timeout)).unwrap_or(asked);
            until = quiet_from + self.read_timeout;
            if until <= now {
                let limit = self.read_timeout;
                return Err(FetchError::new(ErrorKind::Timeout, format!("no answer for {limit:?}")));
            }
        }
    }

    /// Waits for the next piece of a body; `size` tells its length.
    pub(super) async fn piece<F: Future>(
        &mut self,
        piece: F,
        size: impl FnOnce(&F::Output) -> usize,
    ) -> Result<F::Output, FetchError> {
        let asked = Instant::now();
        let mut until = asked + self.read_timeout;
        if let Some(low) = self.low_speed {
            until = until.min(asked + low.over.saturating_sub(self.waited));
        }
        tokio::pin!(piece);
        loop {
            let came = timeout_at(self.or_end(until), &mut piece).await;
            let now = Instant::now();
            if let Ok(got) = came {
                self.waited += now - asked;
                self.arrived += size(&got) as u64;
                self.check_speed()?;
                return Ok(got);
            }
            if let Some(error) = self.out_of_time(now) {
                return Err(error);
            }
            if now >= asked + self.read_timeout {
                let limit = self.read_timeout;
                return Err(FetchError::new(ErrorKind::Timeout, format!("no byte of the body for {limit:?}")));
            }
            self.waited += now - asked;
            self.check_speed()?;
            // The window was good enough: it began anew, and this wait goes on.
            self.waited = Duration::ZERO;
            until = asked + self.read_timeout;
        }
    }

    fn check_speed(&mut self) -> Result<(), FetchError> {
        let Some(low) = self.low_speed.filter(|low| self.waited >= low.over) else { return Ok(()) };
        let needed = u128::from(low.bytes_per_second) * low.over.as_millis() / 1000;
        if u128::from(self.arrived) < needed {
            let (arrived, over, least) = (self.arrived, low.over, low.bytes_per_second);
            let message = format!("too slow: {arrived} bytes in {over:?}, less than {least} bytes/s");
            return Err(FetchError::new(ErrorKind::Timeout, message));
        }
        self.waited = Duration::ZERO;
        self.arrived = 0;
        Ok(())
    }
}
