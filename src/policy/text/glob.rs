//! Wildcards of a shell: `*`, `?`, `[a-z]` and `[!a-z]`.

use regex::{RegexSet, RegexSetBuilder};

/// Patterns that each match a whole text.
#[derive(Debug, Clone)]
pub struct Globs {
    texts: Vec<String>,
    set: RegexSet,
}

impl Globs {
    /// Reads the patterns.
    ///
    /// # Errors
    /// Tells the number of the pattern that cannot be read, such as `[z-a]`. It may hold a secret.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, String> {
        let expressions: Vec<_> = patterns.iter().map(|pattern| expression(pattern.as_ref())).collect();
        for (expression, number) in expressions.iter().zip(1..) {
            if regex::Regex::new(expression).is_err() {
                return Err(format!("number {number} is no pattern; write *, ?, or [a-z]"));
            }
        }
        let set = RegexSetBuilder::new(expressions).build().map_err(|error| error.to_string())?;
        Ok(Self { texts: patterns.iter().map(|pattern| pattern.as_ref().to_owned()).collect(), set })
    }

    /// The first pattern that matches the whole text.
    pub fn first_match(&self, text: &str) -> Option<&str> {
        let index = self.set.matches(text).iter().next()?;
        self.texts.get(index).map(String::as_str)
    }

    /// Whether a pattern matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.set.is_match(text)
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Whether a text has wildcards. Otherwise it stands for itself.
pub fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

/// The regular expression of a pattern.
fn expression(pattern: &str) -> String {
    let mut written = String::from("(?s)^");
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => written.push_str(".*"),
            '?' => written.push('.'),
            '[' => match class(rest.as_str()) {
                Some((class, after)) => {
                    written.push_str(&class);
                    rest = after.chars();
                }
                None => written.push_str(r"\["),
            },
            c => written.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    written.push('$');
    written
}

/// The class of characters that begins after a `[`, and the text behind it. `None` without a `]`.
fn class(text: &str) -> Option<(String, &str)> {
    let (negation, members) = match text.strip_prefix(['!', '^']) {
        Some(members) => ("^", members),
        None => ("", text),
    };
    // A `]` right at the beginning is a member.
    let first = members.chars().next()?.len_utf8();
    let end = first + members.get(first..)?.find(']')?;
    let mut written = format!("[{negation}");
    for c in members[..end].chars() {
        if !c.is_alphanumeric() && c != '-' && c.is_ascii_punctuation() {
            written.push('\\');
        }
        written.push(c);
    }
    written.push(']');
    Some((written, &members[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wildcards_match_as_in_a_shell() {
        for (pattern, matched, others) in [
            ("utm_*", &["utm_source", "utm_"][..], &["utm", "xutm_a"][..]),
            ("*.jp?g", &["a.jpeg", ".jpeg", "a.b.jpxg"], &["a.jpg", "a.jpegs"]),
            ("img[0-9].[!j]*", &["img1.png"], &["img1.jpg", "imga.png"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[a", &["[a"], &["a"]),
            ("f[]", &["f[]"], &["f"]),
            ("a.b+", &["a.b+"], &["axb+", "a.bb"]),
            ("[[:^a]", &["[", ":", "^", "a"], &["b"]),
            ("*", &["", "a\nb", "é"], &[]),
            ("?", &["é"], &["", "ab"]),
            ("", &[""], &["a"]),
        ] {
            let globs = Globs::new(&["-", pattern]).unwrap();
            matched.iter().for_each(|text| assert_eq!(globs.first_match(text), Some(pattern), "{text}"));
            others.iter().for_each(|text| assert!(!globs.is_match(text), "{pattern} {text}"));
        }
        assert!(Globs::new(&["a", "[z-a]"]).unwrap_err().starts_with("number 2 is no pattern"));
        assert!(Globs::new::<&str>(&[]).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_text_without_wildcards_matches_itself(text in "[^*?\\[]{0,20}", other in ".{0,20}") {
            let globs = Globs::new(&[&text]).unwrap();
            prop_assert!(globs.is_match(&text));
            prop_assert_eq!(globs.is_match(&other), text == other);
        }
    }
}
