//! The codings that Content-Encoding may name, and their codecs.

use std::fmt::Display;

use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};

use super::bounds::{HEAD, SMALL};
use crate::model::{ErrorKind, FetchError};

/// A decoder of a coding.
pub(super) type Codec = Box<dyn DecodeV2 + Send + Sync>;

/// The largest zstd window is 2 to this power: the 8 MiB that RFC 9659, section 3, allows.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The most bytes of the name of a coding in an error message.
const MAX_NAME_SHOWN: usize = 40;

/// The names of each supported coding.
const SUPPORTED: &[(Coding, &[&str])] = &[
    (Coding::Gzip, &["gzip", "x-gzip", "gz"]),
    (Coding::Deflate, &["deflate", "x-deflate", "zlib"]),
    (Coding::Brotli, &["br", "brotli", "x-br"]),
    (Coding::Zstd, &["zstd", "x-zstd", "zst"]),
];

/// The names of each unsupported coding that changes the bytes. The table of file formats uses the
/// first name of a row.
const UNSUPPORTED: &[&[&str]] = &[
    // The IANA registry of content codings.
    &["compress", "x-compress"],
    &["dcb"],
    &["dcz"],
    &["exi"],
    &["pack200-gzip"],
    &["aes128gcm", "aesgcm", "aesgcm128"],
    // Servers send these too.
    &["bzip2", "x-bzip2", "bzip", "x-bzip", "bz2"],
    &["xz", "x-xz"],
    &["lzma", "x-lzma"],
    &["lzip", "x-lzip"],
    &["lz4", "x-lz4"],
    &["lzo", "x-lzo", "lzop"],
    &["snappy", "x-snappy", "x-snappy-framed"],
    &["sdch"],
    &["peerdist"],
];

/// A supported content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952.
    Gzip,
    /// zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// The registered name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// Returns the most coded bytes that a stream may need for its next decoded byte. A zstd decoder needs a
    /// whole block (RFC 8878, section 3.1.1.2.4). The others need their code tables only.
    pub(super) fn most_pending(self) -> u64 {
        match self {
            Coding::Gzip | Coding::Deflate => 1024,
            Coding::Brotli => 16 * 1024,
            Coding::Zstd => 129 * 1024,
        }
    }

    /// Whether these bytes begin a stream. `None` until there are enough of them.
    pub(super) fn begins(self, head: &[u8]) -> Option<bool> {
        match self {
            Coding::Gzip => has_prefix(head, &[0x1F, 0x8B]),
            // A frame, or a skippable frame with one of sixteen magic numbers (RFC 8878, section 3.1). The
            // two bytes behind them contain the window size.
            Coding::Zstd => {
                let begins = match *head {
                    [first, ref rest @ ..] if first & 0xF0 == 0x50 => has_prefix(rest, &[0x2A, 0x4D, 0x18]),
                    _ => has_prefix(head, &[0x28, 0xB5, 0x2F, 0xFD]),
                };
                begins.filter(|&begins| !begins || head.len() >= HEAD)
            }
            Coding::Deflate => (head.len() >= 2).then_some(true),
            Coding::Brotli => (!head.is_empty()).then_some(true),
        }
    }

    /// Whether a decoder fills its window before it yields anything; the others fill it as they yield.
    pub(super) fn fills_window_at_once(self) -> bool {
        self == Coding::Brotli
    }

    /// Returns the window of a stream with this beginning, in KiB: the memory that its decoder may use.
    pub(super) fn window(self, head: &[u8]) -> u32 {
        match (self, head) {
            (Coding::Brotli, _) => brotli_window(head),
            // RFC 8878, section 3.1.1.1.
            (Coding::Zstd, &[0x28, _, _, _, descriptor, window, ..]) if descriptor & 0x20 == 0 => {
                let base = 1_u64 << (10 + (window >> 3));
                let bytes = base + base / 8 * u64::from(window & 7);
                u32::try_from(bytes / 1024).unwrap_or(u32::MAX).min(self.largest_window())
            }
            (Coding::Zstd, &[0x28, ..]) => self.largest_window(),
            _ => 0,
        }
    }

    /// The largest window, in KiB. That of gzip and deflate is too small to count.
    pub(super) fn largest_window(self) -> u32 {
        match self {
            Coding::Gzip | Coding::Deflate => 0,
            Coding::Brotli => 16 * 1024,
            Coding::Zstd => (1 << ZSTD_WINDOW_LOG) / 1024,
        }
    }

    /// Whether several streams may follow one another (RFC 1952, section 2.2; RFC 8878, section 3).
    pub(super) fn has_members(self) -> bool {
        matches!(self, Coding::Gzip | Coding::Zstd)
    }

    /// Returns the codec for a stream with this beginning, and the number of bytes that may follow its end.
    ///
    /// `gzip -d` and `pigz -dz` ignore trailing bytes, because a checksum covers all bytes before them. `zstd -d`
    /// and `brotli -d` reject them. Bare deflate has no checksum; some servers append one of four bytes.
    pub(super) fn codec(self, head: &[u8]) -> Result<(Codec, u64), FetchError> {
        Ok(match (self, head) {
            (Coding::Gzip, _) => (Box::new(GzipDecoder::new()), u64::MAX),
            (Coding::Zstd, _) => {
                (Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(ZSTD_WINDOW_LOG)])), 0)
            }
            // RFC 7932, section 9.1, makes this value invalid. The codec would read it as a window of up to
            // a gigabyte.
            (Coding::Brotli, [first, ..]) if first & 0x7F == 0x11 => {
                return Err(FetchError::new(ErrorKind::Decode, "corrupt br data: window too large"));
            }
            (Coding::Brotli, _) => (Box::new(BrotliDecoder::new()), 0),
            // A zlib header (RFC 1950, section 2.2) cannot begin a bare deflate stream in practice. Its low
            // bits would mean "stored block", and encoders leave the padding of that at zero.
            (Coding::Deflate, &[cmf, flags, ..])
                if cmf & 0x0F == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([cmf, flags]).is_multiple_of(31) =>
            {
                (Box::new(ZlibDecoder::new()), u64::MAX)
            }
            (Coding::Deflate, _) => (Box::new(DeflateDecoder::new()), 4),
        })
    }
}

