//! Documents in XML: the root element decides whether one is a page, a sitemap or a feed.

use encoding_rs::UTF_8;

use super::collector::LinkCollector;
use super::feed::FeedState;
use super::html::{HtmlReader, HtmlState};
use super::markup::token::{StartTag, TokenReader, local_name};
use super::sitemap::SitemapState;

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
}

impl XmlState {
    /// At the beginning of a document.
    pub fn new(sitemaps_only: bool) -> Self {
        Self { root: XmlRoot::Unknown, sitemaps_only }
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        match &self.root {
            XmlRoot::Page(state) => state.memory_bytes(),
            XmlRoot::Sitemap(state) => state.memory_bytes(),
            XmlRoot::Feed(state) => state.memory_bytes(),
            XmlRoot::Unknown | XmlRoot::Other => 0,
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
        if !matches!(self.state.root, XmlRoot::Page(_)) {
            self.links.encode_queries_as_utf_8();
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
