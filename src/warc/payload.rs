//! The payload of a record.

use std::io::{self, BufRead, Write};

use super::damage::WarcError;
use super::http::{ChunkedContent, HttpFlaw, StoredHttpHead, begins_with_chunk, decoded, flaw_of};
use super::reader::{WarcReader, WarcRecord};

/// The part of a record to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadForm {
    /// The whole block, with the HTTP head and chunks.
    Block,
    /// The body as the server sent it, without chunks.
    Coded,
    /// The body without its content coding.
    Decoded,
}

/// The payload of a record was not copied, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The record cannot be read.
    #[error(transparent)]
    Warc(#[from] WarcError),
    /// The HTTP message in the record is damaged.
    #[error("offset {offset}: {flaw}; --block writes the record as it is")]
    Http {
        /// The offset of the record.
        offset: u64,
        /// The flaw.
        flaw: HttpFlaw,
    },
    /// The content coding of the body is damaged.
    #[error("offset {offset}: the body cannot be decoded: {why}; leave out --decode")]
    Coding {
        /// The offset of the record.
        offset: u64,
        /// The message of the decoder.
        why: String,
    },
    /// The payload cannot be written.
    #[error("cannot write the payload: {0}")]
    Write(io::Error),
}

/// Copies the payload of the current record. Without an HTTP head it is the block.
///
/// # Errors
/// If the record is damaged, the content coding is unknown or damaged, or reading or writing fails.
pub fn copy_payload<R: BufRead>(
    reader: &mut WarcReader<R>,
    record: &WarcRecord,
    form: PayloadForm,
    to: &mut impl Write,
) -> Result<(), PayloadError> {
    let offset = record.offset;
    let wrong = |error: io::Error| match flaw_of(&error) {
        Some(flaw) => PayloadError::Http { offset, flaw: flaw.clone() },
        None => match WarcError::at(offset, error) {
            WarcError::Io(error) if form == PayloadForm::Decoded && error.raw_os_error().is_none() => {
                PayloadError::Coding { offset, why: error.to_string() }
            }
            error => error.into(),
        },
    };
    let mut content = content(reader, record, form).map_err(wrong)?;
    loop {
        let bytes = content.fill_buf().map_err(wrong)?;
        if bytes.is_empty() {
            return Ok(());
        }
        to.write_all(bytes).map_err(PayloadError::Write)?;
        let length = bytes.len();
        content.consume(length);
    }
}

/// Opens the wanted form of the payload.
fn content<'a, R: BufRead>(
    reader: &'a mut WarcReader<R>,
    record: &WarcRecord,
    form: PayloadForm,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if form == PayloadForm::Block || !record.has_http_head() {
        return Ok(Box::new(reader));
    }
    let head = StoredHttpHead::read(reader)?;
    let is_chunked = head.is_chunked() && begins_with_chunk(reader)?;
    let body: Box<dyn BufRead + 'a> = if is_chunked { Box::new(ChunkedContent::new(reader)) } else { Box::new(reader) };
    if form == PayloadForm::Decoded { decoded(body, &head.codings()) } else { Ok(body) }
}
