//! The figures of a run in the text format of OpenMetrics.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::live_run::{LiveFigures, waiting};
use crate::model::HostPhase;

/// The metrics of these figures. They are made for each request, so the figures have one home.
pub(super) fn text(figures: &LiveFigures, seconds: &Histogram, is_paused: bool) -> String {
    let mut registry = Registry::with_prefix("fetchall");
    counters(&mut registry, figures);
    registry.register_with_unit("fetch", "Times of answered URLs", Unit::Seconds, seconds.clone());
    gauges(&mut registry, figures, is_paused);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

fn counters(registry: &mut Registry, LiveFigures { account, leases, .. }: &LiveFigures) {
    let counts = &account.counts;
    let outcomes = [
        ("ok", counts.ok),
        ("http_error", counts.http_error),
        ("failed", counts.failed),
        ("skipped", counts.skipped),
        ("cancelled", counts.cancelled),
    ];
    registry.register("outcomes", "URLs by outcome", by_word("outcome", outcomes));
    let errors = account.errors.iter().map(|(kind, n)| (kind.as_str(), *n));
    registry.register("errors", "URLs by error kind", by_word("kind", errors));
    let failures = account.failures.iter().map(|(cause, n)| (cause.to_string(), *n));
    registry.register("failures", "Failed URLs by status or error kind", by_word("cause", failures));
    let skips = account.skips.iter().map(|(reason, n)| (reason.as_str(), *n));
    registry.register("skips", "Skipped URLs by reason", by_word("reason", skips));
    registry.register("leases", "URLs handed to a worker, with retries", counter(*leases));
    registry.register("retries", "Tries beyond the first of each URL that is done", counter(account.retries));
    registry.register_with_unit("body", "Decoded bytes of bodies", Unit::Bytes, counter(account.bytes));
    registry.register_with_unit("received", "Bytes of bodies as received", Unit::Bytes, counter(account.wire_bytes));
}

fn gauges(registry: &mut Registry, LiveFigures { progress, hosts, .. }: &LiveFigures, is_paused: bool) {
    for (name, help, n) in [
        ("read", "URLs known so far", progress.read),
        ("waiting", "URLs that are known, not under way and not done", waiting(progress)),
        ("in_flight", "Fetches under way", progress.in_flight.into()),
        ("concurrency_limit", "The most fetches at once", progress.waits.limit.into()),
        ("retries_waiting", "URLs that wait for their next try", progress.waits.retries as u64),
        ("paused", "1 while the run is paused", is_paused.into()),
    ] {
        registry.register(name, help, gauge(n));
    }
    let family = Family::<[(&str, &str); 1], Gauge>::default();
    for phase in HostPhase::ALL {
        let n = hosts.counts.get(&phase).copied().unwrap_or_default();
        family.get_or_create(&[("state", phase.as_str())]).set(number(n));
    }
    registry.register("hosts", "Hosts with URLs in the scheduler, by state", family);
}

fn by_word<W: Into<String>>(
    label: &'static str,
    counts: impl IntoIterator<Item = (W, u64)>,
) -> Family<[(&'static str, String); 1], Counter> {
    let family = Family::default();
    for (word, n) in counts {
        let labels: [(&str, String); 1] = [(label, word.into())];
        let counted: &Counter = &family.get_or_create(&labels);
        counted.inc_by(n);
    }
    family
}

fn counter(n: u64) -> Counter {
    let counter: Counter = Counter::default();
    counter.inc_by(n);
    counter
}

fn gauge(n: u64) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(number(n));
    gauge
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
