//! A look at a page before its tree is built: the encoding that it declares, and how deep its elements nest.
//!
//! A parser of HTML takes quadratic time for elements that nest without end, and for formatting elements that are
//! opened again in each paragraph. Browsers cut trees at a depth of 512.

use dom_query::Document;
use encoding_rs::Encoding;
use xxhash_rust::xxh3::xxh3_64;

use super::tag_kind::{TagKind, VOID};
use crate::extract::charset;
use crate::extract::html::is;
use crate::extract::markup::token::{StartTag, TokenReader};
use crate::extract::markup::tokenizer::Tokenizer;

/// The deepest tree that is built.
const DEEPEST: usize = 512;
/// The most elements of a page, those that the parser adds included.
const MOST_ELEMENTS: u64 = 400_000;
/// The most equal formatting elements that the parser opens again (HTML standard, section 13.2.4.3).
const MOST_EQUAL: usize = 3;

/// An open element, by the hash of its name.
#[derive(Debug, Clone, Copy)]
struct NestedElement {
    name: u64,
    kind: TagKind,
}

/// A formatting element that has no end tag yet.
#[derive(Debug, Clone, Copy)]
struct Unended {
    /// `None` for a cell, which parts the formatting in it from that around it.
    element: Option<(u64, u64)>,
    /// Whether it is open, or has to be opened again.
    is_open: bool,
}

impl Unended {
    fn is(&self, name: u64) -> bool {
        self.element.is_some_and(|(known, _)| known == name)
    }
}

/// The facts of a page before its tree is built.
#[derive(Debug, Default)]
pub(super) struct TagSurvey {
    /// The encoding that the page declares.
    pub declared: Option<&'static Encoding>,
    open: Vec<NestedElement>,
    /// The formatting elements in the order of their start tags, by the hashes of name and attributes.
    unended: Vec<Unended>,
    elements: u64,
    deepest: usize,
}

/// Refuses a tree that is deeper than its readers, which are recursive, may go.
pub(super) fn check_tree(document: &Document) -> Result<(), String> {
    let (mut node, mut depth) = (document.root(), 0);
    loop {
        if let Some(child) = node.first_child() {
            (node, depth) = (child, depth + 1);
            if depth > DEEPEST {
                return Err(too_deep());
            }
            continue;
        }
        node = loop {
            match (node.next_sibling(), node.parent()) {
                (Some(next), _) => break next,
                (None, Some(parent)) if depth > 0 => (node, depth) = (parent, depth - 1),
                _ => return Ok(()),
            }
        };
    }
}

fn too_deep() -> String {
    format!("elements are nested more than {DEEPEST} deep")
}

impl TagSurvey {
    /// Reads a page, until it turns out to be too complex.
    pub fn of(page: &[u8]) -> Self {
        let mut survey = Self::default();
        Tokenizer::new(false).piece(page, &mut survey);
        survey
    }

    /// Whether a tree can be built in reasonable time.
    pub fn check(&self) -> Result<(), String> {
        match (self.deepest > DEEPEST, self.elements > MOST_ELEMENTS) {
            (true, _) => Err(too_deep()),
            (_, true) => Err(format!("the page has more than {MOST_ELEMENTS} elements")),
            _ => Ok(()),
        }
    }

    fn declare(&mut self, encoding: Option<&'static Encoding>) {
        self.declared = self.declared.or(encoding);
    }

    fn push(&mut self, name: u64, kind: TagKind) {
        self.open.push(NestedElement { name, kind });
        self.deepest = self.deepest.max(self.open.len()).max(self.unended.len());
    }

    fn start(&mut self, tag: &StartTag<'_>) {
        let (name, kind) = (xxh3_64(tag.name), TagKind::of(tag.name));
        match kind {
            TagKind::Formatting => {
                if tag.name == b"a" {
                    self.end_formatting(name);
                }
                self.open_again();
                self.add_formatting(name, tag);
            }
            TagKind::Inline => self.open_again(),
            TagKind::Cell => {
                self.imply_end(name);
                self.unended.push(Unended { element: None, is_open: true });
            }
            TagKind::Item => self.imply_end(name),
            TagKind::Container | TagKind::Block => {}
        }
        self.push(name, kind);
    }

    fn add_formatting(&mut self, name: u64, tag: &StartTag<'_>) {
        let attributes = tag.attributes.iter().map(|attribute| tag.attribute(attribute));
        let attributes = attributes.fold(0, |hash, (name, value)| xxh3_64(name) ^ xxh3_64(value).rotate_left(1) ^ hash);
        let element = Some((name, attributes));
        let cell = self.unended.iter().rposition(|known| known.element.is_none()).map_or(0, |at| at + 1);
        let mut equal = (cell..self.unended.len()).filter(|at| self.unended[*at].element == element);
        if let (Some(first), true) = (equal.next(), equal.count() + 1 >= MOST_EQUAL) {
            self.unended.remove(first);
        }
        self.unended.push(Unended { element, is_open: true });
    }

    /// Opens the formatting elements again that blocks have ended.
    fn open_again(&mut self) {
        let first = self.unended.iter().rposition(|known| known.is_open).map_or(0, |at| at + 1);
        for at in first..self.unended.len() {
            self.unended[at].is_open = true;
            if let Some((name, _)) = self.unended[at].element {
                self.elements += 1;
                self.push(name, TagKind::Formatting);
            }
        }
    }

