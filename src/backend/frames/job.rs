//! A job on its way to a child, and what became of it on its way back.
//!
//! The parent keeps the job: the child is told only what a fetch depends on, and answers only
//! with facts, timing and verdict.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::FrameError;
use super::spec::{self, Field};
use crate::fetch::{Fetched, Ready};
use crate::model::{
    Answered, Claimed, Condition, Credentials, ErrorKind, Facts, FetchError, Hop, Job, JobId, Known, Origin, PerSeed,
    Seed, SkipReason, Timing, Validators, Verdict,
};

/// The versions that there are, in the order of their numbers on the wire.
const VERSIONS: [Version; 5] = [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];

/// What a fetch depends on.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) struct JobFrame<'a> {
    number: u64,
    attempt: u32,
    url: &'a str,
    save_as: Option<&'a str>,
    wants: Option<Wants>,
    /// The URL of a condition, its ETag and its Last-Modified.
    condition: Option<(&'a str, Option<&'a str>, Option<&'a str>)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Wants {
    out: Option<String>,
    sha256: Option<[u8; 32]>,
    blake3: Option<[u8; 32]>,
    headers: Vec<Field>,
    credentials: Option<(String, String)>,
}

impl<'a> JobFrame<'a> {
    pub(in crate::backend) fn new(job: &'a Job) -> Self {
        let wants = job.seed.wants.as_deref().map(|wants| Wants {
            out: wants.out.clone(),
            sha256: wants.sha256,
            blake3: wants.blake3,
            headers: wants.headers.iter().map(|(name, value)| Field::new(name, Some(value))).collect(),
            credentials: wants.credentials.as_ref().map(|user| (user.username.clone(), user.password.clone())),
        });
        let save_as = job.save_as.as_ref().map(|name| &*name.0);
        let condition = job.seed.known.as_ref().and_then(|known| known.condition.as_deref()).map(|condition| {
            let Validators { etag, last_modified } = &condition.validators;
            (condition.url.as_str(), etag.as_deref(), last_modified.as_deref())
        });
        Self { number: job.id.0, attempt: job.attempt, url: job.seed.url.as_str(), save_as, wants, condition }
    }

    /// The job again, as far as a fetch looks at it.
    pub(in crate::backend) fn into_job(self) -> Result<Job, FrameError> {
        let wants = match self.wants {
            None => None,
            Some(wants) => Some(Box::new(PerSeed {
                out: wants.out,
                sha256: wants.sha256,
                blake3: wants.blake3,
                headers: wants.headers.into_iter().map(present).collect::<Result<_, _>>()?,
                credentials: wants.credentials.map(|(username, password)| Credentials { username, password }),
            })),
        };
        let origin = Origin { list: Arc::from(""), line: 0 };
        let url = |text| Url::parse(text).map_err(|_| FrameError::Garbage);
        let known = match self.condition {
            None => None,
            Some((at, etag, last_modified)) => {
                let validators =
                    Validators { etag: etag.map(Into::into), last_modified: last_modified.map(Into::into) };
                // What holds if nothing has changed the parent knows.
                let condition = Condition { url: url(at)?, validators, facts: Facts::default() };
                Some(Box::new(Known { condition: Some(Box::new(condition)), ..Known::default() }))
            }
        };
        let url = url(self.url)?;
        Ok(Job {
            id: JobId(self.number),
            seed: Seed { url, priority: 0, origin, number: 0, wants, known },
            attempt: self.attempt,
            last: None,
            save_as: self.save_as.map(|name| Claimed(name.into())),
            admitted: Instant::now(),
            // Who asks to know is not here.
            answered: Answered::default(),
        })
    }
}

fn present(field: Field) -> Result<(HeaderName, HeaderValue), FrameError> {
    let (name, value) = field.parse()?;
    Ok((name, value.ok_or(FrameError::Garbage)?))
}

/// What became of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) struct DoneFrame<'a> {
    /// The number of the job.
    pub(in crate::backend) number: u64,
    /// Body bytes that no frame has told of yet.
    pub(in crate::backend) received: u64,
    status: Option<u16>,
    final_url: Option<&'a str>,
    path: Option<&'a str>,
    bytes: Option<u64>,
    wire_bytes: Option<u64>,
    content_type: Option<&'a str>,
    sha256: Option<[u8; 32]>,
    blake3: Option<[u8; 32]>,
    #[serde(borrow)]
    redirects: Vec<(u16, &'a str)>,
    http_version: Option<u8>,
    remote_addr: Option<SocketAddr>,
    started_at: Option<(i64, i32)>,
    /// ETag and Last-Modified.
    validators: Option<(Option<&'a str>, Option<&'a str>)>,
    retry_after: Option<Duration>,
    /// DNS, connect, TLS, first byte, total.
    phases: [Option<Duration>; 5],
    ended: Ended<'a>,
    ready: Option<ReadyFrame>,
}

