//! Decides whether two names are the same file on some file system.

use unicode_normalization::UnicodeNormalization;

/// A form that is equal for all names that some file system may treat as the same one.
///
/// File systems differ: APFS and NTFS fold case by their own tables, HFS+ stores decomposed names, some fold
/// `ß` and `SS`. Folding more than any of them is safe, since it costs a needless tag at worst. Folding less
/// loses a file. So the function decomposes, then applies the full lower-case and the full upper-case mapping.
/// The two mappings also join letters that meet in only one of them (`ẞ`, `ı`, `ς`, the Kelvin sign).
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_uppercase();
    }
    // By character: `str::to_lowercase` looks at the neighbours of a sigma.
    let cased: String = name.nfd().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect();
    cased.nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_together() {
        for (one, other) in [
            ("readme", "README"),
            ("straße", "STRASSE"),
            ("straẞe", "strasse"),
            ("café", "CAFE\u{301}"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{212a}", "k"),
            ("\u{212b}", "å"),
            ("ﬁle", "FIle"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("a"), fold("b"));
        assert_ne!(fold("e"), fold("é"));
    }

    #[test]
    fn every_character_folds_with_its_cases_and_forms() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let folded = fold(&text);
            let (composed, decomposed) = (text.nfc().collect(), text.nfd().collect());
            for form in [folded.clone(), text.to_lowercase(), text.to_uppercase(), composed, decomposed] {
                assert!(form == text || fold(&form) == folded, "{c:?} as {form:?}");
            }
        }
    }
}
