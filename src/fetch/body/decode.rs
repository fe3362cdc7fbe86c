//! A streaming decoder for content codings (RFC 9110, section 8.4) and for transfer codings except `chunked`
//! (RFC 9112, section 7).
//!
//! The caller pulls: [`Decoder::next`] yields at most [`PIECE`] bytes. So a body that grows a thousandfold
//! costs no more memory than any other, and a limit on decoded bytes can stop it anywhere.
//!
//! Each coding holds one buffer of that size and its own window:
//!
//! - gzip and deflate: 32 KiB,
//! - br: at most 16 MiB (RFC 7932, section 9.1),
//! - zstd: at most 8 MiB (RFC 9659).
//!
//! All windows of a run share one budget, see [`DecoderMemory`]. A coding that yields almost no bytes is an error.

mod bounds;
mod coding;
mod compressed_file;
mod memory;
mod stage;
#[cfg(test)]
mod tests;
mod trailing;

use bytes::Bytes;

use super::time_limit::TimeLimit;
use crate::model::{ErrorKind, FetchError};
use crate::policy::message::transfer_coding::transfer_codings;

pub use bounds::{MAX_CODINGS, PIECE};
pub use compressed_file::{Resource, asks_identity};
pub use memory::{DecoderMemory, MemoryLease};

pub(crate) use bounds::allowed;
pub(crate) use memory::BodyMemory;

use coding::{advice, shown, transfer_coding};
use stage::DecodeStage;
use trailing::Trailing;

/// Decodes the codings of one body.
pub struct Decoder {
    /// The stages, the last applied coding first. Each feeds the next.
    stages: Vec<DecodeStage>,
    input: Bytes,
    /// The share of the common memory budget; `None` if the windows have no bound.
    memory: Option<BodyMemory>,
    /// The advice to the user in a decoding error, if any.
    advice: Option<&'static str>,
}

