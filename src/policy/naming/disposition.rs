//! The file name that a server proposes: Content-Disposition (RFC 6266), with RFC 8187 values.
//!
//! Only the name is of interest, so all types count alike, and a missing type does no harm. Many servers break
//! the rules of quotes and charsets. This parser still finds the name that a reader would see in the field.

mod charset;
mod continued;

use percent_encoding::percent_decode;

use self::continued::Continued;
use super::portable::component;

/// The proposed name as one portable part of a name, if there is one.
///
/// The order of preference is `filename*`, a continued `filename*0`, `filename`, and one of the first two with a
/// wrong charset or none. The first of each kind counts. Only the last part of a path is taken (RFC 6266, section
/// 4.3).
pub fn name_from_disposition(field: &[u8]) -> Option<String> {
    let Proposed { extended, continued, plain, guessed } = Proposed::read(field);
    [extended, continued, plain, guessed].into_iter().flatten().find_map(|text| {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        (!matches!(last, "" | "." | "..")).then(|| component(last))
    })
}

/// The names that a field proposes.
#[derive(Default)]
struct Proposed {
    /// The parameter `filename*`, as RFC 8187 has it.
    extended: Option<String>,
    /// The parameters `filename*0`, `filename*1` and so on.
    continued: Option<String>,
    /// The parameter `filename`.
    plain: Option<String>,
    /// One of the first two where its charset is wrong or missing.
    guessed: Option<String>,
}

impl Proposed {
    fn read(field: &[u8]) -> Self {
        let mut proposed = Self::default();
        let mut continued = Continued::default();
        for (name, value) in DispositionParameters::new(field) {
            if name.eq_ignore_ascii_case(b"filename") && proposed.plain.is_none() {
                proposed.plain = value.plain();
            } else if name.eq_ignore_ascii_case(b"filename*") {
                match value.extended() {
                    Some(Extended::Sure(text)) if proposed.extended.is_none() => proposed.extended = Some(text),
                    Some(Extended::Guess(text)) if proposed.guessed.is_none() => proposed.guessed = Some(text),
                    _ => {}
                }
            } else {
                continued.add(name, value.octets());
            }
        }
        match continued.join() {
            Some(Extended::Sure(text)) => proposed.continued = Some(text),
            Some(Extended::Guess(text)) => proposed.guessed = proposed.guessed.or(Some(text)),
            None => {}
        }
        proposed
    }
}

/// The text of a `filename*`.
enum Extended {
    Sure(String),
    Guess(String),
}

impl Extended {
    /// Decodes octets in a charset, or in the most likely one if they do not have the syntax of a value.
    fn decode(charset: &[u8], octets: Vec<u8>, is_valid: bool) -> Option<Self> {
        if let Some(text) = charset::decode(charset, &octets).filter(|_| is_valid) {
            return Some(Self::Sure(text));
        }
        // Octets are hardly UTF-8 by chance. The other guess is the most usual charset.
        match String::from_utf8(octets) {
            Ok(text) => Some(Self::Guess(text)),
            Err(e) if charset.is_empty() || charset::is_known(charset) => {
                Some(Self::Guess(charset::utf8_or_windows_1252(e.as_bytes())))
            }
            Err(_) => None,
        }
    }
}

/// The value of a parameter.
enum Value<'a> {
    /// The text between quotes, without its escapes.
    Quoted(Vec<u8>),
    Bare(&'a [u8]),
}

impl Value<'_> {
    fn octets(&self) -> &[u8] {
        match self {
            Value::Quoted(octets) => octets,
            Value::Bare(octets) => octets,
        }
    }

    /// Decodes a `filename`. A value without the quotes that it needs is taken unless it is ambiguous.
    fn plain(self) -> Option<String> {
        match self {
            Value::Quoted(octets) => charset::of_words(&octets),
            Value::Bare(octets) if octets.starts_with(b"=?") => charset::of_words(octets),
            Value::Bare(octets) => {
                let octets = without_next_type(octets);
                let has_two = octets.contains(&b'=') && octets.iter().any(u8::is_ascii_whitespace);
                (!has_two && !octets.contains(&b'"')).then(|| charset::utf8_or_windows_1252(octets))
            }
        }
    }

    /// Decodes a `filename*`: charset, language, percent-encoded text (RFC 8187, section 3.2.1). Some
    /// servers put quotes around the whole or around the text.
    fn extended(self) -> Option<Extended> {
        let (charset, coded) = split_charset(self.octets());
        let coded = coded.strip_prefix(b"\"").unwrap_or(coded);
        let coded = coded.strip_suffix(b"\"").unwrap_or(coded);
        let is_hex = |at: usize| coded.get(at).is_some_and(u8::is_ascii_hexdigit);
        let mut signs = coded.iter().enumerate().filter(|(_, byte)| **byte == b'%');
        let is_coded = signs.all(|(at, _)| is_hex(at + 1) && is_hex(at + 2));
        Extended::decode(charset, percent_decode(coded).collect(), is_coded)
    }
}

