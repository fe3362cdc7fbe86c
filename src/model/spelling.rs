//! Finds a character in any spelling: encoded in a URL, in HTML, JSON or a script, wide, or in words.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The most encodings inside each other that are looked through. A text with more may hold any character.
const MOST_LEVELS: usize = 8;

const AT_SIGNS: [char; 3] = ['@', '\u{ff20}', '\u{fe6b}'];
const COLONS: [char; 3] = [':', '\u{ff1a}', '\u{fe55}'];

/// Whether a text holds an at sign in any spelling. It may end a password.
pub fn has_at_sign(text: &str) -> bool {
    is_spelled(text, holds_at_sign)
}

/// Whether a text holds a colon in any spelling. A password may follow it.
pub fn has_colon(text: &str) -> bool {
    is_spelled(text, |text| text.contains(COLONS))
}

/// Whether an at sign follows a colon, in any spelling of both. A password may stand between them.
pub fn has_at_sign_after_colon(text: &str) -> bool {
    is_spelled(text, |text| text.split_once(COLONS).is_some_and(|(_, after)| holds_at_sign(after)))
}

fn holds_at_sign(text: &str) -> bool {
    text.contains(AT_SIGNS) || has_at_in_brackets(text)
}

/// Whether a text passes this test as it is, or after any number of decodings.
fn is_spelled(text: &str, is_found: impl Fn(&str) -> bool) -> bool {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MOST_LEVELS {
        if is_found(&text) {
            return true;
        }
        match decoded(&text) {
            Some(decoded) => text = Cow::Owned(decoded),
            None => return false,
        }
    }
    true
}

/// The text without one level of encoding: `%40`, `%u0040`, `&#64;`, `&#x40;`, `&commat;`, `\u0040`, `\x40`.
/// `None` if it has no such encoding.
fn decoded(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut rest, mut is_changed) = (text, false);
    while let Some(at) = rest.find(['%', '&', '\\']) {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (mark, after) = escape.split_at(1);
        let read = match mark {
            "%" => code(after, &["u", "U"], 16, 4),
            "&" => reference(after),
            _ => code(after, &["u{", "u", "U", "x"], 16, 8),
        };
        match read {
            Some((c, after)) => {
                out.push(c);
                (rest, is_changed) = (after, true);
            }
            None => {
                out.push_str(mark);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    let plain = percent_decode_str(&out).decode_utf8_lossy();
    (is_changed || plain != out).then(|| plain.into_owned())
}

/// The character of a reference of HTML, and the text behind it. The semicolon may be absent.
fn reference(text: &str) -> Option<(char, &str)> {
    const NAMES: [(&str, char); 5] = [("commat", '@'), ("colon", ':'), ("amp", '&'), ("percnt", '%'), ("num", '#')];
    let named = NAMES.iter().find_map(|(name, c)| Some((*c, text.strip_prefix(name)?)));
    let read = || code(text, &["#x", "#X"], 16, 8).or_else(|| code(text, &["#"], 10, 8));
    let (c, rest) = named.or_else(read)?;
    Some((c, rest.strip_prefix(';').unwrap_or(rest)))
}

/// The character with the number that follows one of these marks, and the text behind it. Only leading zeros can
/// make an ASCII character's number longer than `most` digits.
fn code<'a>(text: &'a str, marks: &[&str], radix: u32, most: usize) -> Option<(char, &'a str)> {
    let digits = marks.iter().find_map(|mark| text.strip_prefix(mark))?;
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).take(most).count();
    let (number, rest) = digits.split_at(length);
    Some((char::from_u32(u32::from_str_radix(number, radix).ok()?)?, rest.strip_prefix('}').unwrap_or(rest)))
}

/// Whether a text holds `(at)`, as people write addresses that programs shall not find.
fn has_at_in_brackets(text: &str) -> bool {
    text.split(['(', '[', '{', '<']).skip(1).any(|inner| {
        let word = inner.split([')', ']', '}', '>']).next().unwrap_or_default();
        word.len() < inner.len() && word.trim().eq_ignore_ascii_case("at")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_sign_is_found_in_any_spelling() {
        for sign in [
            "@",
            "%40",
            "%2540",
            "%252540",
            "%u0040",
            "%U0040",
            "%25u0040",
            "&commat;",
            "&commat",
            "&amp;commat;",
            "&amp;amp;#64;",
            "&#64;",
            "&#0064",
            "&#x40;",
            "&#X040;",
            "&percnt;40",
            "%26%2364;",
            "\\u0040",
            "\\u{40}",
            "\\x40",
            "\\U00000040",
            "\u{ff20}",
            "%EF%BC%A0",
            "\u{fe6b}",
            "(at)",
            "[AT]",
            "( at )",
            "{at}",
            "%28at%29",
            "%2525252525252525252525252540",
        ] {
            assert!(has_at_sign(&format!("hunter2{sign}h")), "{sign}");
        }
        for none in ["", "at", "(attic)", "a%20b&c=d", "&amp;", "%4", "100%", "\\n", "&#6", "%41", "a(at", "\\u"] {
            assert!(!has_at_sign(none), "{none}");
        }
    }

    #[test]
    fn colon_is_found_in_any_spelling() {
        for sign in [":", "%3a", "%3A", "%253A", "&colon;", "&#58;", "\\u003a", "\u{ff1a}", "\u{fe55}"] {
            assert!(has_colon(&format!("ann{sign}pw")), "{sign}");
        }
        assert!(!has_colon("a%20b;c"));
    }

    #[test]
    fn levels_are_bounded() {
        let deep = format!("%{}41", "25".repeat(1 << 19));
        assert!(has_at_sign(&deep));
    }
}
