//! Bodies that are not wanted, read so that their connections can serve again.

use std::time::Duration;

use tokio::time::timeout;

use super::answer::{Answer, size};
use super::http::Exchange;
use crate::model::FetchError;

/// The body of a response that is not wanted is read up to this size, so that its connection can
/// serve again; beyond it a new connection is cheaper.
const DRAIN: u64 = 64 * 1024;

/// And no longer than this: a server that sends it slowly must not hold a slot for it.
const DRAIN_TIME: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// Reads an unwanted body so that its connection can serve again. Whether that works changes
    /// nothing about the answer, so an error only ends the reading.
    pub(super) async fn drain(&mut self, mut response: Answer) {
        let is_short = response.content_length().is_none_or(|length| length <= DRAIN);
        if is_short && !response.ends_with_connection() {
            let mut owed = 0;
            // Err: it is given up, and the connection with it.
            let _ = timeout(DRAIN_TIME, self.drain_some(&mut response, &mut owed)).await;
            // Err: the URL is out of time; whoever asks next finds that out.
            let _ = self.pay(&mut owed).await;
        }
    }

    /// Counts what was drained, part by part as it is paid for. Dropped on its way it owes the rest.
    async fn pay(&mut self, owed: &mut u64) -> Result<(), FetchError> {
        let throttle = &self.fetcher.spec.throttle;
        while *owed > 0 {
            let part = throttle.bytes().map_or(*owed, |limit| limit.at_once.min(*owed));
            *owed -= part;
            let paid = self.pace.apart(throttle.pay(part)).await;
            self.fetcher.meter.received(part);
            paid?;
        }
        Ok(())
    }

    async fn drain_some(&mut self, response: &mut Answer, owed: &mut u64) {
        let mut drained = 0;
        while drained <= DRAIN {
            match self.pace.piece(response.chunk(), size).await {
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
