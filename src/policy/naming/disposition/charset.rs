//! The charsets of names, and the encoded words of mail (RFC 2047) that some servers send.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The characters of windows-1252 from 0x80 to 0x9f; ISO-8859-1 has controls there (WHATWG Encoding).
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Whether [`decode`] knows a charset.
pub(super) fn is_known(charset: &[u8]) -> bool {
    is_utf8(charset) || is_windows_1252(charset)
}

/// Decodes octets; `None` if the charset is unknown or the octets are not in it.
pub(super) fn decode(charset: &[u8], octets: &[u8]) -> Option<String> {
    if is_utf8(charset) {
        String::from_utf8(octets.to_owned()).ok()
    } else {
        is_windows_1252(charset).then(|| windows_1252(octets))
    }
}

/// Decodes octets as UTF-8, else as windows-1252.
pub(super) fn utf8_or_windows_1252(octets: &[u8]) -> String {
    String::from_utf8(octets.to_owned()).unwrap_or_else(|_| windows_1252(octets))
}

/// Decodes octets with encoded words in them; `None` if a word cannot be read.
pub(super) fn of_words(octets: &[u8]) -> Option<String> {
    let text = utf8_or_windows_1252(octets);
    let mut decoded = String::with_capacity(text.len());
    // A character may be split between words of one charset.
    let mut words: Option<(&str, Vec<u8>)> = None;
    let mut rest = &*text;
    while let Some((before, word, after)) = EncodedWord::find(rest) {
        let octets = word.octets()?;
        let follows = words.is_some() && before.trim().is_empty();
        match &mut words {
            Some((charset, earlier)) if follows && charset.eq_ignore_ascii_case(word.charset) => earlier.extend(octets),
            _ => {
                decoded.push_str(&text_of(words.take())?);
                // RFC 2047, section 6.2: blanks between words do not count.
                decoded.push_str(if follows { "" } else { before });
                words = Some((word.charset, octets));
            }
        }
        rest = after;
    }
    decoded.push_str(&text_of(words)?);
    decoded.push_str(rest);
    Some(decoded)
}

fn text_of(words: Option<(&str, Vec<u8>)>) -> Option<String> {
    words.map_or_else(|| Some(String::new()), |(charset, octets)| decode(charset.as_bytes(), &octets))
}

/// An encoded word: `=?charset?q?text?=`.
struct EncodedWord<'a> {
    charset: &'a str,
    encoding: &'a str,
    text: &'a str,
}

impl<'a> EncodedWord<'a> {
    /// Finds the first word, with the text before it and behind it.
    fn find(text: &'a str) -> Option<(&'a str, Self, &'a str)> {
        let (before, rest) = text.split_once("=?")?;
        let (charset, rest) = rest.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let (text, rest) = rest.split_once("?=")?;
        // RFC 2231, section 5: a language may follow the charset.
        let charset = charset.split('*').next()?;
        let is_word = !charset.is_empty() && matches!(encoding, "q" | "Q" | "b" | "B");
        is_word.then_some((before, Self { charset, encoding, text }, rest))
    }

    fn octets(&self) -> Option<Vec<u8>> {
        if self.encoding.eq_ignore_ascii_case("b") {
            return BASE64.decode(self.text).ok();
        }
        let text = self.text.replace('_', " ").replace('%', "%25").replace('=', "%");
        Some(percent_encoding::percent_decode_str(&text).collect())
    }
}

fn is_utf8(charset: &[u8]) -> bool {
    [&b"utf-8"[..], b"utf8"].iter().any(|name| name.eq_ignore_ascii_case(charset))
}

/// The web takes other names for windows-1252 too.
fn is_windows_1252(charset: &[u8]) -> bool {
    [&b"iso-8859-1"[..], b"latin1", b"windows-1252", b"cp1252", b"us-ascii"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(charset))
}

fn windows_1252(octets: &[u8]) -> String {
    let character = |octet: &u8| match octet {
        0x80..=0x9f => HIGH[usize::from(octet - 0x80)],
        _ => char::from(*octet),
    };
    octets.iter().map(character).collect()
}
