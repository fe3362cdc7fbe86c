//! The links of an HTML page.

pub(super) mod table;
pub(super) mod values;

use std::mem::take;

use super::charset;
use super::collector::{LinkCollector, LinkUse};
use super::css::{CssScanner, CssUrl};
use super::limits::LONGEST_TITLE;
use super::markup::references;
use super::markup::token::{StartTag, TagAttribute, TokenReader};
use super::markup::tokenizer::{LONGEST_VALUE, Tokenizer};
use crate::model::LinkKind;
use crate::policy::robots::is_nofollow_meta;
use table::{LinkAttribute, LinkContext, LinkSyntax};

/// The most `srcdoc` attributes that enclose one another.
const DEEPEST: u8 = 4;

/// The element whose text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextElement {
    /// Any other, whose text a reader sees.
    Visible,
    Script,
    Title,
    /// A style sheet that is scanned as it comes.
    Style,
    /// A style sheet of XML or SVG, which may have character references and CDATA sections.
    ForeignStyle,
}

/// The state of a page between two tokens.
pub(super) struct HtmlState {
    is_xml: bool,
    text_element: TextElement,
    text: Vec<u8>,
    css: CssScanner,
    /// How many `template` elements enclose the next token. Their content is no part of the document yet.
    templates: u32,
}

impl HtmlState {
    /// At the beginning of a page in HTML, or in XML.
    pub fn new(is_xml: bool) -> Self {
        Self { is_xml, text_element: TextElement::Visible, text: Vec::new(), css: CssScanner::new(), templates: 0 }
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.css.memory_bytes()
    }

    /// Whether the text of the element that is read matters.
    pub fn wants_text(&self) -> bool {
        self.text_element != TextElement::Script
    }
}

/// Whether an attribute may have links, or decides about those of its element.
pub(super) fn wants(tag: &[u8], attribute: &[u8]) -> bool {
    let is_link = |row: &LinkAttribute| row.context != LinkContext::Never;
    table::find(tag, attribute).is_some_and(is_link) || table::decides(tag, attribute)
}

/// A page with the receiver of its links.
pub(super) struct HtmlReader<'a> {
    pub state: &'a mut HtmlState,
    pub links: &'a mut LinkCollector,
}

/// Reads a page that is the value of an attribute.
pub(super) fn nested(text: &str, links: &mut LinkCollector) {
    if links.depth >= DEEPEST {
        return links.cut();
    }
    links.depth += 1;
    let mut state = HtmlState::new(false);
    let mut reader = HtmlReader { state: &mut state, links };
    Tokenizer::new(false).piece(text.as_bytes(), &mut reader);
    reader.end();
    links.depth -= 1;
}

impl TokenReader for HtmlReader<'_> {
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool {
        wants(tag, attribute) || self.links.anchors.is_some() && is_id(tag, attribute)
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        self.links.sketch.end_word();
        if let Some(texts) = &mut self.links.link_texts {
            texts.tag(tag.name);
        }
        match tag.name {
            b"script" if !tag.is_foreign => self.state.text_element = TextElement::Script,
            b"meta" => self.meta(tag),
            b"title" if self.state.is_xml || !tag.is_foreign => self.begin_text(TextElement::Title, tag),
            b"style" if tag.is_foreign => self.begin_text(TextElement::ForeignStyle, tag),
            b"style" => self.begin_text(TextElement::Style, tag),
            b"template" if self.state.is_xml || !tag.is_foreign => {
                self.state.templates = self.state.templates.saturating_add(1)
            }
            _ => {}
        }
        if tag.is_cut {
            self.links.cut();
        }
        for attribute in tag.attributes {
            let (name, raw) = tag.attribute(attribute);
            if name == b"alt" {
                self.picture(raw);
            }
            if is_id(tag.name, name) && !attribute.is_cut {
                self.links.id(raw);
            }
            let Some(row) = table::find(tag.name, name) else { continue };
            let is_html = self.state.is_xml || !tag.is_foreign;
            let is_of_page = is_html && self.links.depth == 0 && self.state.templates == 0;
            if row.context == LinkContext::Base && is_of_page {
                self.links.base(raw);
            }
            if let Some(kind) = kind_of(tag, row, raw) {
                if shows(tag.name, kind, raw) {
                    self.picture(raw);
                }
                self.link(tag, row, attribute, kind);
            }
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        self.links.sketch.end_word();
        let encoding = self.links.encoding();
        if let Some(texts) = &mut self.links.link_texts {
            texts.tag(name);
            if name == b"a" {
                texts.end(encoding);
            }
        }
        if name == b"template" {
            self.state.templates = self.state.templates.saturating_sub(1);
        }
        match self.state.text_element {
            TextElement::Visible => return,
            TextElement::Script if name == b"script" => {}
            TextElement::Title if name == b"title" => {
                let title = take(&mut self.state.text);
                if self.links.depth == 0 {
                    self.links.sketch.push_title(&title);
                }
                self.links.title(title);
            }
            TextElement::Style | TextElement::ForeignStyle if name == b"style" => self.end_style(),
            // Of elements with markup in them only those of XML and SVG have other elements.
            _ => return,
        }
        self.state.text_element = TextElement::Visible;
    }

    fn wants_text(&self) -> bool {
        self.state.wants_text()
    }

    fn text(&mut self, bytes: &[u8], _: u64, is_cdata: bool) {
        let most = match self.state.text_element {
            // Text of a page in an attribute is no text of this page.
            TextElement::Visible if self.links.depth == 0 => {
                if let Some(texts) = &mut self.links.link_texts {
                    texts.push(bytes);
                }
                return self.links.sketch.push(bytes);
            }
            TextElement::Visible => return,
            TextElement::Script => return,
            TextElement::Title => LONGEST_TITLE,
            TextElement::ForeignStyle => LONGEST_VALUE,
            TextElement::Style => {
                let Self { state, links } = self;
                return state.css.piece(bytes, &mut |url| css_link(links, url));
            }
        };
        push_text(&mut self.state.text, bytes, is_cdata, most);
    }

    fn declaration(&mut self, bytes: &[u8]) {
        if let Some(encoding) = charset::of_declaration(bytes).filter(|_| self.links.depth == 0) {
            self.links.set_encoding(encoding);
        }
    }

    fn must_stop(&self) -> bool {
        self.links.must_transcode()
    }
}

