//! Patterns of paths (RFC 9309, sections 2.2.2 and 2.2.3), and the form in which paths are compared.

use memchr::memmem;

/// The pattern of a rule in its normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern {
    /// Without the `$` at the end.
    text: Box<str>,
    ends_path: bool,
}

impl PathPattern {
    /// Reads the value of a rule. A value that cannot match any path is no pattern.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        if !value.starts_with(b"/") && !value.starts_with(b"*") {
            return None;
        }
        let (value, ends_path) = match value.strip_suffix(b"$") {
            Some(value) => (value, true),
            None => (value, false),
        };
        let mut text = String::with_capacity(value.len());
        for piece in value.split_inclusive(|byte| *byte == b'*') {
            let (piece, has_star) = piece.strip_suffix(b"*").map_or((piece, false), |piece| (piece, true));
            normalize(piece, &mut text);
            if has_star && !text.ends_with('*') {
                text.push('*');
            }
        }
        Some(Self { text: text.into(), ends_path })
    }

    /// The octets of the pattern: of two rules that match, the longer one decides.
    pub(super) fn len(&self) -> usize {
        self.text.len() + usize::from(self.ends_path)
    }

    /// Whether the pattern matches a path in its normal form. The time is linear in the lengths of both.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let Some((first, after_star)) = self.text.split_once('*') else {
            return path.starts_with(self.text.as_bytes()) && (!self.ends_path || path.len() == self.text.len());
        };
        let Some(mut rest) = path.strip_prefix(first.as_bytes()) else { return false };
        let (between, last) = after_star.rsplit_once('*').unwrap_or(("", after_star));
        for piece in between.split('*') {
            let Some(at) = memmem::find(rest, piece.as_bytes()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        if self.ends_path { rest.ends_with(last.as_bytes()) } else { memmem::find(rest, last.as_bytes()).is_some() }
    }
}

impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.ends_path { "$" } else { "" })
    }
}

/// The normal form of a path with its query.
pub(super) fn normal_path(path: &str) -> String {
    let mut written = String::with_capacity(path.len() + 8);
    normalize(path.as_bytes(), &mut written);
    written
}

/// Appends the normal form. Unreserved characters (RFC 3986, section 2.3) are not encoded, and reserved ones stay as
/// they are. Everything else is encoded in upper case, also a `%` that encodes nothing. `*` and `$` are encoded too,
/// because the pattern `%2A` means the star itself.
fn normalize(text: &[u8], written: &mut String) {
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (*byte, after) {
            (b'%', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = behind;
                let octet = (hex(*high) << 4) | hex(*low);
                if is_unreserved(octet) { written.push(char::from(octet)) } else { encode(octet, written) }
            }
            (b'*' | b'$', _) => encode(*byte, written),
            (byte, _) if is_unreserved(byte) || b":/?#[]@!&'()+,;=".contains(&byte) => written.push(char::from(byte)),
            (byte, _) => encode(byte, written),
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10) & 15,
    }
}

fn encode(octet: u8, written: &mut String) {
    written.push_str(percent_encoding::percent_encode_byte(octet));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries every way to match, which is slow and plain.
    fn matches_plainly(pattern: &[u8], path: &[u8]) -> bool {
        match pattern {
            [] => true,
            b"$" => path.is_empty(),
            [b'*', rest @ ..] => (0..=path.len()).any(|at| matches_plainly(rest, &path[at..])),
            [byte, rest @ ..] => path.first() == Some(byte) && matches_plainly(rest, &path[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_if_every_way_were_tried(pattern in "[/*][ab*/]{0,8}\\$?", path in "/[ab/]{0,10}") {
            let read = PathPattern::parse(pattern.as_bytes()).unwrap();
            prop_assert_eq!(read.matches(path.as_bytes()), matches_plainly(pattern.as_bytes(), path.as_bytes()));
        }

        #[test]
        fn normal_form_of_itself_is_itself(text in "[ -~é]{0,20}|(%[0-9a-fA-F]{2}|%|[a*$ é]){0,10}") {
            let once = normal_path(&text);
            prop_assert!(once.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(normal_path(&once), once);
        }
    }
}
