//! The encoding of a document: byte order mark, `Content-Type` field, `meta` or XML declaration, detection.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use url::Url;

use crate::policy::message::charset;

/// The most bytes that the detector looks at.
const MOST_DETECTED: usize = 1 << 20;

/// The encoding that a byte order mark shows, and the length of the mark. Without a mark, UTF-16
/// is known by the zero byte beside its first `<`.
pub(super) fn of_first_bytes(bytes: &[u8]) -> Option<(&'static Encoding, usize)> {
    match *bytes {
        [b'<', 0, ..] => Some((UTF_16LE, 0)),
        [0, b'<', ..] => Some((UTF_16BE, 0)),
        _ => Encoding::for_bom(bytes),
    }
}

/// The encoding that a document declares in itself. A declaration that could be read is not in
/// UTF-16, whatever it says.
pub(super) fn of_label(label: &[u8]) -> Option<&'static Encoding> {
    charset::of_label(label).map(readable)
}

/// The encoding that `meta http-equiv=content-type` declares.
pub(super) fn of_meta_content(content: &[u8]) -> Option<&'static Encoding> {
    charset::of_media_type(content).map(readable)
}

fn readable(encoding: &'static Encoding) -> &'static Encoding {
    match encoding {
        _ if encoding == UTF_16BE || encoding == UTF_16LE => UTF_8,
        _ if encoding == X_USER_DEFINED => WINDOWS_1252,
        _ => encoding,
    }
}

/// The encoding of an XML declaration, read without its `<?`.
pub(super) fn of_declaration(bytes: &[u8]) -> Option<&'static Encoding> {
    let text = bytes.strip_prefix(b"xml").filter(|text| text.first().is_some_and(u8::is_ascii_whitespace))?;
    let at = text.windows(8).position(|part| part == b"encoding")?;
    let value = text[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = value.iter().position(|byte| byte == quote)?;
    of_label(&value[..end])
}

/// Whether bytes must be decoded before tags can be found in them.
pub(super) fn hides_tags(encoding: &'static Encoding) -> bool {
    !encoding.is_ascii_compatible() || encoding == ISO_2022_JP
}

/// Whether all encodings that keep ASCII give this text the same characters. An escape byte may
/// begin other characters in ISO-2022-JP.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.is_ascii() && memchr::memchr(0x1b, bytes).is_none()
}

/// Guesses the encoding of a document that names none.
pub(super) struct CharsetDetector {
    /// `None` while each byte is plain.
    detector: Option<Box<EncodingDetector>>,
    left: usize,
}

impl CharsetDetector {
    pub fn new() -> Self {
        Self { detector: None, left: MOST_DETECTED }
    }

    /// Looks at a piece of the document. The work begins with the first byte that is not plain.
    pub fn piece(&mut self, bytes: &[u8]) {
        let plain = match &self.detector {
            None if is_plain(bytes) => return,
            None => bytes.iter().take_while(|&&byte| is_plain(&[byte])).count(),
            Some(_) => 0,
        };
        let bytes = &bytes[plain..];
        let bytes = &bytes[..bytes.len().min(self.left)];
        self.left -= bytes.len();
        let new = || Box::new(EncodingDetector::new(Iso2022JpDetection::Allow));
        self.detector.get_or_insert_with(new).feed(bytes, false);
    }

    /// The most probable encoding of a document at this URL.
    pub fn guess(&self, url: &Url) -> &'static Encoding {
        let domain = url.domain().and_then(|domain| domain.trim_end_matches('.').rsplit('.').next());
        let guess = |detector: &EncodingDetector| detector.guess(domain.map(str::as_bytes), Utf8Detection::Allow);
        self.detector.as_deref().map_or(UTF_8, guess)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{EUC_JP, SHIFT_JIS};

    use super::*;

    #[test]
    fn declarations_name_the_encoding() {
        for (text, encoding) in [
            ("xml version=\"1.0\" encoding=\"Shift_JIS\"?", Some(SHIFT_JIS)),
            ("xml encoding = 'euc-jp'?", Some(EUC_JP)),
            ("xml encoding='utf-16'?", Some(UTF_8)),
            ("xml version='1.0'?", None),
            ("xml-stylesheet encoding='utf-8'?", None),
            ("xml encoding='utf-8", None),
        ] {
            assert_eq!(of_declaration(text.as_bytes()), encoding, "{text}");
        }
    }

    #[test]
    fn first_bytes_show_the_encoding() {
        assert_eq!(of_first_bytes(b"\xef\xbb\xbf<a>"), Some((UTF_8, 3)));
        assert_eq!(of_first_bytes(b"\xff\xfe<\0"), Some((UTF_16LE, 2)));
        assert_eq!(of_first_bytes(b"\xfe\xff\0<"), Some((UTF_16BE, 2)));
        assert_eq!(of_first_bytes(b"<\0h\0"), Some((UTF_16LE, 0)));
        assert_eq!(of_first_bytes(b"\0<\0h"), Some((UTF_16BE, 0)));
        assert_eq!(of_first_bytes(b"<html>"), None);
    }
}
