//! The messages between a parent and its child processes, and their framing.
//!
//! A frame is its length (four bytes, little-endian), the version of this form (one byte, counted
//! in the length) and a message in postcard's form. Parent and child are the same program. A
//! different version means that the program file was replaced meanwhile: an error, never a guess.

mod addresses;
mod cookie;
mod facts;
mod job;
mod spec;

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) use cookie::CookieFrame;
pub(super) use job::{DoneFrame, JobFrame};
pub(super) use spec::{BodyWriter, SpecFrame};

/// Raised with every change of a message.
const VERSION: u8 = 10;

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
    /// The specification of the fetcher: the first frame, and only that.
    Spec(Box<SpecFrame>),
    /// Fetch this; only when the one before is done.
    #[serde(borrow)]
    Job(Box<JobFrame<'a>>),
    /// Grants the last request of the child.
    Granted,
    /// End what is under way.
    Abort,
    /// A ping after a long silence of the child.
    AreYouThere,
    /// Cookies set elsewhere; sent before a job.
    Cookies(Vec<CookieFrame>),
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
    #[serde(borrow)]
    Body(Piece<'a>),
    /// Cookies that the responses of the job have set; sent before `Done`.
    Cookies(Vec<CookieFrame>),
    /// The result of the job.
    #[serde(borrow)]
    Done(Box<DoneFrame<'a>>),
}

/// Bytes that are written and read as one.
#[derive(Debug, Deserialize)]
pub(super) struct Piece<'a>(pub(super) &'a [u8]);

impl Serialize for Piece<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A newtype to the derived half.
        struct Bytes<'a>(&'a [u8]);
        impl Serialize for Bytes<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        serializer.serialize_newtype_struct("Piece", &Bytes(self.0))
    }
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
