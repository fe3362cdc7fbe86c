//! The facts of a whole document that decide about each of its links: its encoding and its base.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use url::Url;

use super::{DocumentForm, LinkEdit, RewriteHead};
use crate::extract::charset::{self, CharsetDetector};
use crate::extract::collector::decoded;
use crate::extract::document::declared_charset;
use crate::extract::html::is;
use crate::extract::markup::references;
use crate::extract::markup::token::{StartTag, TokenReader, local_name};
use crate::extract::markup::tokenizer::{STYLESHEET, Tokenizer};
use crate::policy::message::charset::of_media_type;

/// The facts of a whole document that decide about its links.
pub struct Survey {
    /// The syntax of the document.
    pub(super) form: DocumentForm,
    /// The encoding of the document.
    pub(super) encoding: &'static Encoding,
    /// Whether it must be decoded before its links are read.
    pub(super) is_decoded: bool,
    /// The base of its links, if it is not the URL of the document.
    pub(super) base: Option<Url>,
    /// The declaration of the encoding, if the document needs one: a byte order mark, a `meta`, a rule of a style sheet.
    pub(super) declaration: Option<LinkEdit>,
}

/// The end of a survey.
pub enum SurveyEnd {
    /// The facts of the document; `None` if it is no page or style sheet.
    Done(Option<Survey>),
    /// The document says itself that it must be decoded from this encoding. Survey it again.
    Again(&'static Encoding),
}

/// Reads a document for its survey.
struct SurveyReader<'a> {
    url: &'a Url,
    form: DocumentForm,
    /// Whether the root element is that of a page; `None` before it.
    is_page: Option<bool>,
    base: Option<Url>,
    encoding: Option<&'static Encoding>,
    /// The encoding that the document declares.
    declared: Option<&'static Encoding>,
    /// Whether an element or a declaration says an encoding, known or not.
    has_declaration: bool,
    templates: u32,
    /// The offset after `head` or `html`, or before the first other element; with a number for which of them it is.
    head_at: Option<(u8, u64)>,
    detector: CharsetDetector,
    is_plain: bool,
}

/// Reads a document once, before its links are read.
pub struct DocumentSurvey<'a> {
    head: &'a RewriteHead<'a>,
    tokenizer: Tokenizer,
    reader: SurveyReader<'a>,
    /// The encoding that does not depend on the rest of the document.
    known: Option<&'static Encoding>,
    /// Whether only the response field names the encoding.
    is_told: bool,
    /// Whether there may be a `base` element.
    has_base: bool,
}

impl<'a> DocumentSurvey<'a> {
    /// Begins with the first bytes, up to [`FIRST_BYTES`](crate::extract::FIRST_BYTES). `None` if the document has no links.
    /// `declared` is the encoding of [`SurveyEnd::Again`].
    pub fn begin(head: &'a RewriteHead<'a>, first: &[u8], declared: Option<&'static Encoding>) -> Option<Self> {
        let marked = charset::of_first_bytes(first);
        let form = match DocumentForm::of(head.content_type)? {
            DocumentForm::Unknown => DocumentForm::of_content(&first[marked.map_or(0, |(_, mark)| mark)..])?,
            known => known,
        };
        let shown = marked.map(|(encoding, _)| encoding);
        let of_field = head.content_type.and_then(of_media_type);
        let of_sheet = (form == DocumentForm::Css).then(|| declared_charset(first).unwrap_or(UTF_8));
        let known = declared.or(shown).or(of_field).or(of_sheet);
        let mut reader = SurveyReader::new(head.url, form, known);
        reader.has_declaration = form == DocumentForm::Css && declared_charset(first).is_some();
        Some(Self {
            head,
            tokenizer: Tokenizer::new(form == DocumentForm::Xml),
            reader,
            known,
            // Browsers see UTF-16 by a byte order mark alone.
            is_told: marked.is_none_or(|(_, mark)| mark == 0) && of_field.is_some(),
            has_base: true,
        })
    }

    /// The encoding from which pieces must be decoded to UTF-8, because it hides tags.
    pub fn hidden_encoding(&self) -> Option<&'static Encoding> {
        self.known.filter(|encoding| charset::hides_tags(encoding))
    }

    /// Says whether the bytes of the document have the name of a `base` element at all.
    pub fn may_have_base(&mut self, has_base: bool) {
        self.has_base = has_base;
    }

    /// Whether the rest of the document can change anything. A style sheet has no base, and a page that was rewritten
    /// has none any more.
    pub fn needs_document(&self) -> bool {
        let has_base = self.has_base && !self.head.is_rewritten;
        match self.reader.form {
            DocumentForm::Css => self.may_need_charset() && self.reader.is_plain,
            DocumentForm::Html => has_base || self.reader.known_encoding().is_none() || self.may_need_charset(),
            DocumentForm::Xml => has_base || self.reader.is_page.is_none() || self.reader.known_encoding().is_none(),
            DocumentForm::Unknown => true,
        }
    }

    /// Whether it is open if the page needs a declaration of its encoding.
    fn may_need_charset(&self) -> bool {
        self.is_told && !self.head.is_rewritten && !self.reader.has_declaration
    }

    /// Reads the next piece.
    pub fn piece(&mut self, bytes: &[u8]) {
        self.reader.piece(bytes, &mut self.tokenizer);
    }

    /// Ends the document.
    pub fn end(self) -> SurveyEnd {
        let found = self.known.or(self.reader.declared);
        match found {
            Some(encoding) if self.known.is_none() && charset::hides_tags(encoding) => SurveyEnd::Again(encoding),
            _ => SurveyEnd::Done(self.reader.finish(found, self.head, self.is_told)),
        }
    }
}

