//! The candidates of `srcset` and `imagesrcset` (HTML standard, section 4.8.4.2.2).

use std::ops::Range;

/// The URL of each candidate. A comma may be part of a URL, but not its end.
pub(super) fn candidates(text: &str) -> impl Iterator<Item = &str> {
    spans(text).map(|span| &text[span])
}

/// The place of the URL of each candidate.
pub(super) fn spans(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character: char| is_blank(character) || character == ',');
        let end = rest.find(is_blank).unwrap_or(rest.len());
        let (url, after) = rest.split_at(end);
        let bare = url.trim_end_matches(',');
        rest = if bare.len() < url.len() { after } else { &after[descriptors(after)..] };
        let start = text.len() - url.len() - after.len();
        (!bare.is_empty()).then_some(start..start + bare.len())
    })
}

/// The length of the descriptors, up to a comma that no parentheses enclose.
fn descriptors(text: &str) -> usize {
    let mut is_enclosed = false;
    let end = text.bytes().position(|byte| {
        match byte {
            b'(' => is_enclosed = true,
            b')' => is_enclosed = false,
            _ => {}
        }
        byte == b',' && !is_enclosed
    });
    end.unwrap_or(text.len())
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn each_candidate_is_found() {
        for (text, found) in [
            ("a.png", &["a.png"][..]),
            ("a.png 1x, b.png 2x", &["a.png", "b.png"]),
            ("a.png,b.png 2x", &["a.png,b.png"]),
            ("a.png, b.png", &["a.png", "b.png"]),
            (" ,, a,b.png 100w ,c.png", &["a,b.png", "c.png"]),
            ("a.png 1x (a,b), b.png", &["a.png", "b.png"]),
            ("data:image/png;base64,AA== 1x, b.png 2x", &["data:image/png;base64,AA==", "b.png"]),
            ("a.png\n1x\t,\x0cb.png", &["a.png", "b.png"]),
            ("a.png,, b.png", &["a.png", "b.png"]),
            ("a.png (", &["a.png"]),
            (",", &[]),
            ("", &[]),
        ] {
            assert_eq!(candidates(text).collect::<Vec<_>>(), found, "{text}");
        }
    }
}
