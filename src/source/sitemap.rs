//! XML sitemaps and their indexes (sitemaps.org, protocol 0.9).
//!
//! Elements are known by their names, whatever their namespace. The reader knows no DTD and expands
//! no entities but the five of XML and characters by number.

use std::io;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::events::{BytesEnd, BytesRef, BytesStart, Event};
use url::{ParseError, Url};

use super::NotAList;
use super::address::{self, Reason};
use super::line::{Place, Wants};
use super::lines::{LONGEST, RemainingBytes};
use super::markup::{MarkupDocument, ParseProgress};
use crate::model::Entry;
use crate::policy::text::url_text;

/// The most bytes of one sitemap, unpacked, and the most entries (sitemaps.org).
const LARGEST: u64 = 52_428_800;
const ENTRIES: u64 = 50_000;
/// The most elements that are open at once: five for each entry, if nothing closes them. The reader keeps their names.
const DEEPEST: u32 = 250_000;

/// The next item of a sitemap.
pub(super) enum SitemapItem {
    /// A URL, or an entry that has none; and the line after it.
    Entry(Entry, u64),
    /// The URL of another sitemap: its text, the line it stands in, the line after it.
    Child(String, u64, u64),
    /// Nothing more.
    End,
}

/// A `url` or `sitemap` element that is read.
struct OpenElement {
    is_child: bool,
    prefix: Vec<u8>,
    line: u64,
    /// Elements in it that are not closed.
    nested: u32,
    has_loc: bool,
}

/// A `loc` element that is read.
struct Loc {
    line: u64,
    text: String,
    problem: Option<Reason>,
}

/// A sitemap that is being read.
pub(super) struct Sitemap {
    xml: Reader<MarkupDocument>,
    buf: Vec<u8>,
    progress: Arc<ParseProgress>,
    base: Option<Url>,
    root: Option<String>,
    closed: bool,
    open: Option<OpenElement>,
    loc: Option<Loc>,
    entries: u64,
    /// How many elements are open.
    depth: u32,
    ended: bool,
}

impl Sitemap {
    /// `base` is the address of the sitemap, if known.
    pub fn new(bytes: RemainingBytes, line: u64, base: Option<Url>) -> Self {
        let document = MarkupDocument::new(bytes, line, LONGEST as u64, LARGEST);
        let progress = document.progress();
        let mut xml = Reader::from_reader(document);
        let config = xml.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        config.expand_empty_elements = true;
        Self {
            xml,
            buf: Vec::new(),
            progress,
            base,
            root: None,
            closed: false,
            open: None,
            loc: None,
            entries: 0,
            depth: 0,
            ended: false,
        }
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        self.progress.line()
    }

    /// Reads up to the root element.
    ///
    /// # Errors
    /// When it is that of no sitemap.
    pub fn begin(&mut self, list: &Arc<str>) -> io::Result<()> {
        while self.root.is_none() && !self.ended {
            self.event(list)?;
        }
        Ok(())
    }

    /// The next entry.
    ///
    /// # Errors
    /// When the document cannot be read on, or is no sitemap.
    pub fn next(&mut self, list: &Arc<str>) -> io::Result<SitemapItem> {
        while !self.ended {
            if let Some(item) = self.event(list)? {
                self.entries += 1;
                if self.entries > ENTRIES {
                    let why = format!("the sitemap has more than {ENTRIES} entries");
                    return Ok(self.stop(list, &why, "split the sitemap"));
                }
                return Ok(item);
            }
        }
        Ok(SitemapItem::End)
    }

    /// Ends the sitemap early, with a bad entry in place of the rest.
    fn stop(&mut self, list: &Arc<str>, why: &str, advice: &str) -> SitemapItem {
        self.ended = true;
        let line = self.line();
        let place = Place { list, line, next: line };
        SitemapItem::Entry(place.bad("", format!("{why}; the rest was not read; {advice}")), line)
    }

    /// Reads one piece of the XML.
    fn event(&mut self, list: &Arc<str>) -> io::Result<Option<SitemapItem>> {
        let mut buf = std::mem::take(&mut self.buf);
        buf.clear();
        let line = self.line();
        let read = self.xml.read_event_into(&mut buf);
        self.progress.complete();
        let item = match read {
            Ok(Event::Start(_)) if self.depth == DEEPEST => {
                Some(self.stop(list, &format!("more than {DEEPEST} elements are not closed"), "close them"))
            }
            Ok(Event::Start(tag)) => {
                self.depth += 1;
                self.start(&tag, line, list)?
            }
            Ok(Event::End(tag)) => {
                self.depth = self.depth.saturating_sub(1);
                self.end(&tag, list)
            }
            Ok(Event::Text(text)) => self.text(&text),
            Ok(Event::CData(text)) => self.text(&text),
            Ok(Event::GeneralRef(name)) => self.reference(&name),
            Ok(Event::Eof) if self.closed => {
                self.ended = true;
                None
            }
            Ok(Event::Eof) | Err(Error::Syntax(_)) if self.root.is_none() => {
                return Err(NotAList::from("XML without an element; name a sitemap".to_owned()).into());
            }
            Ok(Event::Eof) | Err(Error::Syntax(_)) => {
                let message = format!("line {}: the XML ends too early; get the whole sitemap again", self.line());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                Some(self.stop(list, &error.to_string(), "split the sitemap"))
            }
            Err(Error::Io(error)) => {
                self.ended = true;
                return Err(
                    Arc::try_unwrap(error).unwrap_or_else(|error| io::Error::new(error.kind(), error.to_string()))
                );
            }
            Ok(_) | Err(_) => None,
        };
        self.buf = buf;
        Ok(item)
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u64, list: &Arc<str>) -> io::Result<Option<SitemapItem>> {
        let local = tag.local_name();
        let name: &str = local.as_ref();
        let prefix = tag.name().prefix().map(|prefix| prefix.as_ref().as_bytes().to_vec()).unwrap_or_default();
        if self.root.is_none() {
            if !["urlset", "sitemapindex"].contains(&name) {
                return Err(NotAList::from(not_a_sitemap(name)).into());
            }
            self.root = Some(name.to_owned());
            return Ok(None);
        }
        match &mut self.open {
            Some(open) if !["url", "sitemap"].contains(&name) || open.prefix != prefix => {
                if open.nested == 0 && name == "loc" && open.prefix == prefix {
                    open.has_loc = true;
                    self.loc = Some(Loc { line, text: String::new(), problem: None });
                }
                open.nested += 1;
                Ok(None)
            }
            // In an entry that is not closed another one begins.
            open if ["url", "sitemap"].contains(&name) => {
                let is_child = name == "sitemap";
                let before = open.replace(OpenElement { is_child, prefix, line, nested: 0, has_loc: false });
                Ok(before.and_then(|before| self.finish(&before, list)))
            }
            _ => Ok(None),
        }
    }

