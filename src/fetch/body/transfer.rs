//! The transfer of a body: counts, bounds and decodes its bytes, and passes them to its observers.

use bytes::Bytes;
use http::HeaderMap;

use super::declared;
use super::decode::{Decoder, allowed};
use super::observer::{BodyObserver, ObserverRequest};
use super::time_limit::TimeLimit;
use crate::fetch::save::destination::SavedBody;
use crate::model::{ErrorKind, Facts, FetchError};

/// The bytes by which a coded form may exceed the size limit of a body, besides 1/64 of that limit.
const SURPLUS: u64 = 64 * 1024;

/// The pipeline that every byte of one body passes.
pub(crate) struct Transfer {
    decoder: Option<Decoder>,
    /// Empty for most bodies that are not saved.
    observers: Vec<Box<dyn BodyObserver>>,
    most: Option<u64>,
    /// The length of the whole coded body, if two responses make it up. The framing of the second
    /// does not contain it.
    total: Option<u64>,
    /// Bytes with transfer codings.
    wire_bytes: u64,
    /// Bytes without transfer codings. Ranges and Content-Digest count these.
    content_bytes: u64,
    bytes: u64,
}

impl Transfer {
    /// Creates the transfer of a body with at most `most` decoded bytes.
    pub(crate) fn new(most: Option<u64>, decoder: Option<Decoder>) -> Self {
        Self { decoder, observers: Vec::new(), most, total: None, wire_bytes: 0, content_bytes: 0, bytes: 0 }
    }

    /// Passes all further bytes to these observers too.
    pub(crate) fn observe(&mut self, observers: impl IntoIterator<Item = Box<dyn BodyObserver>>) {
        self.observers.extend(observers);
    }

    /// Goes on with another response, which has these fields and this time limit. It is behind all bytes so far.
    pub(crate) fn resume(&mut self, fields: &HeaderMap, limit: TimeLimit) {
        self.observers.iter_mut().for_each(|observer| observer.resume(fields));
        self.observers.extend(declared::of_content(fields));
        if let Some(decoder) = &mut self.decoder {
            decoder.resume(limit);
        }
    }

    /// Requires this total length, the partial body included.
    pub(crate) fn must_have(&mut self, total: u64) {
        self.total = Some(total);
    }

    /// Rejects a declared length early if the body is certain to exceed the limit.
    pub(crate) fn expect(&self, content_length: Option<u64>) -> Result<(), FetchError> {
        match (content_length, self.most) {
            (Some(length), Some(most)) if self.decoder.is_none() && length.saturating_add(self.bytes) > most => {
                Err(too_large(most))
            }
            (Some(length), _) => self.check_coded(length.saturating_add(self.content_bytes)),
            _ => Ok(()),
        }
    }

    /// Bounds the coded form of a body, which decodes to no more than the limit if it is honest.
    fn check_coded(&self, bytes: u64) -> Result<(), FetchError> {
        match self.most {
            Some(most) if bytes > allowed(most, SURPLUS) => {
                let message = format!("the body has {bytes} bytes in its coded form, and may have {most}");
                Err(FetchError::new(ErrorKind::TooLarge, message))
            }
            _ => Ok(()),
        }
    }

    /// The number of bytes after decoding so far; `None` where nothing is decoded.
    pub(crate) fn decoded(&self) -> Option<u64> {
        self.decoder.is_some().then_some(self.bytes)
    }

    /// The number of bytes without any coding that the observers have taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of coded bytes that may yet be decoded.
    pub(crate) fn pending(&self) -> u64 {
        self.decoder.as_ref().map_or(0, Decoder::pending)
    }

    /// The number of content bytes so far.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Counts bytes with their transfer codings. [`Transfer::push`] takes them without.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] where so many bytes cannot be the coded form of a body within the limit.
    pub(crate) fn count_wire(&mut self, bytes: usize, facts: &mut Facts) -> Result<(), FetchError> {
        self.wire_bytes += bytes as u64;
        facts.wire_bytes = Some(self.wire_bytes);
        self.check_coded(self.wire_bytes)
    }

    /// Takes a piece of the content.
    pub(crate) async fn push(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        let taken = self.take_piece(piece, facts).await;
        // Only a wait for memory times out here: the bytes so far are good.
        taken.inspect_err(|error| {
            if error.kind != ErrorKind::Timeout {
                self.discard();
            }
        })
    }

