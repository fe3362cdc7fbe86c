//! The events for reporters, which cost something only with a reporter.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::crawl::is_unrecorded;
use crate::config::show_time;
use crate::fetch::Meter;
use crate::model::{Event, FailureCause, InFlight, Job, JobId, Outcome, Progress, Verdict};
use crate::policy::text::printable::printable;
use crate::report::Reporter;
use crate::schedule::BackOff;

/// The interval of progress events.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The interval of the states of hosts: the scheduler looks at each host.
const HOSTS: Duration = Duration::from_secs(1);

/// The number of slowest URLs in the report.
const SLOWEST: usize = 3;

/// The reporters of a run.
pub(super) struct Watchers {
    reporters: Vec<Box<dyn Reporter>>,
    /// The URLs of the jobs at the backend; kept only for a reporter that shows them.
    jobs: Option<BTreeMap<JobId, String>>,
    progress: bool,
    /// When the states of hosts are due; `None` if no reporter shows them.
    hosts_due: Option<Instant>,
}

impl Watchers {
    pub(super) fn new(reporters: Vec<Box<dyn Reporter>>) -> Self {
        let jobs = reporters.iter().any(|r| r.watches_jobs()).then(BTreeMap::new);
        let progress = reporters.iter().any(|r| r.watches_progress());
        let hosts_due = reporters.iter().any(|r| r.watches_hosts()).then(Instant::now);
        Self { reporters, jobs, progress, hosts_due }
    }

    /// Whether the states of hosts are due. It is then the next interval before they are due again.
    pub(super) fn hosts_are_due(&mut self, now: Instant) -> bool {
        let is_due = self.hosts_due.is_some_and(|due| due <= now);
        if is_due {
            self.hosts_due = Some(now + HOSTS);
        }
        is_due
    }

    /// Whether a reporter wants progress events.
    pub(super) fn want_progress(&self) -> bool {
        self.progress
    }

    /// A meter of what the reporters want to know.
    pub(super) fn meter(&self) -> Meter {
        if self.jobs.is_some() { Meter::of_jobs() } else { Meter::default() }
    }

    pub(super) fn tell(&mut self, event: &Event<'_>) {
        for reporter in &mut self.reporters {
            reporter.event(event);
        }
    }

    pub(super) fn handed_out(&mut self, job: &Job) {
        tracing::debug!(url = %printable(job.seed.url.as_str()), attempt = job.attempt, "fetching");
        if let Some(jobs) = &mut self.jobs {
            jobs.insert(job.seed.id, job.seed.url.as_str().to_owned());
            if job.redirect.is_none() && !is_unrecorded(job.seed.id) {
                self.tell(&Event::HandedOut(job));
            }
        }
    }

    /// A job waits again.
    pub(super) fn returned(&mut self, id: JobId) {
        if let Some(jobs) = &mut self.jobs {
            jobs.remove(&id);
        }
    }

    pub(super) fn retrying(&mut self, outcome: &Outcome, after: Duration) {
        if let (Some(jobs), crate::model::Subject::Job(job)) = (&mut self.jobs, &outcome.subject) {
            jobs.remove(&job.seed.id);
        }
        self.tell(&Event::Retrying { outcome, after });
        let after = show_time(after);
        let why = match &outcome.verdict {
            Verdict::Failed(error) => error.to_string(),
            _ => outcome.facts.status.map(|status| format!("status {status}")).unwrap_or_default(),
        };
        tracing::info!(url = %printable(outcome.subject.url()), why = %printable(&why), after, "trying again");
    }

    pub(super) fn done(&mut self, outcome: &Outcome) {
        log_done(outcome);
        if let (Some(jobs), crate::model::Subject::Job(job)) = (&mut self.jobs, &outcome.subject) {
            jobs.remove(&job.seed.id);
        }
        self.tell(&Event::Done(outcome));
    }

    /// Sends the progress to the reporters, with the URLs that `meter` has had in flight longest.
    pub(super) fn tick(&mut self, mut progress: Progress, meter: &Meter) {
        if let Some(jobs) = &self.jobs {
            let slow = meter.oldest(SLOWEST).into_iter().filter_map(|(id, fetch)| {
                // A job that has just come back is no longer in flight.
                let url = jobs.get(&id)?.clone();
                Some(InFlight { url, age: fetch.begun.elapsed(), received: fetch.received, length: fetch.length })
            });
            progress.slowest = slow.collect();
        }
        self.tell(&Event::Tick(&progress));
    }
}

/// Logs that a host gets fewer requests.
pub(super) fn backs_off(host: &str, outcome: &Outcome, back_off: BackOff) {
    let why = FailureCause::of(outcome).map(|cause| cause.to_string()).unwrap_or_default();
    let wait = show_time(back_off.hold.unwrap_or_default());
    tracing::info!(host = %printable(host), why, at_most = back_off.slots, wait, "backing off");
}

/// Logs an outcome: a failure as a warning, with its reason.
fn log_done(outcome: &Outcome) {
    let (url, word) = (printable(outcome.subject.url()), outcome.verdict.as_str());
    match &outcome.verdict {
        Verdict::Failed(error) => {
            let why = printable(&error.message);
            tracing::warn!(%url, outcome = word, error = error.kind.as_str(), why = %why, "done");
        }
        Verdict::HttpError => {
            let status = outcome.facts.status.unwrap_or_default();
            tracing::warn!(%url, outcome = word, error = crate::model::ErrorKind::HttpStatus.as_str(), status, "done");
        }
        Verdict::Ok | Verdict::Skipped(_) | Verdict::Cancelled => tracing::info!(%url, outcome = word, "done"),
    }
}
