//! The transfer of a body: counts, bounds, decodes, digests and saves its bytes.

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::declared::Checks;
use super::decode::{Decoder, allowed};
use crate::config::Digest;
use crate::fetch::HttpSpec;
use crate::fetch::save::destination::FinishedBody;
use crate::fetch::save::part::{FilePart, Part};
use crate::model::{ErrorKind, Facts, FetchError, PerSeed};

/// The bytes by which a coded form may exceed the size limit of a body, besides 1/64 of that limit.
const SURPLUS: u64 = 64 * 1024;

/// The pipeline that every byte of one body passes.
pub(crate) struct Transfer {
    decoder: Option<Decoder>,
    part: Part,
    /// The partial file of the coded bytes, if the saved form is decoded. A retry resumes from it.
    coded: Option<Box<FilePart>>,
    checks: Option<Box<Checks>>,
    most: Option<u64>,
    sha256: Option<Sha256>,
    blake3: Option<Box<blake3::Hasher>>,
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
    pub(crate) fn new(spec: &HttpSpec, wants: Option<&PerSeed>, decoder: Option<Decoder>, part: Part) -> Self {
        let declared_sha256 = wants.is_some_and(|w| w.sha256.is_some());
        let declared_blake3 = wants.is_some_and(|w| w.blake3.is_some());
        Self {
            decoder,
            part,
            coded: None,
            checks: None,
            most: spec.max_size,
            sha256: (declared_sha256 || spec.digest == Digest::Sha256).then(Sha256::new),
            blake3: (declared_blake3 || spec.digest == Digest::Blake3).then(|| Box::new(blake3::Hasher::new())),
            total: None,
            wire_bytes: 0,
            content_bytes: 0,
            bytes: 0,
        }
    }

    /// Requires this total length, the partial body included.
    pub(crate) fn must_have(&mut self, total: u64) {
        self.total = Some(total);
    }

    /// Adds the checks of declared digests and the partial file of the coded form, if there are any.
    pub(crate) fn with(mut self, checks: Option<Box<Checks>>, coded: Option<Box<FilePart>>) -> Self {
        (self.checks, self.coded) = (checks, coded);
        self
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
        taken.inspect_err(|_| self.spoil())
    }

    async fn take_piece(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        self.content_bytes += piece.len() as u64;
        if let Some(total) = self.total.filter(|&total| self.content_bytes > total) {
            let message = format!("more than the {total} bytes that its Content-Range promises");
            return Err(FetchError::new(ErrorKind::Protocol, message));
        }
        if let Some(checks) = &mut self.checks {
            checks.update(&piece);
        }
        if let Some(mut coded) = self.coded.take() {
            // This file serves later retries only. A full disk does not stop the transfer.
            match coded.write(&piece).await {
                Ok(()) => self.coded = Some(coded),
                Err(_) => coded.spoil(),
            }
        }
        if self.decoder.is_some() {
            return self.decode(piece, facts).await;
        }
        self.count(&piece)?;
        facts.bytes = Some(self.bytes);
        self.part.write(&piece).await
    }

    /// Takes a chunk of the partial file again, for the decoder and the digests.
    pub(crate) async fn push_again(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        self.count_wire(piece.len(), facts)?;
        self.content_bytes += piece.len() as u64;
        if let Some(checks) = &mut self.checks {
            checks.update_earlier(&piece);
        }
        let taken = if self.decoder.is_some() {
            self.decode(piece, facts).await
        } else {
            // The saved file contains it already.
            let counted = self.count(&piece);
            facts.bytes = Some(self.bytes);
            counted
        };
        taken.inspect_err(|_| self.spoil())
    }

    /// Whether the decoder or a digest has to read the partial file again.
    pub(crate) fn looks_back(&self) -> bool {
        self.decoder.is_some() || self.checks.is_some() || self.sha256.is_some() || self.blake3.is_some()
    }

    /// Counts the bytes of the partial file without reading them again.
    pub(crate) fn skip(&mut self, kept: u64, facts: &mut Facts) {
        self.wire_bytes += kept;
        self.content_bytes += kept;
        self.bytes += kept;
        (facts.wire_bytes, facts.bytes) = (Some(self.wire_bytes), Some(self.bytes));
    }

