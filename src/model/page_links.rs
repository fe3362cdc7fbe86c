//! The links of a document, and what else a crawl learns from it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Anchors;

/// The links of one document, and its other facts for a crawl.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLinks {
    /// The links, each text of the document once for each kind. Two texts may lead to one URL. Links of response
    /// fields are first, and the others are in document order.
    pub links: LinkList,
    /// The texts of links that are no URLs, such as one with a port that is too large. No more than 256 are kept.
    pub invalid: Vec<String>,
    /// Whether a limit cut the list: the document has more links, or a link that is too long.
    pub more: bool,
    /// The text of the first `title` element, with single blanks.
    pub title: Option<String>,
    /// Whether the page forbids to follow its links to pages (`X-Robots-Tag`, meta robots).
    pub nofollow: bool,
    /// The URL that the page declares as its canonical one.
    pub canonical: Option<Url>,
    /// The text of the page in short.
    pub text: TextSketch,
    /// The ids of the page, and the fragments of its links. `None` unless the run needs them.
    pub anchors: Option<Box<Anchors>>,
}

/// The sketch of a text: two numbers that stand for it in comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextSketch {
    /// How many words there are.
    pub words: u32,
    /// Equal for equal sequences of words, with an equal title and equal pictures.
    pub exact: u64,
    /// The simhash. Similar texts differ in few bits. `None` for a page whose URL shows that it is no part of a trap.
    pub near: Option<u64>,
}

impl TextSketch {
    /// Whether two texts have equal words. Texts without words are not compared.
    pub fn is_equal(&self, other: &Self) -> bool {
        self.words > 0 && self.words == other.words && self.exact == other.exact
    }

    /// In how many bits the simhashes differ; `None` if one of them is unknown.
    pub fn distance(&self, other: &Self) -> Option<u32> {
        Some((self.near? ^ other.near?).count_ones())
    }
}

/// A link to another document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// The URL (WHATWG URL), http or https, without a fragment. User name and password are as in the link.
    pub url: &'a str,
    /// The role of the linked document.
    pub kind: LinkKind,
    /// Whether each link to this URL has `rel=nofollow`.
    pub nofollow: bool,
    /// The time of the last change, from a sitemap. A date without a time is its last second in UTC.
    pub modified: Option<Timestamp>,
    /// The text that a reader sees in place of the link, with single blanks. Empty if there is none, and if the run
    /// does not need it.
    pub text: &'a str,
}

impl Link<'_> {
    /// Whether the URL has a user name or a password.
    pub fn has_user(&self) -> bool {
        // Almost no URL has an at sign.
        self.url.contains('@') && self.url.split('/').nth(2).is_some_and(|authority| authority.contains('@'))
    }
}

/// The links of a document, with their URLs in one text. A page has hundreds of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkList {
    urls: String,
    texts: String,
    entries: Vec<LinkEntry>,
}

/// A link without its URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LinkEntry {
    /// The ends of its URL and of its text.
    end: usize,
    text_end: usize,
    kind: LinkKind,
    nofollow: bool,
    modified: Option<Timestamp>,
}

impl LinkList {
    /// Adds a link.
    pub fn push(&mut self, link: Link<'_>) {
        let Link { url, kind, nofollow, modified, text } = link;
        self.urls.push_str(url);
        self.texts.push_str(text);
        let (end, text_end) = (self.urls.len(), self.texts.len());
        self.entries.push(LinkEntry { end, text_end, kind, nofollow, modified });
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The links in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Link<'_>> {
        let (mut start, mut text_start) = (0, 0);
        self.entries.iter().map(move |entry| {
            let url = self.urls.get(std::mem::replace(&mut start, entry.end)..entry.end);
            let text = self.texts.get(std::mem::replace(&mut text_start, entry.text_end)..entry.text_end);
            Link {
                url: url.unwrap_or_default(),
                kind: entry.kind,
                nofollow: entry.nofollow,
                modified: entry.modified,
                text: text.unwrap_or_default(),
            }
        })
    }

    /// The memory of the URLs and of what belongs to them, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.urls.len() + self.texts.len() + self.entries.len() * size_of::<LinkEntry>()
    }
}

impl<'a> FromIterator<Link<'a>> for LinkList {
    fn from_iter<I: IntoIterator<Item = Link<'a>>>(links: I) -> Self {
        let mut list = Self::default();
        links.into_iter().for_each(|link| list.push(link));
        list
    }
}

impl fmt::Debug for LinkList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A new link that every rule of a crawl allows, for the caller to decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundLink<'a> {
    /// The URL that a request would ask for, without user name and password.
    pub url: &'a Url,
    /// The role of the linked document. An entry of a sitemap is a page.
    pub kind: LinkKind,
    /// Whether it has `rel=nofollow`. A crawl that obeys it never offers such a link to a page.
    pub nofollow: bool,
    /// The page or sitemap that has the link.
    pub parent: &'a Url,
    /// The depth of the linked document; start pages have depth 0, entries of sitemaps depth 1.
    pub depth: u32,
}

/// The choice to follow a link or to skip it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkChoice {
    /// Fetch it.
    Follow,
    /// Count it as out of scope.
    Skip,
}

/// The role of a linked document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LinkKind {
    /// A page that a reader may go to.
    Page,
    /// The page of a frame. A mirror needs it like a requisite.
    Frame,
    /// The target of a form with GET. Reported on demand only.
    Form,
    /// The page needs it: an image, a script, a style sheet.
    Requisite,
    /// A page that is only mentioned: a canonical URL, an entry of a feed, a `Link` field.
    Hint,
    /// Another sitemap.
    Sitemap,
}

impl LinkKind {
    /// The name in the link graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            LinkKind::Page => "page",
            LinkKind::Frame => "frame",
            LinkKind::Form => "form",
            LinkKind::Requisite => "requisite",
            LinkKind::Hint => "hint",
            LinkKind::Sitemap => "sitemap",
        }
    }
}
