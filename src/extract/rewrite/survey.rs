//! The facts of a whole document that decide about each of its links: its encoding and its base.

use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8};
use url::Url;

use super::transcode::DecodingReader;
use super::{DocumentForm, RewriteHead, read_some};
use crate::extract::charset::{self, CharsetDetector};
use crate::extract::collector::decoded;
use crate::extract::document::declared_charset;
use crate::extract::html::is;
use crate::extract::markup::references;
use crate::extract::markup::token::{StartTag, TokenReader};
use crate::extract::markup::tokenizer::Tokenizer;
use crate::policy::message::charset::of_media_type;

/// What was found in a document.
pub(super) struct Survey {
    /// The encoding of the document.
    pub encoding: &'static Encoding,
    /// Whether it must be decoded before it is read.
    pub is_decoded: bool,
    /// The base of its links, if it is not the URL of the document.
    pub base: Option<Url>,
    /// Where a declaration of the encoding belongs, if the document needs one.
    pub needs_charset_at: Option<u64>,
}

impl Survey {
    /// Reads the document once, or twice if it says itself that it must be decoded.
    pub fn of<R: Read>(
        open: &impl Fn() -> io::Result<R>,
        head: &RewriteHead<'_>,
        form: DocumentForm,
    ) -> io::Result<Self> {
        let mut first = [0; 64];
        let length = read_some(&mut open()?, &mut first)?;
        let shown = charset::of_first_bytes(&first[..length]).map(|(encoding, _)| encoding);
        let of_field = head.content_type.and_then(of_media_type);
        let of_sheet = (form == DocumentForm::Css).then(|| declared_charset(&first[..length]).unwrap_or(UTF_8));
        let known = shown.or(of_field).or(of_sheet);
        let reader = SurveyReader::read(open, known, form, head.url)?;
        let found = known.or(reader.declared);
        let Some(encoding) = found.filter(|encoding| known.is_none() && charset::hides_tags(encoding)) else {
            return Ok(reader.finish(found, head, shown.is_none() && of_field.is_some()));
        };
        let reader = SurveyReader::read(open, Some(encoding), form, head.url)?;
        Ok(reader.finish(Some(encoding), head, false))
    }
}

/// Reads a document for its survey.
struct SurveyReader<'a> {
    url: &'a Url,
    is_xml: bool,
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

impl<'a> SurveyReader<'a> {
    fn read<R: Read>(
        open: &impl Fn() -> io::Result<R>,
        encoding: Option<&'static Encoding>,
        form: DocumentForm,
        url: &'a Url,
    ) -> io::Result<Self> {
        let mut reader = Self {
            url,
            is_xml: form == DocumentForm::Xml,
            base: None,
            encoding,
            declared: None,
            has_declaration: false,
            templates: 0,
            head_at: None,
            detector: CharsetDetector::new(),
            is_plain: true,
        };
        if form == DocumentForm::Css {
            return Ok(reader);
        }
        let mut input = DecodingReader::new(open()?, encoding.filter(|encoding| charset::hides_tags(encoding)));
        let (mut tokenizer, mut buffer) = (Tokenizer::new(reader.is_xml), vec![0; super::PIECE]);
        loop {
            let length = read_some(&mut input, &mut buffer)?;
            if length == 0 {
                return Ok(reader);
            }
            let piece = &buffer[..length];
            reader.is_plain &= charset::is_plain(piece);
            if encoding.is_none() {
                reader.detector.piece(piece);
            }
            tokenizer.piece(piece, &mut reader);
        }
    }

    /// `is_told` says that only the response field names the encoding.
    fn finish(self, found: Option<&'static Encoding>, head: &RewriteHead<'_>, is_told: bool) -> Survey {
        let default = if self.is_xml { UTF_8 } else { self.detector.guess(self.url) };
        let encoding = found.unwrap_or(default);
        let is_decoded = charset::hides_tags(encoding);
        let needs_charset =
            is_told && !self.is_xml && !self.is_plain && !self.has_declaration && !head.is_rewritten && !is_decoded;
        let needs_charset_at = self.head_at.filter(|_| needs_charset).map(|(_, at)| at);
        Survey { encoding, is_decoded, base: self.base.filter(|base| base != head.url), needs_charset_at }
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
                let text = decoded(raw, self.encoding.or(self.declared).unwrap_or(UTF_8));
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
    let open = || Ok(page.as_bytes());
    let read = SurveyReader::read(&open, Some(UTF_8), DocumentForm::Html, outer).ok()?;
    read.base
}
