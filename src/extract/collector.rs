//! The links of one document: texts as the document has them, each once, until its end.
//!
//! A `base` element anywhere in the document governs all of its links, so texts wait for the end.
//! The texts are in one buffer with a bound.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use hashbrown::HashTable;
use jiff::Timestamp;
use url::{Position, Url};
use xxhash_rust::xxh3::xxh3_64;

use super::DocumentHead;
use super::anchors::AnchorCollector;
use super::charset;
use super::html::table::LinkSyntax;
use super::limits::LONGEST_URL;
use super::link_texts::LinkTexts;
use super::markup::references;
use super::resolve::LinkResolver;
use super::srcset;
use crate::model::{Link, LinkKind, LinkList, PageLinks};
use crate::policy::text::sketch::SketchBuilder;

/// The most links of a document. A sitemap may have so many (sitemaps.org).
const MOST_LINKS: usize = 50_000;
/// The most links of the response fields.
const MOST_FIELD_LINKS: usize = 256;
/// The most links that are no URLs.
const MOST_INVALID: usize = 256;
/// The most bytes of all texts of a document.
const MOST_BYTES: usize = 8 << 20;
/// The most bytes of all URLs of a document. A long base makes each of them long.
const MOST_URL_BYTES: usize = 16 << 20;

/// Stands for all links that are a fragment alone. They lead to the base of the document.
const FRAGMENT: &str = "#";

/// The use of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkUse {
    pub syntax: LinkSyntax,
    pub kind: LinkKind,
    pub nofollow: bool,
}

impl LinkUse {
    /// One URL of this kind.
    pub fn url(kind: LinkKind) -> Self {
        Self { syntax: LinkSyntax::Url, kind, nofollow: false }
    }
}

/// A text that may be a link, with the ways in which the document uses it.
#[derive(Debug)]
struct LinkText {
    end: usize,
    /// One bit for each kind, and those of the kinds that have a link without `nofollow`.
    kinds: u8,
    followed: u8,
    modified: Option<Timestamp>,
}

/// A value with characters beyond ASCII that waits for the encoding.
#[derive(Debug)]
struct PendingValue {
    end: usize,
    used: LinkUse,
    has_references: bool,
}

/// A link of the response fields.
#[derive(Debug)]
struct ResolvedLink {
    url: Url,
    kind: LinkKind,
    nofollow: bool,
}

const KINDS: [LinkKind; 6] =
    [LinkKind::Page, LinkKind::Frame, LinkKind::Form, LinkKind::Requisite, LinkKind::Hint, LinkKind::Sitemap];

/// The links that were found so far.
pub(super) struct LinkCollector {
    /// The texts, one after the other, and each by its hash.
    texts: String,
    entries: Vec<LinkText>,
    index: HashTable<u32>,
    /// Links of all kinds.
    count: usize,
    pending: Vec<u8>,
    pending_values: Vec<PendingValue>,
    /// Links of response fields, which do not depend on the base.
    resolved: Vec<ResolvedLink>,
    more: bool,
    forms: bool,
    must_transcode: bool,
    /// The encoding of the bytes that are read; `None` while it is unknown.
    encoding: Option<&'static Encoding>,
    /// The encoding of queries, if the bytes were transcoded.
    query_encoding: Option<&'static Encoding>,
    base: Option<Url>,
    /// The first title, as bytes of the document.
    title: Option<Vec<u8>>,
    canonical: Option<String>,
    /// Whether the page forbids to follow its links.
    pub nofollow: bool,
    /// The text of the page in short.
    pub sketch: SketchBuilder,
    /// The texts of links, by the numbers of the entries, if the run needs them.
    pub link_texts: Option<Box<LinkTexts>>,
    /// The entry of the last link.
    last_entry: Option<u32>,
    /// The ids of the page, if the run needs them.
    pub anchors: Option<Box<AnchorCollector>>,
    /// How many attribute values enclose the text that is read. Text of a value is decoded already.
    pub depth: u8,
    url: Url,
    agent: Box<str>,
}

impl LinkCollector {
    /// For the document with this head.
    pub fn new(head: &DocumentHead<'_>) -> Self {
        Self {
            texts: String::new(),
            entries: Vec::new(),
            index: HashTable::new(),
            count: 0,
            pending: Vec::new(),
            pending_values: Vec::new(),
            resolved: Vec::new(),
            more: false,
            forms: head.forms,
            must_transcode: false,
            encoding: None,
            query_encoding: None,
            base: None,
            title: None,
            canonical: None,
            nofollow: false,
            sketch: SketchBuilder::new(head.compares_similar),
            link_texts: head.link_texts.then(Box::default),
            last_entry: None,
            anchors: head.anchors.then(Box::default),
            depth: 0,
            url: head.url.clone(),
            agent: head.agent.into(),
        }
    }

