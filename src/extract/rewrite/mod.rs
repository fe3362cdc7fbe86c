//! Rewrites the links of pages and style sheets, for copies that a browser opens from files.
//!
//! A link becomes the relative reference of a file where [`LinkTargets`] knows one, else an absolute URL. So a copy
//! never has a relative link to a file that is not there. It may be rewritten again when more files are there: then
//! its relative links stay, and absolute ones may become relative.
//!
//! Only the bytes of links change, and four things that would keep a browser from showing local files: the `href` of
//! `base`, a Content-Security-Policy in `meta`, `integrity` and `crossorigin` beside a link to a file, and a missing
//! or wrong declaration of the encoding. A document without these is copied as it is.

mod edit;
mod html;
mod reference;
mod style;
mod survey;
#[cfg(test)]
mod tests;
mod transcode;

use std::io::{self, Read, Write};

use encoding_rs::UTF_8;
use url::Url;

use super::css::{CssScanner, CssUrl};
use super::document::media_type;
use super::markup::tokenizer::Tokenizer;
use crate::policy::message::charset::of_media_type;
use edit::{Edit, EditedCopy};
use html::HtmlRewriter;
use reference::LinkRules;
use style::SheetForm;
use survey::Survey;
use transcode::DecodingReader;

/// The bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// The files that links may lead to.
pub trait LinkTargets {
    /// Returns the reference of the file of a URL without fragment, relative to the document; `None` without a file.
    fn reference(&self, url: &Url) -> Option<String>;
}

/// No files: each link becomes absolute.
#[derive(Debug, Clone, Copy)]
pub struct NoTargets;

impl LinkTargets for NoTargets {
    fn reference(&self, _: &Url) -> Option<String> {
        None
    }
}

/// The facts about a document that decide how it is rewritten.
#[derive(Debug, Clone, Copy)]
pub struct RewriteHead<'a> {
    /// The URL of the document after all redirects.
    pub url: &'a Url,
    /// The Content-Type field.
    pub content_type: Option<&'a [u8]>,
    /// Whether the document was rewritten before.
    pub is_rewritten: bool,
}

/// The syntax of a document that is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DocumentForm {
    Html,
    /// A page in XHTML, or an image in SVG.
    Xml,
    Css,
}

impl DocumentForm {
    fn of(content_type: Option<&[u8]>) -> Option<Self> {
        match &*media_type(content_type?) {
            "text/html" => Some(Self::Html),
            "application/xhtml+xml" | "image/svg+xml" => Some(Self::Xml),
            "text/css" => Some(Self::Css),
            _ => None,
        }
    }
}

/// Whether documents with this Content-Type field are rewritten.
pub fn is_rewritable(content_type: Option<&[u8]>) -> bool {
    DocumentForm::of(content_type).is_some()
}

/// Rewrites a document. `open` opens it at its beginning, more than once. `create` makes the copy when the first
/// change is found. Returns the copy and its length; `None` if nothing changes. Memory has a bound that does not
/// depend on the document.
///
/// # Errors
/// An error of `open`, `create`, a read or a write.
pub fn rewrite<R: Read, W: Write>(
    head: &RewriteHead<'_>,
    targets: &dyn LinkTargets,
    open: impl Fn() -> io::Result<R>,
    create: impl FnOnce() -> io::Result<W>,
) -> io::Result<Option<(W, u64)>> {
    let Some(form) = DocumentForm::of(head.content_type) else { return Ok(None) };
    let survey = Survey::of(&open, head, form)?;
    let hidden = survey.is_decoded.then_some(survey.encoding);
    let rules = LinkRules {
        url: head.url,
        base: survey.base.as_ref().unwrap_or(head.url),
        encoding: if survey.is_decoded { UTF_8 } else { survey.encoding },
        query_encoding: if form == DocumentForm::Css { UTF_8 } else { survey.encoding },
        is_rewritten: head.is_rewritten,
        targets,
        depth: 0,
    };
    let told = head.content_type.and_then(of_media_type).filter(|told| *told == survey.encoding);
    let mut scanner = match form {
        DocumentForm::Css => Scanner::Css(SheetRewriter { rules, css: CssScanner::new(), edits: Vec::new(), at: 0 }),
        form => {
            let page = HtmlRewriter::new(rules, told);
            Scanner::Page(Box::new(Tokenizer::new(form == DocumentForm::Xml)), page, survey.needs_charset_at)
        }
    };
    let copy = || Ok(EditedCopy::new(DecodingReader::new(open()?, hidden), create()?, hidden));
    let mut input = DecodingReader::new(open()?, hidden);
    let copy = copy_edited(&mut input, &mut scanner, copy)?;
    copy.map(EditedCopy::finish).transpose()
}

