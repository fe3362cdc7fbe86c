//! The codings that are known, and the choice of what undoes them.

use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};

use crate::model::{ErrorKind, FetchError};

use super::MAX_CODINGS;

/// What undoes a coding.
pub(super) type Codec = Box<dyn DecodeV2 + Send + Sync>;

/// The largest zstd window is 2 to this power: the 8 MiB that RFC 9659, section 3, allows.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How much of a coding's name an error message repeats.
const MAX_NAME_SHOWN: usize = 40;

/// A content coding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// `gzip` and `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate`: zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

impl Coding {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// Whether a stream may be several, one after another (RFC 1952, section 2.2; RFC 8878, section 3).
    pub(super) fn has_members(self) -> bool {
        matches!(self, Coding::Gzip | Coding::Zstd)
    }

    /// The coding of this name: `None` for `identity`, which changes nothing.
    fn named(name: &str) -> Result<Option<Self>, FetchError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Ok(match () {
            () if is("gzip") || is("x-gzip") => Some(Coding::Gzip),
            () if is("deflate") => Some(Coding::Deflate),
            () if is("br") => Some(Coding::Brotli),
            () if is("zstd") => Some(Coding::Zstd),
            () if is("identity") => None,
            () => {
                let shown: String = name.chars().take(MAX_NAME_SHOWN).flat_map(char::escape_default).collect();
                return Err(FetchError::new(ErrorKind::Decode, format!("unsupported content coding `{shown}`")));
            }
        })
    }
}

/// The codings in the order applied. Empty list members count for nothing (RFC 9110, section 5.6.1).
pub(super) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<Coding>, FetchError> {
    let mut codings = Vec::new();
    for name in values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        let Some(coding) = Coding::named(name)? else { continue };
        if codings.len() == MAX_CODINGS {
            return Err(FetchError::new(ErrorKind::Decode, format!("more than {MAX_CODINGS} content codings")));
        }
        codings.push(coding);
    }
    Ok(codings)
}

/// The first bytes of a stream, as many as the choice of codec needs.
#[derive(Debug, Default)]
pub(super) struct Opening {
    head: [u8; 2],
    len: usize,
}

impl Opening {
    /// Takes from the input what the choice needs and says how much.
    pub(super) fn take(&mut self, coding: Coding, input: &[u8]) -> usize {
        let wanted = if coding == Coding::Deflate { 2 } else { 1 };
        let len = input.len().min(wanted - self.len);
        self.head[self.len..self.len + len].copy_from_slice(&input[..len]);
        self.len += len;
        len
    }

    /// Whether there was no byte yet.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was taken.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.head[..self.len]
    }

    /// The codec, once enough is known.
    pub(super) fn decide(&self, coding: Coding) -> Result<Option<Codec>, FetchError> {
        Ok(Some(match (coding, self.as_slice()) {
            (_, []) | (Coding::Deflate, [_]) => return Ok(None),
            (Coding::Gzip, _) => Box::new(GzipDecoder::new()),
            (Coding::Zstd, _) => Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(ZSTD_WINDOW_LOG)])),
            // The codec would take this, which RFC 7932, section 9.1, leaves invalid, for a window
            // of up to a gigabyte.
            (Coding::Brotli, [first, ..]) if first & 0x7F == 0x11 => {
                return Err(FetchError::new(ErrorKind::Decode, "corrupt br data: window too large"));
            }
            (Coding::Brotli, _) => Box::new(BrotliDecoder::new()),
            // A zlib header (RFC 1950, section 2.2) cannot open a bare deflate stream in practice: its
            // low bits would say "stored block", whose padding encoders leave at zero.
            (Coding::Deflate, &[cmf, flags, ..])
                if cmf & 0x0F == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([cmf, flags]).is_multiple_of(31) =>
            {
                Box::new(ZlibDecoder::new())
            }
            (Coding::Deflate, _) => Box::new(DeflateDecoder::new()),
        }))
    }
}