    async fn take_piece(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        self.content_bytes += piece.len() as u64;
        if let Some(total) = self.total.filter(|&total| self.content_bytes > total) {
            let message = format!("more than the {total} bytes that its Content-Range promises");
            return Err(FetchError::new(ErrorKind::Protocol, message));
        }
        for observer in &mut self.observers {
            if observer.content(&piece) == ObserverRequest::Flush {
                observer.flush().await?;
            }
        }
        let Some(mut decoder) = self.decoder.take() else { return self.take_decoded(&piece, facts).await };
        let decoded = self.decode(&mut decoder, piece, facts).await;
        // Also after an error: a retry may go on.
        self.decoder = Some(decoder);
        decoded
    }

    async fn decode(&mut self, decoder: &mut Decoder, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        decoder.feed(piece);
        while let Some(decoded) = decoder.pull().await? {
            self.take_decoded(decoded, facts).await?;
            // A few coded bytes may decode to many, so yield to other tasks.
            tokio::task::coop::consume_budget().await;
        }
        // Endless garbage must not keep the transfer going.
        if let Some(most) = self.most.filter(|&most| self.bytes.saturating_add(decoder.ignored()) > most) {
            return Err(too_large(most));
        }
        Ok(())
    }

    async fn take_decoded(&mut self, piece: &[u8], facts: &mut Facts) -> Result<(), FetchError> {
        let bytes = self.bytes + piece.len() as u64;
        facts.bytes = Some(bytes);
        if let Some(most) = self.most.filter(|&most| bytes > most) {
            return Err(too_large(most));
        }
        self.bytes = bytes;
        for observer in &mut self.observers {
            if observer.decoded(piece) == ObserverRequest::Flush {
                observer.flush().await?;
            }
        }
        Ok(())
    }

    /// Whether the decoder or an observer needs the bytes of a partial file again.
    pub(crate) fn looks_back(&self) -> bool {
        self.decoder.is_some() || !self.observers.is_empty()
    }

    /// Counts the bytes of the partial file without reading them again.
    pub(crate) fn skip(&mut self, kept: u64, facts: &mut Facts) {
        self.wire_bytes += kept;
        self.content_bytes += kept;
        self.bytes += kept;
        (facts.wire_bytes, facts.bytes) = (Some(self.wire_bytes), Some(self.bytes));
    }

    /// The body came to its framed end: checks the end of its coding, then asks its observers. Only if all of them
    /// agree, they commit.
    pub(crate) async fn finish(
        &mut self,
        trailers: Option<&HeaderMap>,
        facts: &mut Facts,
    ) -> Result<SavedBody, FetchError> {
        self.end(trailers, facts).inspect_err(|_| self.discard())?;
        for observer in &mut self.observers {
            if let Some(concluded) = observer.conclude(&mut facts.found) {
                concluded.await;
            }
        }
        let mut saved = SavedBody::default();
        for observer in &mut self.observers {
            if let Some(committed) = observer.commit(&mut saved) {
                committed.await?;
            }
        }
        Ok(saved)
    }

    fn end(&mut self, trailers: Option<&HeaderMap>, facts: &mut Facts) -> Result<(), FetchError> {
        if let Some(total) = self.total.filter(|&total| self.content_bytes < total) {
            let message = format!("{} of the {total} bytes that its Content-Range promises", self.content_bytes);
            return Err(FetchError::new(ErrorKind::Truncated, message));
        }
        if let Some(decoder) = &mut self.decoder {
            decoder.finish()?;
        }
        facts.wire_bytes = Some(self.wire_bytes);
        facts.bytes = Some(self.bytes);
        self.observers.iter_mut().try_for_each(|observer| observer.end(trailers, &mut facts.found))
    }

    /// Describes the ignored bytes after the end of a coding, for the log.
    pub(crate) fn ignored(&self) -> Option<String> {
        self.decoder.as_ref().and_then(Decoder::warning)
    }

    /// Drops what the observers have written: the body is invalid, and no retry resumes it.
    pub(crate) fn discard(&mut self) {
        self.observers.iter_mut().for_each(|observer| observer.discard());
    }
}

fn too_large(most: u64) -> FetchError {
    FetchError::new(ErrorKind::TooLarge, format!("the body is larger than the limit of {most} bytes"))
}

#[cfg(test)]
mod tests;
