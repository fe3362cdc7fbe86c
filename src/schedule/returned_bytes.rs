//! A bound on the memory of returned jobs: what redirects and retries have brought waits with the job,
//! and servers choose its length. Above the bound no new job is handed out.

use super::scheduler::Scheduler;

/// Above so many bytes of waiting returned jobs, no new job is handed out.
const MOST: usize = 16 * 1024 * 1024;

/// Below so many bytes, new jobs are handed out again.
const RESUME: usize = MOST / 4 * 3;

impl Scheduler {
    pub(super) fn limit_returned_bytes(&mut self) {
        let before = self.hosts.is_only_returned();
        let is_over = if before { self.returned_bytes > RESUME } else { self.returned_bytes >= MOST };
        if is_over != before {
            self.hosts.set_only_returned(is_over);
        }
    }
}
