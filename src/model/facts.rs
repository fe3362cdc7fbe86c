//! The facts of a response, its times and its verdict.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::cut::CUT;
use super::{ErrorKind, FetchError, Found, Validators, cut, http_values};

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The 3xx status.
    pub status: u16,
    /// The URL that answered with it. A longer URL is cut after [`Hop::LONGEST`] bytes and ends in `…`, which
    /// no URL does.
    pub url: Box<str>,
}

impl Hop {
    /// The most bytes kept of a URL: chains may be long, and so may each of their URLs.
    pub const LONGEST: usize = 2048;

    /// Creates a hop from the URL that answered.
    pub fn new(status: u16, url: &str) -> Self {
        Self { status, url: cut(url, Self::LONGEST).into() }
    }

    /// Whether the URL was cut.
    pub fn is_cut(&self) -> bool {
        self.url.ends_with(CUT)
    }
}

/// The facts of a response. Absent facts are `None`, never guessed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The status of the last response.
    pub status: Option<u16>,
    /// The last requested URL, if redirects led away from the first.
    pub final_url: Option<Url>,
    /// The path of the body's file, valid in the start folder of the run.
    pub path: Option<String>,
    /// Bytes of the body after decoding.
    pub bytes: Option<u64>,
    /// Bytes of the file, if it is not the body as it came: its links were rewritten.
    pub file_bytes: Option<u64>,
    /// Bytes of the body as received, before decoding; without framing and fields.
    pub wire_bytes: Option<u64>,
    /// The Content-Type field (RFC 9110, section 8.3).
    pub content_type: Option<Box<str>>,
    /// Facts of the body, from its observers.
    pub found: Found,
    /// The redirects followed, in order.
    pub redirects: Vec<Hop>,
    /// The version of the last response.
    #[serde(with = "http_values::version")]
    pub http_version: Option<Version>,
    /// The address that sent the last response.
    pub remote_addr: Option<SocketAddr>,
    /// When the first request of the last attempt began.
    pub started_at: Option<Timestamp>,
    /// Whether the body continues one that was cut off in an earlier attempt or run.
    pub continued: bool,
    /// The validators for a conditional request of a later run; only if the run needs them.
    pub validators: Option<Box<Validators>>,
    /// The wait that the server requested, from the moment of its response; only of errors.
    pub retry_after: Option<Duration>,
    /// The rule by which the run did not fetch or follow the URL: a line of robots.txt, a pattern, a setting.
    pub rule: Option<Box<str>>,
    /// Whether the request of a 401 or 403 had no credentials, although the run has some for its host or its line.
    pub is_anonymous: bool,
    /// The worker that has the outcome, in a run over a queue that several workers share.
    #[serde(skip)]
    pub worker: Option<Arc<str>>,
}

/// The note of a 401 or 403 for which credentials were withheld.
pub const ANONYMOUS: &str = "no credentials were sent";

impl Facts {
    /// The text behind an error status, for people.
    pub fn status_note(&self) -> String {
        if self.is_anonymous { format!(" ({ANONYMOUS})") } else { String::new() }
    }

    /// Returns what the next request of a redirect chain needs of the earlier ones. The job records their URLs.
    pub fn for_next_hop(&self) -> Self {
        Self {
            status: self.status,
            final_url: self.final_url.clone(),
            http_version: self.http_version,
            remote_addr: self.remote_addr,
            started_at: self.started_at,
            ..Self::default()
        }
    }
}

/// The time of each phase; `None` for a phase that did not happen. With redirects `dns`, `connect` and `tls`
/// are sums over the hops that opened a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From admission to the start of the fetch.
    pub queued: Option<Duration>,
    /// Name look-up.
    pub dns: Option<Duration>,
    /// TCP connect.
    pub connect: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// From the start of the fetch to the head of the last response.
    pub first_byte: Option<Duration>,
    /// From the start of the fetch to its end.
    pub total: Option<Duration>,
}

/// The reason for skipping a seed on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SkipReason {
    /// The same URL stood earlier in the input.
    Duplicate,
    /// Its file exists already, and the run does not fetch existing files.
    Exists,
    /// An earlier run finished it, and its file exists.
    Done,
    /// The server confirms the response of an earlier run.
    NotModified,
    /// A dry run would fetch it.
    DryRun,
    /// The robots.txt of its origin disallows it.
    Robots,
    /// It is out of the scope of the crawl.
    Scope,
    /// More links lead to it than the crawl follows.
    Depth,
    /// It leads into a part of a site without an end.
    Trap,
    /// The crawl has as many pages or bytes as it may have.
    Budget,
    /// The page forbids to follow the link.
    Nofollow,
    /// Its file name or media type is not among those that the user wants.
    Type,
}

impl SkipReason {
    /// Every reason, in documentation order.
    pub const ALL: &[SkipReason] = &[
        SkipReason::Duplicate,
        SkipReason::Exists,
        SkipReason::Done,
        SkipReason::NotModified,
        SkipReason::DryRun,
        SkipReason::Robots,
        SkipReason::Scope,
        SkipReason::Depth,
        SkipReason::Trap,
        SkipReason::Budget,
        SkipReason::Nofollow,
        SkipReason::Type,
    ];

    /// The name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::Duplicate => "duplicate",
            SkipReason::Exists => "exists",
            SkipReason::Done => "done",
            SkipReason::NotModified => "not_modified",
            SkipReason::DryRun => "dry_run",
            SkipReason::Robots => "robots",
            SkipReason::Scope => "scope",
            SkipReason::Depth => "depth",
            SkipReason::Trap => "trap",
            SkipReason::Budget => "budget",
            SkipReason::Nofollow => "nofollow",
            SkipReason::Type => "type",
        }
    }
}

/// The result of one input line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// A final 2xx answer, complete, decoded, verified and, if asked, saved.
    Ok,
    /// The server answered 4xx or 5xx.
    HttpError,
    /// No usable answer.
    Failed(FetchError),
    /// Not fetched, on purpose.
    Skipped(SkipReason),
    /// The run was stopped first.
    Cancelled,
}

impl Verdict {
    /// The name in records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::HttpError => "http_error",
            Verdict::Failed(_) => "failed",
            Verdict::Skipped(_) => "skipped",
            Verdict::Cancelled => "cancelled",
        }
    }

    /// The error kind of the verdict; `None` for ok and skipped.
    pub const fn error_kind(&self) -> Option<ErrorKind> {
        match self {
            Verdict::Ok | Verdict::Skipped(_) => None,
            Verdict::HttpError => Some(ErrorKind::HttpStatus),
            Verdict::Failed(error) => Some(error.kind),
            Verdict::Cancelled => Some(ErrorKind::Cancelled),
        }
    }
}