/// A body that waits for its name.
#[derive(Debug, Serialize, Deserialize)]
struct ReadyFrame {
    from: Vec<u8>,
    to: Vec<u8>,
    kept: bool,
    sync: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Ended<'a> {
    Ok,
    HttpError,
    /// The position in [`ErrorKind::ALL`], and the message.
    Failed(u8, &'a str),
    Cancelled,
    /// The position in [`SkipReason::ALL`].
    Skipped(u8),
}

impl<'a> DoneFrame<'a> {
    /// # Errors
    /// When a path has no form that can be told.
    pub(in crate::backend) fn new(number: JobId, received: u64, fetched: &'a Fetched) -> Result<Self, FrameError> {
        let Fetched { facts, timing, verdict, ready } = fetched;
        let ready = ready.as_deref().map(|ready| {
            let (from, to) = (spec::path_bytes(&ready.from)?, spec::path_bytes(&ready.to)?);
            Ok::<_, FrameError>(ReadyFrame { from, to, kept: ready.kept, sync: ready.sync })
        });
        Ok(Self {
            number: number.0,
            received,
            status: facts.status,
            final_url: facts.final_url.as_ref().map(Url::as_str),
            path: facts.path.as_deref(),
            bytes: facts.bytes,
            wire_bytes: facts.wire_bytes,
            content_type: facts.content_type.as_deref(),
            sha256: facts.sha256,
            blake3: facts.blake3,
            redirects: facts.redirects.iter().map(|hop| (hop.status, hop.url.as_str())).collect(),
            http_version: facts.http_version.and_then(|version| position(&VERSIONS, version)),
            remote_addr: facts.remote_addr,
            started_at: facts.started_at.map(|at| (at.as_second(), at.subsec_nanosecond())),
            validators: facts.validators.as_ref().map(|v| (v.etag.as_deref(), v.last_modified.as_deref())),
            retry_after: facts.retry_after,
            phases: [timing.dns, timing.connect, timing.tls, timing.first_byte, timing.total],
            ended: match verdict {
                Verdict::Ok => Ended::Ok,
                Verdict::HttpError => Ended::HttpError,
                Verdict::Failed(e) => Ended::Failed(position(ErrorKind::ALL, e.kind).unwrap_or(u8::MAX), &e.message),
                Verdict::Skipped(reason) => Ended::Skipped(position(SkipReason::ALL, *reason).unwrap_or(u8::MAX)),
                Verdict::Cancelled => Ended::Cancelled,
            },
            ready: ready.transpose()?,
        })
    }

    /// What the child found out.
    pub(in crate::backend) fn into_fetched(self) -> Result<Fetched, FrameError> {
        let url = |text: &str| Url::parse(text).map_err(|_| FrameError::Garbage);
        let hop = |(status, text)| Ok(Hop { status, url: url(text)? });
        let [dns, connect, tls, first_byte, total] = self.phases;
        Ok(Fetched {
            facts: Facts {
                status: self.status,
                final_url: self.final_url.map(url).transpose()?,
                path: self.path.map(str::to_owned),
                bytes: self.bytes,
                wire_bytes: self.wire_bytes,
                content_type: self.content_type.map(Into::into),
                sha256: self.sha256,
                blake3: self.blake3,
                redirects: self.redirects.into_iter().map(hop).collect::<Result<_, FrameError>>()?,
                http_version: self.http_version.map(|at| entry(&VERSIONS, at)).transpose()?,
                remote_addr: self.remote_addr,
                started_at: match self.started_at {
                    None => None,
                    Some((second, nano)) => Some(Timestamp::new(second, nano).map_err(|_| FrameError::Garbage)?),
                },
                validators: self.validators.map(|(etag, last_modified)| {
                    Box::new(Validators { etag: etag.map(Into::into), last_modified: last_modified.map(Into::into) })
                }),
                retry_after: self.retry_after,
            },
            timing: Timing { queued: None, dns, connect, tls, first_byte, total },
            verdict: match self.ended {
                Ended::Ok => Verdict::Ok,
                Ended::HttpError => Verdict::HttpError,
                Ended::Failed(kind, message) => Verdict::Failed(FetchError::new(entry(ErrorKind::ALL, kind)?, message)),
                Ended::Cancelled => Verdict::Cancelled,
                Ended::Skipped(reason) => Verdict::Skipped(entry(SkipReason::ALL, reason)?),
            },
            ready: match self.ready {
                None => None,
                Some(ReadyFrame { from, to, kept, sync }) => {
                    let (from, to) = (spec::path_of(from)?, spec::path_of(to)?);
                    Some(Box::new(Ready { from, to, kept, sync }))
                }
            },
        })
    }
}

pub(super) fn position<T: PartialEq + Copy>(all: &[T], one: T) -> Option<u8> {
    all.iter().position(|other| *other == one).and_then(|at| u8::try_from(at).ok())
}

pub(super) fn entry<T: Copy>(all: &[T], at: u8) -> Result<T, FrameError> {
    all.get(usize::from(at)).copied().ok_or(FrameError::Garbage)
}
