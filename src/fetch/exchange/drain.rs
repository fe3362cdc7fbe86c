//! Drains unwanted bodies so that their connections can be reused.

use std::time::Duration;

use tokio::time::timeout;

use super::state::Exchange;
use crate::fetch::connect::response::{Response, size};
use crate::model::FetchError;

/// The most bytes of an unwanted body to drain. Beyond this size a new connection is cheaper than
/// the reuse of the old one.
const DRAIN: u64 = 64 * 1024;

/// The time limit of a drain. A slow server must not hold a slot for longer.
const DRAIN_TIME: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// Drains an unwanted body so that its connection can be reused. The outcome of the exchange does
    /// not depend on it, so an error only ends the drain.
    pub(crate) async fn drain(&mut self, response: &mut Response) {
        if self.capture.is_some() {
            return self.drain_into_capture(response).await;
        }
        let is_short = response.content_length().is_none_or(|length| length <= DRAIN);
        if is_short && !response.ends_with_connection() {
            let mut owed = 0;
            // Err: the time is over; drop the body and its connection.
            let _ = timeout(DRAIN_TIME, self.drain_some(response, &mut owed)).await;
            // Err: the URL is out of time. A next request of this exchange fails with that error.
            let _ = self.pay(&mut owed).await;
        }
    }

    /// Acquires byte tokens for the drained bytes and counts them, part by part.
    /// A cancelled call leaves the rest in `owed`.
    pub(super) async fn pay(&mut self, owed: &mut u64) -> Result<(), FetchError> {
        let throttle = &self.fetcher.services.throttle;
        while *owed > 0 {
            let part = throttle.bytes().map_or(*owed, |limit| limit.at_once.min(*owed));
            *owed -= part;
            let paid = self.deadlines.apart(throttle.pay(part)).await;
            self.fetcher.meter.received(self.job.seed.id, part);
            paid?;
        }
        Ok(())
    }

    async fn drain_some(&mut self, response: &mut Response, owed: &mut u64) {
        let mut drained = 0;
        while drained <= DRAIN {
            match self.deadlines.piece(response.chunk(), size).await {
                Ok(Ok(Some(piece))) => {
                    drained += piece.len() as u64;
                    *owed += piece.len() as u64;
                    if self.pay(owed).await.is_err() {
                        return;
                    }
                }
                Ok(Ok(None) | Err(_)) | Err(_) => return,
            }
        }
    }
}
