//! How much text an element has.

use dom_query::NodeRef;

/// The bytes of the words of an element.
pub(super) fn text_bytes(node: &NodeRef<'_>) -> usize {
    word_bytes(&node.text())
}

/// The bytes of the words of an element that are in no link.
pub(super) fn unlinked_bytes(node: &NodeRef<'_>) -> usize {
    let links = node.descendants_it().filter(|node| node.has_name("a"));
    text_bytes(node).saturating_sub(links.map(|link| text_bytes(&link)).sum())
}

/// The bytes of the words of a text.
pub(super) fn word_bytes(text: &str) -> usize {
    text.split_whitespace().map(str::len).sum()
}
