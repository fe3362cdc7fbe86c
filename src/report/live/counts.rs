//! The figures of a run while it goes on: as Prometheus metrics, and as JSON for the page.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use serde_json::{Value, json};

use crate::model::{Event, FailureCause, Outcome, Progress, Subject, Verdict};
use crate::policy::text::printable::printable;
use crate::policy::text::redact::redact_url;
use crate::report::waits::held_by;

/// The upper bounds of the histogram of times, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A metric with one label.
type ByWord = Family<[(&'static str, String); 1], Counter>;

/// The figures of a run. Outcomes count as in its summary.
#[derive(Debug)]
pub(super) struct LiveCounts {
    registry: Registry,
    outcomes: ByWord,
    errors: ByWord,
    failures: ByWord,
    skips: ByWord,
    retries: Counter,
    bytes: Counter,
    wire_bytes: Counter,
    seconds: Histogram,
    read: Gauge,
    waiting: Gauge,
    in_flight: Gauge,
    limit: Gauge,
    retries_waiting: Gauge,
    paused: Gauge,
    progress: Mutex<Progress>,
}

impl LiveCounts {
    pub fn new() -> Self {
        let mut counts = Self {
            registry: Registry::with_prefix("fetchall"),
            outcomes: ByWord::default(),
            errors: ByWord::default(),
            failures: ByWord::default(),
            skips: ByWord::default(),
            retries: Counter::default(),
            bytes: Counter::default(),
            wire_bytes: Counter::default(),
            seconds: Histogram::new(SECONDS),
            read: Gauge::default(),
            waiting: Gauge::default(),
            in_flight: Gauge::default(),
            limit: Gauge::default(),
            retries_waiting: Gauge::default(),
            paused: Gauge::default(),
            progress: Mutex::default(),
        };
        counts.register();
        for outcome in ["ok", "http_error", "failed", "skipped", "cancelled"] {
            counts.outcomes.get_or_create(&[("outcome", outcome.to_owned())]).inc_by(0);
        }
        counts
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        for (name, help, metric) in [
            ("outcomes", "URLs by outcome", &self.outcomes),
            ("errors", "URLs by error kind", &self.errors),
            ("failures", "Failed URLs by status or error kind", &self.failures),
            ("skips", "Skipped URLs by reason", &self.skips),
        ] {
            registry.register(name, help, metric.clone());
        }
        registry.register("retries", "Tries beyond the first of each URL", self.retries.clone());
        registry.register_with_unit("body", "Decoded bytes of bodies", Unit::Bytes, self.bytes.clone());
        registry.register_with_unit("received", "Bytes of bodies as received", Unit::Bytes, self.wire_bytes.clone());
        registry.register_with_unit("fetch", "Times of answered URLs", Unit::Seconds, self.seconds.clone());
        for (name, help, metric) in [
            ("read", "URLs known so far", &self.read),
            ("waiting", "URLs that are known, not under way and not done", &self.waiting),
            ("in_flight", "Fetches under way", &self.in_flight),
            ("concurrency_limit", "The most fetches at once", &self.limit),
            ("retries_waiting", "URLs that wait for their next try", &self.retries_waiting),
            ("paused", "1 while the run is paused", &self.paused),
        ] {
            registry.register(name, help, metric.clone());
        }
    }

    pub fn event(&self, event: &Event<'_>) {
        match event {
            Event::Done(outcome) => self.done(outcome),
            Event::Tick(progress) => {
                let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
                self.read.set(number(progress.read));
                self.in_flight.set(progress.in_flight.into());
                self.waiting.set(number(progress.read.saturating_sub(progress.done + u64::from(progress.in_flight))));
                self.limit.set(progress.waits.limit.into());
                self.retries_waiting.set(number(progress.waits.retries as u64));
                *self.progress() = (*progress).clone();
            }
            Event::RunFinished(summary) => {
                self.in_flight.set(0);
                self.read.set(i64::try_from(summary.counts.read).unwrap_or(i64::MAX));
                self.waiting.set(0);
            }
            _ => {}
        }
    }

    fn done(&self, outcome: &Outcome) {
        let count = |family: &ByWord, label, word: &str| {
            family.get_or_create(&[(label, word.to_owned())]).inc();
        };
        count(&self.outcomes, "outcome", outcome.verdict.as_str());
        if let Some(kind) = outcome.verdict.error_kind() {
            count(&self.errors, "kind", kind.as_str());
        }
        if let Some(cause) = FailureCause::of(outcome) {
            count(&self.failures, "cause", &cause.to_string());
        }
        if let Subject::Job(job) = &outcome.subject {
            self.retries.inc_by(job.attempt.saturating_sub(1).into());
        }
        if let Verdict::Skipped(reason) = outcome.verdict {
            count(&self.skips, "reason", reason.as_str());
            return;
        }
        self.bytes.inc_by(outcome.facts.bytes.unwrap_or(0));
        self.wire_bytes.inc_by(outcome.facts.wire_bytes.unwrap_or(0));
        let answered = matches!(outcome.verdict, Verdict::Ok | Verdict::HttpError);
        if let (true, Some(total)) = (answered, outcome.timing.total) {
            self.seconds.observe(total.as_secs_f64());
        }
    }

    pub fn set_paused(&self, paused: bool) {
        self.paused.set(paused.into());
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The state of the run for the page. URLs have no passwords.
    pub fn state(&self) -> Value {
        let outcome = |name: &str| self.outcomes.get_or_create(&[("outcome", name.to_owned())]).get();
        let progress = self.progress();
        let mut failures: Vec<_> = progress.failures.iter().map(|(cause, n)| (cause.to_string(), *n)).collect();
        failures.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let slowest: Vec<_> = progress
            .slowest
            .iter()
            .map(|fetch| json!({"url": printable(&redact_url(&fetch.url)), "seconds": fetch.age.as_secs_f64()}))
            .collect();
        json!({
            "read": self.read.get(), "waiting": self.waiting.get(), "in_flight": self.in_flight.get(),
            "limit": self.limit.get(), "has_total": progress.has_total(), "ok": outcome("ok"),
            "failed": outcome("failed") + outcome("http_error"), "skipped": outcome("skipped"),
            "received_bytes": progress.wire_bytes, "elapsed_seconds": progress.elapsed.as_secs_f64(),
            "fetched": progress.fetched, "failures": failures, "slowest": slowest,
            "held_by": held_by(&progress).map(|text| printable(&text).into_owned()),
            "retries_waiting": self.retries_waiting.get(), "paused": self.paused.get() > 0,
            "stopping": progress.stopping.is_some(),
        })
    }
}
