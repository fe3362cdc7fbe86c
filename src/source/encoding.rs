//! Converts text of any encoding to UTF-8, between decompression and lines.
//!
//! A byte order mark counts most, then the encoding that the user named, then the zero bytes of
//! UTF-16 and UTF-32. Everything else passes through as it is, and each line is checked later: one
//! byte that is no UTF-8 costs one line.

use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The most bytes of one read, while the encoding is unknown or needs a decoder.
const PIECE: usize = 8 * 1024;

/// The text of one input, as UTF-8 without a byte order mark.
pub(super) struct Decoded<R> {
    bytes: R,
    named: Option<&'static Encoding>,
    /// The encoding that a mark, the zero bytes or the user shows.
    shown: Option<&'static Encoding>,
    decoder: Option<TextDecoder>,
    /// Text that was decoded and not yet handed out.
    ready: Vec<u8>,
    handed: usize,
    /// The bytes of one read, and before them those of a character that was cut.
    piece: Vec<u8>,
}

enum TextDecoder {
    /// UTF-8, or text that should be.
    None,
    Known(Box<encoding_rs::Decoder>),
    Utf32 {
        big: bool,
    },
    /// The end was decoded too.
    Done,
}

/// The encoding that the first bytes of a text show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DetectedEncoding {
    Known(&'static Encoding),
    Utf32 { big: bool },
    Unmarked,
}

impl<R: Read> Decoded<R> {
    /// `named` is the encoding of a text without a byte order mark.
    pub fn new(bytes: R, named: Option<&'static Encoding>) -> Self {
        Self { bytes, named, shown: None, decoder: None, ready: Vec::new(), handed: 0, piece: Vec::new() }
    }

    /// The encoding that a byte order mark, the zero bytes or the user shows; `None` while nothing does.
    pub fn shown(&self) -> Option<&'static Encoding> {
        self.shown
    }

    /// Reads until the first bytes show the encoding. Four are enough, and most lists show it with two.
    fn decide(&mut self) -> io::Result<()> {
        let mut ended = false;
        let (form, mark) = loop {
            if let Some(found) = form(&self.piece, self.named.is_none(), ended) {
                break found;
            }
            ended = self.read_piece()? == 0;
        };
        self.piece.drain(..mark);
        self.shown = match form {
            DetectedEncoding::Known(encoding) => Some(encoding),
            DetectedEncoding::Unmarked => self.named,
            DetectedEncoding::Utf32 { .. } => Some(UTF_8),
        };
        self.decoder = Some(match (form, self.shown) {
            (DetectedEncoding::Utf32 { big }, _) => TextDecoder::Utf32 { big },
            (_, Some(encoding)) if encoding != UTF_8 => {
                TextDecoder::Known(Box::new(encoding.new_decoder_without_bom_handling()))
            }
            _ => TextDecoder::None,
        });
        self.decode(false);
        Ok(())
    }

    fn read_piece(&mut self) -> io::Result<usize> {
        let begin = self.piece.len();
        self.piece.resize(begin + PIECE, 0);
        let read = self.bytes.read(&mut self.piece[begin..]);
        self.piece.truncate(begin + *read.as_ref().unwrap_or(&0));
        read
    }

    /// Decodes the piece into `ready`, whose bytes were all handed out.
    fn decode(&mut self, last: bool) {
        self.ready.clear();
        self.handed = 0;
        match &mut self.decoder {
            Some(TextDecoder::Known(decoder)) => {
                let most = decoder.max_utf8_buffer_length(self.piece.len()).unwrap_or(self.piece.len() * 3);
                self.ready.resize(most, 0);
                let (_, _, written, _) = decoder.decode_to_utf8(&self.piece, &mut self.ready, last);
                self.ready.truncate(written);
                self.piece.clear();
            }
            Some(TextDecoder::Utf32 { big }) => {
                let (units, rest) = self.piece.as_chunks::<4>();
                let whole = self.piece.len() - rest.len();
                for unit in units {
                    let code = if *big { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
                    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                if last && !rest.is_empty() {
                    self.ready.extend_from_slice("\u{fffd}".as_bytes());
                }
                self.piece.drain(..whole);
            }
            Some(TextDecoder::None) => std::mem::swap(&mut self.ready, &mut self.piece),
            Some(TextDecoder::Done) | None => {}
        }
        if last {
            self.decoder = Some(TextDecoder::Done);
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.handed == self.ready.len() {
            match &self.decoder {
                None => self.decide()?,
                Some(TextDecoder::None) => {
                    self.ready = Vec::new();
                    self.handed = 0;
                    return self.bytes.read(buf);
                }
                Some(TextDecoder::Done) => return Ok(0),
                Some(TextDecoder::Known(_) | TextDecoder::Utf32 { .. }) => {
                    let ended = self.read_piece()? == 0;
                    self.decode(ended);
                }
            }
        }
        let read = (&self.ready[self.handed..]).read(buf)?;
        self.handed += read;
        Ok(read)
    }
}

/// The form of a text and the length of its byte order mark; `None` when that needs more bytes.
/// With `guess`, zero bytes around an ASCII character show UTF-16 and UTF-32 without a mark.
fn form(bytes: &[u8], guess: bool, ended: bool) -> Option<(DetectedEncoding, usize)> {
    let (little, big) = (DetectedEncoding::Known(UTF_16LE), DetectedEncoding::Known(UTF_16BE));
    let found = match *bytes {
        [0xff, 0xfe, 0, 0, ..] => (DetectedEncoding::Utf32 { big: false }, 4),
        [0, 0, 0xfe, 0xff, ..] => (DetectedEncoding::Utf32 { big: true }, 4),
        [0xff, 0xfe] | [0xff, 0xfe, 0] if !ended => return None,
        [0xff, 0xfe, ..] => (little, 2),
        [0xfe, 0xff, ..] => (big, 2),
        [0xef, 0xbb, 0xbf, ..] => (DetectedEncoding::Known(UTF_8), 3),
        [] | [_] | [0xef, 0xbb] if !ended => return None,
        [0, _] | [_, 0] | [0, _, _] | [_, 0, _] if guess && !ended => return None,
        [1..=255, 0, 0, 0, ..] if guess => (DetectedEncoding::Utf32 { big: false }, 0),
        [0, 0, 0, 1..=255, ..] if guess => (DetectedEncoding::Utf32 { big: true }, 0),
        [1..=255, 0, ..] if guess => (little, 0),
        [0, 1..=255, ..] if guess => (big, 0),
        _ => (DetectedEncoding::Unmarked, 0),
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_lists_show_their_form_with_two_bytes() {
        for bytes in [&b"ht"[..], b"# ", b"\n\n", b"\xe9\n", b"\xefx"] {
            assert_eq!(form(bytes, true, false), Some((DetectedEncoding::Unmarked, 0)), "{bytes:?}");
        }
        for bytes in [&b""[..], b"h", b"\xef\xbb", b"\xff\xfe", b"h\0", b"\0h", b"\xff\xfe\0"] {
            assert_eq!(form(bytes, true, false), None, "{bytes:?}");
            assert!(form(bytes, true, true).is_some(), "{bytes:?}");
        }
        assert_eq!(
            form(b"h\0t\0", false, false),
            Some((DetectedEncoding::Unmarked, 0)),
            "the user has named an encoding"
        );
    }
}
