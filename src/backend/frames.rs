//! The messages between a parent and its child processes, and their framing.
//!
//! A frame is its length (four bytes, little-endian), the version of this form (one byte, counted
//! in the length) and a message in postcard's form. Parent and child are the same program. A
//! different version means that the program file was replaced meanwhile: an error, never a guess.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt};
use url::Url;

use crate::fetch::{ByteLimit, FetchConfig, FetchServices, Reply};
use crate::model::{
    Claimed, Condition, Cookie, Job, JobId, Kind, PriorRun, RedirectState, RequestOverrides, Seed, SourcePos, Via,
};

/// Raised with every change of a message.
const VERSION: u8 = 12;

/// The length and the version.
const HEAD: usize = 5;

/// The longest frame. Redirects with long targets and authorities in PEM are the longest that occur.
const LONGEST: usize = 16 << 20;

/// About so many bytes of cookies are one frame: what is on its way to many children is memory of the parent.
pub(super) const COOKIES: usize = 64 * 1024;

/// Read at once; a message of an ordinary URL has some hundred bytes.
const READ: usize = 8 * 1024;

/// A frame to the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker<'a> {
    /// The settings: the first frame, and only that.
    Setup(Box<ChildSetup<'a>>),
    /// Fetch this; only when the one before is done.
    Job(Box<JobFrame<'a>>),
    /// Grants the last request of the child.
    Granted,
    /// End what is under way.
    Abort,
    /// A ping after a long silence of the child.
    AreYouThere,
    /// Cookies set elsewhere; sent before a job.
    Cookies(Vec<Cookie>),
}

/// A frame to the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromWorker<'a> {
    /// The number of further body bytes received.
    Received(u64),
    /// May a request of this host start? The child sends no other request until that is granted.
    Request(&'a str),
    /// Requests permits for this number of bytes read.
    Bytes(u64),
    /// May the decoders of a body of this host have so many KiB, in the place of what they had?
    Memory(&'a str, u32),
    /// The answer to a ping.
    Here,
    /// A piece of a body that goes to a writer of the parent.
    Body(#[serde(serialize_with = "octets")] &'a [u8]),
    /// Cookies that the responses of the job have set; sent before `Done`.
    Cookies(Vec<Cookie>),
    /// The result of the job.
    Done(Box<Done>),
}

/// Writes bytes as one value, not one by one.
fn octets<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// The settings from which a child builds its fetcher.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChildSetup<'a> {
    pub(super) config: Cow<'a, FetchConfig>,
    /// Whether the run keeps cookies; other frames carry them.
    pub(super) cookies: bool,
    /// Whether the parent paces requests.
    pub(super) paced: bool,
    /// The byte limit that the parent keeps.
    pub(super) byte_limit: Option<ByteLimit>,
}

impl<'a> ChildSetup<'a> {
    pub(super) fn new(config: &'a FetchConfig, services: &FetchServices) -> Self {
        Self {
            config: Cow::Borrowed(config),
            cookies: services.cookies.is_some(),
            paced: services.throttle.is_paced(),
            byte_limit: services.throttle.bytes(),
        }
    }
}

/// The inputs of a fetch. The parent keeps the job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JobFrame<'a> {
    id: JobId,
    attempt: u32,
    kind: Kind,
    url: Cow<'a, Url>,
    save_as: Option<Cow<'a, Claimed>>,
    overrides: Option<Cow<'a, RequestOverrides>>,
    condition: Option<Cow<'a, Condition>>,
    was_saved: bool,
    redirect: Option<Box<RedirectState>>,
}

impl<'a> JobFrame<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let known = job.seed.known.as_deref();
        Self {
            id: job.seed.id,
            attempt: job.attempt,
            kind: job.seed.kind,
            url: Cow::Borrowed(&job.seed.url),
            save_as: job.save_as.as_ref().map(Cow::Borrowed),
            overrides: job.seed.overrides.as_deref().map(Cow::Borrowed),
            condition: known.and_then(|known| known.condition.as_deref()).map(Cow::Borrowed),
            was_saved: known.is_some_and(|known| known.was_saved),
            redirect: job.redirect.as_ref().map(|redirect| Box::new(redirect.for_next_hop())),
        }
    }

    /// The job again, as far as a fetch looks at it.
    pub(super) fn into_job(self) -> Job {
        let condition = self.condition.map(|condition| Box::new(condition.into_owned()));
        let is_known = self.was_saved || condition.is_some();
        let known = PriorRun { condition, was_saved: self.was_saved, ..PriorRun::default() };
        let via = Via::List(SourcePos { list: Arc::from(""), line: 0 });
        let seed = Seed {
            id: self.id,
            kind: self.kind,
            overrides: self.overrides.map(|overrides| Box::new(overrides.into_owned())),
            known: is_known.then(|| Box::new(known)),
            ..Seed::new(self.url.into_owned(), via)
        };
        let job = Job::new(seed, self.save_as.map(Cow::into_owned), Instant::now());
        Job { attempt: self.attempt, redirect: self.redirect, handed_out: true, ..job }
    }
}

