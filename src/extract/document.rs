//! The sort of a document, by its media type. The content decides only without a media type, and for sitemaps.

use encoding_rs::UTF_8;
use url::Url;

use super::charset;
use super::collector::LinkCollector;
use super::css::CssScanner;
use super::html::{HtmlReader, HtmlState, css_link};
use super::lines::{LineReader, TextForm};
use super::manifest::ManifestReader;
use super::markup::tokenizer::Tokenizer;
use super::xml::{XmlReader, XmlState};

/// The root elements of XML documents that are often without an XML declaration.
const XML_ROOTS: [&[u8]; 6] = [b"<urlset", b"<sitemapindex", b"<rss", b"<feed", b"<rdf:rdf", b"<svg"];

/// The reader of a body.
pub(super) enum BodyReader {
    /// A document without links.
    Ignored,
    /// A document whose first bytes decide.
    Unknown {
        is_sitemap: bool,
    },
    Html(Box<(Tokenizer, HtmlState)>),
    Xml(Box<(Tokenizer, XmlState)>),
    /// A style sheet; true once its encoding is settled.
    Css(CssScanner, bool),
    Lines(LineReader),
    Manifest(ManifestReader),
}

impl BodyReader {
    /// The reader of documents of this media type.
    pub fn of_media_type(media_type: Option<&str>, url: &Url) -> Self {
        let Some(media_type) = media_type else { return Self::Unknown { is_sitemap: false } };
        let is_llms_txt = url.path().rsplit('/').next() == Some("llms.txt");
        match media_type {
            "text/html" => Self::html(),
            "text/css" => Self::Css(CssScanner::new(), false),
            "text/xml" | "application/xml" => Self::xml(false),
            "application/manifest+json" => Self::Manifest(ManifestReader::default()),
            "text/plain" | "text/markdown" if is_llms_txt => Self::Lines(LineReader::new(TextForm::Markdown)),
            _ if media_type.ends_with("+xml") => Self::xml(false),
            _ => Self::Ignored,
        }
    }

    fn html() -> Self {
        Self::Html(Box::new((Tokenizer::new(false), HtmlState::new(false))))
    }

    fn xml(sitemaps_only: bool) -> Self {
        Self::Xml(Box::new((Tokenizer::new(true), XmlState::new(sitemaps_only))))
    }

    /// Settles what depends on the first bytes of the document.
    pub fn recognise(&mut self, bytes: &[u8], links: &mut LinkCollector) {
        match self {
            Self::Unknown { is_sitemap } => *self = Self::of_content(bytes, *is_sitemap),
            Self::Css(_, is_settled) if !*is_settled => {
                *is_settled = true;
                if let Some(encoding) = declared_charset(bytes) {
                    links.set_encoding(encoding);
                }
            }
            _ => {}
        }
        if matches!(self, Self::Css(..) | Self::Lines(_) | Self::Manifest(_)) {
            links.set_encoding(UTF_8);
            links.encode_queries_as_utf_8();
        }
    }

    pub fn of_content(bytes: &[u8], is_sitemap: bool) -> Self {
        let begin = bytes.trim_ascii_start();
        let begins = |with: &[u8]| begin.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        let is_markup = begin.starts_with(b"<");
        match is_sitemap {
            true if is_markup => Self::xml(true),
            true => Self::Lines(LineReader::new(TextForm::Sitemap)),
            false if begins(b"<?xml") || XML_ROOTS.iter().any(|root| begins(root)) => Self::xml(false),
            false if is_markup => Self::html(),
            false => Self::Ignored,
        }
    }

    /// Reads a piece of the body. Returns how much of it was read before the encoding changed.
    pub fn piece(&mut self, bytes: &[u8], links: &mut LinkCollector) -> usize {
        match self {
            Self::Ignored | Self::Unknown { .. } => {}
            Self::Html(page) => {
                let (tokenizer, state) = &mut **page;
                return tokenizer.piece(bytes, &mut HtmlReader { state, links });
            }
            Self::Xml(document) => {
                let (tokenizer, state) = &mut **document;
                return tokenizer.piece(bytes, &mut XmlReader { state, links });
            }
            Self::Css(css, _) => css.piece(bytes, &mut |url| css_link(links, url)),
            Self::Lines(lines) => lines.piece(bytes, links),
            Self::Manifest(manifest) => manifest.piece(bytes),
        }
        bytes.len()
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Ignored | Self::Unknown { .. } => 0,
            Self::Html(page) => page.0.memory_bytes() + page.1.memory_bytes(),
            Self::Xml(document) => document.0.memory_bytes() + document.1.memory_bytes(),
            Self::Css(css, _) => css.memory_bytes(),
            Self::Lines(lines) => lines.memory_bytes(),
            Self::Manifest(manifest) => manifest.memory_bytes(),
        }
    }

    /// Ends the body.
    pub fn end(&mut self, links: &mut LinkCollector) {
        match self {
            Self::Ignored | Self::Unknown { .. } => {}
            Self::Html(page) => HtmlReader { state: &mut page.1, links }.end(),
            Self::Xml(document) => XmlReader { state: &mut document.1, links }.end(),
            Self::Css(css, _) => css.end(&mut |url| css_link(links, url)),
            Self::Lines(lines) => lines.end(links),
            Self::Manifest(manifest) => manifest.end(links),
        }
    }
}

/// The media type of a `Content-Type` field in lower case, without parameters.
pub(super) fn media_type(field: &[u8]) -> String {
    let end = field.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(field.len());
    String::from_utf8_lossy(field[..end].trim_ascii()).to_ascii_lowercase()
}

/// The encoding of `@charset` at the beginning of a style sheet.
pub(super) fn declared_charset(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let label = bytes.strip_prefix(b"@charset \"")?;
    charset::of_label(&label[..label.iter().position(|byte| *byte == b'"')?])
}
