//! Makes the parts of a file name portable, so that a name means the same file on every system.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use xxhash_rust::xxh3::xxh3_64;

/// The most bytes of one part of a name: the limit of most file systems.
pub const MAX_COMPONENT: usize = 255;

/// The longest extension that a cut part keeps, with its dot.
const MAX_EXTENSION: usize = 12;

/// The text as one part of a name: portable as [`is_portable`] says, never empty.
pub(super) fn component(text: &str) -> String {
    // Compose first: this may yield a forbidden character, but replacements never compose.
    let composed;
    let text = if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text
    } else {
        composed = text.nfc().collect::<String>();
        &composed
    };
    let mut part: String = text.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    if let Some(first) = part.chars().next().filter(|&c| is_bad_start(c)) {
        part.replace_range(..first.len_utf8(), "_");
    }
    if let Some(last) = part.chars().next_back().filter(|&c| is_bad_end(c)) {
        part.truncate(part.len() - last.len_utf8());
        part.push('_');
    }
    if part.is_empty() || is_device(&part) {
        part.insert(0, '_');
    }
    if part.len() > MAX_COMPONENT { tagged(&part, &cut(&part)) } else { part }
}

/// Whether a part of a name can be used as it is on every system.
///
/// - At most 255 bytes of composed UTF-8 (NFC).
/// - No control, format, bidi or zero-width character, and none of `/\<>:"|?*`.
/// - No dash, dot, tilde or blank at its start, and no dot or blank at its end.
/// - No name of a Windows device, with or without an extension.
pub fn is_portable(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= MAX_COMPONENT
        && part.chars().all(is_allowed)
        && !part.starts_with(is_bad_start)
        && !part.ends_with(is_bad_end)
        && !is_device(part)
        && unicode_normalization::is_nfc(part)
}

/// Puts `~` and a tag before the part's extension, and cuts a part that would be too long.
pub(super) fn tagged(part: &str, tag: &str) -> String {
    tagged_within(part, tag, MAX_COMPONENT)
}

/// The same, for parts of at most so many bytes.
pub(super) fn tagged_within(part: &str, tag: &str, most: usize) -> String {
    let (stem, extension) = split_extension(part);
    let room = most.saturating_sub(1 + tag.len() + extension.len());
    let stem = &stem[..stem.floor_char_boundary(room)];
    format!("{stem}~{tag}{extension}")
}

/// The twelve hex digits of the hash of a cut text.
pub(super) fn cut(text: &str) -> String {
    let mut digits = format!("{:016x}", xxh3_64(text.as_bytes()));
    digits.truncate(12);
    digits
}

/// Splits a part before its extension; `.tar.gz` and the like count as one extension.
pub(super) fn split_extension(part: &str) -> (&str, &str) {
    let is_extension =
        |text: &str| (2..=MAX_EXTENSION).contains(&text.len()) && text[1..].bytes().all(|b| b.is_ascii_alphanumeric());
    let Some(dot) = part.rfind('.').filter(|&dot| dot > 0 && is_extension(&part[dot..])) else {
        return (part, "");
    };
    let tar = dot.saturating_sub(4);
    let is_tar = tar > 0 && part.as_bytes()[tar..dot].eq_ignore_ascii_case(b".tar");
    part.split_at(if is_tar { tar } else { dot })
}

/// A leading dash looks like an option, a leading dot hides, a leading tilde is a shell's home.
fn is_bad_start(c: char) -> bool {
    matches!(c, '-' | '.' | '~') || c.is_whitespace()
}

/// Windows drops dots and blanks at the end.
fn is_bad_end(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Whether Windows takes the part for a device. Windows looks only at the text before the first dot.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    if ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"].iter().any(|name| stem.eq_ignore_ascii_case(name)) {
        return true;
    }
    let Some((port, number)) = stem.split_at_checked(3) else {
        return false;
    };
    (port.eq_ignore_ascii_case("com") || port.eq_ignore_ascii_case("lpt"))
        && matches!(number.as_bytes(), [b'0'..=b'9'] | [0xC2, 0xB9 | 0xB2 | 0xB3]) // digit, or ¹ ² ³
}

