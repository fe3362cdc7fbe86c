//! The record: the one place that knows its field names.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::Version;
use serde::{Serialize, Serializer};

use super::VERSION;
use crate::model::{ArchivedRecords, Hex, Kind, Outcome, Subject, Verdict, Via};

/// One record.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    pub(crate) v: u32,
    pub(crate) url: &'a str,
    pub(crate) outcome: &'static str,
    pub(crate) status: Option<u16>,
    pub(crate) final_url: Option<&'a str>,
    pub(crate) path: Option<&'a str>,
    pub(crate) bytes: Option<u64>,
    pub(crate) wire_bytes: Option<u64>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) sha256: Option<Shown<Hex<'a>>>,
    pub(crate) blake3: Option<Shown<Hex<'a>>>,
    pub(crate) attempts: u32,
    pub(crate) redirects: Redirects<'a>,
    pub(crate) http_version: Option<&'static str>,
    pub(crate) remote_addr: Option<Shown<std::net::SocketAddr>>,
    pub(crate) started_at: Option<Shown<Millis>>,
    pub(crate) timing: TimingRecord,
    pub(crate) source: Option<RecordSource<'a>>,
    pub(crate) error: Option<ErrorRecord<'a>>,
    pub(crate) skip: Option<Skip<'a>>,
    pub(crate) depth: u32,
    pub(crate) parent: Option<&'a str>,
    pub(crate) via: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) links: Option<u64>,
    pub(crate) title: Option<&'a str>,
    pub(crate) robots: Option<&'a str>,
    pub(crate) warc: Option<LocationRecord<'a>>,
    pub(crate) worker: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record of an outcome.
    pub fn of(outcome: &'a Outcome) -> Self {
        let facts = &outcome.facts;
        let timing = &outcome.timing;
        let answered = facts.status.is_some();
        let (via, seed) = (outcome.subject.via(), outcome.subject.seed());
        let kind = seed.map_or(Kind::Page, |seed| seed.kind);
        let page = facts.found.links.as_deref();
        Self {
            v: VERSION,
            url: outcome.subject.url(),
            outcome: outcome.verdict.as_str(),
            status: facts.status,
            final_url: match &facts.final_url {
                Some(url) => Some(url.as_str()),
                None => answered.then(|| outcome.subject.url()),
            },
            path: facts.path.as_deref(),
            bytes: facts.bytes,
            wire_bytes: facts.wire_bytes,
            content_type: facts.content_type.as_deref(),
            sha256: facts.found.sha256.as_ref().map(|digest| Shown(Hex(digest))),
            blake3: facts.found.blake3.as_ref().map(|digest| Shown(Hex(digest))),
            attempts: match &outcome.subject {
                Subject::Job(job) => job.attempt,
                Subject::Seed(_) | Subject::Bad(_) => 0,
            },
            redirects: Redirects(&facts.redirects),
            http_version: facts.http_version.map(version_name),
            remote_addr: facts.remote_addr.map(Shown),
            started_at: facts.started_at.map(|t| Shown(Millis(t))),
            timing: TimingRecord {
                queued_ms: timing.queued.map(Ms),
                dns_ms: timing.dns.map(Ms),
                connect_ms: timing.connect.map(Ms),
                tls_ms: timing.tls.map(Ms),
                first_byte_ms: timing.first_byte.map(Ms),
                total_ms: timing.total.map(Ms),
            },
            source: source_of(via),
            error: error_of(outcome),
            skip: match outcome.verdict {
                Verdict::Skipped(reason) => Some(Skip { reason: reason.as_str(), rule: facts.rule.as_deref() }),
                _ => None,
            },
            depth: seed.map_or(0, |seed| seed.depth),
            parent: via.parent().map(|parent| &**parent),
            via: via.name(kind),
            kind: kind.as_str(),
            links: page.map(|page| page.links.len() as u64),
            title: page.and_then(|page| page.title.as_deref()),
            robots: match outcome.verdict {
                Verdict::Skipped(_) => None,
                _ => facts.rule.as_deref(),
            },
            warc: match &facts.found.records {
                Some(ArchivedRecords::Written(at)) => {
                    Some(LocationRecord { file: &at.file, offset: at.offset, length: at.length })
                }
                Some(ArchivedRecords::Held(_)) | None => None,
            },
            worker: facts.worker.as_deref(),
        }
    }
}

/// The line of a list. The URLs that the crawl itself found are on none.
fn source_of(via: &Via) -> Option<RecordSource<'_>> {
    match via {
        Via::List(origin) | Via::Added(origin) | Via::Start(origin) => {
            (origin.line > 0).then_some(RecordSource { file: &origin.list, line: origin.line })
        }
        Via::Link(_) | Via::Sitemap(_) => None,
    }
}

/// The error of an outcome that is neither ok nor skipped.
fn error_of(outcome: &Outcome) -> Option<ErrorRecord<'_>> {
    let kind = outcome.verdict.error_kind()?;
    let message = match &outcome.verdict {
        Verdict::Failed(error) => Cow::Borrowed(&*error.message),
        Verdict::HttpError => {
            let status = outcome.facts.status.unwrap_or_default();
            let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
            let text = format!("the server answered {status} {}", reason.unwrap_or(""));
            Cow::Owned(text.trim_end().to_owned() + &outcome.facts.status_note())
        }
        _ => Cow::Borrowed("the run was stopped first"),
    };
    Some(ErrorRecord { kind: kind.as_str(), message })
}

/// `HTTP/1.1` and the like.
fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/?",
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TimingRecord {
    pub(crate) queued_ms: Option<Ms>,
    pub(crate) dns_ms: Option<Ms>,
    pub(crate) connect_ms: Option<Ms>,
    pub(crate) tls_ms: Option<Ms>,
    pub(crate) first_byte_ms: Option<Ms>,
    pub(crate) total_ms: Option<Ms>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordSource<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorRecord<'a> {
    pub(crate) kind: &'static str,
    pub(crate) message: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Skip<'a> {
    pub(crate) reason: &'static str,
    pub(crate) rule: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LocationRecord<'a> {
    pub(crate) file: &'a str,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

#[derive(Debug)]
pub(crate) struct Redirects<'a>(pub(crate) &'a [crate::model::Hop]);

impl Serialize for Redirects<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct HopRecord<'a> {
            status: u16,
            url: &'a str,
        }
        s.collect_seq(self.0.iter().map(|hop| HopRecord { status: hop.status, url: &hop.url }))
    }
}

/// Milliseconds to the microsecond: finer is noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ms(pub(crate) Duration);

impl Ms {
    pub(crate) fn value(self) -> f64 {
        self.0.as_micros() as f64 / 1000.0
    }
}

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.value())
    }
}

/// Written as it is displayed.
#[derive(Debug)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

/// RFC 3339 with milliseconds.
#[derive(Debug)]
pub(crate) struct Millis(pub(crate) jiff::Timestamp);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}
