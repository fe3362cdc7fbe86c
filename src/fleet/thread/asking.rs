//! Asks for what other workers have: hosts of redirects, and the list.

use std::time::{Duration, Instant};

use super::QueueThread;
use crate::model::FromQueue;
use crate::queue::{ListClaim, QueueError};

/// How often a list that another worker loads is looked at, and a host asked for that another worker has.
const ASK_AGAIN: Duration = Duration::from_millis(250);

impl QueueThread {
    /// Asks for the hosts of redirects, and for the list.
    pub(super) fn ask(&mut self) -> Result<(), QueueError> {
        let has_list = self.loader.unclaimed().is_some();
        if self.hosts.is_empty() && !has_list || self.ask_due > Instant::now() {
            return Ok(());
        }
        for host in std::mem::take(&mut self.hosts) {
            if self.leases.has_host(&host) {
                continue;
            }
            match self.repeat(|queue| queue.lease_host(&host))? {
                Some(pace) => {
                    self.leases.add_host(&host);
                    self.tell(FromQueue::Host(Box::new(pace)));
                }
                None => self.hosts.push(host),
            }
        }
        if has_list {
            self.claim_list()?;
        }
        self.ask_due = Instant::now() + ASK_AGAIN;
        Ok(())
    }

    pub(super) fn claim_list(&mut self) -> Result<(), QueueError> {
        let Some((name, digest)) = self.loader.unclaimed() else { return Ok(()) };
        let (name, digest) = (name.to_owned(), digest.to_owned());
        match self.repeat(|queue| queue.claim_list(&name, &digest))? {
            ListClaim::Load => {
                let begun = self.loader.begin();
                self.loading = begun.map_err(|error| QueueError(format!("cannot start a thread: {error}")))?;
            }
            ListClaim::Loading => {}
            ListClaim::Loaded => self.loader.forget(),
        }
        Ok(())
    }
}
