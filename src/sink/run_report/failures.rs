//! Every failure by its cause, as rows of HTML, within a bound; and what can be done about each cause.

use std::collections::BTreeMap;

use super::ranking::{text_html, url_html};
use crate::wire::{ReportedOutcome, ReportedUrl};

/// The most bytes of all rows.
const MOST_BYTES: usize = 1_150_000;

/// A cause has this many rows even if others have used up the rest of the bytes, which are then [`RESERVED_BYTES`].
const RESERVED_ROWS: usize = 10;

/// The bytes that only a cause with few rows may use.
const RESERVED_BYTES: usize = 200_000;

/// The most causes with a list of their own.
const MOST_CAUSES: usize = 100;

/// The cause of those that have no list of their own.
const OTHER: &str = "other";

/// The failures of one cause.
#[derive(Debug, Default)]
pub(super) struct CauseFailures {
    pub count: u64,
    /// Rows of a table, as HTML.
    pub rows: String,
    pub row_count: u64,
}

/// Failures by cause: a status, or the kind of an error.
#[derive(Debug, Default)]
pub(super) struct FailuresByCause {
    causes: BTreeMap<Box<str>, CauseFailures>,
    bytes: usize,
}

impl FailuresByCause {
    /// Adds a record if it is a failure.
    pub fn add(&mut self, record: &ReportedUrl<'_>) {
        let status = record.status.filter(|_| record.outcome == ReportedOutcome::HttpError);
        let cause = match (record.outcome, status, &record.error) {
            (ReportedOutcome::HttpError, Some(status), _) => status.to_string(),
            (ReportedOutcome::HttpError, None, None) => "http_status".to_owned(),
            (ReportedOutcome::HttpError | ReportedOutcome::Failed, _, Some(error)) => error.kind.to_string(),
            (ReportedOutcome::Failed, _, None) => OTHER.to_owned(),
            _ => return,
        };
        let is_known = self.causes.contains_key(cause.as_str());
        let cause = if is_known || (self.causes.len() < MOST_CAUSES && cause.len() < 40) { &cause } else { OTHER };
        let failures = self.causes.entry(cause.into()).or_default();
        failures.count += 1;
        let limit = if failures.row_count < RESERVED_ROWS as u64 { MOST_BYTES } else { MOST_BYTES - RESERVED_BYTES };
        // No row is shorter.
        if self.bytes + 60 > limit {
            return;
        }
        let row = row(record);
        if self.bytes + row.len() <= limit {
            self.bytes += row.len();
            failures.rows.push_str(&row);
            failures.row_count += 1;
        }
    }

    /// The causes, the most frequent first.
    pub fn ranked(&self) -> Vec<(&str, &CauseFailures)> {
        let mut causes: Vec<_> = self.causes.iter().map(|(cause, failures)| (&**cause, failures)).collect();
        causes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
        causes
    }

    /// How many failures have no row.
    pub fn left_out(&self) -> u64 {
        self.causes.values().map(|failures| failures.count - failures.row_count).sum()
    }
}

fn row(record: &ReportedUrl<'_>) -> String {
    let mut row = format!("<tr><td>{}", url_html(&record.url));
    let message = record.error.as_ref().map(|error| &*error.message).unwrap_or_default();
    // The status is the heading of an HTTP error.
    let is_plain = record.outcome == ReportedOutcome::HttpError && message.starts_with("the server answered");
    if !message.is_empty() && (!is_plain || message.contains('(')) {
        row += &format!("<br><small>{}</small>", text_html(message));
    }
    row += "</td><td>";
    match (&record.parent, &record.source) {
        (Some(parent), _) => row += &format!("on {}", url_html(parent)),
        (None, Some(source)) => row += &format!("{}:{}", text_html(&source.file), source.line),
        (None, None) => {}
    }
    row + "</td></tr>\n"
}

