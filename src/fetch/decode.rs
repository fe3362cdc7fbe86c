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
mod trailing;

use bytes::Bytes;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use crate::model::{ErrorKind, FetchError};

pub use compressed_file::{Resource, asks_identity};

use coding::{ADVICE, Codec, Coding};
use trailing::{Trailing, show};

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
    /// `None` when there is nothing to undo. The coding of a compressed file stays.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a coding that is not supported, or more than [`MAX_CODINGS`].
    pub fn new<'a>(
        content_encoding: impl Iterator<Item = &'a [u8]>,
        resource: &Resource<'_>,
    ) -> Result<Option<Self>, FetchError> {
        let mut codings = coding::parse(content_encoding);
        if codings.first().is_some_and(|innermost| resource.is_file_of(innermost.name)) {
            codings.remove(0);
        }
        if codings.len() > MAX_CODINGS {
            let message = format!("more than {MAX_CODINGS} content codings: {ADVICE}");
            return Err(FetchError::new(ErrorKind::Decode, message));
        }
        let stages = codings.into_iter().rev().map(|applied| applied.supported().map(Stage::new));
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        Ok((!stages.is_empty()).then(|| Self { stages, input: Bytes::new() }))
    }

    /// Gives the next coded bytes, once [`Decoder::next`] has returned `None`.
    pub fn feed(&mut self, input: Bytes) {
        self.input = if self.input.is_empty() { input } else { [&self.input[..], &input].concat().into() };
    }

    /// The next decoded piece, never empty; `None` when more coded bytes are wanted.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for corrupt data. The body is lost then.
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
    /// [`ErrorKind::Truncated`] when a coding has not reached its end, [`ErrorKind::Decode`] when
    /// bytes follow an end that none may follow.
    pub fn finish(&mut self) -> Result<(), FetchError> {
        if !self.input.is_empty() || self.stages.iter().any(|stage| stage.taken < stage.filled) {
            return Err(FetchError::new(ErrorKind::Internal, "decoder was not drained before its end"));
        }
        if let Some(cut) = self.stages.iter().find(|stage| stage.is_cut()) {
            let message = format!("body ends inside its {} coding", cut.coding.name());
            return Err(FetchError::new(ErrorKind::Truncated, message));
        }
        self.stages.iter().try_for_each(|stage| match stage.trailing() {
            Some(trailing) if trailing.len() > stage.tolerated => Err(trailing.refused(stage.coding)),
            _ => Ok(()),
        })
    }

    /// The number of ignored bytes after the end of a coding.
    pub fn ignored(&self) -> u64 {
        self.stages.iter().filter_map(Stage::trailing).map(Trailing::len).sum()
    }

    /// Describes the ignored bytes for the log; `None` without any, and for zeros.
    pub fn warning(&self) -> Option<String> {
        let mut stages = self.stages.iter();
        stages.find_map(|stage| stage.trailing().filter(|it| !it.is_padding()).map(|it| it.found(stage.coding)))
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

/// The most bytes that say whether a stream begins: a magic number of zstd.
const MAGIC: usize = 4;

/// The first bytes of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    bytes: [u8; MAGIC],
    len: usize,
}

impl Head {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Where the stream of one coding stands.
enum State {
    /// Before its first byte, or with the few bytes that the choice of codec waits for.
    Opening(Head),
    /// Between its first and its last byte.
    Inside(Codec),
    /// After its last byte, or with the few bytes that say whether another member follows.
    Ended(Codec, Head),
    /// Behind the last member.
    Behind(Trailing),
}

/// One coding, and the bytes that it has decoded.
struct Stage {
    coding: Coding,
    state: State,
    /// How many coded bytes were used.
    position: u64,
    /// How many bytes may follow the end.
    tolerated: u64,
    /// Empty until the first coded byte.
    out: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Whether the codec may hold back bytes for which there was no room.
    held: bool,
}

impl Stage {
    fn new(coding: Coding) -> Self {
        Self {
            coding,
            state: State::Opening(Head::default()),
            position: 0,
            tolerated: 0,
            out: Vec::new(),
            taken: 0,
            filled: 0,
            held: false,
        }
    }