impl HtmlReader<'_> {
    fn begin_text(&mut self, element: TextElement, tag: &StartTag<'_>) {
        if element == TextElement::Title && (self.links.depth > 0 || self.links.has_title())
            || tag.is_foreign && tag.is_empty
        {
            return;
        }
        self.state.text.clear();
        self.state.text_element = element;
    }

    /// Adds to the sketch what a reader sees of the page beside its text.
    fn picture(&mut self, raw: &[u8]) {
        if self.links.depth == 0 {
            self.links.sketch.push_picture(raw);
        }
    }

    /// Ends the page.
    pub fn end(&mut self) {
        self.end_style();
    }

    /// Ends a style sheet, also at the end of the page.
    fn end_style(&mut self) {
        let Self { state, links } = self;
        match state.text_element {
            TextElement::Style => state.css.end(&mut |url| css_link(links, url)),
            TextElement::ForeignStyle => {
                let text = links.decoded(&state.text);
                super::css_text(&references::decode(&text), links);
            }
            TextElement::Visible | TextElement::Script | TextElement::Title => {}
        }
    }

    fn meta(&mut self, tag: &StartTag<'_>) {
        if self.links.depth > 0 {
            return;
        }
        if let Some(encoding) = tag.value("charset").and_then(charset::of_label) {
            self.links.set_encoding(encoding);
        }
        let Some(content) = tag.value("content") else { return };
        if is(tag.value("http-equiv"), b"content-type") {
            charset::of_meta_content(content).into_iter().for_each(|encoding| self.links.set_encoding(encoding));
        }
        if let Some(name) = tag.value("name") {
            let [name, content] = [name, content].map(String::from_utf8_lossy);
            self.links.nofollow |= is_nofollow_meta(&name, &references::decode(&content), self.links.agent());
        }
    }

    fn link(&mut self, tag: &StartTag<'_>, row: &LinkAttribute, attribute: &TagAttribute, kind: LinkKind) {
        let (_, raw) = tag.attribute(attribute);
        if attribute.is_cut {
            // Data in place of a URL is long, and no link.
            if row.syntax == LinkSyntax::Url && raw.trim_ascii_start().starts_with(b"data:") {
                return;
            }
            self.links.cut();
            if row.syntax == LinkSyntax::Url {
                return;
            }
        }
        let rel = tag.value("rel");
        if tag.name == b"link" && rel.is_some_and(|rel| has_word(rel, b"canonical")) && self.links.depth == 0 {
            self.links.canonical(raw);
        }
        let nofollow = rel.is_some_and(|rel| has_word(rel, b"nofollow"));
        // A link before this one.
        let _ = self.links.take_last_entry();
        self.links.value(raw, LinkUse { syntax: row.syntax, kind, nofollow }, true);
        self.begin_link_text(tag);
    }

    /// Begins the text of the link of an element. That of a picture is the text in its place.
    fn begin_link_text(&mut self, tag: &StartTag<'_>) {
        let encoding = self.links.encoding();
        let link = self.links.take_last_entry().filter(|_| self.links.depth == 0);
        let Some((link, texts)) = link.zip(self.links.link_texts.as_mut()) else { return };
        match (tag.name, tag.value("alt")) {
            (b"a", _) => {
                texts.end(encoding);
                texts.begin(link);
            }
            (_, Some(alt)) => texts.add(link, alt, encoding),
            _ => {}
        }
    }
}

