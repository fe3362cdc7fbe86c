//! The headers and blocks of the records of one exchange.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::body::PayloadFacts;
use super::digest::RecordHasher;
use super::head::ArchivedHead;
use super::record::{RecordHeader, RecordType, record_id, warc_date};
use crate::model::{ArchiveDigest, ArchivedPayload, TextFormat};

/// The profile of a record whose payload another record has.
const SAME_PAYLOAD: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";

/// The profile of a record whose server says that nothing has changed.
const NOT_MODIFIED: &str = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";

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

/// The facts of an exchange at the head of its response.
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

/// The kind of the record of a response.
pub(super) enum ResponseKind<'a> {
    /// A response, whose payload may be cut.
    Whole(Option<Truncation>),
    /// Without its payload, which this response has.
    SamePayload(&'a ArchivedPayload),
    /// A 304 for a page that an earlier run has fetched, at this time.
    NotModified(Option<Timestamp>),
}

/// Makes the headers of the records of one exchange.
pub(super) struct ExchangeRecords<'a> {
    exchange: &'a CapturedExchange,
    digest: ArchiveDigest,
    date: String,
    address: Option<String>,
    request_id: String,
    response_id: String,
}

impl<'a> ExchangeRecords<'a> {
    pub(super) fn new(exchange: &'a CapturedExchange, digest: ArchiveDigest) -> Self {
        let (date, address) = (warc_date(exchange.started), exchange.address.map(|address| address.to_string()));
        Self { exchange, digest, date, address, request_id: record_id(), response_id: record_id() }
    }

    /// Begins the header of a record.
    fn header(&self, kind: RecordType, id: &str, concurrent_to: &str) -> RecordHeader {
        let exchange = self.exchange;
        let mut header = RecordHeader::new(kind, id, &self.date);
        header.field("WARC-Target-URI", &exchange.target);
        header.field("WARC-Concurrent-To", concurrent_to);
        if kind != RecordType::Metadata {
            if let Some(address) = &self.address {
                header.field("WARC-IP-Address", address);
            }
            exchange.protocols.iter().for_each(|protocol| header.field("WARC-Protocol", protocol));
        }
        header
    }

    /// The header of the request.
    pub(super) fn request(&self) -> Vec<u8> {
        let request = &self.exchange.request;
        let mut header = self.header(RecordType::Request, &self.request_id, &self.response_id);
        header.field("WARC-Block-Digest", &RecordHasher::of(self.digest, &[request]));
        // The requests of a run have no body.
        header.field("WARC-Payload-Digest", &RecordHasher::of(self.digest, &[]));
        header.end(request.len() as u64)
    }

    /// The header of a response with this head and this payload.
    pub(super) fn response(&self, kind: &ResponseKind<'_>, head: &[u8], payload: &PayloadFacts) -> Vec<u8> {
        let is_response = matches!(kind, ResponseKind::Whole(_));
        let record = if is_response { RecordType::Response } else { RecordType::Revisit };
        let mut header = self.header(record, &self.response_id, &self.request_id);
        let head_digest = || RecordHasher::of(self.digest, &[head]);
        header.field("WARC-Block-Digest", &if is_response { payload.block.clone() } else { head_digest() });
        let mut length = head.len() as u64;
        match kind {
            ResponseKind::Whole(cut) => {
                header.field("WARC-Payload-Digest", &payload.payload);
                if let Some(cut) = cut {
                    header.field("WARC-Truncated", cut.name());
                }
                length += payload.length;
            }
            ResponseKind::SamePayload(first) => {
                header.field("WARC-Payload-Digest", &payload.payload);
                header.field("WARC-Profile", SAME_PAYLOAD);
                header.field("WARC-Refers-To-Target-URI", &first.target);
                header.field("WARC-Refers-To-Date", &first.date);
            }
            ResponseKind::NotModified(earlier) => {
                header.field("WARC-Profile", NOT_MODIFIED);
                header.field("WARC-Refers-To-Target-URI", &self.exchange.target);
                if let Some(earlier) = earlier {
                    header.field("WARC-Refers-To-Date", &warc_date(*earlier));
                }
            }
        }
        header.end(length)
    }

    /// The header and the block of the metadata of an exchange that took so long, with these lines at the end.
    pub(super) fn metadata(&self, took: Duration, outlinks: &str) -> (Vec<u8>, String) {
        let mut facts = String::new();
        if let Some(via) = &self.exchange.via {
            facts.push_str(&format!("via: {}\r\n", via.replace(['\r', '\n'], " ")));
        }
        if !self.exchange.hops.is_empty() {
            facts.push_str(&format!("hopsFromSeed: {}\r\n", self.exchange.hops));
        }
        facts.push_str(&format!("fetchTimeMs: {}\r\n", took.as_millis()));
        facts.push_str(outlinks);
        let mut header = self.header(RecordType::Metadata, &record_id(), &self.response_id);
        header.field("WARC-Block-Digest", &RecordHasher::of(self.digest, &[facts.as_bytes()]));
        (header.end(facts.len() as u64), facts)
    }

    /// The header of the text of the page.
    pub(super) fn conversion(&self, format: TextFormat, text: &str) -> Vec<u8> {
        let mut header = RecordHeader::new(RecordType::Conversion(format), &record_id(), &self.date);
        header.field("WARC-Target-URI", &self.exchange.target);
        header.field("WARC-Refers-To", &self.response_id);
        header.field("WARC-Block-Digest", &RecordHasher::of(self.digest, &[text.as_bytes()]));
        header.end(text.len() as u64)
    }

    /// The response, for records of the same payload.
    pub(super) fn payload(&self, payload: &PayloadFacts) -> ArchivedPayload {
        ArchivedPayload {
            digest: payload.payload.as_str().into(),
            target: self.exchange.target.as_str().into(),
            date: self.date.as_str().into(),
        }
    }
}
