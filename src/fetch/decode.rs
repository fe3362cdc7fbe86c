//! Content codings (RFC 9110, section 8.4) undone piece by piece.
//!
//! The caller pulls: [`Decoder::next`] yields at most [`PIECE`] bytes, so a body that grows a
//! thousandfold costs no more memory than any other, and a limit on decoded bytes can stop it
//! anywhere. Each coding holds one buffer of that size and its own window: 32 KiB for gzip and
//! deflate, 16 MiB at most for br (RFC 7932, section 9.1), 8 MiB at most for zstd (RFC 9659).

mod coding;
mod compressed_file;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use crate::model::{ErrorKind, FetchError};

pub use compressed_file::{asks_identity, keeps_coded_bytes};

use coding::{Codec, Coding, Opening};

/// The most bytes of one decoded piece.
pub const PIECE: usize = 32 * 1024;

/// The most codings of one body. More than one is rare; a long chain only serves to cost time.
pub const MAX_CODINGS: usize = 3;

/// Undoes the content codings of one body.
pub struct Decoder {
    /// The last coding that was applied first; each feeds the next.
    stages: Vec<Stage>,
    input: Bytes,
}

impl Decoder {
    /// A decoder for the values of Content-Encoding, each a list of codings in the order applied;
    /// `None` when there is nothing to undo.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a coding that is not supported, or more than [`MAX_CODINGS`].
    pub fn new<'a>(content_encoding: impl Iterator<Item = &'a str>) -> Result<Option<Self>, FetchError> {
        let mut codings = coding::parse(content_encoding)?;
        if codings.is_empty() {
            return Ok(None);
        }
        codings.reverse();
        let stages = codings.into_iter().map(Stage::new).collect();
        Ok(Some(Self { stages, input: Bytes::new() }))
    }

    /// Gives the next coded bytes, once [`Decoder::next`] has returned `None`.
    pub fn feed(&mut self, input: Bytes) {
        self.input = if self.input.is_empty() { input } else { [&self.input[..], &input].concat().into() };
    }

    /// The next decoded piece, never empty; `None` when more coded bytes are wanted.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for corrupt data, or data after the end. The body is lost then.
    #[expect(clippy::should_implement_trait, reason = "the piece borrows from the decoder")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, FetchError> {
        if !fill(&mut self.stages, &mut self.input)? {
            return Ok(None);
        }
        Ok(self.stages.last_mut().map(Stage::take))
    }

    /// Says that no more bytes come, once [`Decoder::next`] has returned `None`.
    ///
    /// A body without a single coded byte is an empty body: servers name a coding there, too.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when a coding has not reached its end.
    pub fn finish(&mut self) -> Result<(), FetchError> {
        if !self.input.is_empty() || self.stages.iter().any(|stage| stage.taken < stage.filled) {
            return Err(FetchError::new(ErrorKind::Internal, "decoder was not drained before its end"));
        }
        match self.stages.iter().find(|stage| stage.is_cut()) {
            Some(cut) => {
                Err(FetchError::new(ErrorKind::Truncated, format!("body ends inside its {} coding", cut.coding.name())))
            }
            None => Ok(()),
        }
    }
}

/// Makes the last stage hold decoded bytes; false if the input does not suffice.
fn fill(stages: &mut [Stage], input: &mut Bytes) -> Result<bool, FetchError> {
    let Some((stage, earlier)) = stages.split_last_mut() else {
        return Ok(false);
    };
    loop {
        let more = match earlier.last_mut() {
            None => {
                let used = stage.step(input)?;
                let _ = input.split_to(used);
                !input.is_empty()
            }
            Some(source) => {
                let used = stage.step(&source.out[source.taken..source.filled])?;
                source.taken += used;
                source.taken < source.filled
            }
        };
        if stage.taken < stage.filled {
            return Ok(true);
        }
        if !more && (earlier.is_empty() || !fill(earlier, input)?) {
            return Ok(false);
        }
    }
}