/// Returns the window of a br stream in KiB (RFC 7932, sections 9.1 and 9.2); 0 if its only meta-block is small.
fn brotli_window(head: &[u8]) -> u32 {
    let mut octets = [0; 8];
    let known = head.len().min(octets.len());
    octets[..known].copy_from_slice(&head[..known]);
    let bits = u64::from_le_bytes(octets);
    let field = |at: u32, length: u32| (bits >> at) & ((1 << length) - 1);
    let (log, at) = match (field(0, 1), field(1, 3), field(4, 3)) {
        (0, _, _) => (16, 1),
        (_, 0, 0) => (17, 7),
        (_, 0, few) => (8 + few, 7),
        (_, many, _) => (17 + many, 4),
    };
    let (is_last, is_empty, nibbles) = (field(at, 1) == 1, field(at + 1, 1) == 1, field(at + 2, 2) as u32);
    let length = 4 * (4 + nibbles);
    let is_small = is_empty || nibbles < 3 && at + 4 + length <= 8 * known as u32 && field(at + 4, length) < SMALL;
    if known > 0 && is_last && is_small { 0 } else { (1 << log) / 1024 }
}

/// Whether `head` begins with `magic`. `None` if `head` is too short to decide.
fn has_prefix(head: &[u8], magic: &[u8]) -> Option<bool> {
    let len = head.len().min(magic.len());
    if head[..len] != magic[..len] {
        return Some(false);
    }
    (len == magic.len()).then_some(true)
}

/// A coding of a body, in the header field of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied<'a> {
    /// The name that the server sent.
    sent: &'a [u8],
    /// The name of its kind: that of [`Coding::name`], the first of its row, or none of several.
    pub(super) name: &'static str,
    coding: Option<Coding>,
}

impl<'a> Applied<'a> {
    /// Returns the coding of this name, or `None` if it names no coding. Servers often send such names: a
    /// charset, a media type, `none`, `aws-chunked`. They do not describe the bytes.
    fn named(sent: &'a [u8]) -> Option<Self> {
        let is = |known: &&str| sent.eq_ignore_ascii_case(known.as_bytes());
        let supported = SUPPORTED.iter().find(|(_, names)| names.iter().any(is));
        if let Some(&(coding, _)) = supported {
            return Some(Self { sent, name: coding.name(), coding: Some(coding) });
        }
        let unsupported = UNSUPPORTED.iter().find(|names| names.iter().any(is));
        if let Some(name) = unsupported.and_then(|names| names.first()) {
            return Some(Self { sent, name, coding: None });
        }
        // A list without its commas, such as `gzip br`, has no order to rely on.
        let mut words = sent.split(u8::is_ascii_whitespace).filter(|word| word.len() < sent.len());
        words.any(|word| Self::named(word).is_some()).then_some(Self { sent, name: "", coding: None })
    }

    /// Returns the coding for the decoder.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for an unsupported coding.
    pub(super) fn supported(self, advice: &str) -> Result<Coding, FetchError> {
        self.coding.ok_or_else(|| {
            let message = format!("unsupported content coding `{}`: {advice}", shown(self.sent));
            FetchError::new(ErrorKind::Decode, message)
        })
    }
}

/// Returns the transfer coding of this name (RFC 9112, section 7.2). None has parameters.
///
/// # Errors
/// [`ErrorKind::Decode`] for any other name.
pub(super) fn transfer_coding(sent: &[u8]) -> Result<Coding, FetchError> {
    let unsupported = || FetchError::new(ErrorKind::Decode, format!("unsupported transfer coding `{}`", shown(sent)));
    Applied::named(sent).and_then(|applied| applied.coding).ok_or_else(unsupported)
}

/// Returns a name for messages, escaped and cut.
pub(super) fn shown(name: &[u8]) -> impl Display {
    name[..name.len().min(MAX_NAME_SHOWN)].escape_ascii()
}

const ADVICE: &str = "--compression raw saves the body as it comes, --compression off asks for none";

/// The advice for a request that accepted no coding.
const ADVICE_UNASKED: &str = "--compression raw saves the body as it comes";

/// Returns the advice to the user in a decoding error.
pub(super) fn advice(asks_codings: bool) -> &'static str {
    if asks_codings { ADVICE } else { ADVICE_UNASKED }
}

/// Returns the codings in the order applied.
///
/// Skips empty list members (RFC 9110, section 5.6.1). Removes the quotes and parameters that some
/// servers add to a name.
pub(super) fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Applied<'a>> {
    let members = values.flat_map(|value| value.split(|&byte| byte == b','));
    members.filter_map(|member| Applied::named(name_of(member))).collect()
}

fn name_of(member: &[u8]) -> &[u8] {
    let name = member.split(|&byte| byte == b';').next().unwrap_or(member).trim_ascii();
    match name {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner.trim_ascii(),
        name => name,
    }
}
