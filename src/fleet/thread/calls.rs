//! Calls of the queue, which may be away for some time, and renewals.

use std::time::{Duration, Instant};

use super::QueueThread;
use super::leasing::POLL;
use crate::model::FromQueue;
use crate::queue::{QueueError, Renewal, SharedQueue};

/// How often the leases are renewed, unless they are short.
pub(super) const RENEW: Duration = Duration::from_secs(1);

/// How long a queue that is away may hold up a run that stops.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(5);

impl QueueThread {
    /// Renews the leases if it is time.
    pub(super) fn renew(&mut self) -> Result<(), QueueError> {
        if self.renew_due > Instant::now() {
            return Ok(());
        }
        let asked = Instant::now();
        let Renewal { lost, wanted, is_paused, has_reconnected } = self.repeat(|queue| queue.renew())?;
        self.renewed(asked);
        self.lose(lost, has_reconnected);
        if !wanted.is_empty() {
            self.tell(FromQueue::Wanted(wanted));
        }
        if self.is_paused != is_paused {
            self.is_paused = is_paused;
            self.tell(FromQueue::Paused(is_paused));
        }
        Ok(())
    }

    /// These hosts are lost, and perhaps the last second of the queue.
    pub(super) fn lose(&mut self, hosts: Vec<Box<str>>, may_have_forgotten: bool) {
        for host in &hosts {
            self.leases.end_host(host);
        }
        if !hosts.is_empty() {
            self.tell(FromQueue::Lost(hosts));
        }
        if may_have_forgotten {
            self.tell(FromQueue::Forgot);
        }
    }

    pub(super) fn renewed(&mut self, asked: Instant) {
        let were_late = self.renewals.are_late();
        self.renewals.note(asked);
        self.renew_due = Instant::now() + RENEW.min(self.options.lease / 6);
        if were_late {
            // The engine goes on.
            self.tell(FromQueue::Paused(self.is_paused));
        }
    }

    /// Sends a message to the engine, which takes it soon, or is gone.
    pub(super) fn tell(&self, message: FromQueue) {
        // Err: the run is about to end.
        let _ = self.to_engine.blocking_send(message);
    }

    /// Calls the queue, again and again while it is away. A call that is repeated counts once.
    pub(super) fn repeat<T>(
        &mut self,
        mut call: impl FnMut(&mut dyn SharedQueue) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let (mut since, mut wait) = (None, POLL.0);
        loop {
            let error = match call(&mut *self.queue) {
                Ok(result) => return Ok(result),
                Err(error) if self.queue.is_gone() => return Err(error),
                Err(error) => error,
            };
            let patience = match self.is_stopping() {
                true => PATIENCE_AT_STOP.min(self.options.patience),
                false => self.options.patience,
            };
            let away = match since {
                Some(since) => Instant::elapsed(&since),
                None => {
                    since = Some(Instant::now());
                    let most = patience.as_secs();
                    self.tell(FromQueue::Warning(format!("{error}; the run waits for the queue, at most {most} s")));
                    Duration::ZERO
                }
            };
            if away >= patience {
                return Err(error);
            }
            self.runtime.block_on(async { tokio::time::sleep(wait).await });
            wait = (wait * 2).min(POLL.1);
            // A queue that is full may still renew leases.
            let asked = Instant::now();
            if self.renew_due <= asked
                && let Ok(renewed) = self.queue.renew()
            {
                self.renewed(asked);
                self.lose(renewed.lost, renewed.has_reconnected);
            }
        }
    }

    /// The run cannot go on. Other workers get its leases when their time is over.
    pub(super) fn fail(&mut self, error: &QueueError) {
        self.is_broken = true;
        if self.queue.is_gone() {
            return self.tell(FromQueue::Failed(error.to_string()));
        }
        let queue = &self.options.queue;
        self.tell(FromQueue::Failed(format!(
            "{error}; the run ends. Nothing is lost: run the same command again when {queue} answers"
        )));
    }
}
