//! The encoding that a media type or a label names (Encoding standard, section 4.2).

use encoding_rs::Encoding;

/// The encoding with this label. Those that the standard replaces by errors are none.
pub fn of_label(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label)
}

/// The encoding of the `charset` parameter of a media type, as lenient as browsers are.
pub fn of_media_type(field: &[u8]) -> Option<&'static Encoding> {
    const NAME: &[u8] = b"charset";
    let lower = field.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, NAME).find_map(|at| {
        let value = field[at + NAME.len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let quote = value.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let value = if quote.is_some() { &value[1..] } else { value };
        let is_end =
            |byte: &u8| quote.map_or(matches!(byte, b';' | b',') || byte.is_ascii_whitespace(), |quote| *byte == quote);
        let end = value.iter().position(is_end).unwrap_or(value.len());
        of_label(&value[..end])
    })
}

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_R, SHIFT_JIS, UTF_8, UTF_16LE, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn charset_of_a_media_type_is_found() {
        for (field, encoding) in [
            ("text/html; charset=utf-8", Some(UTF_8)),
            ("text/html;charset=\"windows-1251\"", Some(WINDOWS_1251)),
            ("text/html; Charset = 'koi8-r' ; x=y", Some(KOI8_R)),
            ("text/html; Charset = \"Shift_JIS\"", Some(SHIFT_JIS)),
            ("text/plain; charset=latin1, text/html", Some(WINDOWS_1252)),
            ("text/html; charset; charset=utf-16", Some(UTF_16LE)),
            ("text/html; charset=none", None),
            ("text/html; charset=hz-gb-2312", None),
            ("text/plain; charset=", None),
            ("text/html", None),
        ] {
            assert_eq!(of_media_type(field.as_bytes()), encoding, "{field}");
        }
    }
}