    /// Notes that a limit cut the list.
    pub fn cut(&mut self) {
        self.more = true;
    }

    /// The name of the crawler in robots rules.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The encoding of the bytes that are read.
    pub fn encoding(&self) -> Option<&'static Encoding> {
        self.encoding
    }

    /// Sets the encoding of the document. The first call counts.
    pub fn set_encoding(&mut self, encoding: &'static Encoding) {
        if self.encoding.is_none() {
            self.encoding = Some(encoding);
            self.must_transcode = charset::hides_tags(encoding);
        }
    }

    /// Sets the encoding that the bytes themselves show. It counts more than a declaration.
    pub fn correct_encoding(&mut self, encoding: &'static Encoding) {
        self.encoding = None;
        self.set_encoding(encoding);
    }

    /// Whether the next bytes must be transcoded to UTF-8 before they are read.
    pub fn must_transcode(&self) -> bool {
        self.must_transcode
    }

    /// Notes that the bytes are transcoded to UTF-8 from now on.
    pub fn set_transcoded(&mut self) {
        self.query_encoding.get_or_insert(self.encoding.unwrap_or(UTF_8));
        self.encoding = Some(UTF_8);
        self.must_transcode = false;
    }

    /// Makes queries UTF-8, whatever the encoding of the document.
    pub fn encode_queries_as_utf_8(&mut self) {
        self.query_encoding = Some(UTF_8);
    }

    /// The text of raw bytes of the document.
    pub fn decoded(&self, raw: &[u8]) -> String {
        decoded(raw, self.encoding.unwrap_or(UTF_8)).into_owned()
    }

    /// Whether the document had a title.
    pub fn has_title(&self) -> bool {
        self.title.is_some()
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let entries = self.entries.capacity() * size_of::<LinkText>() + self.index.allocation_size();
        let title = self.title.as_ref().map_or(0, Vec::capacity);
        let link_texts = self.link_texts.as_ref().map_or(0, |texts| texts.memory_bytes());
        let anchors = self.anchors.as_ref().map_or(0, |anchors| anchors.memory_bytes());
        self.texts.capacity() + entries + self.pending.capacity() + title + link_texts + anchors
    }

    /// Takes a raw value of the document.
    pub fn value(&mut self, raw: &[u8], used: LinkUse, has_references: bool) {
        if let Some(text) = plain(raw) {
            return self.text_value(text, used, has_references);
        }
        if self.depth > 0 {
            return self.text_value(&String::from_utf8_lossy(raw), used, has_references);
        }
        if let Some(encoding) = self.encoding {
            let text = decoded(raw, encoding);
            return self.text_value(&text, used, has_references);
        }
        if self.pending.len() + raw.len() > MOST_BYTES || self.pending_values.len() >= MOST_LINKS {
            return self.cut();
        }
        self.pending.extend_from_slice(raw);
        self.pending_values.push(PendingValue { end: self.pending.len(), used, has_references });
    }

    /// Takes a decoded value.
    pub fn text_value(&mut self, text: &str, used: LinkUse, has_references: bool) {
        let text = if has_references { references::decode(text) } else { Cow::Borrowed(text) };
        match used.syntax {
            LinkSyntax::Url => self.link(&text, used.kind, used.nofollow),
            LinkSyntax::Srcset => srcset::candidates(&text).for_each(|url| self.link(url, used.kind, false)),
            LinkSyntax::Css => super::css_text(&text, self),
            LinkSyntax::Html => super::html::nested(&text, self),
            LinkSyntax::Refresh => {
                if let Some(url) = super::refresh::url_of(&text) {
                    self.link(url, used.kind, used.nofollow);
                }
            }
        }
    }

    /// Takes the text of one link.
    pub fn link(&mut self, text: &str, kind: LinkKind, nofollow: bool) {
        self.entry(text, kind, nofollow, None);
    }

    /// Takes the text of a link with the time of its last change.
    pub fn entry(&mut self, text: &str, kind: LinkKind, nofollow: bool, modified: Option<Timestamp>) {
        if kind == LinkKind::Form && !self.forms {
            return;
        }
        let text = bare(text);
        if let Some(anchors) = self.anchors.as_mut().filter(|_| text.len() <= LONGEST_URL) {
            match kind {
                LinkKind::Requisite if text.starts_with('#') => anchors.own_link(&self.url, &text),
                _ => anchors.link(&text),
            }
        }
        let of_base = || (kind == LinkKind::Page && self.depth == 0 && leads_to_base(&text)).then_some(FRAGMENT);
        let Some(text) = fetchable(&text).or_else(of_base) else { return };
        if text.len() > LONGEST_URL {
            return self.cut();
        }
        let bit = 1_u8 << kind as u8;
        let followed = if nofollow { 0 } else { bit };
        let hash = xxh3_64(text.as_bytes());
        let (texts, entries) = (&self.texts, &self.entries);
        let known = self.index.find(hash, |at| text_of(texts, entries, *at) == text).copied();
        self.last_entry = known.or(self.last_entry);
        if let Some(known) = known.and_then(|at| self.entries.get_mut(at as usize)) {
            known.followed |= followed;
            if known.kinds & bit == 0 {
                if self.count >= MOST_LINKS {
                    return self.cut();
                }
                known.kinds |= bit;
                self.count += 1;
            }
            return;
        }
        if self.count >= MOST_LINKS || self.texts.len() + text.len() > MOST_BYTES {
            return self.cut();
        }
        let at = self.entries.len() as u32;
        self.last_entry = Some(at);
        self.texts.push_str(text);
        self.entries.push(LinkText { end: self.texts.len(), kinds: bit, followed, modified });
        self.count += 1;
        let (texts, entries) = (&self.texts, &self.entries);
        self.index.insert_unique(hash, at, |at| xxh3_64(text_of(texts, entries, *at).as_bytes()));
    }

    /// Returns the entry of the last link since the last call.
    pub fn take_last_entry(&mut self) -> Option<u32> {
        self.last_entry.take()
    }

    /// Takes the raw value of an id.
    pub fn id(&mut self, raw: &[u8]) {
        if self.anchors.is_none() || self.depth > 0 {
            return;
        }
        let text = decoded(raw, self.encoding.unwrap_or(UTF_8));
        let text = references::decode(&text);
        if let Some(anchors) = &mut self.anchors {
            anchors.id(&text);
        }
    }

    /// Takes the target of a response field. It is relative to the URL of the response.
    pub fn field(&mut self, target: &str, kind: LinkKind, nofollow: bool) {
        let text = bare(target);
        let Some(text) = fetchable(&text).filter(|text| text.len() <= LONGEST_URL) else { return };
        let Some(url) = LinkResolver::new(&self.url, UTF_8).url(text) else { return };
        if self.resolved.len() >= MOST_FIELD_LINKS {
            return self.cut();
        }
        let known = self.resolved.iter_mut().find(|link| link.kind == kind && link.url == url);
        match known {
            Some(link) => link.nofollow &= nofollow,
            None => {
                self.count += 1;
                self.resolved.push(ResolvedLink { url, kind, nofollow });
            }
        }
    }

    /// Takes the `href` of a `base` element. The first one that is a URL counts.
    pub fn base(&mut self, raw: &[u8]) {
        if self.base.is_some() {
            return;
        }
        let text = decoded(raw, self.encoding.unwrap_or(UTF_8));
        let url = self.url.join(&references::decode(&text)).ok();
        self.base = url.filter(|url| !matches!(url.scheme(), "data" | "javascript") && !url.cannot_be_a_base());
    }

    /// Takes the URL that the page declares as its canonical one. The first one counts.
    pub fn canonical(&mut self, raw: &[u8]) {
        if self.canonical.is_none() {
            let text = decoded(raw, self.encoding.unwrap_or(UTF_8));
            self.canonical = Some(references::decode(&text).into_owned());
        }
    }

    /// Takes the canonical URL of a response field. It counts more than that of the page.
    pub fn canonical_field(&mut self, target: &str) {
        if let Ok(url) = self.url.join(target) {
            self.canonical.get_or_insert(url.into());
        }
    }

    /// Takes the raw title. The first one counts.
    pub fn title(&mut self, raw: Vec<u8>) {
        self.title.get_or_insert(raw);
    }

    /// Resolves all links against the base. `guess` is the encoding of a document that names none.
    pub fn finish(mut self, guess: impl FnOnce(&Url) -> &'static Encoding) -> PageLinks {
        let needs_guess =
            !self.pending_values.is_empty() || self.title.as_deref().is_some_and(|raw| plain(raw).is_none());
        if self.encoding.is_none() && needs_guess {
            self.encoding = Some(guess(&self.url));
        }
        let encoding = self.encoding.unwrap_or(UTF_8);
        if let Some(texts) = &mut self.link_texts {
            texts.end(self.encoding);
        }
        let (pending, values) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.pending_values));
        let mut start = 0;
        for PendingValue { end, used, has_references } in values {
            let text = decoded(&pending[start..end], encoding);
            self.text_value(&text, used, has_references);
            start = end;
        }
        let query = self.query_encoding.unwrap_or(encoding);
        let base = self.base.take().unwrap_or_else(|| self.url.clone());
        let resolver = LinkResolver::new(&base, query);
        let (links, invalid) = self.resolved(&resolver);
        let canonical = self.canonical.as_deref().map(bare);
        let canonical = canonical.and_then(|text| resolver.url(fetchable(&text)?));
        let title = self.title.take().map(|raw| words(&references::decode(&decoded(&raw, encoding))));
        // The end may be half of a character.
        let title = title.map(|title| title.trim_end_matches('\u{fffd}').to_owned());
        let title = title.filter(|title| !title.is_empty());
        let anchors = self.anchors.take().map(|anchors| Box::new(anchors.finish(&resolver)));
        let (more, nofollow, text) = (self.more, self.nofollow, self.sketch.finish());
        PageLinks { links, invalid, more, title, nofollow, canonical, text, anchors }
    }

    /// The links, and the texts of those that are no URLs.
    fn resolved(&mut self, resolver: &LinkResolver<'_>) -> (LinkList, Vec<String>) {
        let (mut links, mut invalid) = (LinkList::default(), Vec::new());
        for ResolvedLink { url, kind, nofollow } in &self.resolved {
            links.push(Link { url: url.as_str(), kind: *kind, nofollow: *nofollow, modified: None, text: "" });
        }
        let (mut start, mut left, mut url) = (0, MOST_URL_BYTES, String::new());
        for (number, entry) in (0..).zip(&self.entries) {
            let text = &self.texts[start..entry.end];
            start = entry.end;
            url.clear();
            if !resolver.resolve(text, &mut url) {
                if resolver.is_invalid(text) && invalid.len() < MOST_INVALID {
                    invalid.push(text.to_owned());
                }
                continue;
            }
            if text == FRAGMENT && url == self.url[..Position::AfterQuery] {
                continue;
            }
            let length = url.len() * entry.kinds.count_ones() as usize;
            self.more |= length > left;
            if length > left {
                break;
            }
            left -= length;
            let has = |bits: u8, kind: LinkKind| bits & (1 << kind as u8) != 0;
            let text = self.link_texts.as_ref().map_or("", |texts| texts.of(number));
            for kind in KINDS.into_iter().filter(|kind| has(entry.kinds, *kind)) {
                let (nofollow, modified) = (!has(entry.followed, kind), entry.modified);
                links.push(Link { url: &url, kind, nofollow, modified, text });
            }
        }
        (links, invalid)
    }
}

