//! A body on its way: counted, decoded, bounded, digested, handed to where it is saved.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::HttpSpec;
use super::decode::Decoder;
use super::save::Part;
use crate::config::Digest;
use crate::model::{ErrorKind, Facts, FetchError, PerSeed};

/// What every byte of one body goes through.
pub(super) struct Transfer {
    decoder: Option<Decoder>,
    part: Part,
    most: Option<u64>,
    sha256: Option<Sha256>,
    blake3: Option<Box<blake3::Hasher>>,
    wire_bytes: u64,
    bytes: u64,
}

impl Transfer {
    pub(super) fn new(spec: &HttpSpec, wants: Option<&PerSeed>, decoder: Option<Decoder>, part: Part) -> Self {
        let declared_sha256 = wants.is_some_and(|w| w.sha256.is_some());
        let declared_blake3 = wants.is_some_and(|w| w.blake3.is_some());
        Self {
            decoder,
            part,
            most: spec.max_size,
            sha256: (declared_sha256 || spec.digest == Digest::Sha256).then(Sha256::new),
            blake3: (declared_blake3 || spec.digest == Digest::Blake3).then(|| Box::new(blake3::Hasher::new())),
            wire_bytes: 0,
            bytes: 0,
        }
    }

    /// Says early that a body of this declared length is too large, where that is certain.
    pub(super) fn expect(&self, content_length: Option<u64>) -> Result<(), FetchError> {
        match (content_length, self.most) {
            (Some(length), Some(most)) if self.decoder.is_none() && length > most => Err(too_large(most)),
            _ => Ok(()),
        }
    }

    /// Takes a piece as it came.
    pub(super) async fn push(&mut self, piece: Bytes, facts: &mut Facts) -> Result<(), FetchError> {
        self.wire_bytes += piece.len() as u64;
        facts.wire_bytes = Some(self.wire_bytes);
        let Some(mut decoder) = self.decoder.take() else {
            let taken = self.take(&piece).await;
            facts.bytes = Some(self.bytes);
            return taken;
        };
        decoder.feed(piece);
        while let Some(decoded) = decoder.next()? {
            let taken = self.take(decoded).await;
            facts.bytes = Some(self.bytes);
            taken?;
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    async fn take(&mut self, data: &[u8]) -> Result<(), FetchError> {
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
        self.part.write(data).await
    }

    /// The body came to its framed end: checks the coding's end and the declared digests, and
    /// only then gives the file its final name.
    pub(super) async fn finish(mut self, wants: Option<&PerSeed>, facts: &mut Facts) -> Result<(), FetchError> {
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
        facts.path = self.part.commit().await?;
        Ok(())
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
