//! Line breaks within code, headings and links, where the text of an element has none.

use dom_query::NodeRef;

/// Elements that begin a line of their own.
const BLOCKS: [&str; 29] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "div",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "li",
    "p",
    "section",
    "td",
    "th",
    "tr",
    "dl",
    "ol",
    "pre",
    "table",
    "ul",
];
/// Elements around lines of code, and the lines themselves.
const CODE_BOXES: [&str; 8] = ["ol", "ul", "table", "thead", "tbody", "tfoot", "td", "th"];
const CODE_LINES: [&str; 4] = ["div", "p", "li", "tr"];

/// Writes the line breaks of code as text, and leaves no block in it.
pub(super) fn code_lines(pre: &NodeRef<'_>) {
    // An element stands before those in it, so this begins with the innermost ones.
    for node in pre.descendants().iter().rev() {
        let Some(name) = node.node_name() else { continue };
        if &*name == "br" {
            node.replace_with(&node.tree.new_text("\n"));
        } else if CODE_LINES.contains(&&*name) {
            end_line(node);
            node.rename("span");
        } else if CODE_BOXES.contains(&&*name) {
            node.rename("span");
        }
    }
}

/// Ends the line before a block of code, and that of the block.
fn end_line(block: &NodeRef<'_>) {
    let is_open = |text: &str| !text.trim().is_empty() && !text.ends_with('\n');
    if block.prev_sibling().is_some_and(|before| before.is_text() && is_open(&before.text())) {
        block.insert_before(&block.tree.new_text("\n"));
    }
    let follows = block.next_sibling().is_some_and(|next| next.is_text() && next.text().starts_with('\n'));
    if !block.text().ends_with('\n') && !follows {
        block.append_child(&block.tree.new_text("\n"));
    }
}

/// Makes a heading one line.
pub(super) fn single_line(heading: &NodeRef<'_>) {
    for node in heading.descendants().iter().filter(|node| node.has_name("br")) {
        node.replace_with(&node.tree.new_text(" "));
    }
}

/// Puts a blank between the blocks of a link.
pub(super) fn part_blocks(link: &NodeRef<'_>) {
    for node in &link.descendants() {
        let Some(name) = node.node_name() else { continue };
        if &*name == "br" {
            node.replace_with(&node.tree.new_text(" "));
        } else if BLOCKS.contains(&&*name) {
            if node.prev_sibling().is_some() {
                node.insert_before(&node.tree.new_text(" "));
            }
            if node.next_sibling().is_some() {
                node.insert_after(&node.tree.new_text(" "));
            }
        }
    }
}