/// Returns advice about failures of a cause.
pub(super) fn advice(cause: &str) -> &'static str {
    match cause {
        "invalid_url" => "Correct the line of the list: the message says what is wrong.",
        "dns" => {
            "Check the spelling of the host. If it is right, the name may be gone; --retry-from tries again later."
        }
        "connect" => "The host refused or did not answer. Check the port and --proxy, and try again later.",
        "proxy" => "The proxy refused the connection. Check --proxy and its name and password.",
        "tls" => "Check the certificate of the host. --cacert trusts an authority of your own; --insecure trusts all.",
        "timeout" => "Try again with fewer at once (-c, --per-host), or allow more time (--timeout, --read-timeout).",
        "reset" => "The server closed the connection. Often it was asked too much: lower --per-host or set --delay.",
        "truncated" => "The body ended early. The same command continues it if the server can.",
        "protocol" => "The server breaks HTTP. --http1.1 may help; else its owner must mend it.",
        "decode" => "The body is not coded as declared. --compression raw keeps it as it was sent.",
        "redirect" => "The redirects lead nowhere. Correct the URL; --max-redirects allows more of them.",
        "too_large" => "The body exceeds --max-size. Raise it if the body is wanted.",
        "blocked" => "A rule of the run forbids the address: --private-addresses.",
        "checksum" => "The body differs from the digest in the list. One of the two is wrong or out of date.",
        "io" => "A file could not be written. Check the room and the rights in the output folder.",
        "internal" => "A fault of fetchall: please report it with the log (--log FILE -v).",
        "400" => "The server does not accept the request. Check the URL and the fields of -H.",
        "401" => "The server asks for credentials: --user or --netrc.",
        "403" => "The server refuses. It may want credentials (--user), cookies (-b), or fewer requests (--delay).",
        "404" | "410" => "The page is not there. Correct or remove the links and lines that lead to it.",
        "405" | "501" => "The server does not serve this method. Leave out --head.",
        "407" => "The proxy asks for a name and a password: --proxy.",
        "408" | "425" | "500" | "502" | "503" | "504" => "The server had trouble. Try again later with --retry-from.",
        "429" => "The server was asked too often. Lower --per-host or --rate, or set --delay, and try again.",
        "451" => "The server may not show it, for legal reasons.",
        "http_status" => "The server answered with an error status.",
        _ if cause.starts_with('5') && cause.len() == 3 => "The server had trouble. Try again later with --retry-from.",
        _ if cause.starts_with('4') && cause.len() == 3 => "The server does not accept the request. Check the URL.",
        _ => "See the message of each.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;

    #[test]
    fn every_kind_of_failure_has_advice() {
        for kind in ErrorKind::ALL.iter().filter(|kind| **kind != ErrorKind::Cancelled) {
            assert_ne!(advice(kind.as_str()), advice("other"), "{kind}");
        }
        for status in 400..600_u16 {
            assert_ne!(advice(&status.to_string()), advice("other"), "{status}");
        }
    }

    #[test]
    fn rows_are_bounded_and_rare_causes_keep_some() {
        let mut failures = FailuresByCause::default();
        let record = |outcome, kind: &str, n: u32| {
            let url = format!("http://a.test/{}/{n}?a=1&b=2", "x".repeat(100));
            format!(
                r#"{{"url":"{url}","outcome":"{outcome}","status":404,"error":{{"kind":"{kind}","message":"<m>"}}}}"#
            )
        };
        for n in 0..20_000 {
            failures.add(&ReportedUrl::parse(&record("http_error", "http_status", n)).unwrap());
        }
        for n in 0..20 {
            failures.add(&ReportedUrl::parse(&record("failed", "timeout", n)).unwrap());
        }
        for n in 0..200 {
            failures.add(&ReportedUrl::parse(&record("failed", &format!("kind{n}"), n)).unwrap());
        }
        failures.add(&ReportedUrl::parse(&record("ok", "", 0)).unwrap());
        failures.add(&ReportedUrl::parse(&record("cancelled", "cancelled", 0)).unwrap());
        let ranked = failures.ranked();
        assert_eq!(ranked.len(), MOST_CAUSES + 1);
        assert_eq!((ranked[0].0, ranked[0].1.count), ("404", 20_000));
        let of = |cause: &str| ranked.iter().find(|(name, _)| *name == cause).unwrap().1;
        assert_eq!((of("timeout").count, of("timeout").row_count), (20, 10));
        assert_eq!(of(OTHER).count, 102);
        let bytes: usize = ranked.iter().map(|(_, failures)| failures.rows.len()).sum();
        assert!((MOST_BYTES - 300_000..=MOST_BYTES).contains(&bytes), "{bytes}");
        assert!(!ranked[0].1.rows.contains("<m>"), "escaped");
        let rows: u64 = ranked.iter().map(|(_, failures)| failures.row_count).sum();
        assert_eq!(failures.left_out() + rows, 20_220);
    }
}
