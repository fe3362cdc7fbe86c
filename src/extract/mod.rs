//! Links out of documents: bytes and a media type become links, while the bytes arrive.
//!
//! An [`Extractor`] gets the head of a response and then its body in pieces, after content
//! decoding. At the end it gives the [`PageLinks`]. It opens no file and waits for nothing. Its
//! memory has a bound that does not depend on the document: values, titles, texts of links and
//! their number are limited, and `PageLinks::more` says that a limit was met.
//!
//! | document | read by |
//! | --- | --- |
//! | HTML, XHTML, SVG | `markup`, `html`; style sheets in them `css` |
//! | CSS | `css` |
//! | sitemaps and their indexes | `markup`, `xml`, `sitemap`; in plain text `lines` |
//! | RSS, Atom | `markup`, `xml`, `feed` |
//! | web application manifests, `llms.txt` | `manifest`, `lines` |
//!
//! [`LINK_ATTRIBUTES`] is the table of the attributes of HTML that have links. [`link_values`]
//! returns the places of their values in a page. A [`LinkEditor`] returns the edits that make the links of a document
//! lead to files, or make them absolute.

mod anchors;
mod charset;
mod collector;
mod css;
mod document;
mod feed;
mod fields;
mod html;
mod limits;
mod lines;
mod link_edits;
mod link_texts;
mod manifest;
mod markup;
mod page_text;
mod refresh;
mod resolve;
mod sitemap;
mod srcset;
mod xml;

#[cfg(test)]
mod tests;

use encoding_rs::UTF_8;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use url::Url;

use crate::model::PageLinks;
use crate::policy::message::charset::of_media_type;
use charset::CharsetDetector;
use collector::LinkCollector;
use css::CssScanner;
use document::{BodyReader, media_type};

pub use html::table::{LINK_ATTRIBUTES, LinkAttribute, LinkContext, LinkSyntax};
pub use html::values::{LinkValue, link_values};
pub use link_edits::{DocumentSurvey, LinkEdit, LinkEditor, Survey, SurveyEnd};
pub use link_edits::{LinkTargets, NoTargets, RewriteHead};
pub use page_text::{LARGEST_PAGE, PAGE_STACK, PageHead, ReadPage, page_text};

/// The bytes that are needed to recognise a document.
pub const FIRST_BYTES: usize = 64;
/// The most bytes of a sitemap (sitemaps.org).
const LARGEST_SITEMAP: u64 = 52_428_800;
/// The most bytes that are transcoded at once.
const TRANSCODED: usize = 8 * 1024;

/// The facts about a response that decide how its body is read.
#[derive(Debug, Clone, Copy)]
pub struct DocumentHead<'a> {
    /// The URL of the document after all redirects. Links are relative to it.
    pub url: &'a Url,
    /// The response fields.
    pub fields: &'a HeaderMap,
    /// Whether the document was fetched as a sitemap. Its content then decides, not its media type.
    pub is_sitemap: bool,
    /// Whether targets of forms with the method GET are links.
    pub forms: bool,
    /// The name of the crawler in robots rules.
    pub agent: &'a str,
    /// Whether its text is compared with that of similar pages.
    pub compares_similar: bool,
    /// Whether the texts of links are wanted.
    pub link_texts: bool,
    /// Whether the ids of the page and the fragments of its links are wanted.
    pub anchors: bool,
}

impl<'a> DocumentHead<'a> {
    /// A page for the agent `fetchall`, without the targets of forms.
    pub fn new(url: &'a Url, fields: &'a HeaderMap) -> Self {
        Self {
            url,
            fields,
            is_sitemap: false,
            forms: false,
            agent: "fetchall",
            compares_similar: true,
            link_texts: false,
            anchors: false,
        }
    }
}

/// Finds the links of one document.
pub struct Extractor {
    links: LinkCollector,
    body: BodyReader,
    /// The first bytes, until they suffice to recognise the document.
    first: Option<Vec<u8>>,
    decoder: Option<Box<encoding_rs::Decoder>>,
    transcoded: Vec<u8>,
    detector: CharsetDetector,
    /// The bytes that may still come.
    left: u64,
}

impl std::fmt::Debug for Extractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extractor").finish_non_exhaustive()
    }
}