impl Decoder {
    /// Creates a decoder for the values of Content-Encoding, each a list of codings in the order applied.
    /// Returns `None` when there is nothing to decode. The coding of a compressed file stays.
    /// `asks_codings` says whether the request accepted codings; it selects the advice in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a coding that is not supported, or more than [`MAX_CODINGS`].
    pub fn new<'a>(
        content_encoding: impl Iterator<Item = &'a [u8]>,
        resource: &Resource<'_>,
        asks_codings: bool,
    ) -> Result<Option<Self>, FetchError> {
        let advice = advice(asks_codings);
        let mut codings = coding::parse(content_encoding);
        if codings.first().is_some_and(|innermost| resource.is_file_of(innermost.name)) {
            codings.remove(0);
        }
        if codings.len() > MAX_CODINGS {
            let message = format!("more than {MAX_CODINGS} content codings: {advice}");
            return Err(FetchError::new(ErrorKind::Decode, message));
        }
        let stages =
            codings.into_iter().rev().map(|applied| Ok(DecodeStage::new(applied.supported(advice)?, u64::MAX)));
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        Ok((!stages.is_empty()).then(|| Self { stages, input: Bytes::new(), memory: None, advice: Some(advice) }))
    }

    /// Creates a decoder for the values of Transfer-Encoding. The client has decoded a final `chunked`.
    /// Returns `None` without another coding.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] as in [`Decoder::new`], [`ErrorKind::Protocol`] for a `chunked` that is not the
    /// last coding.
    pub fn of_transfer<'a>(transfer_encoding: impl Iterator<Item = &'a [u8]>) -> Result<Option<Self>, FetchError> {
        let codings = transfer_codings(transfer_encoding);
        if let Some(chunked) = codings.misplaced_chunked() {
            let chunked = shown(chunked);
            let message = format!("the transfer coding `{chunked}` is not the last one, or not a plain chunked");
            return Err(FetchError::new(ErrorKind::Protocol, message));
        }
        if codings.inner.len() > MAX_CODINGS {
            return Err(FetchError::new(ErrorKind::Decode, format!("more than {MAX_CODINGS} transfer codings")));
        }
        let stages = codings.inner.into_iter().map(|name| Ok(DecodeStage::new(transfer_coding(name)?, 0)));
        let mut stages = stages.collect::<Result<Vec<_>, FetchError>>()?;
        stages.reverse();
        Ok((!stages.is_empty()).then(|| Self { stages, input: Bytes::new(), memory: None, advice: None }))
    }

    /// Appends the advice to a decoding error.
    fn advise(advice: Option<&str>, error: FetchError) -> FetchError {
        match advice.filter(|_| error.kind == ErrorKind::Decode) {
            Some(advice) => FetchError::new(error.kind, format!("{}; {advice}", error.message)),
            None => error,
        }
    }

    /// Makes the decoder reserve this memory before it fills large windows.
    #[must_use]
    pub(crate) fn with_memory(mut self, memory: BodyMemory) -> Self {
        self.memory = Some(memory);
        self.stages.iter_mut().for_each(DecodeStage::ask_before);
        self
    }

    /// Lets a later wait for memory end at this time limit: another response goes on with the body.
    pub(crate) fn resume(&mut self, limit: TimeLimit) {
        if let Some(memory) = &mut self.memory {
            memory.limit = limit;
        }
    }

    /// Returns the memory that the windows may need, in KiB.
    pub(crate) fn windows(&self) -> u32 {
        self.stages.iter().map(DecodeStage::window).sum()
    }

    /// Waits for the memory of the windows, then acts as [`Decoder::next`].
    ///
    /// # Errors
    /// As [`Decoder::next`], and [`ErrorKind::Timeout`] at the time limit of the URL.
    pub async fn pull(&mut self) -> Result<Option<&[u8]>, FetchError> {
        self.reserve().await?;
        while !self.advance()? {
            let waits = self.stages.iter().any(DecodeStage::waits);
            // The codings below the last one may have decoded many bytes.
            self.reserve().await?;
            if !waits {
                return Ok(None);
            }
        }
        Ok(self.stages.last_mut().map(DecodeStage::take))
    }

    async fn reserve(&mut self) -> Result<(), FetchError> {
        let windows = self.windows();
        let Some(memory) = &mut self.memory else { return Ok(()) };
        match memory.held() {
            // Only a later zstd frame can need more.
            Some(held) if windows > held => {
                let message = format!("a later zstd frame needs more memory: {windows} KiB of windows, not {held} KiB");
                return Err(Self::advise(self.advice, FetchError::new(ErrorKind::Decode, message)));
            }
            None if self.stages.iter().any(DecodeStage::needs_memory) => memory.reserve(windows).await?,
            _ => {}
        }
        self.stages.iter_mut().for_each(DecodeStage::permit);
        Ok(())
    }

    /// Makes the last stage hold decoded bytes; false if the input does not suffice.
    fn advance(&mut self) -> Result<bool, FetchError> {
        fill(&mut self.stages, &mut self.input).map_err(|error| Self::advise(self.advice, error))
    }

    /// Takes the next coded bytes, once [`Decoder::next`] has returned `None`.
    pub fn feed(&mut self, input: Bytes) {
        self.input = if self.input.is_empty() { input } else { [&self.input[..], &input].concat().into() };
    }

    /// Returns the next decoded piece, never empty; `None` when it needs more coded bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for corrupt data. The body is lost.
    #[expect(clippy::should_implement_trait, reason = "the piece borrows from the decoder")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, FetchError> {
        if !self.advance()? {
            return Ok(None);
        }
        Ok(self.stages.last_mut().map(DecodeStage::take))
    }

    /// Checks the end of the body, once [`Decoder::next`] has returned `None`.
    ///
    /// A body without any coded byte is an empty body, because servers name a coding there too.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when a coding has not reached its end, [`ErrorKind::Decode`] for
    /// forbidden bytes after an end.
    pub fn finish(&mut self) -> Result<(), FetchError> {
        if !self.input.is_empty() || self.stages.iter().any(|stage| !stage.decoded().is_empty()) {
            return Err(FetchError::new(ErrorKind::Internal, "decoder was not drained before its end"));
        }
        if let Some(cut) = self.stages.iter().find(|stage| stage.is_cut()) {
            let message = format!("body ends inside its {} coding", cut.coding().name());
            return Err(FetchError::new(ErrorKind::Truncated, message));
        }
        self.stages.iter().try_for_each(DecodeStage::finish).map_err(|error| Self::advise(self.advice, error))
    }

    /// The number of coded bytes that may yet be decoded.
    pub fn pending(&self) -> u64 {
        self.stages.iter().map(DecodeStage::pending).sum()
    }

    /// The number of ignored bytes after the end of a coding.
    pub fn ignored(&self) -> u64 {
        self.stages.iter().filter_map(DecodeStage::trailing).map(Trailing::len).sum()
    }

    /// Describes the ignored bytes for the log; `None` without any, and for zeros.
    pub fn warning(&self) -> Option<String> {
        let mut stages = self.stages.iter();
        stages.find_map(|stage| stage.trailing().filter(|it| !it.is_padding()).map(|it| it.found(stage.coding())))
    }
}

/// Makes the last stage hold decoded bytes; false if the input does not suffice.
fn fill(stages: &mut [DecodeStage], input: &mut Bytes) -> Result<bool, FetchError> {
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
                let used = stage.step(source.decoded())?;
                source.consume(used);
                !source.decoded().is_empty()
            }
        };
        if !stage.decoded().is_empty() {
            return Ok(true);
        }
        if stage.waits() {
            return Ok(false);
        }
        if !more && (earlier.is_empty() || !fill(earlier, input)?) {
            return Ok(false);
        }
    }
}