    /// The partial file of the coded bytes, from which a retry resumes.
    pub(crate) fn file(&mut self) -> Option<&mut FilePart> {
        if self.decoder.is_some() { self.coded.as_deref_mut() } else { self.part.file() }
    }

    async fn decode(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        let Some(mut decoder) = self.decoder.take() else { return Ok(()) };
        decoder.feed(piece);
        while let Some(decoded) = decoder.pull().await? {
            let counted = self.count(decoded);
            facts.bytes = Some(self.bytes);
            counted?;
            self.part.write(decoded).await?;
            // A few coded bytes may decode to many, so yield to other tasks.
            tokio::task::coop::consume_budget().await;
        }
        // Endless garbage must not keep the transfer going.
        if let Some(most) = self.most.filter(|&most| self.bytes.saturating_add(decoder.ignored()) > most) {
            return Err(too_large(most));
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    /// Counts and digests decoded bytes.
    fn count(&mut self, data: &[u8]) -> Result<(), FetchError> {
        self.bytes += data.len() as u64;
        if let Some(most) = self.most.filter(|&most| self.bytes > most) {
            return Err(too_large(most));
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(blake3) = &mut self.blake3 {
            blake3.update(data);
        }
        Ok(())
    }

    /// The body came to its framed end: checks the coding's end and the declared digests, and
    /// only then gives the file its final name.
    pub(crate) async fn finish(
        &mut self,
        wants: Option<&PerSeed>,
        trailers: Option<&HeaderMap>,
        facts: &mut Facts,
    ) -> Result<(), FetchError> {
        let checked = self.check(wants, trailers, facts);
        checked.inspect_err(|_| self.spoil())?;
        facts.path = self.part.commit().await?;
        if let Some(mut coded) = self.coded.take() {
            coded.spoil();
        }
        Ok(())
    }

    fn check(
        &mut self,
        wants: Option<&PerSeed>,
        trailers: Option<&HeaderMap>,
        facts: &mut Facts,
    ) -> Result<(), FetchError> {
        if let Some(total) = self.total.filter(|&total| self.content_bytes < total) {
            let message = format!("{} of the {total} bytes that its Content-Range promises", self.content_bytes);
            return Err(FetchError::new(ErrorKind::Truncated, message));
        }
        if let Some(checks) = &self.checks {
            checks.finish(trailers)?;
        }
        if let Some(decoder) = &mut self.decoder {
            decoder.finish()?;
        }
        facts.wire_bytes = Some(self.wire_bytes);
        facts.bytes = Some(self.bytes);
        facts.sha256 = self.sha256.take().map(|h| h.finalize().into());
        facts.blake3 = self.blake3.take().map(|h| h.finalize().into());
        if let Some(wants) = wants {
            agree("SHA-256", wants.sha256, facts.sha256)?;
            agree("BLAKE3", wants.blake3, facts.blake3)?;
        }
        Ok(())
    }

    /// Describes the ignored bytes after the end of a coding, for the log.
    pub(crate) fn ignored(&self) -> Option<String> {
        self.decoder.as_ref().and_then(Decoder::warning)
    }

    /// The finished body, if the parent process has to give it its name.
    pub(crate) fn finished_body(&mut self) -> Option<Box<FinishedBody>> {
        self.part.file().and_then(FilePart::finished_body)
    }

    /// Marks the partial files as unusable for a resume.
    pub(crate) fn spoil(&mut self) {
        if let Some(file) = self.part.file() {
            file.spoil();
        }
        if let Some(mut coded) = self.coded.take() {
            coded.spoil();
        }
    }
}

fn too_large(most: u64) -> FetchError {
    FetchError::new(ErrorKind::TooLarge, format!("the body is larger than the limit of {most} bytes"))
}

fn agree(name: &str, declared: Option<[u8; 32]>, found: Option<[u8; 32]>) -> Result<(), FetchError> {
    match (declared, found) {
        (Some(declared), Some(found)) if declared != found => Err(FetchError::new(
            ErrorKind::Checksum,
            format!("the {name} is {} but the list declares {}", hex(&found), hex(&declared)),
        )),
        _ => Ok(()),
    }
}

fn hex(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}
