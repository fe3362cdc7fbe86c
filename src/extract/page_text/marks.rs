//! Marks for what HTML says with elements, and text does not: powers, deleted words, cells of tables.

use dom_query::NodeRef;

use super::tables;

/// Stands for the mark of deleted words until the Markdown is written, which escapes all marks of the text.
const DELETED: &str = "\u{fdd0}";

/// Marks powers and notes of numbers: without a mark `10<sup>6</sup>` is another number. `1st` needs none.
pub(super) fn powers(root: &NodeRef<'_>) {
    for node in root.descendants().iter().filter(|node| node.has_name("sup")) {
        let text = node.text();
        let text = text.trim();
        let is_ordinal = text.chars().count() > 1 && text.chars().all(char::is_alphabetic);
        if text.starts_with(|first: char| first.is_alphanumeric() || "+-\u{2212}".contains(first)) && !is_ordinal {
            node.prepend_child(&node.tree.new_text("^"));
        }
    }
}

/// Returns the content as Markdown.
pub(super) fn markdown(root: &NodeRef<'_>) -> String {
    let mut added = 0;
    for node in root.descendants().iter().filter(|node| node.is_element()) {
        match node.node_name().as_deref() {
            Some("table") => tables::complete(node, &mut added),
            Some("del" | "s" | "strike") if is_deleted_text(node) => {
                node.prepend_child(&node.tree.new_text(DELETED));
                node.append_child(&node.tree.new_text(DELETED));
            }
            _ => {}
        }
    }
    root.md(None).replace(DELETED, "~~")
}

/// Whether deleted words can have a mark: in code it would be a part of the code.
fn is_deleted_text(node: &NodeRef<'_>) -> bool {
    let is_code = |above: NodeRef<'_>| above.has_name("pre") || above.has_name("code");
    !node.text().trim().is_empty() && !node.ancestors_it(None).any(is_code)
}