/// Splits `charset'language'text` into charset and text. The charset is empty if there is none.
fn split_charset(value: &[u8]) -> (&[u8], &[u8]) {
    let parts: Vec<_> = value.splitn(3, |byte| *byte == b'\'').collect();
    match parts[..] {
        [charset, _language, text] => (charset, text),
        [charset, text] if charset::is_known(charset) => (charset, text),
        _ => (b"", value),
    }
}

/// The parameters of a field, and everything between them, such as the type, with an empty name.
struct DispositionParameters<'a> {
    rest: &'a [u8],
    /// No apostrophe in the rest ends a value, so none is looked for again.
    has_no_closing: bool,
}

impl<'a> DispositionParameters<'a> {
    fn new(field: &'a [u8]) -> Self {
        Self { rest: field.trim_ascii(), has_no_closing: false }
    }

    /// Splits off the first parameter: its name, its value, and the text behind its semicolon. The name is empty
    /// if the text is no parameter.
    fn split(&mut self, text: &'a [u8]) -> (&'a [u8], Value<'a>, &'a [u8]) {
        let (segment, after) = until_semicolon(text);
        if let [b'"', inner @ ..] = text {
            // A semicolon within quotes does not end it.
            let (_, after) = quoted(inner);
            return (b"", Value::Bare(b""), after);
        }
        let Some(equals) = segment.iter().position(|byte| *byte == b'=') else {
            return (b"", Value::Bare(b""), after);
        };
        // Some servers leave out the semicolon behind the type.
        let name = text[..equals].trim_ascii_end().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
        let value = text[equals + 1..].trim_ascii_start();
        match value {
            [b'"', inner @ ..] => {
                let (value, after) = quoted(inner);
                (name, Value::Quoted(value), after)
            }
            [b'\'', inner @ ..] if let Some(end) = self.closing_apostrophe(inner) => {
                (name, Value::Quoted(inner[..end].to_owned()), until_semicolon(&inner[end..]).1)
            }
            _ => {
                let (value, after) = until_semicolon(value);
                (name, Value::Bare(value.trim_ascii_end()), after)
            }
        }
    }

    /// Finds the apostrophe before a semicolon or the end.
    fn closing_apostrophe(&mut self, text: &[u8]) -> Option<usize> {
        let ends = |at: &usize| text[*at] == b'\'' && ends_value(&text[at + 1..]);
        let end = if self.has_no_closing { None } else { (0..text.len()).find(ends) };
        self.has_no_closing = end.is_none();
        end
    }
}

impl<'a> Iterator for DispositionParameters<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let (name, value, after) = self.split(text);
        self.rest = after;
        Some((name, value))
    }
}

/// Splits off a quoted-string (RFC 9110, section 5.6.4) after its first quote, and the text behind its
/// semicolon.
///
/// The closing quote is the one before a semicolon or the end: some servers do not escape quotes
/// within. Without one the value ends at its first quote, else at a semicolon. A backslash in a path
/// of Windows is no escape.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let is_path = is_windows_path(text);
    let mut first_quote = None;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' if ends_value(&text[at + 1..]) => {
                first_quote = Some(at);
                break;
            }
            b'"' => first_quote = first_quote.or(Some(at)),
            b';' if first_quote.is_some() => break,
            b'\\' if !is_path => at += 1,
            _ => {}
        }
        at += 1;
    }
    // At a last quote, `at` is that quote.
    let end = match text.get(at) {
        Some(b'"') => at,
        _ => first_quote.unwrap_or_else(|| until_semicolon(text).0.len()),
    };
    let value = if is_path { text[..end].to_owned() } else { without_escapes(&text[..end]) };
    (value, until_semicolon(&text[end..]).1)
}

fn ends_value(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start(), [] | [b';', ..])
}

/// `C:\a`, `\\server\a`, `.\a` or `..\a`.
fn is_windows_path(text: &[u8]) -> bool {
    match text {
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        [b'\\', b'\\', ..] | [b'.', b'\\', ..] | [b'.', b'.', b'\\', ..] => true,
        _ => false,
    }
}

fn without_escapes(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter();
    let mut value = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        value.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    value
}

/// Cuts off the type of a second field that a proxy has joined with a comma.
fn without_next_type(text: &[u8]) -> &[u8] {
    let Some(comma) = text.iter().rposition(|byte| *byte == b',') else { return text };
    let last = text[comma + 1..].trim_ascii();
    let is_type = last.eq_ignore_ascii_case(b"attachment") || last.eq_ignore_ascii_case(b"inline");
    if is_type { text[..comma].trim_ascii_end() } else { text }
}

/// Splits at the next semicolon.
fn until_semicolon(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
    (&text[..end], text.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