/// The result of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) id: JobId,
    /// Body bytes that no frame has reported yet.
    pub(super) received: u64,
    pub(super) reply: Reply,
}

/// The other side cannot be understood, or is gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// Another program, or another version of this one.
    #[error("a frame of version {0}, not {VERSION}")]
    Version(u8),
    /// Longer than any valid message.
    #[error("a frame of {0} bytes, more than {LONGEST}")]
    TooLong(usize),
    /// No message.
    #[error("a frame that is no message")]
    Garbage,
    /// A message at the wrong time.
    #[error("a frame out of its turn")]
    OutOfTurn,
    /// The end of the stream.
    #[error("the pipe was closed")]
    Closed,
    /// The pipe broke.
    #[error("the pipe broke: {0}")]
    Io(#[from] io::Error),
}

/// Appends a frame to what is to be sent, which stays as it was when the message is too long.
pub(super) fn append(message: &impl Serialize, to: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = to.len();
    let mut frame = std::mem::take(to);
    frame.extend_from_slice(&[0, 0, 0, 0, VERSION]);
    // Memory always has room: an error is a message that cannot be serialized.
    *to = postcard::to_extend(message, frame).map_err(|_| FrameError::Garbage)?;
    let length = to.len() - start - 4;
    let field = u32::try_from(length).ok().filter(|_| length <= LONGEST);
    let (Some(field), Some(head)) = (field, to.get_mut(start..start + 4)) else {
        to.truncate(start);
        return Err(FrameError::TooLong(length));
    };
    head.copy_from_slice(&field.to_le_bytes());
    Ok(())
}

/// Takes frames out of a stream of bytes.
pub(super) struct FrameReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// The end of the consumed bytes.
    start: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::with_capacity(READ), start: 0 }
    }

    /// Reads more, all that is there. Dropped before its end it has read nothing.
    ///
    /// # Errors
    /// When the stream has ended or broken.
    pub(super) async fn fill(&mut self) -> Result<(), FrameError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        // A long frame is rare, and there may be many readers.
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * READ {
            self.buffer.shrink_to(READ);
        }
        self.buffer.reserve(READ);
        match self.input.read_buf(&mut self.buffer).await? {
            // In the middle of a message.
            0 if !self.buffer.is_empty() => Err(FrameError::Garbage),
            0 => Err(FrameError::Closed),
            _ => Ok(()),
        }
    }

    /// The next message, if all of it has been read.
    ///
    /// # Errors
    /// When it is none; the stream is of no more use then.
    pub(super) fn next<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, FrameError> {
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        let Some((head, rest)) = waiting.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [a, b, c, d, version] = *head;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > LONGEST {
            return Err(FrameError::TooLong(length));
        }
        let payload = length.checked_sub(1).ok_or(FrameError::Garbage)?;
        let Some(message) = rest.get(..payload) else { return Ok(None) };
        self.start += HEAD + payload;
        match postcard::take_from_bytes(message) {
            Ok((message, [])) => Ok(Some(message)),
            Ok(_) | Err(_) => Err(FrameError::Garbage),
        }
    }
}

#[cfg(test)]
mod tests;
