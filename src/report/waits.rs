//! Says why fewer transfers are in flight than the run allows.

use std::time::Duration;

use crate::model::{ErrorKind, FailureCause, HostWait, Progress};
use crate::policy::text::printable::{about, printable};

/// Returns the reasons, such as `h.test:80 backing off after resets · 5 waiting to retry, next in 4 s · --delay`;
/// `None` without any.
pub(super) fn held_by(p: &Progress) -> Option<String> {
    let waits = &p.waits;
    let mut reasons = Vec::new();
    if let Some(HostWait { name, cause, wait }) = &waits.host {
        let after = cause.map_or_else(String::new, |cause| format!(" after {}", cause_name(cause)));
        let left = wait.map_or_else(String::new, |wait| format!(", {} left", about(wait)));
        reasons.push(format!("{} backing off{after}{left}", printable(name)));
    }
    if waits.retries > 0 {
        let next = waits.next_retry.map_or_else(String::new, |next| format!(", next in {}", in_time(next)));
        reasons.push(format!("{} waiting to retry{next}", waits.retries));
    }
    reasons.extend(waits.limits.iter().map(|flag| (*flag).to_owned()));
    (!reasons.is_empty()).then(|| reasons.join(" · "))
}

/// The time until a moment that is known.
fn in_time(wait: Duration) -> String {
    match wait.as_secs() + u64::from(wait.subsec_nanos() > 0) {
        secs @ 0..60 => format!("{secs} s"),
        secs => about(Duration::from_secs(secs)),
    }
}

/// The name of what a host backs off after.
pub(super) fn cause_name(cause: FailureCause) -> String {
    match cause {
        FailureCause::Status(status) => format!("status {status}"),
        FailureCause::Kind(ErrorKind::Reset) => "resets".to_owned(),
        FailureCause::Kind(ErrorKind::Timeout) => "timeouts".to_owned(),
        FailureCause::Kind(ErrorKind::Connect) => "failed connections".to_owned(),
        FailureCause::Kind(ErrorKind::Dns) => "failed lookups".to_owned(),
        FailureCause::Kind(kind) => kind.as_str().to_owned(),
    }
}

/// The speed in URLs a second and the time that is left. Skipped and cancelled URLs take no time, so they do not
/// count. The time is unknown while links may add to the total. The first requests come without a delay, so the time
/// that limits still take is the least that is left.
pub(super) fn speed(p: &Progress) -> (f64, Option<Duration>) {
    let rate = p.fetched as f64 / p.elapsed.as_secs_f64().max(1e-6);
    let left = (p.has_total() && p.fetched > 0 && p.done < p.read)
        .then(|| Duration::from_secs_f64((p.read - p.done) as f64 / rate).max(p.waits.least_left));
    (rate, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Waits;

    #[test]
    fn each_reason_is_said() {
        let mut p = Progress::default();
        assert_eq!(held_by(&p), None);
        let reset = FailureCause::Kind(ErrorKind::Reset);
        let host = |cause, wait| Some(HostWait { name: "h.test:80".to_owned(), cause: Some(cause), wait });
        p.waits = Waits {
            limit: 10,
            retries: 5,
            next_retry: Some(Duration::from_millis(3200)),
            host: host(reset, None),
            limits: vec!["--delay"],
            ..Waits::default()
        };
        assert_eq!(
            held_by(&p).as_deref(),
            Some("h.test:80 backing off after resets · 5 waiting to retry, next in 4 s · --delay")
        );
        p.waits = Waits { host: host(FailureCause::Status(429), Some(Duration::from_secs(90))), ..Waits::default() };
        assert_eq!(held_by(&p).as_deref(), Some("h.test:80 backing off after status 429, 1m 30s left"));
    }

    #[test]
    fn skipped_urls_do_not_speed_a_run_up() {
        let p = Progress {
            read: 100,
            done: 80,
            fetched: 10,
            input_complete: true,
            elapsed: Duration::from_secs(5),
            ..Progress::default()
        };
        assert_eq!(speed(&p), (2.0, Some(Duration::from_secs(10))));
        assert_eq!(speed(&Progress { fetched: 0, ..p.clone() }).1, None);
        assert_eq!(speed(&Progress { grows: true, ..p.clone() }), (2.0, None), "links may follow");
        let least_left = Duration::from_secs(1000);
        assert_eq!(speed(&Progress { waits: Waits { least_left, ..Waits::default() }, ..p }).1, Some(least_left));
    }
}
