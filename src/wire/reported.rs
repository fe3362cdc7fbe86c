//! A record as a reader of records takes it: from an outcome of this run, or from a line that a run wrote.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::VERSION;
use super::record::{Ms, Record};
use crate::model::{Outcome, Timing};

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedOutcome {
    /// A complete 2xx answer.
    Ok,
    /// A 4xx or 5xx answer.
    HttpError,
    /// No usable answer.
    Failed,
    /// Not fetched, on purpose.
    Skipped,
    /// Stopped first.
    Cancelled,
}

/// The parts of a record that reports of a run use. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
pub struct ReportedUrl<'a> {
    v: Option<u64>,
    /// The URL, or the text of a line that is none.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// How it ended.
    pub outcome: ReportedOutcome,
    /// The status of the last response.
    pub status: Option<u16>,
    /// The last URL that was requested.
    pub final_url: Option<Cow<'a, str>>,
    path: Option<IgnoredAny>,
    /// Bytes of the body after decoding.
    pub bytes: Option<u64>,
    /// Bytes of the body as received.
    pub wire_bytes: Option<u64>,
    /// The Content-Type field.
    pub content_type: Option<Cow<'a, str>>,
    /// The number of tries.
    #[serde(default)]
    pub attempts: u32,
    /// The redirects followed.
    #[serde(default)]
    pub redirects: Vec<ReportedHop>,
    /// The version of HTTP.
    pub http_version: Option<Cow<'a, str>>,
    started_at: Option<Cow<'a, str>>,
    /// The times of its phases.
    #[serde(default)]
    pub timing: ReportedTiming,
    /// The line of a list.
    pub source: Option<ReportedSource<'a>>,
    /// The error.
    pub error: Option<ReportedError<'a>>,
    /// Why it was skipped.
    pub skip: Option<ReportedSkip<'a>>,
    /// The links from a start page to it.
    pub depth: Option<u32>,
    /// The page with the link to it.
    pub parent: Option<Cow<'a, str>>,
}

/// A redirect.
#[derive(Debug, Deserialize)]
pub struct ReportedHop {
    /// Its status.
    pub status: u16,
}

/// Milliseconds of each phase.
#[derive(Debug, Default, Deserialize)]
pub struct ReportedTiming {
    /// Name look-up.
    pub dns_ms: Option<f64>,
    /// TCP connect.
    pub connect_ms: Option<f64>,
    /// TLS handshake.
    pub tls_ms: Option<f64>,
    /// Until the head of the last response.
    pub first_byte_ms: Option<f64>,
    /// All of it.
    pub total_ms: Option<f64>,
}

/// The line of a list.
#[derive(Debug, Deserialize)]
pub struct ReportedSource<'a> {
    /// The list.
    pub file: Cow<'a, str>,
    /// The line.
    pub line: u64,
}

/// An error.
#[derive(Debug, Deserialize)]
pub struct ReportedError<'a> {
    /// Its kind.
    pub kind: Cow<'a, str>,
    /// Its message.
    #[serde(default)]
    pub message: Cow<'a, str>,
}

/// The reason of a skipped URL.
#[derive(Debug, Deserialize)]
pub struct ReportedSkip<'a> {
    /// The reason.
    pub reason: Cow<'a, str>,
}

impl<'a> ReportedUrl<'a> {
    /// Takes the record of an outcome.
    pub fn of(outcome: &'a Outcome) -> Self {
        let record = Record::of(outcome);
        let Timing { dns, connect, tls, first_byte, total, .. } = outcome.timing;
        let ms = |time: Option<_>| time.map(|time| Ms(time).value());
        Self {
            v: None,
            url: Cow::Borrowed(record.url),
            outcome: match record.outcome {
                "ok" => ReportedOutcome::Ok,
                "http_error" => ReportedOutcome::HttpError,
                "failed" => ReportedOutcome::Failed,
                "skipped" => ReportedOutcome::Skipped,
                _ => ReportedOutcome::Cancelled,
            },
            status: record.status,
            final_url: record.final_url.map(Cow::Borrowed),
            path: record.path.map(|_| IgnoredAny),
            bytes: record.bytes,
            wire_bytes: record.wire_bytes,
            content_type: record.content_type.map(Cow::Borrowed),
            attempts: record.attempts,
            redirects: record.redirects.0.iter().map(|hop| ReportedHop { status: hop.status }).collect(),
            http_version: record.http_version.map(Cow::Borrowed),
            started_at: record.started_at.map(|at| Cow::Owned(at.0.to_string())),
            timing: ReportedTiming {
                dns_ms: ms(dns),
                connect_ms: ms(connect),
                tls_ms: ms(tls),
                first_byte_ms: ms(first_byte),
                total_ms: ms(total),
            },
            source: record.source.map(|source| ReportedSource { file: Cow::Borrowed(source.file), line: source.line }),
            error: record.error.map(|error| ReportedError { kind: Cow::Borrowed(error.kind), message: error.message }),
            skip: record.skip.map(|skip| ReportedSkip { reason: Cow::Borrowed(skip.reason) }),
            depth: Some(record.depth),
            parent: record.parent.map(Cow::Borrowed),
        }
    }

    /// Reads a line of JSON.
    ///
    /// # Errors
    /// The reason why it is no record.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        const WANTED: &str = "name the records that a run wrote with --json";
        let line = line.trim();
        if ["url,outcome,", "url\toutcome\t"].iter().any(|header| line.starts_with(header)) {
            return Err("records as a table; a report reads NDJSON, so run with --json instead of --format".to_owned());
        }
        if !line.starts_with('{') {
            return Err(format!("not a record of JSON; {WANTED}"));
        }
        let record: Self = serde_json::from_str(line).map_err(|error| match error.is_eof() {
            true => "a record that is cut off, as by a run that was killed".to_owned(),
            false => format!("not a whole record (at column {}); {WANTED}", error.column()),
        })?;
        match record.v.filter(|v| *v != u64::from(VERSION)) {
            Some(v) => {
                Err(format!("a record of version {v}, and this program reads {VERSION}; use the one that wrote it"))
            }
            None => Ok(record),
        }
    }

    /// Whether its body became a file.
    pub fn is_saved(&self) -> bool {
        self.outcome == ReportedOutcome::Ok && self.path.is_some()
    }

    /// When its first request began, in milliseconds since 1970.
    pub fn started_ms(&self) -> Option<i64> {
        Some(self.started_at.as_deref()?.parse::<Timestamp>().ok()?.as_millisecond())
    }

    /// Whether a server answered it in full.
    pub fn is_answered(&self) -> bool {
        matches!(self.outcome, ReportedOutcome::Ok | ReportedOutcome::HttpError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_what_a_record_has_is_refused() {
        for (line, why) in [
            ("http://a.test/", "not a record of JSON"),
            ("url,outcome,status", "a report reads NDJSON"),
            ("url\toutcome\tstatus", "a report reads NDJSON"),
            ("{\"v\":1,\"url\":\"http://a.test/\",\"outc", "cut off"),
            ("{\"v\":1,\"url\":\"http://a.test/\"}", "not a whole record"),
            ("{\"v\":1,\"url\":\"http://a.test/\",\"outcome\":\"fine\"}", "not a whole record"),
            ("{\"v\":9,\"url\":\"http://a.test/\",\"outcome\":\"ok\"}", "version 9"),
        ] {
            let told = ReportedUrl::parse(line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
        let record = ReportedUrl::parse("{\"url\":\"http://a.test/\",\"outcome\":\"ok\",\"new\":[]}").unwrap();
        assert!(record.is_answered() && !record.is_saved());
    }
}
