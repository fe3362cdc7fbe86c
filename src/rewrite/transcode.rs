//! Documents in encodings that hide tags: read as UTF-8, and written back in their own encoding.

use std::io::{self, Read, Write};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE};

/// Reads a document as UTF-8.
pub(super) struct DecodingReader<R> {
    input: R,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    /// The bytes of `raw` that were decoded.
    used: usize,
    is_ended: bool,
}

impl<R: Read> DecodingReader<R> {
    /// Decodes this encoding; `None` keeps the bytes. A byte order mark stays as a character.
    pub fn new(input: R, encoding: Option<&'static Encoding>) -> Self {
        let decoder = encoding.map(Encoding::new_decoder_without_bom_handling);
        Self { input, decoder, raw: Vec::new(), used: 0, is_ended: false }
    }
}

impl<R: Read> Read for DecodingReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return self.input.read(into) };
        loop {
            if self.used == self.raw.len() && !self.is_ended {
                self.raw.resize(8 * 1024, 0);
                let read = super::read_some(&mut self.input, &mut self.raw)?;
                self.raw.truncate(read);
                (self.used, self.is_ended) = (0, read == 0);
            }
            let (result, read, written, _) = decoder.decode_to_utf8(&self.raw[self.used..], into, self.is_ended);
            self.used += read;
            let is_done = self.is_ended && result == CoderResult::InputEmpty;
            if written > 0 || is_done || result == CoderResult::OutputFull {
                if is_done {
                    // A decoder must not be called again after its end.
                    self.decoder = None;
                }
                return Ok(written);
            }
        }
    }
}

/// Writes UTF-8 in another encoding, and counts what it writes.
pub(super) struct EncodingWriter<W> {
    output: W,
    encoding: Option<&'static Encoding>,
    /// The beginning of a character.
    pending: Vec<u8>,
    written: u64,
}

impl<W: Write> EncodingWriter<W> {
    /// Writes in this encoding; `None` keeps the bytes.
    pub fn new(output: W, encoding: Option<&'static Encoding>) -> Self {
        Self { output, encoding, pending: Vec::new(), written: 0 }
    }

    /// Writes a piece of text.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(encoding) = self.encoding else { return self.write_bytes(bytes) };
        self.pending.extend_from_slice(bytes);
        let text = std::mem::take(&mut self.pending);
        let whole = match std::str::from_utf8(&text) {
            Ok(_) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let coded = encoded(&String::from_utf8_lossy(&text[..whole]), encoding);
        self.pending.extend_from_slice(&text[whole..]);
        self.write_bytes(&coded)
    }

    /// Returns the output and its length.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.output.flush()?;
        Ok((self.output, self.written))
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.output.write_all(bytes)
    }
}

fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    match encoding {
        _ if encoding == UTF_16LE => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ if encoding == UTF_16BE => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => encoding.encode(text).0.into_owned(),
    }
}
