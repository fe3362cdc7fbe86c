//! Resumes a body that was cut off in an earlier run or try.
//!
//! A request for the rest has Range and If-Range (RFC 9110, sections 14.2 and 13.1.5) and needs a strong validator.
//! [`crate::policy::message::partial`] checks the response. In all other cases the body starts again.

use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::head_facts::{content_type, validators};
use crate::fetch::body::stream::PartialStream;
use crate::fetch::body::transfer::Transfer;
use crate::fetch::save::part::blocking;
use crate::fetch::save::partial_file::{Note, Octets, PartialFile};
use crate::model::{ErrorKind, Facts, FetchError, Needs};
use crate::policy::message::digest_fields::{CONTENT_DIGEST, REPR_DIGEST};
use crate::policy::message::partial::is_the_rest;

/// The bytes of one read of a kept body.
const PIECE: usize = 256 * 1024;

/// The beginning of a body.
pub(crate) enum PartialBody {
    /// In a file.
    File(Box<PartialFile>),
    /// Written to a stream already.
    Stream(Box<PartialStream>),
}

impl PartialBody {
    fn note(&self) -> Option<&Note> {
        match self {
            PartialBody::File(kept) => Some(&kept.note),
            PartialBody::Stream(cut) => cut.note.as_ref(),
        }
    }

    fn from(&self) -> u64 {
        match self {
            PartialBody::File(kept) => kept.from(),
            PartialBody::Stream(cut) => cut.transfer.content_bytes(),
        }
    }

    /// Returns the fields that request the rest from this URL. `None` if the beginning came from another URL or from
    /// a request with another Accept-Encoding, or if this request has a Range.
    pub(crate) fn fields(&self, url: &Url, others: &HeaderMap) -> Option<[(HeaderName, HeaderValue); 2]> {
        let note = self.note().filter(|_| self.from() > 0)?;
        let asked = others.get(header::ACCEPT_ENCODING).map(HeaderValue::as_bytes);
        let asked_then = note.accept_encoding.as_ref().map(Octets::as_bytes);
        if note.asked != url.as_str() || asked_then != asked || others.contains_key(header::RANGE) {
            return None;
        }
        let range = HeaderValue::try_from(format!("bytes={}-", self.from())).ok()?;
        Some([(header::RANGE, range), (header::IF_RANGE, HeaderValue::from_bytes(note.validator.as_bytes()).ok()?)])
    }

    /// Checks that a 206 has the rest, and returns the complete length.
    ///
    /// # Errors
    /// Returns the reason why not.
    pub(crate) fn is_in(&self, fields: &HeaderMap) -> Result<u64, &'static str> {
        let note = self.note().ok_or("nothing can go on")?;
        is_the_rest(&note.beginning(self.from()), fields)
    }

    /// Returns the fields of the first response, which the 206 need not repeat.
    pub(crate) fn first_answer(&self, facts: &mut Facts, needs: Needs) -> HeaderMap {
        // RFC 9110, section 15.3.7.3: both parts together equal a 200 response.
        facts.status = Some(200);
        let mut fields = HeaderMap::new();
        let Some(note) = self.note() else { return fields };
        let coding = note.coding.as_deref().and_then(|coding| HeaderValue::from_str(coding).ok());
        fields.extend(coding.map(|coding| (header::CONTENT_ENCODING, coding)));
        let said = [
            (header::CONTENT_TYPE, &note.content_type),
            (header::ETAG, &note.etag),
            (header::LAST_MODIFIED, &note.last_modified),
            (REPR_DIGEST, &note.repr_digest),
            (CONTENT_DIGEST, &note.content_digest),
            (header::CONTENT_DISPOSITION, &note.content_disposition),
        ];
        for (name, value) in said {
            if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                fields.insert(name, value);
            }
        }
        facts.content_type = note.content_type.as_ref().map(|value| content_type(value.as_bytes()));
        if needs.contains(Needs::VALIDATORS) {
            facts.validators = validators(&fields);
        }
        fields
    }
}

/// Passes the kept bytes to a transfer, and returns their file, which stands behind the last of them.
///
/// # Errors
/// When the kept bytes cannot be read or decoded. They are removed then.
pub(crate) async fn replay(
    transfer: &mut Transfer,
    kept: Box<PartialFile>,
    facts: &mut Facts,
) -> Result<PartialFile, FetchError> {
    let at = kept.at.clone();
    look_back(transfer, kept, facts).await.inspect_err(|_| at.remove())
}

async fn look_back(
    transfer: &mut Transfer,
    kept: Box<PartialFile>,
    facts: &mut Facts,
) -> Result<PartialFile, FetchError> {
    let mut kept = *kept;
    let at = kept.at.clone();
    let unreadable =
        |e: &std::io::Error| FetchError::new(ErrorKind::Io, format!("cannot read what is kept in {}: {e}", at.shown()));
    if !transfer.looks_back() {
        let from = SeekFrom::Start(kept.from());
        kept.file.seek(from).map_err(|e| unreadable(&e))?;
        transfer.skip(kept.from(), facts);
        return Ok(kept);
    }
    let mut left = kept.from();
    while left > 0 {
        let most = left.min(PIECE as u64);
        let (file, piece) = blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&kept.file).take(most).read_to_end(&mut piece);
            Ok((kept, read.map(|_| piece)))
        })
        .await
        .map_err(|e| FetchError::new(ErrorKind::Internal, e.to_string()))?;
        kept = file;
        let piece = piece.map_err(|e| unreadable(&e))?;
        if piece.is_empty() {
            return Err(unreadable(&std::io::ErrorKind::UnexpectedEof.into()));
        }
        left -= piece.len() as u64;
        transfer.count_wire(piece.len(), facts)?;
        transfer.push(Bytes::from(piece), facts).await?;
    }
    Ok(kept)
}