    /// Whether a stream has begun and not ended.
    fn is_cut(&self) -> bool {
        match &self.state {
            State::Opening(head) | State::Ended(_, head) => head.len > 0,
            State::Inside(_) => true,
            State::Behind(_) => false,
        }
    }

    fn trailing(&self) -> Option<&Trailing> {
        match &self.state {
            State::Behind(trailing) => Some(trailing),
            State::Opening(_) | State::Inside(_) | State::Ended(..) => None,
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
            let used_here = self.advance(&input[used..])?;
            used += used_here;
            self.position += used_here as u64;
        }
        Ok(used)
    }

    /// One step, and how much of the input it used. Without input only what the codec holds back comes.
    fn advance(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        match &mut self.state {
            State::Inside(_) => self.decode(input),
            State::Opening(head) => {
                let Some((&byte, rest)) = input.split_first() else { return Ok(0) };
                head.push(byte);
                match self.coding.begins(head.as_slice()) {
                    Some(true) => {
                        let (head, (codec, tolerated)) = (*head, self.coding.codec(head.as_slice())?);
                        self.tolerated = tolerated;
                        self.begin(codec, head)?;
                    }
                    Some(false) => return Err(not_begun(self.coding, head.as_slice(), rest)),
                    None => {}
                }
                Ok(1)
            }
            State::Ended(_, head) => {
                let Some(&byte) = input.first() else { return Ok(0) };
                head.push(byte);
                let begins = if self.coding.has_members() { self.coding.begins(head.as_slice()) } else { Some(false) };
                match begins {
                    Some(true) => self.begin_again()?,
                    Some(false) => {
                        let end = self.position + 1 - head.len as u64;
                        self.state = State::Behind(Trailing::new(end, head.as_slice()));
                    }
                    None => {}
                }
                Ok(1)
            }
            State::Behind(trailing) => {
                trailing.add(input);
                if trailing.len() > self.tolerated && trailing.is_long() {
                    return Err(trailing.refused(self.coding));
                }
                Ok(input.len())
            }
        }
    }

    /// Begins another member.
    fn begin_again(&mut self) -> Result<(), FetchError> {
        let ended = std::mem::replace(&mut self.state, State::Opening(Head::default()));
        let State::Ended(mut codec, head) = ended else { return Ok(()) };
        codec.reinit().map_err(|error| corrupt(self.coding, self.position, &error))?;
        self.begin(codec, head)
    }

    /// Begins a stream with the bytes that have announced it, its codec's first input.
    fn begin(&mut self, codec: Codec, head: Head) -> Result<(), FetchError> {
        self.state = State::Inside(codec);
        let used = self.decode(head.as_slice())?;
        if used < head.len {
            let end = self.position + 1 - (head.len - used) as u64;
            self.state = State::Behind(Trailing::new(end, &head.as_slice()[used..]));
        }
        Ok(())
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
            Err(error) => return Err(corrupt(self.coding, self.position + used as u64, &error)),
        };
        self.held = full && !ended;
        if ended {
            let inside = std::mem::replace(&mut self.state, State::Opening(Head::default()));
            if let State::Inside(codec) = inside {
                self.state = State::Ended(codec, Head::default());
            }
        } else if used == 0 && written == 0 && !input.is_empty() {
            return Err(FetchError::new(ErrorKind::Decode, format!("{} coding makes no progress", self.coding.name())));
        }
        Ok(used)
    }
}

/// The error for data that a codec refused; its words are its own, not the server's.
fn corrupt(coding: Coding, position: u64, error: &std::io::Error) -> FetchError {
    let message = format!("corrupt {} data near its byte {position}: {error}; {ADVICE}", coding.name());
    FetchError::new(ErrorKind::Decode, message)
}

/// The error for a body that is not in its coding.
fn not_begun(coding: Coding, head: &[u8], rest: &[u8]) -> FetchError {
    let (name, shown) = (coding.name(), show(&[head, rest].concat()));
    FetchError::new(ErrorKind::Decode, format!("the body is not {name}: it begins with {shown}; {ADVICE}"))
}
