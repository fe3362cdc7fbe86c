//! A look at a page before its tree is built: the encoding that it declares, and how deep its elements nest.
//!
//! A parser of HTML takes quadratic time for elements that nest without end, and for formatting elements that are
//! opened again in each paragraph. Browsers cut trees at a depth of 512.

use encoding_rs::Encoding;
use xxhash_rust::xxh3::xxh3_64;

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

const VOID: [&[u8]; 14] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param", b"source",
    b"track", b"wbr",
];
/// Elements that a following one of the same kind ends.
const IMPLIED_END: [&[u8]; 13] =
    [b"p", b"li", b"dt", b"dd", b"tr", b"td", b"th", b"thead", b"tbody", b"tfoot", b"option", b"optgroup", b"rt"];
/// Elements that keep those outside of them open.
const CONTAINERS: [&[u8]; 7] = [b"ul", b"ol", b"dl", b"table", b"select", b"div", b"blockquote"];
const FORMATTING: [&[u8]; 14] =
    [b"a", b"b", b"big", b"code", b"em", b"font", b"i", b"nobr", b"s", b"small", b"strike", b"strong", b"tt", b"u"];

/// The facts of a page before its tree is built.
#[derive(Debug, Default)]
pub(super) struct TagSurvey {
    /// The encoding that the page declares.
    pub declared: Option<&'static Encoding>,
    /// The open elements, by the hash of their names.
    open: Vec<u64>,
    /// The open formatting elements: the hashes of name and of attributes.
    formatting: Vec<(u64, u64)>,
    elements: u64,
    deepest: usize,
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
            (true, _) => Err(format!("elements are nested more than {DEEPEST} deep")),
            (_, true) => Err(format!("the page has more than {MOST_ELEMENTS} elements")),
            _ => Ok(()),
        }
    }

    fn declare(&mut self, encoding: Option<&'static Encoding>) {
        self.declared = self.declared.or(encoding);
    }

    fn start_formatting(&mut self, name: u64, tag: &StartTag<'_>) {
        let attributes = tag.attributes.iter().map(|attribute| tag.attribute(attribute));
        let attributes = attributes.fold(0, |hash, (name, value)| xxh3_64(name) ^ xxh3_64(value).rotate_left(1) ^ hash);
        if tag.name == b"a" {
            self.end_formatting(name);
        }
        if self.formatting.iter().filter(|known| **known == (name, attributes)).count() < MOST_EQUAL {
            self.formatting.push((name, attributes));
        }
    }

    fn end_formatting(&mut self, name: u64) {
        if let Some(at) = self.formatting.iter().rposition(|known| known.0 == name) {
            self.formatting.remove(at);
        }
    }

    /// Ends the element that this one cannot be in.
    fn imply_end(&mut self, name: u64) {
        for at in (0..self.open.len()).rev() {
            if self.open[at] == name {
                return self.open.truncate(at);
            }
            if CONTAINERS.iter().any(|container| xxh3_64(container) == self.open[at]) {
                return;
            }
        }
    }
}

impl TokenReader for TagSurvey {
    fn wants(&self, tag: &[u8], _: &[u8]) -> bool {
        tag == b"meta" || FORMATTING.contains(&tag)
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        if tag.name == b"meta" {
            self.declare(tag.value("charset").and_then(charset::of_label));
            if is(tag.value("http-equiv"), b"content-type") {
                self.declare(tag.value("content").and_then(charset::of_meta_content));
            }
        }
        let name = xxh3_64(tag.name);
        self.elements += 1;
        if VOID.contains(&tag.name) || (tag.is_empty && tag.is_foreign) {
            return;
        }
        if FORMATTING.contains(&tag.name) {
            self.start_formatting(name, tag);
        } else {
            // The parser opens all of them again in the new element.
            self.elements += self.formatting.len() as u64;
            if IMPLIED_END.contains(&tag.name) {
                self.imply_end(name);
            }
            self.open.push(name);
        }
        self.deepest = self.deepest.max(self.open.len() + self.formatting.len());
    }

    fn end_tag(&mut self, name: &[u8]) {
        let hash = xxh3_64(name);
        if FORMATTING.contains(&name) {
            self.end_formatting(hash);
        } else if let Some(at) = self.open.iter().rposition(|known| *known == hash) {
            self.open.truncate(at);
        }
    }

    fn wants_text(&self) -> bool {
        false
    }

    fn text(&mut self, _: &[u8], _: u64, _: bool) {}

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
        ] {
            let page = format!("<table>{}", part.repeat(2_000));
            assert_eq!(TagSurvey::of(page.as_bytes()).check(), Ok(()), "{part}");
        }
    }

    #[test]
    fn pages_that_are_slow_to_parse_are_refused() {
        let fonts: String = (0..100_000).map(|at| format!("<p><font size={at}>x")).collect();
        for page in ["<div>".repeat(600), "<ul><li>".repeat(300), fonts, "<i></i>".repeat(500_000)] {
            assert!(TagSurvey::of(page.as_bytes()).check().is_err(), "{}", &page[..20]);
        }
    }
}
