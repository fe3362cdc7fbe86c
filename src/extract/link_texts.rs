//! The texts that a reader sees in place of links.

use std::collections::HashMap;

use encoding_rs::{Encoding, UTF_8};

use super::collector::{decoded, words};
use super::markup::references;
use crate::model::cut;

/// The most bytes of the document that become one text.
const LONGEST_RAW: usize = 1024;
/// The longest text, in bytes.
const LONGEST: usize = 200;
/// The most bytes of all texts of a document.
const MOST_BYTES: usize = 1 << 20;

/// Elements that do not end a word.
const INLINE: [&[u8]; 24] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"cite", b"code", b"del", b"em", b"font", b"i", b"ins", b"kbd", b"mark", b"q",
    b"s", b"samp", b"small", b"span", b"strong", b"sub", b"sup", b"u", b"var",
];

/// The texts of links, by the numbers of the links. Of several texts of a link the first one counts.
#[derive(Debug, Default)]
pub(super) struct LinkTexts {
    /// The link whose element is read.
    open: Option<u32>,
    raw: Vec<u8>,
    texts: HashMap<u32, String>,
    bytes: usize,
}

impl LinkTexts {
    /// Begins the text of a link.
    pub fn begin(&mut self, link: u32) {
        self.raw.clear();
        self.open = (!self.texts.contains_key(&link)).then_some(link);
    }

    /// Takes text of the document.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.open.is_some() {
            let room = LONGEST_RAW.saturating_sub(self.raw.len()).min(bytes.len());
            self.raw.extend_from_slice(&bytes[..room]);
        }
    }

    /// Takes the beginning or the end of an element, which may end a word.
    pub fn tag(&mut self, name: &[u8]) {
        if self.open.is_some() && !INLINE.contains(&name) {
            self.push(b" ");
        }
    }

    /// Ends the text of the link that is read, if there is one.
    pub fn end(&mut self, encoding: Option<&'static Encoding>) {
        let Some(link) = self.open.take() else { return };
        let raw = std::mem::take(&mut self.raw);
        self.add(link, &raw, encoding);
        self.raw = raw;
    }

    /// Adds the text of a link.
    pub fn add(&mut self, link: u32, raw: &[u8], encoding: Option<&'static Encoding>) {
        let raw = &raw[..raw.len().min(LONGEST_RAW)];
        let text = words(&references::decode(&decoded(raw, encoding.unwrap_or(UTF_8))));
        // The end may be half of a character.
        let text = cut(text.trim_end_matches('\u{fffd}'), LONGEST);
        if text.is_empty() || self.bytes + text.len() > MOST_BYTES || self.texts.contains_key(&link) {
            return;
        }
        self.bytes += text.len();
        self.texts.insert(link, text.into());
    }

    /// The text of a link; empty if it has none.
    pub fn of(&self, link: u32) -> &str {
        self.texts.get(&link).map_or("", String::as_str)
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.raw.capacity() + self.bytes + self.texts.capacity() * size_of::<(u32, String)>()
    }
}
