//! The links of a saved HTML page: `href` of `a` and `area`, each once.

use std::io;
use std::sync::Arc;

use encoding_rs::Encoding;
use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Error, Span, State, Tokenizer};
use url::{ParseError, Url};

use super::address;
use super::line::{Place, Wants};
use super::lines::RemainingBytes;
use super::markup::{MarkupDocument, ParseProgress};
use super::sitemap::{RELATIVE, UNREADABLE};
use crate::model::Entry;
use crate::policy::text::fingerprint::FingerprintSet;

/// The longest tag or text. Pages that were saved as one file hold images and scripts.
const LONGEST: u64 = 64 << 20;

/// A part of a page that concerns URLs.
enum HtmlPart {
    /// A link, and its line.
    Link(String, u64),
    /// The base of relative links.
    Base(String),
    /// The beginning of an element for browsers without scripts, which fetchall is.
    Noscript,
}

/// The element whose attributes are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Link,
    Base,
    Noscript,
    Other,
}

/// Picks the elements that matter.
struct Links {
    progress: Arc<ParseProgress>,
    element: Element,
    line: u64,
    /// The attribute that is read is the first `href`.
    is_href: bool,
    href: Option<String>,
}

impl Callback<HtmlPart, ()> for Links {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _span: Span<()>) -> Option<HtmlPart> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.element = match name {
                    b"a" | b"area" => Element::Link,
                    b"base" => Element::Base,
                    b"noscript" => Element::Noscript,
                    _ => Element::Other,
                };
                (self.line, self.is_href, self.href) = (self.progress.line(), false, None);
            }
            CallbackEvent::AttributeName { name } => self.is_href = name == b"href" && self.href.is_none(),
            CallbackEvent::AttributeValue { value } => {
                if self.is_href && matches!(self.element, Element::Link | Element::Base) {
                    self.href = Some(String::from_utf8_lossy(value).into_owned());
                }
            }
            CallbackEvent::CloseStartTag { .. } => {
                self.progress.complete();
                let href = self.href.take();
                return match self.element {
                    Element::Link => Some(HtmlPart::Link(href?, self.line)),
                    Element::Base => Some(HtmlPart::Base(href?)),
                    Element::Noscript => Some(HtmlPart::Noscript),
                    Element::Other => None,
                };
            }
            CallbackEvent::Error(Error::EofInTag) => self.progress.cut(),
            CallbackEvent::Error(_) => {}
            _ => self.progress.complete(),
        }
        None
    }
}

/// A page that is being read.
pub(super) struct Html {
    tokens: Tokenizer<MarkupDocument, CallbackEmitter<Links, HtmlPart>>,
    progress: Arc<ParseProgress>,
    base: Option<Url>,
    /// The encoding of queries (URL standard).
    encoding: &'static Encoding,
    /// Only the first `base` element of a page counts.
    base_seen: bool,
    seen: FingerprintSet,
}

impl Html {
    /// `base` is the address of the page, if known; `encoding` is the encoding of the page.
    pub fn new(bytes: RemainingBytes, line: u64, base: Option<Url>, encoding: &'static Encoding) -> Self {
        let document = MarkupDocument::new(bytes, line, LONGEST, u64::MAX);
        let progress = document.progress();
        let links =
            Links { progress: Arc::clone(&progress), element: Element::Other, line, is_href: false, href: None };
        let mut emitter = CallbackEmitter::new(links);
        emitter.naively_switch_states(true);
        let tokens = Tokenizer::new_with_emitter(document, emitter);
        Self { tokens, progress, base, encoding, base_seen: false, seen: FingerprintSet::new() }
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        self.progress.line()
    }

    /// The next link and the line after it; `None` at the end of the page.
    ///
    /// # Errors
    /// When the page cannot be read on.
    pub fn next(&mut self, list: &Arc<str>) -> io::Result<Option<(Entry, u64)>> {
        while let Some(found) = self.tokens.next().transpose()? {
            match found {
                HtmlPart::Base(href) if !self.base_seen => {
                    self.base_seen = true;
                    let joined = match &self.base {
                        Some(base) => base.join(href.trim()),
                        None => Url::parse(href.trim()),
                    };
                    self.base = joined.ok().or(self.base.take());
                }
                HtmlPart::Base(_) => {}
                // The tokenizer would take the content for text, as browsers with scripts do.
                HtmlPart::Noscript => self.tokens.set_state(State::Data),
                HtmlPart::Link(href, line) => {
                    let next = self.line();
                    if let Some(entry) = self.link(&href, Place { list, line, next }) {
                        return Ok(Some((entry, next)));
                    }
                }
            }
        }
        if self.progress.is_cut() {
            let line = self.line();
            let message =
                format!("line {line}: the page ends within a tag: the file is cut off; get the whole page again");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(None)
    }

    /// The entry of a link; `None` for one that came before, leads into the page itself, or is not of HTTP.
    fn link(&mut self, href: &str, place: Place<'_>) -> Option<Entry> {
        // As the URL standard reads it, and browsers do: blanks around it and line ends in it count for nothing.
        let whole = href.trim_matches(|c: char| c <= ' ').replace(['\t', '\n', '\r'], "");
        if let Err(reason) = address::check_authority(&whole) {
            return self.seen.insert(&whole).then(|| place.bad_value(&whole, reason));
        }
        let href = whole.split('#').next().filter(|href| !href.is_empty())?;
        let options = Url::options().base_url(self.base.as_ref());
        let url = options.encoding_override(Some(&|query| self.encoding.encode(query).0)).parse(href);
        if url.as_ref().is_ok_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return None;
        }
        let shown = url.as_ref().map_or(href, Url::as_str);
        if !self.seen.insert(shown) {
            return None;
        }
        // A bad link is shown by all of it: a `#` in a password cuts off the at sign behind it.
        Some(match &url {
            _ if href.contains('\u{fffd}') => place.bad_value(&whole, UNREADABLE),
            Err(ParseError::RelativeUrlWithoutBase) => place.bad_value(&whole, RELATIVE),
            Err(_) => place.value_entry(&whole, Wants::default()),
            Ok(_) => place.value_entry(shown, Wants::default()),
        })
    }
}
