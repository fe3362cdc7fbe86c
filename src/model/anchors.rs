//! The places of a page that fragments name, and the fragments of its links.

use serde::{Deserialize, Serialize};

/// The ids of one page, and its links with a fragment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchors {
    /// The values of `id`, and of `name` of `a`. Each counts once.
    pub ids: AnchorTexts,
    /// The URLs of links with their fragments, also of those into the same page. Each counts once.
    pub targets: AnchorTexts,
    /// Whether a limit cut the ids: the page has more.
    pub more_ids: bool,
}

impl Anchors {
    /// The memory of the texts, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.ids.bytes() + self.targets.bytes()
    }
}

/// Texts of one sort, one after the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorTexts {
    texts: String,
    ends: Vec<usize>,
}

impl AnchorTexts {
    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The memory of the texts, in bytes.
    pub fn bytes(&self) -> usize {
        self.texts.len() + self.ends.len() * size_of::<usize>()
    }

    /// The texts in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| self.texts.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default())
    }
}