/// Whether a character may stand in a name.
fn is_allowed(c: char) -> bool {
    match c {
        '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*' => false,
        ' '..='~' => true,
        _ => !c.is_control() && !is_invisible(c) && !is_private(c),
    }
}

/// Whether a character is invisible: format characters (category Cf), line and paragraph separators, and the
/// default-ignorable code points. With them a name could look like another or reorder the display. The
/// variation selectors U+FE00 to U+FE0F stay, since emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}'
        | '\u{890}'..='\u{891}' | '\u{8E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a character is for private use or a noncharacter. Several systems map private characters to those
/// that Windows forbids, for example U+F03A to the colon. A forbidden character could so return.
fn is_private(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{F0000}'..='\u{10FFFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cleaned() {
        for (text, expected) in [
            ("a.html", "a.html"),
            ("", "_"),
            (".", "_"),
            ("..", "__"),
            (".htaccess", "_htaccess"),
            (".fetchall", "_fetchall"),
            ("-rf", "_rf"),
            ("~", "_"),
            (" a ", "_a_"),
            ("a.", "a_"),
            ("\u{3000}a\u{A0}", "_a_"),
            ("a/b\\c<d>e:f\"g|h?i*j", "a_b_c_d_e_f_g_h_i_j"),
            ("a\0b\nc\u{7f}d\u{85}e", "a_b_c_d_e"),
            ("evil\u{202e}gpj.exe", "evil_gpj.exe"),
            ("a\u{200b}b\u{feff}c\u{ad}d\u{f03a}e", "a_b_c_d_e"),
            ("con", "_con"),
            ("Con.txt", "_Con.txt"),
            ("NUL .tar.gz", "_NUL .tar.gz"),
            ("com1", "_com1"),
            ("LPT0.x", "_LPT0.x"),
            ("com¹.x", "_com¹.x"),
            ("lpt³", "_lpt³"),
            ("CONIN$", "_CONIN$"),
            ("conout$.log", "_conout$.log"),
            ("com", "com"),
            ("com10", "com10"),
            ("com⁴", "com⁴"),
            ("console", "console"),
            ("cafe\u{301}", "café"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("100%", "100%"),
        ] {
            assert_eq!(component(text), expected, "{text:?}");
            assert!(is_portable(expected), "{expected:?}");
        }
    }

    #[test]
    fn every_character_alone_gives_a_portable_part() {
        for c in '\0'..=char::MAX {
            let part = component(&c.to_string());
            assert!(is_portable(&part), "{c:?} gave {part:?}");
            let part = component(&format!("e{c}\u{301}"));
            assert!(is_portable(&part), "{c:?} gave {part:?}");
        }
    }

    #[test]
    fn long_parts_are_cut_with_a_hash_and_keep_their_extension() {
        let long = format!("{}.tar.gz", "é".repeat(300));
        let part = component(&long);
        assert!(part.len() <= MAX_COMPONENT && part.len() > MAX_COMPONENT - 4, "{}", part.len());
        assert!(part.ends_with(".tar.gz"));
        assert_eq!(part.split('~').nth(1).map(|tail| tail.find('.')), Some(Some(12)));
        assert_ne!(part, component(&format!("{}é.tar.gz", "é".repeat(300))));
        assert_eq!(component(&"x".repeat(255)), "x".repeat(255));
        assert_eq!(component(&"x".repeat(256)).len(), 255);
    }

    #[test]
    fn tags_stand_before_the_extension() {
        for (part, expected) in [
            ("a.html", "a~1.html"),
            ("a", "a~1"),
            ("a.tar.gz", "a~1.tar.gz"),
            ("_.tar.xz", "_~1.tar.xz"),
            ("a.b c", "a.b c~1"),
            ("page.php@a=1", "page.php@a=1~1"),
            ("v1.2.3", "v1.2~1.3"),
        ] {
            assert_eq!(tagged(part, "1"), expected);
        }
    }
}