    fn end(&mut self, tag: &BytesEnd<'_>, list: &Arc<str>) -> Option<SitemapItem> {
        let local = tag.local_name();
        match local.as_ref() {
            "url" | "sitemap" => {
                let open = self.open.take()?;
                self.finish(&open, list)
            }
            "urlset" | "sitemapindex" => {
                self.closed = true;
                let open = self.open.take()?;
                self.finish(&open, list)
            }
            name => {
                let open = self.open.as_mut()?;
                open.nested = open.nested.saturating_sub(1);
                let is_child = open.is_child;
                let loc = self.loc.take_if(|_| name == "loc")?;
                Some(self.loc(loc, is_child, list))
            }
        }
    }

    /// Ends an entry. An entry without a `loc`, or with a `loc` that is not closed, becomes a bad entry.
    fn finish(&mut self, open: &OpenElement, list: &Arc<str>) -> Option<SitemapItem> {
        let next = self.line();
        if let Some(loc) = self.loc.take() {
            let place = Place { list, line: loc.line, next };
            return Some(SitemapItem::Entry(
                place.bad_value(loc.text.trim(), "the <loc> is not closed; add </loc>"),
                next,
            ));
        }
        let name = if open.is_child { "sitemap" } else { "url" };
        let place = Place { list, line: open.line, next };
        let missing = || place.bad("", format!("the <{name}> has no <loc>; add one with the URL"));
        (!open.has_loc).then(|| SitemapItem::Entry(missing(), next))
    }

    fn loc(&self, loc: Loc, is_child: bool, list: &Arc<str>) -> SitemapItem {
        let next = self.line();
        let place = Place { list, line: loc.line, next };
        let text = loc.text.trim();
        if let Some(problem) = loc.problem {
            return SitemapItem::Entry(place.bad_value(text, problem), next);
        }
        match absolute(text, self.base.as_ref()) {
            Err(reason) => SitemapItem::Entry(place.bad_value(text, reason), next),
            Ok(url) if is_child => SitemapItem::Child(url, loc.line, next),
            Ok(url) => SitemapItem::Entry(place.value_entry(&url, Wants::default()), next),
        }
    }

    fn text(&mut self, text: &str) -> Option<SitemapItem> {
        if let Some(loc) = &mut self.loc {
            loc.text.push_str(text);
        }
        None
    }

    fn reference(&mut self, name: &BytesRef<'_>) -> Option<SitemapItem> {
        let loc = self.loc.as_mut()?;
        let found = match &**name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => name.resolve_char_ref().ok().flatten(),
        };
        match found {
            Some(character) => loc.text.push(character),
            None => {
                loc.text.push_str(&format!("&{};", &**name));
                // Its name may be a part of a password.
                loc.problem = Some("holds an entity that XML does not have; write & as &amp;".into());
            }
        }
        None
    }
}

/// Returns the message for an XML document with this root.
fn not_a_sitemap(root: &str) -> String {
    if root.eq_ignore_ascii_case("html") {
        return super::format::HTML.to_owned();
    }
    // Anything else may be a URL with a password, in angle brackets.
    let is_name = root.len() <= 64 && root.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let document = if is_name { format!("an XML document of <{root}>") } else { "an XML document".to_owned() };
    format!("{document}, no sitemap; a sitemap has the root urlset or sitemapindex")
}

/// The message for a text in which U+FFFD stands for a byte that could not be read.
pub(super) const UNREADABLE: &str =
    "holds a byte that is no UTF-8; save the document as UTF-8, or name its encoding with --input-encoding";
/// The message for a relative URL in a document whose address is unknown.
pub(super) const RELATIVE: &str = "a relative URL; give the address of its document with --base URL";

/// The whole URL of a reference.
fn absolute(text: &str, base: Option<&Url>) -> Result<String, Reason> {
    if text.contains('\u{fffd}') {
        return Err(UNREADABLE.into());
    }
    let text = url_text::bare(text);
    if text.is_empty() || Url::parse(text) != Err(ParseError::RelativeUrlWithoutBase) {
        return Ok(text.to_owned());
    }
    match base {
        Some(base) => {
            address::check_characters(text)?;
            base.join(text).map(Url::into).map_err(address::explain)
        }
        None if text.contains(char::is_whitespace) => Ok(text.to_owned()),
        None => Err(RELATIVE.into()),
    }
}
