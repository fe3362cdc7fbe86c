//! The streaming decoder of one coding of a body.

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use super::bounds::{HEAD, PIECE, SMALL, SMALL_WINDOW, SURPLUS, allowed};
use super::coding::{Codec, Coding};
use super::trailing::{Trailing, show};
use crate::model::{ErrorKind, FetchError};

/// The first bytes of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct StreamHead {
    bytes: [u8; HEAD],
    len: usize,
}

impl StreamHead {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The progress of the stream of one coding.
enum CodecState {
    /// Before its first byte, or with the first bytes, which select the codec.
    Opening(StreamHead),
    /// Between its first and its last byte.
    Inside(Codec),
    /// After its last byte, or with the next bytes, which may begin another member.
    Ended(Codec, StreamHead),
    /// Behind the last member.
    Behind(Trailing),
}

/// The decoder of one coding, and its decoded bytes.
pub(super) struct DecodeStage {
    coding: Coding,
    state: CodecState,
    /// The number of coded bytes used.
    position: u64,
    /// The number of decoded bytes.
    decoded: u64,
    /// The number of coded bytes of this member used since the last decoded byte.
    unanswered: u64,
    /// The largest window so far, in KiB; `None` before the first.
    window: Option<u32>,
    /// The number of bytes that may follow the end, and its limit for any stream.
    tolerated: u64,
    most_tolerated: u64,
    /// Empty until the first coded byte.
    out: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Whether the decoder may allocate its window, and whether a stream waits for it.
    may_begin: bool,
    waits: bool,
    /// Whether the codec may hold back bytes because the buffer was full.
    held: bool,
}

impl DecodeStage {
    /// Creates a stage. At most `most_tolerated` bytes may follow the end, if the coding allows any.
    pub(super) fn new(coding: Coding, most_tolerated: u64) -> Self {
        Self {
            coding,
            state: CodecState::Opening(StreamHead::default()),
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

    /// Makes a later stream with a large window wait for [`DecodeStage::permit`].
    pub(super) fn ask_before(&mut self) {
        self.may_begin = false;
    }

    /// Permits a waiting stream to allocate its window.
    pub(super) fn permit(&mut self) {
        self.may_begin |= self.waits;
    }

    /// Whether the stage waits for memory.
    pub(super) fn waits(&self) -> bool {
        self.waits && !self.may_begin
    }

    /// Whether a stream has begun and not ended.
    pub(super) fn is_cut(&self) -> bool {
        match &self.state {
            CodecState::Opening(head) | CodecState::Ended(_, head) => head.len > 0,
            CodecState::Inside(_) => true,
            CodecState::Behind(_) => false,
        }
    }

    /// Returns the bytes after the end.
    pub(super) fn trailing(&self) -> Option<&Trailing> {
        match &self.state {
            CodecState::Behind(trailing) => Some(trailing),
            CodecState::Opening(_) | CodecState::Inside(_) | CodecState::Ended(..) => None,
        }
    }

    /// Returns the coding.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether the window needs a part of the memory budget now.
    pub(super) fn needs_memory(&self) -> bool {
        self.waits() || self.decoded > SMALL && self.window.is_some_and(|window| window > SMALL_WINDOW)
    }

    /// Returns the memory that the window may need, in KiB.
    pub(super) fn window(&self) -> u32 {
        self.window.unwrap_or(self.coding.largest_window())
    }

    /// Returns the number of coded bytes that may still decode. It is 0 above the limit of the coding.
    pub(super) fn pending(&self) -> u64 {
        match self.state {
            CodecState::Inside(_) if self.unanswered <= self.coding.most_pending() => self.unanswered,
            _ => 0,
        }
    }

    /// Rejects more bytes after the end than the coding tolerates.
    pub(super) fn finish(&self) -> Result<(), FetchError> {
        match self.trailing() {
            Some(trailing) if trailing.len() > self.tolerated => Err(trailing.refused(self.coding)),
            _ => Ok(()),
        }
    }

    /// Returns the decoded bytes that are not taken yet.
    pub(super) fn decoded(&self) -> &[u8] {
        &self.out[self.taken..self.filled]
    }

    /// Marks this many decoded bytes as taken.
    pub(super) fn consume(&mut self, used: usize) {
        self.taken += used;
    }

    /// Takes all decoded bytes.
    pub(super) fn take(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.taken, self.filled);
        &self.out[from..self.filled]
    }

    /// Decodes until the buffer is full or the input is used up. Returns the number of used bytes.
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

    /// The error for a coding that yields almost no bytes: empty members, blocks and frames, long fields.
    fn yields_too_little(&self) -> FetchError {
        let Self { coding, position, decoded, .. } = self;
        let message = format!("{position} bytes of {} coding yield {decoded} bytes only", coding.name());
        FetchError::new(ErrorKind::Decode, message)
    }

    /// Does one step and returns the number of used input bytes. Without input it yields only held-back bytes.
    fn advance(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        match &mut self.state {
            CodecState::Inside(_) => self.decode(input),
            CodecState::Opening(head) if self.waits => {
                let (head, (codec, tolerated)) = (*head, self.coding.codec(head.as_slice())?);
                self.waits = false;
                self.tolerated = tolerated.min(self.most_tolerated);
                self.begin(codec, head, self.position)?;
                Ok(0)
            }
            CodecState::Opening(head) => {
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
            CodecState::Ended(_, head) => {
                let Some(&byte) = input.first() else { return Ok(0) };
                head.push(byte);
                let begins = if self.coding.has_members() { self.coding.begins(head.as_slice()) } else { Some(false) };
                match begins {
                    Some(true) => self.begin_again()?,
                    Some(false) => {
                        let end = self.position + 1 - head.len as u64;
                        self.state = CodecState::Behind(Trailing::new(end, head.as_slice()));
                    }
                    None => {}
                }
                Ok(1)
            }
            CodecState::Behind(trailing) => {
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
        let ended = std::mem::replace(&mut self.state, CodecState::Opening(StreamHead::default()));
        let CodecState::Ended(mut codec, head) = ended else { return Ok(()) };
        codec.reinit().map_err(|error| corrupt(self.coding, self.position, &error))?;
        self.begin(codec, head, self.position + 1)
    }

    /// Begins a stream. Its `head` is the first input of the codec and ends at `position`.
    fn begin(&mut self, codec: Codec, head: StreamHead, position: u64) -> Result<(), FetchError> {
        self.unanswered = 0;
        if self.coding.has_members() {
            self.window = self.window.max(Some(self.coding.window(head.as_slice())));
        }
        self.state = CodecState::Inside(codec);
        let used = self.decode(head.as_slice())?;
        if used < head.len {
            let end = position - (head.len - used) as u64;
            self.state = CodecState::Behind(Trailing::new(end, &head.as_slice()[used..]));
        }
        Ok(())
    }

    /// Calls the codec once.
    fn decode(&mut self, input: &[u8]) -> Result<usize, FetchError> {
        let CodecState::Inside(codec) = &mut self.state else {
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
            // A call without input asks for held-back bytes. Some codecs fail if there are none.
            Err(_) if input.is_empty() && written == 0 => false,
            Err(error) => return Err(corrupt(self.coding, self.position + used as u64, &error)),
        };
        self.held = full && !ended;
        if ended {
            let inside = std::mem::replace(&mut self.state, CodecState::Opening(StreamHead::default()));
            if let CodecState::Inside(codec) = inside {
                self.state = CodecState::Ended(codec, StreamHead::default());
            }
        } else if used == 0 && written == 0 && !input.is_empty() {
            return Err(FetchError::new(ErrorKind::Decode, format!("{} coding makes no progress", self.coding.name())));
        }
        Ok(used)
    }
}

/// The error for data that a codec rejects. The text comes from the codec, not from the server.
fn corrupt(coding: Coding, position: u64, error: &std::io::Error) -> FetchError {
    let message = format!("corrupt {} data near its byte {position}: {error}", coding.name());
    FetchError::new(ErrorKind::Decode, message)
}

/// The error for a body that is not in its coding.
fn not_begun(coding: Coding, head: &[u8], rest: &[u8]) -> FetchError {
    let (name, shown) = (coding.name(), show(&[head, rest].concat()));
    FetchError::new(ErrorKind::Decode, format!("the body is not {name}: it begins with {shown}"))
}
