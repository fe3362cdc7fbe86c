//! Bounds in bytes: what redirects and tries have brought waits with its job, and servers choose how
//! long it is. Where there is much of it nothing new begins until enough of it is done.

use super::MemoryFrontier;
use crate::frontier::Claim;

/// How many bytes of jobs that were handed out before may wait before no other one is.
const FULL: usize = 32 * 1024 * 1024;

/// How few of them there have to be before others are handed out again.
const NOT_FULL: usize = FULL / 4 * 3;

impl MemoryFrontier {
    /// Hosts are listed anew where that changes.
    pub(super) fn look_whether_full(&mut self) {
        let is_full = if self.full { self.again_bytes > NOT_FULL } else { self.again_bytes >= FULL };
        if is_full != self.full {
            self.set_full(is_full);
        }
    }

    pub(super) fn set_full(&mut self, is_full: bool) {
        self.full = is_full;
        for at in 0..self.hosts.len() {
            if !self.hosts[at].name.is_empty() {
                self.list(at);
            }
        }
    }

    /// See [`Frontier::claim_first`].
    pub(super) fn claim_number(&mut self, number: u64) -> Claim {
        if !self.lost.is_empty() {
            return self.claim_next();
        }
        for at in 0..self.hosts.len() {
            let Some(waiting) = self.hosts[at].queue.take(number) else { continue };
            if self.hosts[at].is_given_up() {
                self.list(at);
                self.leaves(&waiting);
                return Claim::Refused(Box::new(waiting.into_subject()));
            }
            let is_free = self.next.is_none() && self.hosts[at].may_have_another().is_some();
            if is_free && self.may_start(at) {
                if self.hosts[at].behind.is_some() {
                    self.refill(at);
                }
                self.goes_out(at);
                self.leaves(&waiting);
                return self.hand_out(waiting);
            }
            self.hosts[at].queue.put_first(waiting);
            self.list(at);
            break;
        }
        Claim::Waiting
    }
}