impl<'a> SurveyReader<'a> {
    fn new(url: &'a Url, form: DocumentForm, encoding: Option<&'static Encoding>) -> Self {
        Self {
            url,
            form,
            is_page: None,
            base: None,
            encoding,
            declared: None,
            has_declaration: false,
            templates: 0,
            head_at: None,
            detector: CharsetDetector::new(),
            is_plain: true,
        }
    }

    fn piece(&mut self, bytes: &[u8], tokenizer: &mut Tokenizer) {
        self.is_plain = self.is_plain && charset::is_plain(bytes);
        if self.form == DocumentForm::Css {
            return;
        }
        tokenizer.piece(bytes, self);
        // Detection costs more than all else here, and a declaration counts more.
        if self.known_encoding().is_none() {
            self.detector.piece(bytes);
        }
    }

    /// The encoding that is known or declared, as far as the document was read.
    fn known_encoding(&self) -> Option<&'static Encoding> {
        self.encoding.or(self.declared)
    }

    /// `is_told` says that only the response field names the encoding.
    fn finish(self, found: Option<&'static Encoding>, head: &RewriteHead<'_>, is_told: bool) -> Option<Survey> {
        let is_xml = self.form == DocumentForm::Xml;
        if is_xml && self.is_page != Some(true) {
            return None;
        }
        let default = if is_xml { UTF_8 } else { self.detector.guess(self.url) };
        let encoding = found.unwrap_or(default);
        let is_decoded = charset::hides_tags(encoding);
        let is_wide = encoding == UTF_16LE || encoding == UTF_16BE;
        let needs_declaration = is_told && !head.is_rewritten && (is_wide || !self.is_plain && !self.has_declaration);
        let declaration = match self.form {
            _ if !needs_declaration => None,
            DocumentForm::Css => Some(LinkEdit::insertion(0, format!("@charset \"{}\";", encoding.name()))),
            _ if is_wide => Some(LinkEdit::insertion(0, "\u{feff}".to_owned())),
            _ if is_xml => None,
            _ => {
                let meta = format!("<meta charset=\"{}\">", encoding.name());
                self.head_at.map(|(_, at)| LinkEdit::insertion(at, meta))
            }
        };
        let base = self.base.filter(|base| base != head.url);
        Some(Survey { form: self.form, encoding, is_decoded, base, declaration })
    }

    fn meta(&mut self, tag: &StartTag<'_>) {
        let content = tag.value("content").unwrap_or_default();
        let is_type = is(tag.value("http-equiv"), b"content-type");
        let label = tag.value("charset");
        self.has_declaration |= label.is_some() || is_type;
        let declared = label.and_then(charset::of_label);
        let declared = declared.or_else(|| is_type.then(|| charset::of_meta_content(content))?);
        self.declared = self.declared.or(declared);
    }
}

impl TokenReader for SurveyReader<'_> {
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool {
        match tag {
            b"base" => attribute == b"href",
            b"meta" => matches!(attribute, b"charset" | b"http-equiv" | b"content"),
            _ => false,
        }
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        if tag.name == STYLESHEET {
            return;
        }
        self.is_page.get_or_insert(matches!(local_name(tag.name).1, b"html" | b"svg"));
        let place = match tag.name {
            b"head" => (2, tag.span.end),
            b"html" => (1, tag.span.end),
            _ => (0, tag.span.start),
        };
        self.head_at = match (self.head_at, place.0) {
            (None, _) | (Some((1, _)), 2) => Some(place),
            // An element after `html` begins its body.
            (Some((1, at)), _) => Some((3, at)),
            (known, _) => known,
        };
        match tag.name {
            b"template" if !tag.is_foreign => self.templates = self.templates.saturating_add(1),
            b"meta" => self.meta(tag),
            b"base" if self.base.is_none() && self.templates == 0 => {
                let Some(raw) = tag.value("href") else { return };
                let text = decoded(raw, self.known_encoding().unwrap_or(UTF_8));
                self.base = base_of(self.url, &references::decode(&text));
            }
            _ => {}
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        if name == b"template" {
            self.templates = self.templates.saturating_sub(1);
        }
    }

    fn wants_text(&self) -> bool {
        false
    }

    fn text(&mut self, _: &[u8], _: u64, _: bool) {}

    fn declaration(&mut self, bytes: &[u8]) {
        let declared = charset::of_declaration(bytes);
        self.has_declaration |= declared.is_some();
        self.declared = self.declared.or(declared);
    }

    fn must_stop(&self) -> bool {
        false
    }
}

/// The base that an `href` sets.
pub(super) fn base_of(url: &Url, href: &str) -> Option<Url> {
    let base = url.join(href).ok();
    base.filter(|base| !matches!(base.scheme(), "data" | "javascript") && !base.cannot_be_a_base())
}

/// The base of a document in an attribute.
pub(super) fn nested_base(page: &str, outer: &Url) -> Option<Url> {
    let mut reader = SurveyReader::new(outer, DocumentForm::Html, Some(UTF_8));
    reader.piece(page.as_bytes(), &mut Tokenizer::new(false));
    reader.base
}
