//! One coding of a body, undone piece by piece.

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use super::coding::{Codec, Coding};
use super::memory::{SMALL, SMALL_WINDOW};
use super::trailing::{Trailing, show};
use super::{PIECE, SURPLUS, allowed};
use crate::model::{ErrorKind, FetchError};

/// The most bytes that say whether and how a stream begins: a magic number of zstd, and the window behind it.
pub(super) const HEAD: usize = 6;

/// The first bytes of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    bytes: [u8; HEAD],
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
pub(super) struct Stage {
    coding: Coding,
    state: State,
    /// How many coded bytes were used.
    position: u64,
    /// How many bytes were decoded.
    decoded: u64,
    /// How many coded bytes of this member were used since the last decoded one.
    unanswered: u64,
    /// The largest window so far, in KiB; `None` before the first.
    window: Option<u32>,
    /// How many bytes may follow the end, and how many at most for any stream.
    tolerated: u64,
    most_tolerated: u64,
    /// Empty until the first coded byte.
    out: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Whether the decoder may have its window, and whether a stream waits for it.
    may_begin: bool,
    waits: bool,
    /// Whether the codec may hold back bytes for which there was no room.
    held: bool,
}

impl Stage {
    /// `most_tolerated` bytes may follow the end where the coding allows any.
    pub(super) fn new(coding: Coding, most_tolerated: u64) -> Self {
        Self {
            coding,
            state: State::Opening(Head::default()),
            position: 0,
            decoded: 0,
            unanswered: 0,
            window: None,
            tolerated: 0,
            most_tolerated,
            out: Vec::new(),
            taken: 0,
            filled: 0,
            may_begin: true,
            waits: false,
            held: false,
        }
    }

    /// From here on a stream with a large window waits for [`Stage::permit`].
    pub(super) fn ask_before(&mut self) {
        self.may_begin = false;
    }

    /// The memory of its windows is there.
    pub(super) fn permit(&mut self) {
        self.may_begin |= self.waits;
    }

    /// Whether it waits for memory.
    pub(super) fn waits(&self) -> bool {
        self.waits && !self.may_begin
    }

    /// Whether a stream has begun and not ended.
    pub(super) fn is_cut(&self) -> bool {
        match &self.state {
            State::Opening(head) | State::Ended(_, head) => head.len > 0,
            State::Inside(_) => true,
            State::Behind(_) => false,
        }
    }

    /// The bytes after the end.
    pub(super) fn trailing(&self) -> Option<&Trailing> {
        match &self.state {
            State::Behind(trailing) => Some(trailing),
            State::Opening(_) | State::Inside(_) | State::Ended(..) => None,
        }
    }

    /// The coding that it undoes.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether it has come to need memory for its window.
    pub(super) fn needs_memory(&self) -> bool {
        self.waits() || self.decoded > SMALL && self.window.is_some_and(|window| window > SMALL_WINDOW)
    }

    /// The memory that its window may come to need, in KiB.
    pub(super) fn window(&self) -> u32 {
        self.window.unwrap_or(self.coding.largest_window())
    }

    /// The number of coded bytes that may yet be decoded: an honest stream holds back no more than its coding can.
    pub(super) fn pending(&self) -> u64 {
        match self.state {
            State::Inside(_) if self.unanswered <= self.coding.most_pending() => self.unanswered,
            _ => 0,
        }
    }

    /// Refuses bytes after the end, unless so many may follow.
    pub(super) fn finish(&self) -> Result<(), FetchError> {
        match self.trailing() {
            Some(trailing) if trailing.len() > self.tolerated => Err(trailing.refused(self.coding)),
            _ => Ok(()),
        }
    }

    /// The decoded bytes that were not taken yet.
    pub(super) fn decoded(&self) -> &[u8] {
        &self.out[self.taken..self.filled]
    }

    /// Says how many of them were used.
    pub(super) fn consume(&mut self, used: usize) {
        self.taken += used;
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.taken, self.filled);
        &self.out[from..self.filled]
    }

    /// Decodes until the buffer is full or the input is used up, and says how much was used.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        if self.taken < self.filled {
            return Ok(0);
        }
        (self.taken, self.filled) = (0, 0);
        let mut used = 0;
        while !self.waits() && (used < input.len() || self.held || self.waits) {
            if self.out.is_empty() {
                self.out = vec![0; PIECE];
            }
            if self.filled == self.out.len() {
                break;
            }
            let used_here = self.advance(&input[used..])?;
            used += used_here;
            self.position += used_here as u64;
            self.unanswered += used_here as u64;
            if self.position > allowed(self.decoded, SURPLUS) {
                return Err(self.yields_too_little());
            }
        }
        Ok(used)
    }

    /// The error for a coding whose bytes stand for next to nothing: empty members, blocks and frames, long fields.
    fn yields_too_little(&self) -> FetchError {
        let Self { coding, position, decoded, .. } = self;
        let message = format!("{position} bytes of {} coding yield {decoded} bytes only", coding.name());
        FetchError::new(ErrorKind::Decode, message)
    }

    /// One step, and how much of the input it used. Without input only what the codec holds back comes.
    fn advance(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        match &mut self.state {
            State::Inside(_) => self.decode(input),
            State::Opening(head) if self.waits => {
                let (head, (codec, tolerated)) = (*head, self.coding.codec(head.as_slice())?);
                self.waits = false;
                self.tolerated = tolerated.min(self.most_tolerated);
                self.begin(codec, head, self.position)?;
                Ok(0)
            }
            State::Opening(head) => {
                let Some((&byte, rest)) = input.split_first() else { return Ok(0) };
                head.push(byte);
                match self.coding.begins(head.as_slice()) {
                    Some(true) => {
                        let mut seen = *head;
                        rest.iter().take(HEAD - seen.len).for_each(|&byte| seen.push(byte));
                        let window = self.coding.window(seen.as_slice());
                        self.window = Some(window);
                        self.waits = true;
                        self.may_begin |= window <= SMALL_WINDOW || !self.coding.fills_window_at_once();
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
        self.begin(codec, head, self.position + 1)
    }

    /// Begins a stream with the bytes that have announced it, its codec's first input, which end at `position`.
    fn begin(&mut self, codec: Codec, head: Head, position: u64) -> Result<(), FetchError> {
        self.unanswered = 0;
        if self.coding.has_members() {
            self.window = self.window.max(Some(self.coding.window(head.as_slice())));
        }
        self.state = State::Inside(codec);
        let used = self.decode(head.as_slice())?;
        if used < head.len {
            let end = position - (head.len - used) as u64;
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
        if written > 0 {
            (self.decoded, self.unanswered) = (self.decoded + written as u64, 0);
        }
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
    let message = format!("corrupt {} data near its byte {position}: {error}", coding.name());
    FetchError::new(ErrorKind::Decode, message)
}

/// The error for a body that is not in its coding.
fn not_begun(coding: Coding, head: &[u8], rest: &[u8]) -> FetchError {
    let (name, shown) = (coding.name(), show(&[head, rest].concat()));
    FetchError::new(ErrorKind::Decode, format!("the body is not {name}: it begins with {shown}"))
}
