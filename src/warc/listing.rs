//! A record as a list shows it.

use std::io::BufRead;

use serde::Serialize;

use super::damage::WarcError;
use super::http::{StoredHttpHead, flaw_of};
use super::reader::WarcReader;

/// One record, with what its head and its HTTP head say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordListing {
    /// The offset of the record in the file.
    pub offset: u64,
    /// The length of the record in the file, as an index has it.
    pub length: u64,
    /// The type, such as `response`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status of a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The WARC-Target-URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The WARC-Date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The WARC-Record-ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The media type of the HTTP head, or of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The WARC-Payload-Digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_digest: Option<String>,
    /// The WARC-Truncated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// The bytes of the block.
    pub block_length: u64,
}

impl RecordListing {
    /// Reads the next record to its end.
    ///
    /// # Errors
    /// If the file is damaged or cannot be read.
    pub fn next<R: BufRead>(reader: &mut WarcReader<R>) -> Result<Option<Self>, WarcError> {
        let Some(record) = reader.next_record()? else { return Ok(None) };
        let head = if record.has_http_head() {
            match StoredHttpHead::read(reader) {
                Ok(head) => Some(head),
                Err(error) if flaw_of(&error).is_some() => None,
                Err(error) => return Err(WarcError::at(record.offset, error)),
            }
        } else {
            None
        };
        let length = reader.finish()?.map_or(0, |end| end.index_length());
        let field = |name: &str| record.fields.get(name).map(str::to_owned);
        let media_type = head.as_ref().and_then(|head| head.get("Content-Type")).map(str::to_owned);
        Ok(Some(Self {
            offset: record.offset,
            length,
            kind: record.kind().to_owned(),
            status: head.as_ref().and_then(StoredHttpHead::status),
            url: record.target().map(str::to_owned),
            date: field("WARC-Date"),
            id: field("WARC-Record-ID"),
            content_type: if head.is_some() { media_type } else { field("Content-Type") },
            payload_digest: field("WARC-Payload-Digest"),
            truncated: field("WARC-Truncated"),
            block_length: record.block_length,
        }))
    }
}