/// Where the stream of one coding stands.
enum State {
    /// Before its first byte, or with the few bytes that the choice of codec waits for.
    Opening(Opening),
    /// Between its first and its last byte.
    Inside(Codec),
    /// After its last byte; another member may follow where the coding has members.
    Ended(Codec),
}

/// One coding, and the bytes that it has decoded.
struct Stage {
    coding: Coding,
    state: State,
    /// Empty until the first coded byte.
    out: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Whether the codec may hold back bytes for which there was no room.
    held: bool,
}

impl Stage {
    fn new(coding: Coding) -> Self {
        Self { coding, state: State::Opening(Opening::default()), out: Vec::new(), taken: 0, filled: 0, held: false }
    }

    /// Whether its stream has begun and not ended.
    fn is_cut(&self) -> bool {
        match &self.state {
            State::Opening(opening) => !opening.is_empty(),
            State::Inside(_) => true,
            State::Ended(_) => false,
        }
    }

    /// What was decoded.
    fn take(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.taken, self.filled);
        &self.out[from..self.filled]
    }

    /// Decodes until the buffer is full or the input is used up, and says how much was used.
    fn step(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        if self.taken < self.filled {
            return Ok(0);
        }
        (self.taken, self.filled) = (0, 0);
        let mut used = 0;
        while used < input.len() || self.held {
            if self.out.is_empty() {
                self.out = vec![0; PIECE];
            }
            if self.filled == self.out.len() {
                break;
            }
            let coding = self.coding;
            match &mut self.state {
                State::Opening(opening) => {
                    used += opening.take(coding, &input[used..]);
                    if let Some(codec) = opening.decide(coding)? {
                        // What the choice was made from is the codec's first input.
                        let head = std::mem::take(opening);
                        self.state = State::Inside(codec);
                        if self.decode(head.as_slice())? < head.as_slice().len() {
                            return Err(after_end(coding));
                        }
                    }
                }
                State::Inside(_) => used += self.decode(&input[used..])?,
                State::Ended(codec) if coding.has_members() => {
                    codec.reinit().map_err(|error| corrupt(coding, &error))?;
                    let State::Ended(codec) = std::mem::replace(&mut self.state, State::Opening(Opening::default()))
                    else {
                        continue;
                    };
                    self.state = State::Inside(codec);
                }
                State::Ended(_) => return Err(after_end(coding)),
            }
        }
        Ok(used)
    }

    /// One call of the codec.
    fn decode(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        let State::Inside(codec) = &mut self.state else {
            return Ok(0);
        };
        let mut source = PartialBuffer::new(input);
        let mut sink = WriteBuffer::new_initialized(&mut self.out[self.filled..]);
        let result = codec.decode(&mut source, &mut sink);
        let (used, written, full) = (source.written_len(), sink.written_len(), sink.has_no_spare_space());
        self.filled += written;
        let ended = match result {
            Ok(ended) => ended,
            // Asked for what it might hold back, a codec may complain that it holds nothing.
            Err(_) if input.is_empty() && written == 0 => false,
            Err(error) => return Err(corrupt(self.coding, &error)),
        };
        self.held = full && !ended;
        if ended {
            let inside = std::mem::replace(&mut self.state, State::Opening(Opening::default()));
            if let State::Inside(codec) = inside {
                self.state = State::Ended(codec);
            }
        } else if used == 0 && written == 0 && !input.is_empty() {
            return Err(FetchError::new(ErrorKind::Decode, format!("{} coding makes no progress", self.coding.name())));
        }
        Ok(used)
    }
}

/// The error for data that a codec refused; its words are its own, not the server's.
fn corrupt(coding: Coding, error: &std::io::Error) -> FetchError {
    FetchError::new(ErrorKind::Decode, format!("corrupt {} data: {error}", coding.name()))
}

/// The error for bytes that belong to no member.
fn after_end(coding: Coding) -> FetchError {
    FetchError::new(ErrorKind::Decode, format!("data after the end of the {} coding", coding.name()))
}