    /// Ends a formatting element. The blocks in it stay open.
    fn end_formatting(&mut self, name: u64) {
        let in_cell = self.unended.iter().rev().take_while(|known| known.element.is_some());
        let known = in_cell.enumerate().find(|(_, known)| known.is(name)).map(|(at, _)| self.unended.len() - 1 - at);
        let is_open = known.is_none_or(|at| self.unended.remove(at).is_open);
        let Some(at) = self.open.iter().rposition(|open| open.name == name).filter(|_| is_open) else { return };
        if self.open[at..].iter().all(|open| open.kind.is_inline()) {
            self.cut(at);
        } else if known.is_some() {
            self.open.remove(at);
        }
    }

    /// Ends the innermost element of this name, unless it is around a cell or a block that such an end tag leaves open.
    fn end(&mut self, tag: &[u8], kind: TagKind) {
        let (name, is_around_cells) = (xxh3_64(tag), kind.is_around_cells(tag));
        for at in (0..self.open.len()).rev() {
            let open = self.open[at];
            if open.name == name {
                return self.cut(at);
            }
            if (kind.is_inline() && !open.kind.is_inline()) || (open.kind == TagKind::Cell && !is_around_cells) {
                return;
            }
        }
    }

    /// Ends the element that this one cannot be in.
    fn imply_end(&mut self, name: u64) {
        for at in (0..self.open.len()).rev() {
            if self.open[at].name == name {
                return self.cut(at);
            }
            if self.open[at].kind == TagKind::Container {
                return;
            }
        }
    }

    /// Ends all elements from this one on.
    fn cut(&mut self, at: usize) {
        for open in self.open.drain(at..).rev() {
            match open.kind {
                TagKind::Cell => {
                    let cell = self.unended.iter().rposition(|known| known.element.is_none());
                    self.unended.truncate(cell.unwrap_or_default());
                }
                TagKind::Formatting => {
                    let known = self.unended.iter_mut().rev().find(|known| known.is(open.name) && known.is_open);
                    if let Some(known) = known {
                        known.is_open = false;
                    }
                }
                _ => {}
            }
        }
    }
}

impl TokenReader for TagSurvey {
    fn wants(&self, tag: &[u8], _: &[u8]) -> bool {
        tag == b"meta" || TagKind::of(tag) == TagKind::Formatting
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        if tag.name == b"meta" {
            self.declare(tag.value("charset").and_then(charset::of_label));
            if is(tag.value("http-equiv"), b"content-type") {
                self.declare(tag.value("content").and_then(charset::of_meta_content));
            }
        }
        self.elements += 1;
        if VOID.contains(&tag.name) || (tag.is_empty && tag.is_foreign) {
            return self.open_again();
        }
        self.start(tag);
    }

    fn end_tag(&mut self, name: &[u8]) {
        match TagKind::of(name) {
            TagKind::Formatting => self.end_formatting(xxh3_64(name)),
            kind => self.end(name, kind),
        }
    }

    fn wants_text(&self) -> bool {
        self.unended.last().is_some_and(|known| !known.is_open)
    }

    fn text(&mut self, _: &[u8], _: u64, _: bool) {
        self.open_again();
    }

    fn declaration(&mut self, bytes: &[u8]) {
        self.declare(charset::of_declaration(bytes));
    }

    fn must_stop(&self) -> bool {
        self.check().is_err()
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{EUC_JP, WINDOWS_1251};

    use super::*;

    #[test]
    fn declared_encodings_are_found() {
        for (page, encoding) in [
            ("<meta charset=windows-1251>", Some(WINDOWS_1251)),
            ("<meta http-equiv=Content-Type content='text/html; charset=euc-jp'>", Some(EUC_JP)),
            ("<?xml version='1.0' encoding='euc-jp'?><html>", Some(EUC_JP)),
            ("<!-- <meta charset=euc-jp> --><p>", None),
        ] {
            assert_eq!(TagSurvey::of(page.as_bytes()).declared, encoding, "{page}");
        }
    }

    #[test]
    fn elements_without_end_tags_do_not_nest() {
        for part in [
            "<p>a",
            "<ul><li>a<li>b</ul>",
            "<tr><td>a",
            "<br>",
            "<b><i></b></i>",
            "<td><font color=red>x",
            "<a href=x>",
            "<p><b>x",
            "<b>x</b><div><i>x</i></div>",
            "<td><b>x</td>\n",
        ] {
            let page = format!("<table>{}", part.repeat(2_000));
            assert_eq!(TagSurvey::of(page.as_bytes()).check(), Ok(()), "{part}");
        }
    }

    #[test]
    fn formatting_without_end_tags_nests() {
        for part in [
            "<b>",
            "<b><p>t</p>",
            "<p><b>t</p>\n",
            "<p><i></p><img>",
            "<b><i></b>",
            "<b><div></b>",
            "<font size=1>x",
            "<span><div></span>",
            "<div><table><tr><td></div>",
        ] {
            let page = format!("<main><p>x{}", part.repeat(2_000));
            assert!(TagSurvey::of(page.as_bytes()).check().is_err(), "{part}");
            assert!(check_tree(&Document::from(page)).is_err(), "{part}");
        }
        assert_eq!(check_tree(&Document::from("<p>x<p>".repeat(2_000))), Ok(()));
    }

    #[test]
    fn pages_that_are_slow_to_parse_are_refused() {
        let fonts: String = (0..100_000).map(|at| format!("<p><font size={at}>x")).collect();
        for page in ["<div>".repeat(600), "<ul><li>".repeat(300), fonts, "<i></i>".repeat(500_000)] {
            assert!(TagSurvey::of(page.as_bytes()).check().is_err(), "{}", &page[..20]);
        }
    }
}
