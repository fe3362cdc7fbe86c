//! One exchange on its way into the archive: its payload streams in, and its records come out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::body::{LongBody, PayloadFacts, SHORT};
use super::deflate::Deflater;
use super::digest::RecordHasher;
use super::exchange_records::{CapturedExchange, ExchangeRecords, ResponseKind, Truncation};
use super::group::{RecordGroup, RecordPart};
use super::record::RECORD_END;
use super::writer::Archive;
use crate::model::{ArchivedPayload, RecordEncoding, TextFormat};

/// The use of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureUse {
    /// It is a page or a part of one, whole: records of the same payload may refer to it.
    Page,
    /// It is a 304 for a page that an earlier run has fetched, at this time if that is known.
    NotModified(Option<Timestamp>),
    /// Anything else: a redirect, an error, a robots.txt.
    Other,
}

/// Facts of a page that the archive keeps beside its response.
#[derive(Debug, Default)]
pub struct CapturedPage {
    /// The links, as lines for the metadata.
    pub outlinks: String,
    /// The text, in this format.
    pub text: Option<(TextFormat, String)>,
}

/// An exchange that goes into the archive. It is dropped without a trace unless it is finished.
pub struct ExchangeCapture {
    archive: Arc<Archive>,
    exchange: CapturedExchange,
    /// Bytes of the payload that are not yet in `long`.
    buffer: Vec<u8>,
    long: Option<Box<LongBody>>,
    is_complete: bool,
}

impl ExchangeCapture {
    /// Begins with the payload of an exchange.
    pub fn new(archive: Arc<Archive>, exchange: CapturedExchange) -> Self {
        Self { archive, exchange, buffer: Vec::new(), long: None, is_complete: false }
    }

    /// Takes a piece of the payload: without transfer codings, with content codings. Returns whether a call of
    /// [`ExchangeCapture::compress`] is due.
    #[must_use]
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend_from_slice(bytes);
        self.buffer.len() > SHORT
    }

    /// Compresses the bytes in memory. It may block.
    ///
    /// # Errors
    /// Returns the error of the temporary file.
    pub fn compress(&mut self) -> io::Result<()> {
        let settings = self.archive.settings();
        let long = self.long.get_or_insert_with(|| {
            let response = &self.exchange.response;
            let head = response.is_fixed().then(|| response.bytes(0));
            let is_packed = settings.files.encoding() == RecordEncoding::Gzip;
            Box::new(LongBody::new(is_packed, settings.digest, head.as_deref()))
        });
        long.take(&self.buffer, &settings.files)?;
        self.buffer.clear();
        Ok(())
    }

    /// The payload came to its framed end.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Whether the payload came to its framed end.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether [`ExchangeCapture::finish`] takes so long that it belongs on a thread that may block.
    pub fn is_long(&self) -> bool {
        self.long.is_some() || self.buffer.len() > SHORT / 8
    }

    /// Makes the records of the exchange, which took so long. `cut` says why the payload is not whole.
    ///
    /// # Errors
    /// Returns the error of the temporary file.
    pub fn finish(
        mut self,
        took: Duration,
        cut: Option<Truncation>,
        used: CaptureUse,
        page: &CapturedPage,
    ) -> io::Result<RecordGroup> {
        if self.long.is_some() {
            self.compress()?;
        }
        let long = self.long.take();
        let archive = self.archive.clone();
        archive.with_deflater(|deflater| {
            let records = ExchangeRecords::new(&self.exchange, archive.digest());
            let mut group = RecordGroup::default();
            let request = records.request();
            group.push([self.short_record(deflater, &[&request, &self.exchange.request])?]);
            let (parts, payload) = self.response(deflater, &records, long, cut, used)?;
            group.push_response(parts);
            let (header, facts) = records.metadata(took, &page.outlinks);
            group.push([self.short_record(deflater, &[&header, facts.as_bytes()])?]);
            // The text of a page that refers to another response is behind that one.
            if let (Some(_), Some((format, text))) = (&payload, &page.text) {
                let header = records.conversion(*format, text);
                group.push([self.record(deflater, &[&header, text.as_bytes()])?]);
            }
            group.set_payload(payload);
            Ok(group)
        })
    }

    /// Makes the record of the response, or one that refers to an earlier response with the same payload.
    fn response(
        &self,
        deflater: &mut Deflater,
        records: &ExchangeRecords<'_>,
        long: Option<Box<LongBody>>,
        cut: Option<Truncation>,
        used: CaptureUse,
    ) -> io::Result<(Vec<RecordPart>, Option<ArchivedPayload>)> {
        let kind = self.archive.digest();
        let (head, payload, long) = match long {
            Some(mut long) => {
                let (head, payload) = long.end(kind, |length| self.exchange.response.bytes(length))?;
                (head, payload, Some(long))
            }
            None => {
                let length = self.buffer.len() as u64;
                let head = self.exchange.response.bytes(length);
                let block = RecordHasher::of(kind, &[&head, &self.buffer]);
                let payload = RecordHasher::of(kind, &[&self.buffer]);
                (head, PayloadFacts { length, payload, block }, None)
            }
        };
        if let CaptureUse::NotModified(earlier) = used {
            let header = records.response(&ResponseKind::NotModified(earlier), &head, &payload);
            return Ok((vec![self.short_record(deflater, &[&header, &head])?], None));
        }
        let may_repeat = used == CaptureUse::Page && cut.is_none() && payload.length > 0;
        let first = if may_repeat { self.archive.find_payload(&payload.payload) } else { None };
        if let Some(first) = first {
            let header = records.response(&ResponseKind::SamePayload(&first), &head, &payload);
            return Ok((vec![self.short_record(deflater, &[&header, &head])?], None));
        }
        let header = records.response(&ResponseKind::Whole(cut), &head, &payload);
        let parts = match long {
            Some(long) => long.into_parts(deflater, &[&header, &head])?,
            None if self.buffer.is_empty() => vec![self.short_record(deflater, &[&header, &head])?],
            None => vec![self.record(deflater, &[&header, &head, &self.buffer])?],
        };
        Ok((parts, may_repeat.then(|| records.payload(&payload))))
    }

    /// Makes a record of its header and the pieces of its block.
    fn record(&self, deflater: &mut Deflater, pieces: &[&[u8]]) -> io::Result<RecordPart> {
        self.encoded(pieces, |pieces| deflater.member(pieces))
    }

    /// Makes a record that has no payload.
    fn short_record(&self, deflater: &mut Deflater, pieces: &[&[u8]]) -> io::Result<RecordPart> {
        self.encoded(pieces, |pieces| deflater.short_member(pieces))
    }

    fn encoded(
        &self,
        pieces: &[&[u8]],
        member: impl FnOnce(&[&[u8]]) -> io::Result<Vec<u8>>,
    ) -> io::Result<RecordPart> {
        let pieces = [pieces, &[RECORD_END]].concat();
        Ok(RecordPart::Memory(match self.archive.encoding() {
            RecordEncoding::Gzip => member(&pieces)?,
            RecordEncoding::None => pieces.concat(),
        }))
    }
}