/// Rewrites a document in memory; `None` if nothing changes.
pub fn rewrite_bytes(head: &RewriteHead<'_>, targets: &dyn LinkTargets, document: &[u8]) -> Option<Vec<u8>> {
    let create = || Ok(Vec::with_capacity(document.len() + document.len() / 8));
    let copy = rewrite(head, targets, || Ok(document), create);
    // Err: nothing in memory fails.
    copy.ok().flatten().map(|(copy, _)| copy)
}

/// Reads a document to its end, and copies it from the first edit on.
fn copy_edited<R: Read, S: Read, W: Write>(
    input: &mut R,
    scanner: &mut Scanner<'_>,
    create: impl FnOnce() -> io::Result<EditedCopy<S, W>>,
) -> io::Result<Option<EditedCopy<S, W>>> {
    let (mut copy, mut create) = (None, Some(create));
    let mut buffer = vec![0; PIECE];
    loop {
        let length = read_some(input, &mut buffer)?;
        if length == 0 {
            scanner.end();
        } else {
            scanner.piece(&buffer[..length]);
        }
        for edit in scanner.take_edits() {
            if let Some(create) = create.take() {
                copy = Some(create()?);
            }
            if let Some(copy) = &mut copy {
                copy.apply(&edit)?;
            }
        }
        if length == 0 {
            return Ok(copy);
        }
    }
}

/// Finds the edits of a document.
enum Scanner<'a> {
    Css(SheetRewriter<'a>),
    /// A page, and where it lacks a declaration of its encoding.
    Page(Box<Tokenizer>, HtmlRewriter<'a>, Option<u64>),
}

impl Scanner<'_> {
    fn piece(&mut self, bytes: &[u8]) {
        match self {
            Self::Css(sheet) => sheet.piece(bytes),
            Self::Page(tokenizer, page, _) => {
                tokenizer.piece(bytes, page);
            }
        }
    }

    fn end(&mut self) {
        match self {
            Self::Css(sheet) => sheet.end(),
            Self::Page(_, page, _) => page.end(),
        }
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        match self {
            Self::Css(sheet) => std::mem::take(&mut sheet.edits),
            Self::Page(_, page, needs_charset_at) => {
                let mut edits = std::mem::take(&mut page.edits);
                if let (Some(at), Some(told)) = (*needs_charset_at, page.told) {
                    // Before any edit of a later element. A page that needs it has such a place.
                    *needs_charset_at = None;
                    let place = edits.partition_point(|edit| edit.span.start < at);
                    edits.insert(place, Edit::insertion(at, format!("<meta charset=\"{}\">", told.name())));
                }
                edits
            }
        }
    }
}

/// Collects the edits of a style sheet.
struct SheetRewriter<'a> {
    rules: LinkRules<'a>,
    css: CssScanner,
    edits: Vec<Edit>,
    /// The offset of the next piece.
    at: u64,
}

impl SheetRewriter<'_> {
    fn piece(&mut self, bytes: &[u8]) {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        // A byte order mark is no part of the first name.
        let mark = if self.at == 0 && bytes.starts_with(MARK) { MARK.len() } else { 0 };
        let Self { rules, css, edits, at } = self;
        let link = &mut |url: CssUrl<'_>| edits.extend(style::edit(&url, SheetForm::Plain, rules));
        css.piece_at(&bytes[mark..], *at + mark as u64, link);
        *at += bytes.len() as u64;
    }

    fn end(&mut self) {
        let Self { rules, css, edits, .. } = self;
        css.end(&mut |url| edits.extend(style::edit(&url, SheetForm::Plain, rules)));
    }
}

/// Reads some bytes, also when a signal comes; 0 at the end.
fn read_some(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
