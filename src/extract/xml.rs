//! Documents in XML: the root element decides whether one is a page, a sitemap or a feed.

use encoding_rs::UTF_8;

use super::collector::{LinkCollector, LinkUse};
use super::feed::FeedState;
use super::html::{HtmlReader, HtmlState};
use super::limits::LONGEST_URL;
use super::markup::token::{StartTag, TokenReader, local_name};
use super::markup::tokenizer::STYLESHEET;
use super::sitemap::SitemapState;
use crate::model::LinkKind;

/// The most style sheets that a document names before its root element.
const MOST_STYLE_SHEETS: usize = 8;

/// The sort of the document.
enum XmlRoot {
    /// No element came so far.
    Unknown,
    /// A page in XHTML, or an image in SVG.
    Page(Box<HtmlState>),
    Sitemap(Box<SitemapState>),
    Feed(Box<FeedState>),
    /// A document without links.
    Other,
}

/// The state of a document between two tokens.
pub(super) struct XmlState {
    root: XmlRoot,
    /// Whether a page is no valid answer.
    sitemaps_only: bool,
    /// The links of the processing instructions before the root element.
    style_sheets: Vec<Vec<u8>>,
}

impl XmlState {
    /// At the beginning of a document.
    pub fn new(sitemaps_only: bool) -> Self {
        Self { root: XmlRoot::Unknown, sitemaps_only, style_sheets: Vec::new() }
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        match &self.root {
            XmlRoot::Page(state) => state.memory_bytes(),
            XmlRoot::Sitemap(state) => state.memory_bytes(),
            XmlRoot::Feed(state) => state.memory_bytes(),
            XmlRoot::Unknown | XmlRoot::Other => self.style_sheets.iter().map(Vec::capacity).sum(),
        }
    }
}

/// A document with the receiver of its links.
pub(super) struct XmlReader<'a> {
    pub state: &'a mut XmlState,
    pub links: &'a mut LinkCollector,
}

impl XmlReader<'_> {
    fn begin(&mut self, tag: &StartTag<'_>) {
        // XML without a declaration is UTF-8. Queries are UTF-8 in any case.
        self.links.set_encoding(UTF_8);
        self.state.root = match local_name(tag.name).1 {
            b"urlset" | b"sitemapindex" => XmlRoot::Sitemap(Box::default()),
            b"rss" | b"feed" | b"rdf" => XmlRoot::Feed(Box::default()),
            b"html" | b"svg" if !self.state.sitemaps_only => XmlRoot::Page(Box::new(HtmlState::new(true))),
            _ => XmlRoot::Other,
        };
        let sheets = std::mem::take(&mut self.state.style_sheets);
        if matches!(self.state.root, XmlRoot::Page(_)) {
            let used = LinkUse::url(LinkKind::Requisite);
            sheets.iter().for_each(|raw| self.links.value(raw, used, true));
        } else {
            self.links.encode_queries_as_utf_8();
        }
    }

    /// Keeps the link of a style sheet until the root element says whether the document is a page.
    fn style_sheet(&mut self, tag: &StartTag<'_>) {
        let XmlState { root, style_sheets, .. } = &mut *self.state;
        if matches!(root, XmlRoot::Unknown) && style_sheets.len() < MOST_STYLE_SHEETS {
            let raw = tag.value("href").filter(|raw| raw.len() <= LONGEST_URL);
            style_sheets.extend(raw.map(<[u8]>::to_vec));
        }
    }

    /// Ends the document.
    pub fn end(&mut self) {
        match &mut self.state.root {
            XmlRoot::Page(state) => HtmlReader { state, links: self.links }.end(),
            XmlRoot::Sitemap(state) => state.end(self.links),
            XmlRoot::Unknown | XmlRoot::Feed(_) | XmlRoot::Other => {}
        }
    }
}

impl TokenReader for XmlReader<'_> {
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool {
        match &self.state.root {
            XmlRoot::Unknown if tag == STYLESHEET => attribute == b"href",
            XmlRoot::Unknown => attribute == b"xml:base",
            XmlRoot::Page(_) => {
                super::html::wants(tag, attribute) || self.links.anchors.is_some() && super::html::is_id(tag, attribute)
            }
            XmlRoot::Sitemap(_) | XmlRoot::Feed(_) => {
                local_name(tag).1 == b"link" && matches!(attribute, b"href" | b"rel")
            }
            XmlRoot::Other => false,
        }
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        if tag.name == STYLESHEET {
            return self.style_sheet(tag);
        }
        if matches!(self.state.root, XmlRoot::Unknown) {
            self.begin(tag);
        }
        match &mut self.state.root {
            XmlRoot::Page(state) => HtmlReader { state, links: self.links }.start_tag(tag),
            XmlRoot::Sitemap(state) => state.start_tag(tag, self.links),
            XmlRoot::Feed(state) => state.start_tag(tag, self.links),
            XmlRoot::Unknown | XmlRoot::Other => {}
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        match &mut self.state.root {
            XmlRoot::Page(state) => HtmlReader { state, links: self.links }.end_tag(name),
            XmlRoot::Sitemap(state) => state.end_tag(name, self.links),
            XmlRoot::Feed(state) => state.end_tag(name, self.links),
            XmlRoot::Unknown | XmlRoot::Other => {}
        }
    }

    fn wants_text(&self) -> bool {
        match &self.state.root {
            XmlRoot::Page(state) => state.wants_text(),
            XmlRoot::Sitemap(state) => state.wants_text(),
            XmlRoot::Feed(state) => state.wants_text(),
            XmlRoot::Unknown | XmlRoot::Other => false,
        }
    }

    fn text(&mut self, bytes: &[u8], at: u64, is_cdata: bool) {
        match &mut self.state.root {
            XmlRoot::Page(state) => HtmlReader { state, links: self.links }.text(bytes, at, is_cdata),
            XmlRoot::Sitemap(state) => state.text(bytes, is_cdata),
            XmlRoot::Feed(state) => state.text(bytes, is_cdata),
            XmlRoot::Unknown | XmlRoot::Other => {}
        }
    }

    fn declaration(&mut self, bytes: &[u8]) {
        if matches!(self.state.root, XmlRoot::Unknown)
            && let Some(encoding) = super::charset::of_declaration(bytes)
        {
            self.links.set_encoding(encoding);
        }
    }

    fn must_stop(&self) -> bool {
        self.links.must_transcode()
    }
}
