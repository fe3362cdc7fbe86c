//! Empty elements of XHTML. A parser of HTML takes `<script/>` for a start tag, and the page for its content.

use super::tag_kind::VOID;
use crate::extract::markup::token::{StartTag, TokenReader};
use crate::extract::markup::tokenizer::Tokenizer;

/// Returns a page in which each element `<x/>` is `<x></x>`, except those that are always empty.
pub(super) fn with_end_tags(page: &str) -> String {
    let mut empty = EmptyTags::default();
    Tokenizer::new(true).piece(page.as_bytes(), &mut empty);
    let (mut written, mut from) = (String::with_capacity(page.len() + page.len() / 16), 0);
    for (end, name) in &empty.tags {
        // The tag ends with `/>`.
        let Some(tag) = page.get(from..end - 2) else { continue };
        written.extend([tag, "></", name, ">"]);
        from = *end;
    }
    written.push_str(&page[from..]);
    written
}

/// The ends of empty tags, and their names.
#[derive(Default)]
struct EmptyTags {
    tags: Vec<(usize, String)>,
}

impl TokenReader for EmptyTags {
    fn wants(&self, _: &[u8], _: &[u8]) -> bool {
        false
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        if tag.is_empty && !VOID.contains(&tag.name) {
            self.tags.push((tag.span.end as usize, String::from_utf8_lossy(tag.name).into_owned()));
        }
    }

    fn end_tag(&mut self, _: &[u8]) {}

    fn wants_text(&self) -> bool {
        false
    }

    fn text(&mut self, _: &[u8], _: u64, _: bool) {}

    fn declaration(&mut self, _: &[u8]) {}

    fn must_stop(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_get_end_tags() {
        for (page, expected) in [
            ("<title/><script src='a/>.js' />x", "<title></title><script src='a/>.js' ></script>x"),
            ("<p>a<br/><A id='q'/>\u{e9}</p>", "<p>a<br/><A id='q'></a>\u{e9}</p>"),
            ("<!-- <p/> --><![CDATA[<p/>]]><p>", "<!-- <p/> --><![CDATA[<p/>]]><p>"),
        ] {
            assert_eq!(with_end_tags(page), expected);
        }
    }
}
