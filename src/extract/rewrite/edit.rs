//! Edits of a document, and the copy with them.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

use super::transcode::EncodingWriter;

/// A change of a document: the text that replaces the bytes of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub span: Range<u64>,
    pub text: Vec<u8>,
}

impl Edit {
    /// Removes a span.
    pub fn removal(span: Range<u64>) -> Self {
        Self { span, text: Vec::new() }
    }

    /// Adds a text at an offset.
    pub fn insertion(at: u64, text: String) -> Self {
        Self { span: at..at, text: text.into_bytes() }
    }
}

/// Returns the bytes with these edits, which are in order.
pub(super) fn applied(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len() + 64);
    let mut at = 0;
    for Edit { span, text } in edits {
        let (start, end) = (span.start as usize, span.end as usize);
        copy.extend_from_slice(bytes.get(at..start).unwrap_or_default());
        copy.extend_from_slice(text);
        at = end.max(at);
    }
    copy.extend_from_slice(bytes.get(at..).unwrap_or_default());
    copy
}

/// Copies a document with edits. Memory does not depend on its length.
pub(super) struct EditedCopy<R, W: Write> {
    input: BufReader<R>,
    output: EncodingWriter<W>,
    /// How far the input was read.
    at: u64,
}

impl<R: Read, W: Write> EditedCopy<R, W> {
    /// Writes in this encoding what is read in UTF-8; `None` keeps the bytes.
    pub fn new(input: R, output: W, encoding: Option<&'static Encoding>) -> Self {
        Self { input: BufReader::new(input), output: EncodingWriter::new(output, encoding), at: 0 }
    }

    /// Copies up to an edit, and makes it. Edits are in order.
    pub fn apply(&mut self, edit: &Edit) -> io::Result<()> {
        self.copy(edit.span.start.saturating_sub(self.at), true)?;
        self.copy(edit.span.end.saturating_sub(self.at), false)?;
        self.output.write(&edit.text)
    }

    /// Copies the rest. Returns the output and its length.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.copy(u64::MAX, true)?;
        self.output.finish()
    }

    /// Reads so many bytes, and writes them or drops them.
    fn copy(&mut self, mut left: u64, writes: bool) -> io::Result<()> {
        while left > 0 {
            let buffer = self.input.fill_buf()?;
            let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if length == 0 {
                break;
            }
            if writes {
                self.output.write(&buffer[..length])?;
            }
            self.input.consume(length);
            (left, self.at) = (left - length as u64, self.at + length as u64);
        }
        Ok(())
    }
}

/// Writes text into a page: the bytes of its encoding. A character that the encoding lacks becomes a reference.
pub(super) fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    if encoding == UTF_8 || encoding.output_encoding() == UTF_8 {
        return text.as_bytes().to_vec();
    }
    encoding.encode(text).0.into_owned()
}