/// The kind of the links in an attribute; `None` if they are never fetched.
pub(in crate::extract) fn kind_of(tag: &StartTag<'_>, row: &LinkAttribute, raw: &[u8]) -> Option<LinkKind> {
    match row.context {
        LinkContext::Kind(kind) => Some(kind),
        LinkContext::Rel => {
            let text =
                |name| references::decode(&String::from_utf8_lossy(tag.value(name).unwrap_or_default())).into_owned();
            table::kind_of_rel(&text("rel"), &text("type"), tag.value("hreflang").is_some())
        }
        LinkContext::MetaRefresh => is(tag.value("http-equiv"), b"refresh").then_some(LinkKind::Page),
        LinkContext::ImageButton => is(tag.value("type"), b"image").then_some(LinkKind::Requisite),
        LinkContext::FormAction => {
            let method = tag.value("method");
            (method.is_none_or(|method| !is(Some(method), b"post") && !is(Some(method), b"dialog")))
                .then_some(LinkKind::Form)
        }
        LinkContext::Lazy => raw.iter().any(|byte| b"/.".contains(byte)).then_some(LinkKind::Requisite),
        LinkContext::Base | LinkContext::Never => None,
    }
}

/// Whether an attribute names a place of the page (HTML standard, "find a potential indicated element").
pub(super) fn is_id(tag: &[u8], attribute: &[u8]) -> bool {
    attribute == b"id" || attribute == b"name" && tag == b"a"
}

/// Whether a link of this element shows a reader something, as a picture does and a script does not. A file to download
/// counts too, because it is what the page is for.
fn shows(element: &[u8], kind: LinkKind, raw: &[u8]) -> bool {
    match kind {
        LinkKind::Requisite | LinkKind::Frame => !matches!(element, b"script" | b"link"),
        LinkKind::Page => is_download(raw),
        LinkKind::Form | LinkKind::Hint | LinkKind::Sitemap => false,
    }
}

/// Whether a URL ends in the extension of a file that a reader keeps. Pages, scripts of a server, and what a site makes
/// for each view are none: feeds and calendars.
fn is_download(url: &[u8]) -> bool {
    const MADE: [&[u8]; 15] = [
        b"htm", b"html", b"php", b"asp", b"aspx", b"jsp", b"do", b"cgi", b"pl", b"ics", b"xml", b"rss", b"atom",
        b"json", b"css",
    ];
    let end = url.iter().position(|byte| b"?#".contains(byte)).unwrap_or(url.len());
    let is_slash = |byte: &u8| *byte == b'/';
    // The end of a host is no extension.
    let path = match memchr::memmem::find(&url[..end], b"//") {
        Some(at) => url[at + 2..end].iter().position(is_slash).map(|slash| &url[at + 2 + slash..end]),
        None => Some(&url[..end]),
    };
    let name = path.and_then(|path| path.rsplit(is_slash).next()).unwrap_or_default();
    let extension = name.iter().rposition(|byte| *byte == b'.').map_or(&name[..0], |dot| &name[dot + 1..]);
    (2..=4).contains(&extension.len())
        && extension.iter().all(u8::is_ascii_alphanumeric)
        && !MADE.iter().any(|made| extension.eq_ignore_ascii_case(made))
}

/// Whether a value is this word, in letters of any case.
pub(in crate::extract) fn is(value: Option<&[u8]>, word: &[u8]) -> bool {
    value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(word))
}

pub(in crate::extract) fn has_word(words: &[u8], word: &[u8]) -> bool {
    words.split(u8::is_ascii_whitespace).any(|known| known.eq_ignore_ascii_case(word))
}

/// Takes a URL of a style sheet.
pub(super) fn css_link(links: &mut LinkCollector, url: CssUrl<'_>) {
    match url.is_cut {
        false => links.value(url.text, LinkUse::url(LinkKind::Requisite), false),
        true if url.text.trim_ascii_start().starts_with(b"data:") => {}
        true => links.cut(),
    }
}

/// Adds a piece of text, up to a length. The text of a CDATA section has no references, so each `&` becomes one.
pub(super) fn push_text(text: &mut Vec<u8>, bytes: &[u8], is_cdata: bool, most: usize) {
    let room = most.saturating_sub(text.len()).min(bytes.len());
    for part in bytes[..room].split_inclusive(|&byte| is_cdata && byte == b'&') {
        text.extend_from_slice(part);
        if is_cdata && part.ends_with(b"&") {
            text.extend_from_slice(b"amp;");
        }
    }
}
