//! One exchange on its way into the archive: a request, its response, and facts about both.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::body::{LongBody, PayloadFacts, SHORT};
use super::digest::RecordHasher;
use super::group::{RecordGroup, RecordPart};
use super::head::ArchivedHead;
use super::record::{RECORD_END, RecordHeader, RecordType, record_id, warc_date};
use super::writer::Archive;
use crate::model::RecordEncoding;

/// Why a payload is not whole (ISO 28500:2017, section 5.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// It is longer than the run wants it.
    Length,
    /// It took too long.
    Time,
    /// The connection ended.
    Disconnect,
    /// Another reason.
    Unspecified,
}

impl Truncation {
    const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Time => "time",
            Self::Disconnect => "disconnect",
            Self::Unspecified => "unspecified",
        }
    }
}

/// What is known of an exchange at the head of its response.
#[derive(Debug)]
pub struct CapturedExchange {
    /// The URL that was requested.
    pub target: String,
    /// When the request began.
    pub started: Timestamp,
    /// The address that answered, if it is known.
    pub address: Option<IpAddr>,
    /// The protocols, such as `http/1.1`, `h2` and `tls/1.3`.
    pub protocols: Vec<&'static str>,
    /// The request.
    pub request: Vec<u8>,
    /// The head of the response.
    pub response: ArchivedHead,
    /// The document that led to the URL.
    pub via: Option<String>,
    /// The way from a start page, as Heritrix writes it: `L` a link, `E` a requisite, `R` a redirect, and so on.
    pub hops: String,
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
        if self.long.is_none() {
            let response = &self.exchange.response;
            let head = response.is_fixed().then(|| response.bytes(0));
            let settings = self.archive.settings();
            self.long = Some(Box::new(LongBody::new(&settings.files, settings.digest, head.as_deref())?));
        }
        if let Some(long) = &mut self.long {
            long.take(&self.buffer)?;
            self.buffer.clear();
        }
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
    pub fn finish(mut self, took: Duration, cut: Option<Truncation>) -> io::Result<RecordGroup> {
        let archive = self.archive.clone();
        archive.with_deflater(|deflater| {
            let pack = |deflater: &mut super::deflate::Deflater, pieces: &[&[u8]]| match archive.encoding() {
                RecordEncoding::Gzip => deflater.member(pieces),
                RecordEncoding::None => Ok(pieces.concat()),
            };
            let (request_id, response_id) = (record_id(), record_id());
            let mut group = RecordGroup::default();
            let request = self.request_header(&request_id, &response_id);
            let pieces = [request.as_slice(), &self.exchange.request, RECORD_END];
            group.push(RecordType::Request, [RecordPart::Memory(pack(deflater, &pieces)?)]);
            let ids = [request_id.as_str(), response_id.as_str()];
            if self.long.is_some() {
                self.compress()?;
            }
            let parts = match self.long.take() {
                Some(mut long) => {
                    let (head, facts) = long.end(archive.digest(), |length| self.exchange.response.bytes(length))?;
                    let header = self.response_header(ids, head.len() as u64, &facts, cut);
                    long.into_parts(deflater, &[&header, &head])?
                }
                None => {
                    let (length, kind) = (self.buffer.len() as u64, archive.digest());
                    let head = self.exchange.response.bytes(length);
                    let block = RecordHasher::of(kind, &[&head, &self.buffer]);
                    let facts = PayloadFacts { length, payload: RecordHasher::of(kind, &[&self.buffer]), block };
                    let header = self.response_header(ids, head.len() as u64, &facts, cut);
                    vec![RecordPart::Memory(pack(deflater, &[&header, &head, &self.buffer, RECORD_END])?)]
                }
            };
            group.push(RecordType::Response, parts);
            let facts = self.facts(took);
            let header = self.metadata_header(&response_id, facts.as_bytes());
            let pieces = [header.as_slice(), facts.as_bytes(), RECORD_END];
            group.push(RecordType::Metadata, [RecordPart::Memory(pack(deflater, &pieces)?)]);
            Ok(group)
        })
    }

    /// Begins the header of a record of this exchange.
    fn header(&self, kind: RecordType, id: &str, concurrent_to: &str) -> RecordHeader {
        let exchange = &self.exchange;
        let mut header = RecordHeader::new(kind, id, &warc_date(exchange.started));
        header.field("WARC-Target-URI", &exchange.target);
        header.field("WARC-Concurrent-To", concurrent_to);
        if kind != RecordType::Metadata {
            if let Some(address) = exchange.address {
                header.field("WARC-IP-Address", &address.to_string());
            }
            exchange.protocols.iter().for_each(|protocol| header.field("WARC-Protocol", protocol));
        }
        header
    }

    fn request_header(&self, id: &str, response: &str) -> Vec<u8> {
        let request = &self.exchange.request;
        let mut header = self.header(RecordType::Request, id, response);
        let digest = self.archive.digest();
        header.field("WARC-Block-Digest", &RecordHasher::of(digest, &[request]));
        // The requests of a run have no body.
        header.field("WARC-Payload-Digest", &RecordHasher::of(digest, &[]));
        header.end(request.len() as u64)
    }

    fn response_header(
        &self,
        [request, id]: [&str; 2],
        head: u64,
        facts: &PayloadFacts,
        cut: Option<Truncation>,
    ) -> Vec<u8> {
        let mut header = self.header(RecordType::Response, id, request);
        header.field("WARC-Block-Digest", &facts.block);
        header.field("WARC-Payload-Digest", &facts.payload);
        if let Some(cut) = cut {
            header.field("WARC-Truncated", cut.name());
        }
        header.end(head + facts.length)
    }

    fn metadata_header(&self, response: &str, block: &[u8]) -> Vec<u8> {
        let mut header = self.header(RecordType::Metadata, &record_id(), response);
        header.field("WARC-Block-Digest", &RecordHasher::of(self.archive.digest(), &[block]));
        header.end(block.len() as u64)
    }

    /// The block of the metadata.
    fn facts(&self, took: Duration) -> String {
        let mut facts = String::new();
        if let Some(via) = &self.exchange.via {
            facts.push_str(&format!("via: {}\r\n", via.replace(['\r', '\n'], " ")));
        }
        if !self.exchange.hops.is_empty() {
            facts.push_str(&format!("hopsFromSeed: {}\r\n", self.exchange.hops));
        }
        facts.push_str(&format!("fetchTimeMs: {}\r\n", took.as_millis()));
        facts
    }
}
