//! The outcomes of a run: one for every line read.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;
use url::Url;

use super::{BadLine, ErrorKind, FetchError, Found, Job, JobId, Origin, Seed, Validators, Via};

/// The subject of an outcome.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A job that a backend had.
    Job(Box<Job>),
    /// A seed that never became a job: skipped, or cancelled before its turn.
    Seed(Box<Seed>),
    /// A line that never became a seed.
    Bad(Box<BadLine>),
}

impl From<Box<Job>> for Subject {
    /// Converts a job that was never handed out to its seed.
    fn from(job: Box<Job>) -> Self {
        if job.handed_out { Subject::Job(job) } else { Subject::Seed(Box::new(job.seed)) }
    }
}

impl Subject {
    /// The seed, unless the line was bad.
    pub fn seed(&self) -> Option<&Seed> {
        match self {
            Subject::Job(job) => Some(&job.seed),
            Subject::Seed(seed) => Some(seed),
            Subject::Bad(_) => None,
        }
    }

    /// Its way into the run.
    pub fn via(&self) -> &Via {
        match self {
            Subject::Job(job) => &job.seed.via,
            Subject::Seed(seed) => &seed.via,
            Subject::Bad(bad) => &bad.via,
        }
    }

    /// The place that records show.
    pub fn origin(&self) -> &Origin {
        self.via().origin()
    }

    /// Its number, in the order of admission.
    pub fn id(&self) -> JobId {
        match self {
            Subject::Job(job) => job.id,
            Subject::Seed(seed) => seed.id,
            Subject::Bad(bad) => bad.id,
        }
    }

    /// The URL, or the text of a line that is none.
    pub fn url(&self) -> &str {
        match self {
            Subject::Job(job) => job.seed.url.as_str(),
            Subject::Seed(seed) => seed.url.as_str(),
            Subject::Bad(bad) => &bad.text,
        }
    }
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The mark at the end of a cut text.
const CUT: char = '…';

/// Cuts a text that a server chose to this many bytes. A cut text ends in `…`.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.len() {
        len if len <= most => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{}{CUT}", &text[..text.floor_char_boundary(most)])),
    }
}

/// The facts of a response. Absent facts are `None`, never guessed.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The status of the last response.
    pub status: Option<u16>,
    /// The last requested URL, if redirects led away from the first.
    pub final_url: Option<Url>,
    /// The path of the body's file, valid in the start folder of the run.
    pub path: Option<String>,
    /// Bytes of the body after decoding.
    pub bytes: Option<u64>,
    /// Bytes of the body as received, before decoding; without framing and fields.
    pub wire_bytes: Option<u64>,
    /// The Content-Type field (RFC 9110, section 8.3).
    pub content_type: Option<Box<str>>,
    /// Facts of the body, from its observers.
    pub found: Found,
    /// The redirects followed, in order.
    pub redirects: Vec<Hop>,
    /// The version of the last response.
    pub http_version: Option<Version>,
    /// The address that sent the last response.
    pub remote_addr: Option<SocketAddr>,
    /// When the first request of the last attempt began.
    pub started_at: Option<Timestamp>,
    /// The validators for a conditional request of a later run; only if the run needs them.
    pub validators: Option<Box<Validators>>,
    /// The wait that the server requested, from the moment of its response; only of errors.
    pub retry_after: Option<Duration>,
}

/// The time of each phase; `None` for a phase that did not happen. With redirects `dns`, `connect` and `tls`
/// are sums over the hops that opened a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

impl SkipReason {
    /// Every reason, in documentation order.
    pub const ALL: &[SkipReason] =
        &[SkipReason::Duplicate, SkipReason::Exists, SkipReason::Done, SkipReason::NotModified, SkipReason::DryRun];

    /// The name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::Duplicate => "duplicate",
            SkipReason::Exists => "exists",
            SkipReason::Done => "done",
            SkipReason::NotModified => "not_modified",
            SkipReason::DryRun => "dry_run",
        }
    }
}

/// The result of one input line.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The outcome of one input line. Each line read has exactly one.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The subject of the outcome.
    pub subject: Subject,
    /// The facts of the response, boxed because they are large and move often.
    pub facts: Box<Facts>,
    /// How long it took.
    pub timing: Timing,
    /// How it ended.
    pub verdict: Verdict,
}

impl Outcome {
    /// Creates the outcome of an unfetched subject.
    pub fn unfetched(subject: Subject, verdict: Verdict) -> Self {
        Self { subject, facts: Box::default(), timing: Timing::default(), verdict }
    }

    /// Creates the outcome of a line that is no URL.
    pub fn bad_line(bad: BadLine) -> Self {
        let verdict = Verdict::Failed(bad.error.clone());
        Self::unfetched(Subject::Bad(Box::new(bad)), verdict)
    }
}