fn text_of<'a>(texts: &'a str, entries: &[LinkText], at: u32) -> &'a str {
    let at = at as usize;
    let start = at.checked_sub(1).and_then(|before| entries.get(before)).map_or(0, |before| before.end);
    entries.get(at).and_then(|entry| texts.get(start..entry.end)).unwrap_or_default()
}

/// The text of bytes that mean the same in each encoding.
fn plain(raw: &[u8]) -> Option<&str> {
    std::str::from_utf8(raw).ok().filter(|_| charset::is_plain(raw))
}

pub(super) fn decoded<'a>(raw: &'a [u8], encoding: &'static Encoding) -> Cow<'a, str> {
    encoding.decode_without_bom_handling(raw).0
}

/// Removes what the URL parser ignores: blanks and control characters around a URL, and line ends and
/// tabs in it.
pub(super) fn bare(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(|character: char| character <= ' ');
    match text.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) {
        true => Cow::Owned(text.replace(['\t', '\n', '\r'], "")),
        false => Cow::Borrowed(text),
    }
}

/// The part of a link that is fetched; `None` for a link into the same page and for other schemes.
pub(super) fn fetchable(text: &str) -> Option<&str> {
    let text = text.split('#').next().filter(|text| !text.is_empty())?;
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)));
    let Some(end) = end.filter(|end| bytes[*end] == b':' && bytes[0].is_ascii_alphabetic()) else { return Some(text) };
    ["http", "https"].iter().any(|scheme| text[..end].eq_ignore_ascii_case(scheme)).then_some(text)
}

/// Whether a link is a fragment alone. Without a `base` element it leads into the same page.
fn leads_to_base(text: &str) -> bool {
    text.len() > 1 && text.starts_with('#')
}

/// The words of a text with single blanks.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
