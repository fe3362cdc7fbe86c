//! Decides whether a body has changed, and by which evidence.

use crate::model::Revision;

/// The evidence of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The text of the page is another.
    Text,
    /// The SHA-256 is another.
    Sha256,
    /// The BLAKE3 is another.
    Blake3,
    /// The entity tag is another.
    Etag,
    /// The length is another.
    Size,
    /// The Last-Modified is another.
    LastModified,
}

impl Difference {
    /// Every one, the surest first.
    pub const ALL: &[Difference] = &[
        Difference::Text,
        Difference::Sha256,
        Difference::Blake3,
        Difference::Etag,
        Difference::Size,
        Difference::LastModified,
    ];

    /// The name in the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Difference::Text => "text",
            Difference::Sha256 => "sha256",
            Difference::Blake3 => "blake3",
            Difference::Etag => "etag",
            Difference::Size => "size",
            Difference::LastModified => "last_modified",
        }
    }
}

/// Returns the evidence that two revisions differ; `None` if none is available.
///
/// The strongest evidence available for both decides alone: a digest, else a strong entity tag of the same URL
/// (RFC 9110, section 8.8.3). Otherwise a different weak tag, length or Last-Modified proves a difference.
/// Representations that a server calls equivalent may differ in bytes. With `by_text` the texts of two pages decide.
pub fn difference(before: &Revision, now: &Revision, by_text: bool) -> Option<Difference> {
    if let (true, Some(before), Some(now)) = (by_text, before.text_sha256, now.text_sha256) {
        return (before != now).then_some(Difference::Text);
    }
    if let (Some(before), Some(now)) = (before.sha256, now.sha256) {
        return (before != now).then_some(Difference::Sha256);
    }
    if let (Some(before), Some(now)) = (before.blake3, now.blake3) {
        return (before != now).then_some(Difference::Blake3);
    }
    if let (Some(one), Some(other), true) = (tag(before), tag(now), before.final_url == now.final_url) {
        match (one.strip_prefix(b"W/"), other.strip_prefix(b"W/")) {
            (None, None) => return (one != other).then_some(Difference::Etag),
            // The weak comparison (RFC 9110, section 8.8.3.2).
            (a, b) if a.unwrap_or(one) != b.unwrap_or(other) => return Some(Difference::Etag),
            _ => {}
        }
    }
    if differ(before.bytes, now.bytes) {
        return Some(Difference::Size);
    }
    let (before, now) = (&before.validators.last_modified, &now.validators.last_modified);
    differ(before.as_deref(), now.as_deref()).then_some(Difference::LastModified)
}

/// The entity tag. Strong ones that are equal mean equal bytes.
fn tag(revision: &Revision) -> Option<&[u8]> {
    revision.validators.etag.as_deref()
}

/// Whether both are known and are not the same.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Validators;

    fn revision(digest: Option<u8>, etag: Option<&str>, bytes: Option<u64>, time: Option<&str>) -> Revision {
        let octets = |text: Option<&str>| text.map(|text| text.as_bytes().into());
        let validators = Validators { etag: octets(etag), last_modified: octets(time) };
        Revision { sha256: digest.map(|byte| [byte; 32]), bytes, validators, ..Revision::default() }
    }

    #[test]
    fn the_surest_thing_known_of_both_decides() {
        use Difference::{Etag, LastModified, Sha256, Size};
        let (a, b, weak_a) = (Some("\"a\""), Some("\"b\""), Some("W/\"a\""));
        for (before, now, expected) in [
            (revision(Some(1), a, Some(1), a), revision(Some(1), b, Some(2), b), None),
            (revision(Some(1), a, Some(1), a), revision(Some(2), a, Some(1), a), Some(Sha256)),
            (revision(Some(1), a, Some(1), a), revision(None, a, Some(2), b), None),
            (revision(None, a, Some(1), None), revision(Some(1), b, Some(1), None), Some(Etag)),
            (revision(None, weak_a, Some(1), None), revision(None, Some("W/\"b\""), Some(1), None), Some(Etag)),
            (revision(None, weak_a, Some(1), None), revision(None, b, Some(1), None), Some(Etag)),
            (revision(None, weak_a, Some(1), None), revision(None, a, Some(1), None), None),
            (revision(None, weak_a, Some(1), None), revision(None, weak_a, Some(2), None), Some(Size)),
            (revision(None, a, Some(1), None), revision(None, None, Some(2), None), Some(Size)),
            (revision(None, None, Some(1), a), revision(None, None, Some(1), b), Some(LastModified)),
            (revision(None, None, Some(1), a), revision(None, None, Some(1), None), None),
            (revision(None, None, None, None), revision(None, None, Some(1), a), None),
        ] {
            assert_eq!(difference(&before, &now, false), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn an_entity_tag_says_nothing_of_another_url() {
        let before = revision(None, Some("\"1\""), Some(1), None);
        let final_url = url::Url::parse("http://h.test/moved").ok();
        let now = Revision { final_url, ..revision(None, Some("\"2\""), Some(1), None) };
        assert_eq!(difference(&before, &now, false), None);
    }

    #[test]
    fn texts_decide_if_both_are_known() {
        use Difference::{Sha256, Text};
        let of = |body: u8, text: Option<u8>| {
            let text_sha256 = text.map(|byte| [byte; 32]);
            Revision { text_sha256, ..revision(Some(body), None, Some(1), None) }
        };
        for (before, now, by_text, expected) in [
            (of(1, Some(1)), of(2, Some(1)), true, None),
            (of(1, Some(1)), of(2, Some(2)), true, Some(Text)),
            (of(1, Some(1)), of(2, Some(1)), false, Some(Sha256)),
            (of(1, None), of(2, Some(1)), true, Some(Sha256)),
            (of(1, None), of(1, None), true, None),
        ] {
            assert_eq!(difference(&before, &now, by_text), expected, "{before:?} {now:?}");
        }
    }
}
