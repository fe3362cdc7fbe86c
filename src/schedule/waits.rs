//! Reports the reasons why jobs wait, for people.

use std::time::Duration;

use tokio::time::Instant;

use super::host::Host;
use super::scheduler::Scheduler;
use crate::model::{HostWait, Waits};
use crate::policy::credentials::origin;

impl Scheduler {
    /// Returns the reasons why jobs wait. It looks at each host, so it is for reports only.
    pub fn waits(&self, now: Instant) -> Waits {
        let next = self.delayed.next_due().map(|due| due.saturating_duration_since(now));
        let mut waits = Waits { limit: self.limit, retries: self.delayed.len(), next_retry: next, ..Waits::default() };
        waits.least_left = self.by_rate().max(next.unwrap_or_default());
        if self.in_flight() >= self.limit || self.waiting == 0 {
            return waits;
        }
        let hosts = self.hosts.places().map(|at| &self.hosts[at]).filter(|host| !host.name.is_empty());
        let mut troubled: Option<(usize, &Host)> = None;
        let (mut by_delay, mut by_most) = (false, false);
        for host in hosts {
            let waiting = host.waiting();
            let is_held = host.held_until().is_some_and(|end| end > now);
            let is_full = waiting > 0 && host.in_flight >= host.window.slots();
            if host.trouble.is_some() && (is_held || is_full || host.window.is_troubled()) {
                troubled = troubled.filter(|(most, _)| *most >= waiting).or(Some((waiting, host)));
            }
            let next = host.next_start.filter(|next| waiting > 0 && *next > now);
            if let Some(next) = next {
                by_delay = true;
                let wait = (next - now).saturating_add(times(self.hosts.limits_of(&host.name).delay, waiting - 1));
                waits.least_left = waits.least_left.max(wait);
            }
            by_most |= waiting > 0 && host.in_flight >= host.most;
        }
        let is_delayed = |host: &Host| self.delayed.any(|job| *origin::host(job.url()) == *host.name);
        waits.host = troubled.filter(|(waiting, host)| *waiting > 0 || is_delayed(host)).map(|(_, host)| HostWait {
            name: host.name.to_string(),
            cause: host.trouble,
            wait: host.held_until().and_then(|end| end.checked_duration_since(now)),
        });
        let by_rate = self.next_start.is_some_and(|next| next > now);
        let limits = [(by_delay, "--delay"), (by_rate, "--rate"), (by_most, "--per-host")];
        waits.limits = limits.into_iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag).collect();
        waits
    }

    /// The time that `--rate` takes for all waiting jobs.
    fn by_rate(&self) -> Duration {
        self.pacer.as_ref().map_or(Duration::ZERO, |pacer| times(pacer.lock().gap(), self.waiting))
    }
}

fn times(gap: Duration, jobs: usize) -> Duration {
    gap.saturating_mul(u32::try_from(jobs).unwrap_or(u32::MAX))
}
