//! A job on its way to a child, and what became of it on its way back.
//!
//! The parent keeps the job. The child receives only the inputs of a fetch. It answers only with
//! facts, timing and verdict, or with the target of a redirect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use super::FrameError;
use super::facts::{FactsFrame, RedirectFrame, TimingFrame, ValidatorsFrame};
use super::spec::{self, Field};
use crate::fetch::{Fetched, FinishedBody, Reply};
use crate::model::{
    Claimed, Condition, Credentials, ErrorKind, Facts, FetchError, Job, JobId, Known, Origin, PerSeed, ProxyAnswer,
    Seed, SkipReason, Verdict, Via,
};

/// The inputs of a fetch.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) struct JobFrame<'a> {
    number: u64,
    attempt: u32,
    url: &'a str,
    save_as: Option<&'a str>,
    wants: Option<Wants>,
    /// The URL of a condition and its validators.
    #[serde(borrow)]
    condition: Option<(&'a str, ValidatorsFrame<'a>)>,
    was_saved: bool,
    #[serde(borrow)]
    redirect: Option<RedirectFrame<'a>>,
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
        let known = job.seed.known.as_deref();
        let condition = known
            .and_then(|known| known.condition.as_deref())
            .map(|condition| (condition.url.as_str(), ValidatorsFrame::new(&condition.validators)));
        let redirect = job.redirect.as_deref().map(RedirectFrame::without_hops);
        let was_saved = known.is_some_and(|known| known.was_saved);
        let url = job.seed.url.as_str();
        Self { number: job.id.0, attempt: job.attempt, url, save_as, wants, condition, was_saved, redirect }
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
        let condition = match self.condition {
            None => None,
            Some((at, validators)) => {
                let validators = validators.into_validators();
                // The parent knows the facts that hold if nothing has changed.
                Some(Box::new(Condition { url: url(at)?, validators, facts: Facts::default() }))
            }
        };
        let was_saved = self.was_saved;
        let is_known = was_saved || condition.is_some();
        let known = is_known.then(|| Box::new(Known { condition, was_saved, ..Known::default() }));
        let url = url(self.url)?;
        Ok(Job {
            id: JobId(self.number),
            seed: Seed { id: JobId(self.number), wants, known, ..Seed::new(url, Via::List(origin)) },
            attempt: self.attempt,
            last: None,
            redirect: self.redirect.map(RedirectFrame::into_state).transpose()?.map(Box::new),
            save_as: self.save_as.map(|name| Claimed(name.into())),
            admitted: Instant::now(),
            handed_out: true,
            not_before: None,
        })
    }
}

fn present(field: Field) -> Result<(HeaderName, HeaderValue), FrameError> {
    let (name, value) = field.parse()?;
    Ok((name, value.ok_or(FrameError::Garbage)?))
}

/// The result of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) struct DoneFrame<'a> {
    /// The number of the job.
    pub(in crate::backend) number: u64,
    /// Body bytes that no frame has reported yet.
    pub(in crate::backend) received: u64,
    #[serde(borrow)]
    reply: ReplyFrame<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
enum ReplyFrame<'a> {
    Finished {
        #[serde(borrow)]
        facts: FactsFrame<'a>,
        timing: TimingFrame,
        verdict: VerdictFrame<'a>,
        finished_body: Option<ReadyFrame>,
    },
    #[serde(borrow)]
    Redirected(RedirectFrame<'a>),
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
enum VerdictFrame<'a> {
    Ok,
    HttpError,
    /// The position in [`ErrorKind::ALL`], the message, the status and the Retry-After of a proxy.
    Failed(u8, &'a str, Option<(u16, Option<Duration>)>),
    Cancelled,
    /// The position in [`SkipReason::ALL`].
    Skipped(u8),
}

impl<'a> DoneFrame<'a> {
    /// # Errors
    /// If a path has no form that a frame can carry.
    pub(in crate::backend) fn new(number: JobId, received: u64, reply: &'a Reply) -> Result<Self, FrameError> {
        let reply = match reply {
            Reply::Finished(fetched) => ended(fetched)?,
            Reply::Redirected(redirect) => ReplyFrame::Redirected(RedirectFrame::new(redirect)),
        };
        Ok(Self { number: number.0, received, reply })
    }

    /// Converts the frame to the reply that the child found.
    pub(in crate::backend) fn into_reply(self) -> Result<Reply, FrameError> {
        let (facts, timing, verdict, finished_body) = match self.reply {
            ReplyFrame::Redirected(redirect) => return Ok(Reply::Redirected(Box::new(redirect.into_state()?))),
            ReplyFrame::Finished { facts, timing, verdict, finished_body } => (facts, timing, verdict, finished_body),
        };
        Ok(Reply::Finished(Fetched {
            facts: Box::new(facts.into_facts()?),
            timing: timing.into(),
            verdict: match verdict {
                VerdictFrame::Ok => Verdict::Ok,
                VerdictFrame::HttpError => Verdict::HttpError,
                VerdictFrame::Failed(kind, message, proxy) => Verdict::Failed(FetchError {
                    proxy: proxy.map(|(status, retry_after)| Box::new(ProxyAnswer { status, retry_after })),
                    ..FetchError::new(entry(ErrorKind::ALL, kind)?, message)
                }),
                VerdictFrame::Cancelled => Verdict::Cancelled,
                VerdictFrame::Skipped(reason) => Verdict::Skipped(entry(SkipReason::ALL, reason)?),
            },
            finished_body: match finished_body {
                None => None,
                Some(ReadyFrame { from, to, kept, sync }) => {
                    let (from, to) = (spec::path_of(from)?, spec::path_of(to)?);
                    Some(Box::new(FinishedBody { from, to, kept, sync }))
                }
            },
        }))
    }
}

fn ended(fetched: &Fetched) -> Result<ReplyFrame<'_>, FrameError> {
    let Fetched { facts, timing, verdict, finished_body } = fetched;
    let finished_body = finished_body.as_deref().map(|finished_body| {
        let (from, to) = (spec::path_bytes(&finished_body.from)?, spec::path_bytes(&finished_body.to)?);
        Ok::<_, FrameError>(ReadyFrame { from, to, kept: finished_body.kept, sync: finished_body.sync })
    });
    let verdict = match verdict {
        Verdict::Ok => VerdictFrame::Ok,
        Verdict::HttpError => VerdictFrame::HttpError,
        Verdict::Failed(e) => {
            let proxy = e.proxy.as_ref().map(|answer| (answer.status, answer.retry_after));
            VerdictFrame::Failed(position(ErrorKind::ALL, e.kind).unwrap_or(u8::MAX), &e.message, proxy)
        }
        Verdict::Skipped(reason) => VerdictFrame::Skipped(position(SkipReason::ALL, *reason).unwrap_or(u8::MAX)),
        Verdict::Cancelled => VerdictFrame::Cancelled,
    };
    Ok(ReplyFrame::Finished {
        facts: FactsFrame::new(facts),
        timing: timing.into(),
        verdict,
        finished_body: finished_body.transpose()?,
    })
}

pub(super) fn position<T: PartialEq + Copy>(all: &[T], one: T) -> Option<u8> {
    all.iter().position(|other| *other == one).and_then(|at| u8::try_from(at).ok())
}

pub(super) fn entry<T: Copy>(all: &[T], at: u8) -> Result<T, FrameError> {
    all.get(usize::from(at)).copied().ok_or(FrameError::Garbage)
}
