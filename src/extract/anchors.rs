//! The ids of a page, and the fragments of its links.

use std::collections::HashSet;

use url::{Position, Url};
use xxhash_rust::xxh3::xxh3_64;

use super::resolve::LinkResolver;
use crate::model::{AnchorTexts, Anchors};

/// The most ids of a page, and the most links with a fragment.
const MOST: usize = 50_000;
/// The most bytes of all ids of a page, and of the texts of its links with a fragment.
const MOST_BYTES: usize = 4 << 20;
/// The most bytes of the URLs of links with a fragment.
const MOST_URL_BYTES: usize = 8 << 20;

/// Collects the ids of a page, and the texts of its links with a fragment. Each counts once.
#[derive(Debug, Default)]
pub(super) struct AnchorCollector {
    ids: AnchorTexts,
    targets: AnchorTexts,
    /// The hashes of the ids, and of the texts of links.
    seen_ids: HashSet<u64>,
    seen_targets: HashSet<u64>,
    more_ids: bool,
}

impl AnchorCollector {
    /// Takes an id.
    pub fn id(&mut self, id: &str) {
        if !id.is_empty() && !add(&mut self.ids, &mut self.seen_ids, id) {
            self.more_ids = true;
        }
    }

    /// Takes the text of a link. One without a fragment, or with an empty one, is none.
    pub fn link(&mut self, text: &str) {
        if text.split_once('#').is_some_and(|(_, fragment)| !fragment.is_empty()) {
            // False: one more link is not checked.
            let _ = add(&mut self.targets, &mut self.seen_targets, text);
        }
    }

    /// Takes a fragment in CSS or SVG. It names an element of the document itself, whatever its base is.
    pub fn own_link(&mut self, document: &Url, fragment: &str) {
        self.link(&format!("{}{fragment}", &document[..Position::AfterQuery]));
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let hashes = (self.seen_ids.capacity() + self.seen_targets.capacity()) * size_of::<u64>();
        self.ids.bytes() + self.targets.bytes() + hashes
    }

    /// Resolves the links.
    pub fn finish(self, resolver: &LinkResolver<'_>) -> Anchors {
        let mut targets = AnchorTexts::default();
        for text in self.targets.iter() {
            let Some(mut url) = resolver.url_with_fragment(text) else { continue };
            // Err: a URL without a host, which has no user either.
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            if targets.bytes() + url.as_str().len() <= MOST_URL_BYTES {
                targets.push(url.as_str());
            }
        }
        Anchors { ids: self.ids, targets, more_ids: self.more_ids }
    }
}

/// Adds a text unless it is there. Returns whether it is there now.
fn add(list: &mut AnchorTexts, seen: &mut HashSet<u64>, text: &str) -> bool {
    let hash = xxh3_64(text.as_bytes());
    if seen.contains(&hash) {
        return true;
    }
    let has_room = list.len() < MOST && list.bytes() + text.len() <= MOST_BYTES;
    if has_room {
        seen.insert(hash);
        list.push(text);
    }
    has_room
}
