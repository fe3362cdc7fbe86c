//! The links of RSS and Atom feeds.

use std::mem::take;

use super::collector::{LinkCollector, LinkUse};
use super::html::push_text;
use super::limits::LONGEST_URL;
use super::markup::token::{StartTag, local_name};
use crate::model::LinkKind;

/// The state of a feed between two tokens.
#[derive(Debug, Default)]
pub(super) struct FeedState {
    /// The text of the `link` element that is read.
    link: Option<Vec<u8>>,
}

impl FeedState {
    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.link.as_ref().map_or(0, Vec::capacity)
    }

    pub fn start_tag(&mut self, tag: &StartTag<'_>, links: &mut LinkCollector) {
        self.link = None;
        let (_, name) = local_name(tag.name);
        if matches!(name, b"feed" | b"rss")
            && let Some(base) = tag.value("xml:base")
        {
            links.base(base);
        }
        if name != b"link" {
            return;
        }
        let Some(href) = tag.value("href") else {
            // RSS has the URL as text.
            self.link = (!tag.is_empty).then(Vec::new);
            return;
        };
        let rel = tag.value("rel").unwrap_or(b"alternate");
        if [&b"alternate"[..], b"next", b"prev", b"previous"].iter().any(|known| rel.eq_ignore_ascii_case(known)) {
            links.value(href, LinkUse::url(LinkKind::Hint), true);
        }
    }

    pub fn end_tag(&mut self, name: &[u8], links: &mut LinkCollector) {
        if let Some(text) = take(&mut self.link).filter(|_| local_name(name).1 == b"link") {
            links.value(&text, LinkUse::url(LinkKind::Hint), true);
        }
    }

    pub fn wants_text(&self) -> bool {
        self.link.is_some()
    }

    pub fn text(&mut self, bytes: &[u8], is_cdata: bool) {
        if let Some(text) = &mut self.link {
            push_text(text, bytes, is_cdata, LONGEST_URL + 1);
        }
    }
}