impl Extractor {
    /// Reads the response fields.
    pub fn new(head: &DocumentHead<'_>) -> Self {
        let mut links = LinkCollector::new(head);
        fields::read(head.fields, &mut links);
        let field = head.fields.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let media_type = field.map(media_type).filter(|media_type| !media_type.is_empty());
        let body = match head.is_sitemap {
            true => BodyReader::Unknown { is_sitemap: true },
            false => BodyReader::of_media_type(media_type.as_deref(), head.url),
        };
        if let Some(encoding) = field.and_then(of_media_type) {
            links.set_encoding(encoding);
        }
        let left = if head.is_sitemap { LARGEST_SITEMAP } else { u64::MAX };
        Self {
            links,
            body,
            first: Some(Vec::new()),
            decoder: None,
            transcoded: Vec::new(),
            detector: CharsetDetector::new(),
            left,
        }
    }

    /// Whether the body has links at all. The links of other documents are those of their response fields.
    pub fn reads_body(&self) -> bool {
        !matches!(self.body, BodyReader::Ignored)
    }

    /// Reads the next piece of the decoded body.
    pub fn piece(&mut self, bytes: &[u8]) {
        if !self.reads_body() {
            return;
        }
        let kept = &bytes[..bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))];
        if kept.len() < bytes.len() {
            self.links.cut();
        }
        self.left -= kept.len() as u64;
        match self.first.take() {
            None => self.feed(kept),
            Some(first) if first.is_empty() && kept.len() >= FIRST_BYTES => self.begin(kept),
            Some(mut first) => {
                let (head, rest) = kept.split_at(kept.len().min(FIRST_BYTES - first.len()));
                first.extend_from_slice(head);
                if first.len() < FIRST_BYTES {
                    self.first = Some(first);
                } else {
                    self.begin(&first);
                    self.feed(rest);
                }
            }
        }
    }

    /// The memory of the buffers, in bytes. It has a bound that does not depend on the document.
    pub fn memory_bytes(&self) -> usize {
        self.links.memory_bytes() + self.body.memory_bytes() + self.transcoded.capacity()
    }

    /// Ends the document, and resolves its links. A document that was cut off has the links of its beginning.
    pub fn end(mut self) -> PageLinks {
        if let Some(first) = self.first.take().filter(|_| self.reads_body()) {
            self.begin(&first);
        }
        if self.decoder.is_some() {
            self.transcode(&[], true);
        }
        self.body.end(&mut self.links);
        let detector = self.detector;
        self.links.finish(|url| detector.guess(url))
    }

    /// Reads the first bytes of the document.
    fn begin(&mut self, first: &[u8]) {
        let shown = charset::of_first_bytes(first);
        if let Some((encoding, _)) = shown {
            self.links.correct_encoding(encoding);
        }
        self.feed(&first[shown.map_or(0, |(_, mark)| mark)..]);
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.decoder.is_none() {
            if !self.links.must_transcode() {
                rest = &bytes[self.read(bytes)..];
                if self.links.encoding().is_none() {
                    self.detector.piece(bytes);
                }
            }
            if self.links.must_transcode() {
                let encoding = self.links.encoding().unwrap_or(UTF_8);
                self.decoder = Some(Box::new(encoding.new_decoder_without_bom_handling()));
                self.links.set_transcoded();
            }
        }
        if self.decoder.is_some() {
            self.transcode(rest, false);
        }
    }

    fn transcode(&mut self, bytes: &[u8], is_last: bool) {
        let Some(mut decoder) = self.decoder.take() else { return };
        let mut transcoded = std::mem::take(&mut self.transcoded);
        transcoded.resize(TRANSCODED, 0);
        let mut at = 0;
        loop {
            let (result, read, written, _) = decoder.decode_to_utf8(&bytes[at..], &mut transcoded, is_last);
            at += read;
            self.read(&transcoded[..written]);
            if result == encoding_rs::CoderResult::InputEmpty {
                break;
            }
        }
        (self.transcoded, self.decoder) = (transcoded, Some(decoder));
    }

    /// Reads bytes in an encoding that shows tags. Returns the number of bytes before such an encoding ends.
    fn read(&mut self, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        self.body.recognise(bytes, &mut self.links);
        self.body.piece(bytes, &mut self.links)
    }
}

/// Takes the links of CSS declarations.
fn css_text(text: &str, links: &mut LinkCollector) {
    // Each link in declarations is in a function. A whole sheet may have an `@import` too.
    if !text.contains(['(', '@']) {
        return;
    }
    let mut css = CssScanner::new();
    links.depth += 1;
    let link = &mut |url: css::CssUrl<'_>| html::css_link(links, url);
    css.piece(text.as_bytes(), link);
    css.end(link);
    links.depth -= 1;
}
