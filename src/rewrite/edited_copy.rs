//! A copy of a document with edits.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use encoding_rs::Encoding;

use super::transcode::EncodingWriter;
use crate::extract::LinkEdit;

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
    pub fn apply(&mut self, edit: &LinkEdit) -> io::Result<()> {
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
