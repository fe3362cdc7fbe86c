//! The figures of a run while it goes on, and their JSON for the page.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use serde_json::{Value, json};

use super::metrics;
use crate::model::{BusyHost, Event, HostPhase, HostStates, Outcome, Progress, Summary};
use crate::policy::text::printable::printable;
use crate::policy::text::redact::redact_url;
use crate::report::waits::{cause_name, held_by};

/// The upper bounds of the histogram of times, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A run while it goes on. The reporter writes it, and the server reads it.
#[derive(Debug)]
pub(super) struct LiveRun {
    figures: Mutex<LiveFigures>,
    seconds: Histogram,
    is_paused: AtomicBool,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub(super) struct LiveFigures {
    /// The outcomes, added up as in the summary.
    pub account: Summary,
    /// URLs that were handed to a worker.
    pub leases: u64,
    pub progress: Progress,
    pub hosts: HostStates,
}

impl LiveRun {
    pub fn new() -> Self {
        Self { figures: Mutex::default(), seconds: Histogram::new(SECONDS), is_paused: AtomicBool::new(false) }
    }

    pub fn event(&self, event: &Event<'_>) {
        match event {
            Event::HandedOut(_) => self.figures().leases += 1,
            Event::Done(outcome) => self.done(outcome),
            Event::Tick(progress) => self.figures().progress = (*progress).clone(),
            Event::Hosts(hosts) => self.figures().hosts = (*hosts).clone(),
            Event::RunFinished(summary) => self.figures().finish(summary),
            _ => {}
        }
    }

    fn done(&self, outcome: &Outcome) {
        self.figures().account.add(outcome);
        if let Some(took) = outcome.answered_in() {
            self.seconds.observe(took.as_secs_f64());
        }
    }

    pub fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    fn figures(&self) -> MutexGuard<'_, LiveFigures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        metrics::text(&self.figures(), &self.seconds, self.is_paused())
    }

    /// The state of the run for the page. URLs have no passwords.
    pub fn state(&self) -> Value {
        let LiveFigures { account, leases, progress, hosts } = &*self.figures();
        let mut failures: Vec<_> = progress.failures.iter().map(|(cause, n)| (cause.to_string(), *n)).collect();
        failures.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let slowest: Vec<_> = progress
            .slowest
            .iter()
            .map(|fetch| json!({"url": printable(&redact_url(&fetch.url)), "seconds": fetch.age.as_secs_f64()}))
            .collect();
        let phases: Vec<_> =
            HostPhase::ALL.iter().map(|phase| (phase.as_str(), hosts.counts.get(phase).unwrap_or(&0))).collect();
        json!({
            "read": progress.read, "waiting": waiting(progress), "in_flight": progress.in_flight,
            "limit": progress.waits.limit, "has_total": progress.has_total(), "ok": account.counts.ok,
            "failed": account.failed(), "skipped": account.counts.skipped, "leases": leases,
            "retries": account.retries,
            "received_bytes": progress.wire_bytes, "elapsed_seconds": progress.elapsed.as_secs_f64(),
            "fetched": progress.fetched, "failures": failures, "slowest": slowest,
            "hosts": phases, "busiest": hosts.busiest.iter().map(host).collect::<Vec<_>>(),
            "held_by": held_by(progress).map(|text| printable(&text).into_owned()),
            "retries_waiting": progress.waits.retries, "paused": self.is_paused(),
            "stopping": progress.stopping.is_some(),
        })
    }
}

impl LiveFigures {
    /// Takes the final account: outcomes that no sink could keep have failed after all.
    fn finish(&mut self, summary: &Summary) {
        self.progress.read = summary.counts.read;
        self.progress.done = summary.counts.done();
        self.progress.in_flight = 0;
        self.progress.waits = Default::default();
        self.hosts = HostStates::default();
        self.account = summary.clone();
    }
}

/// URLs that are known, not under way and not done.
pub(super) fn waiting(progress: &Progress) -> u64 {
    progress.read.saturating_sub(progress.done + u64::from(progress.in_flight))
}

fn host(host: &BusyHost) -> Value {
    json!({
        "name": printable(&host.name), "state": host.phase.as_str(), "in_flight": host.in_flight,
        "waiting": host.waiting, "next_seconds": host.next.as_ref().map(Duration::as_secs_f64),
        "cause": host.cause.map(cause_name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ErrorKind, FetchError, Job, Seed, SkipReason, SourcePos, Subject, UnkeptCounts, Verdict, Via};

    fn outcome(attempt: u32, verdict: Verdict) -> Outcome {
        let seed = Seed::new(
            url::Url::parse("http://a.test/").unwrap(),
            Via::List(SourcePos { list: "sites.txt".into(), line: 1 }),
        );
        let mut job = Job::new(seed, None, std::time::Instant::now());
        job.attempt = attempt;
        let mut outcome = Outcome::unfetched(Subject::Job(Box::new(job)), verdict);
        outcome.facts.wire_bytes = Some(10);
        outcome
    }

    #[test]
    fn the_final_account_replaces_the_counts_so_far() {
        let run = LiveRun::new();
        let mut summary = Summary::default();
        for outcome in [
            outcome(3, Verdict::Ok),
            outcome(1, Verdict::Ok),
            outcome(2, Verdict::Failed(FetchError::new(ErrorKind::Reset, "reset"))),
            outcome(0, Verdict::Skipped(SkipReason::Done)),
            outcome(0, Verdict::Cancelled),
        ] {
            summary.add(&outcome);
            run.event(&Event::Done(&outcome));
        }
        assert_eq!(format!("{:?}", run.figures().account), format!("{summary:?}"));
        // A state that could not be written.
        summary.counts.read = 5;
        summary.fail_ok(UnkeptCounts { ok: 1, saved: 0, continued: 0 }, ErrorKind::Io);
        run.event(&Event::RunFinished(&summary));
        let metrics = run.metrics();
        for (line, n) in [
            ("fetchall_outcomes_total{outcome=\"ok\"}", summary.counts.ok),
            ("fetchall_outcomes_total{outcome=\"failed\"}", summary.counts.failed),
            ("fetchall_failures_total{cause=\"io\"}", 1),
            ("fetchall_retries_total", 3),
            ("fetchall_received_bytes_total", 40),
            ("fetchall_waiting", 0),
        ] {
            assert!(metrics.contains(&format!("{line} {n}\n")), "{line} {n}: {metrics}");
        }
    }
}
