//! Edits of pages and style sheets that make their links lead to files, or make them absolute.
//!
//! A link becomes the relative reference of a file where [`LinkTargets`] knows one, else an absolute URL. So a copy
//! never has a relative link to a file that is not there. A copy may be edited again when more files are there: then
//! its relative links stay, and absolute ones may become relative.
//!
//! Only the bytes of links change, and four things that would keep a browser from showing local files:
//!
//! - the `href` of `base`,
//! - a Content-Security-Policy in `meta`,
//! - `integrity` and `crossorigin` beside a link to a file,
//! - a missing or wrong declaration of the encoding.
//!
//! A document is read twice. A [`DocumentSurvey`] finds what governs all links, then a [`LinkEditor`] finds the edits.

mod edit;
mod html;
mod reference;
mod style;
mod survey;

use encoding_rs::UTF_8;
use url::Url;

use super::css::{CssScanner, CssUrl};
use super::document::{BodyReader, media_type};
use super::markup::tokenizer::Tokenizer;
use super::resolve::LinkResolver;
use crate::policy::message::charset::of_media_type;
use html::HtmlRewriter;
use reference::LinkRules;
use style::SheetForm;

pub use edit::LinkEdit;
pub use survey::{DocumentSurvey, Survey, SurveyEnd};

/// The files that links may lead to.
pub trait LinkTargets {
    /// Returns the reference of the file of a URL without fragment, relative to the document; `None` without a file.
    fn reference(&self, url: &Url) -> Option<String>;

    /// The same for a URL as text, serialized.
    fn reference_of(&self, url: &str) -> Option<String> {
        self.reference(&Url::parse(url).ok()?)
    }
}

/// No files: each link becomes absolute.
#[derive(Debug, Clone, Copy)]
pub struct NoTargets;

impl LinkTargets for NoTargets {
    fn reference(&self, _: &Url) -> Option<String> {
        None
    }

    fn reference_of(&self, _: &str) -> Option<String> {
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

impl RewriteHead<'_> {
    /// Whether documents of this media type may have links that are rewritten.
    pub fn is_rewritable(&self) -> bool {
        DocumentForm::of(self.content_type).is_some()
    }
}

/// The syntax of a document that is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DocumentForm {
    Html,
    /// A page in XHTML, or an image in SVG, by its root element.
    Xml,
    Css,
    /// A document without a media type. Its content decides.
    Unknown,
}

impl DocumentForm {
    fn of(content_type: Option<&[u8]>) -> Option<Self> {
        let media_type = content_type.map(media_type).filter(|media_type| !media_type.is_empty());
        match media_type.as_deref() {
            None => Some(Self::Unknown),
            Some("text/html") => Some(Self::Html),
            Some("text/css") => Some(Self::Css),
            Some("text/xml" | "application/xml") => Some(Self::Xml),
            Some(media_type) => media_type.ends_with("+xml").then_some(Self::Xml),
        }
    }

    /// Decides about a document without a media type, as for extraction.
    fn of_content(first: &[u8]) -> Option<Self> {
        match BodyReader::of_content(first, false) {
            BodyReader::Html(_) => Some(Self::Html),
            BodyReader::Xml(_) => Some(Self::Xml),
            _ => None,
        }
    }
}

/// Finds the edits of a document, while its bytes come.
pub struct LinkEditor<'a> {
    scanner: Scanner<'a>,
}

impl<'a> LinkEditor<'a> {
    /// Begins a document that was surveyed.
    pub fn new(survey: &'a Survey, head: &RewriteHead<'a>, targets: &'a dyn LinkTargets) -> Self {
        let base = survey.base.as_ref().unwrap_or(head.url);
        let query_encoding = if survey.form == DocumentForm::Css { UTF_8 } else { survey.encoding };
        let rules = LinkRules {
            url: head.url,
            base,
            resolver: LinkResolver::new(base, query_encoding),
            encoding: if survey.is_decoded { UTF_8 } else { survey.encoding },
            is_rewritten: head.is_rewritten,
            targets,
            depth: 0,
        };
        let told = head.content_type.and_then(of_media_type).filter(|told| *told == survey.encoding);
        let scanner = match survey.form {
            DocumentForm::Css => {
                let edits = survey.declaration.iter().cloned().collect();
                Scanner::Css(SheetRewriter { rules, css: CssScanner::new(), edits, at: 0 })
            }
            form => {
                let page = HtmlRewriter::new(rules, told);
                Scanner::Page(Box::new(Tokenizer::new(form == DocumentForm::Xml)), page, survey.declaration.clone())
            }
        };
        Self { scanner }
    }

    /// Reads the next piece. Returns the edits that are known then, in order.
    pub fn piece(&mut self, bytes: &[u8]) -> Vec<LinkEdit> {
        self.scanner.piece(bytes);
        self.scanner.take_edits()
    }

    /// Ends the document. Returns the last edits.
    pub fn end(&mut self) -> Vec<LinkEdit> {
        self.scanner.end();
        self.scanner.take_edits()
    }
}

/// The reader of a document.
enum Scanner<'a> {
    Css(SheetRewriter<'a>),
    /// A page, and the declaration of its encoding that it lacks.
    Page(Box<Tokenizer>, HtmlRewriter<'a>, Option<LinkEdit>),
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

    fn take_edits(&mut self) -> Vec<LinkEdit> {
        match self {
            Self::Css(sheet) => std::mem::take(&mut sheet.edits),
            Self::Page(_, page, declaration) => {
                let mut edits = std::mem::take(&mut page.edits);
                if let Some(declaration) = declaration.take() {
                    // Before any edit of a later element. A page that needs it has such a place.
                    let place = edits.partition_point(|edit| edit.span.start < declaration.span.start);
                    edits.insert(place, declaration);
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
    edits: Vec<LinkEdit>,
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
