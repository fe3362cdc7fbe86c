//! Bounds the chunk size lines of a chunked body, and checks the line ends behind its last chunk (RFC 9112, section
//! 7.1).
//!
//! A size may begin with any number of zeros, and blanks or an extension may follow it. The client reads such
//! lines byte by byte and has no bound for zeros and blanks. Behind the last chunk it waits for CR LF, also when the
//! server has ended a line with LF alone and sends nothing more.

use memchr::memchr;

use super::response_head::Content;

#[cfg(test)]
mod tests;

/// The length of an ordinary line: a size of 16 digits, some blanks and the end of the line.
const ORDINARY: usize = 32;

/// The most bytes by which all size lines of a body together may exceed `ORDINARY` ones.
pub const MAX_EXCESS: usize = 64 * 1024;

/// A body whose lines between and behind the chunks are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkLinesError {
    /// The size lines are too long.
    #[error("the chunk size lines have more than {MAX_EXCESS} bytes of zeros, blanks and extensions")]
    TooLong,
    /// A trailer line, or the empty one at the end, ends with LF alone.
    #[error("a line behind the last chunk ends with LF instead of CR LF")]
    BareLineFeed,
}

/// Follows the chunks of a body that arrives piece by piece. By default there are none.
///
/// The client checks the syntax. Bytes that it refuses have no meaning here.
#[derive(Debug, Default)]
pub struct ChunkLines {
    next: ChunkState,
    excess: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ChunkState {
    /// The rest of a size line: the size, if it has begun, and the length so far, and whether digits may follow.
    Line { size: Option<u64>, length: usize, has_digits: bool },
    /// So many bytes of data, with the CRLF behind them.
    Data(u64),
    /// The rest of a trailer line, which the client bounds: whether it is empty so far, and ends with a CR.
    Trailer { is_empty: bool, after_cr: bool },
    /// No chunks: the end, a size that the client refuses, or other content.
    #[default]
    End,
}

impl ChunkState {
    const LINE: ChunkState = ChunkState::Line { size: None, length: 0, has_digits: true };
    const TRAILER: ChunkState = ChunkState::Trailer { is_empty: true, after_cr: false };
}

impl ChunkLines {
    /// Begins with the first byte of the content.
    pub fn new(content: Content) -> Self {
        Self { next: if content == Content::Chunked { ChunkState::LINE } else { ChunkState::End }, excess: 0 }
    }

    /// Counts the next bytes of the body.
    ///
    /// # Errors
    /// The size lines exceed their bound with these bytes, or a line behind the last chunk ends with LF alone.
    pub fn follow(&mut self, mut bytes: &[u8]) -> Result<(), ChunkLinesError> {
        while !bytes.is_empty() {
            match self.next {
                ChunkState::End => break,
                ChunkState::Data(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[taken..];
                    let left = left - taken as u64;
                    self.next = if left == 0 { ChunkState::LINE } else { ChunkState::Data(left) };
                }
                ChunkState::Trailer { is_empty, after_cr } => {
                    let newline = memchr(b'\n', bytes);
                    let (part, rest) = bytes.split_at(newline.unwrap_or(bytes.len()));
                    bytes = rest.get(1..).unwrap_or_default();
                    let is_empty = is_empty && (part.is_empty() || (part == b"\r" && !after_cr));
                    let after_cr = part.last().map_or(after_cr, |last| *last == b'\r');
                    self.next = match newline {
                        None => ChunkState::Trailer { is_empty, after_cr },
                        Some(_) if !after_cr => return Err(ChunkLinesError::BareLineFeed),
                        Some(_) if is_empty => ChunkState::End,
                        Some(_) => ChunkState::TRAILER,
                    };
                }
                ChunkState::Line { size, length, has_digits } => {
                    let newline = memchr(b'\n', bytes);
                    let (part, rest) = bytes.split_at(newline.map_or(bytes.len(), |at| at + 1));
                    bytes = rest;
                    let end = length + part.len();
                    self.excess += end.max(ORDINARY) - length.max(ORDINARY);
                    if self.excess > MAX_EXCESS {
                        return Err(ChunkLinesError::TooLong);
                    }
                    let digits = if has_digits { part.iter().take_while(|b| b.is_ascii_hexdigit()).count() } else { 0 };
                    self.next = match (add_digits(size, &part[..digits]), newline) {
                        (Err(TooLarge), _) | (Ok(None), Some(_)) => ChunkState::End,
                        (Ok(Some(0)), Some(_)) => ChunkState::TRAILER,
                        (Ok(Some(size)), Some(_)) => ChunkState::Data(size.saturating_add(2)),
                        (Ok(size), None) => {
                            ChunkState::Line { size, length: end, has_digits: has_digits && digits == part.len() }
                        }
                    };
                }
            }
        }
        Ok(())
    }
}

/// A size that no 64 bits can hold.
struct TooLarge;

/// Appends hexadecimal digits to a size, which is `None` before its first digit.
fn add_digits(size: Option<u64>, digits: &[u8]) -> Result<Option<u64>, TooLarge> {
    digits.iter().try_fold(size, |size, &digit| {
        let value = u64::from(char::from(digit).to_digit(16).ok_or(TooLarge)?);
        let size = size.unwrap_or(0).checked_mul(16).and_then(|size| size.checked_add(value));
        size.map(Some).ok_or(TooLarge)
    })
}
