//! Tables: those of data stay, those of layout become blocks.

use dom_query::NodeRef;

use crate::model::TextFormat;

/// Rewrites a table.
pub(super) fn rewrite(table: &NodeRef<'_>, format: TextFormat) {
    if !is_data(table) {
        unwrap(table);
    } else if format == TextFormat::Markdown {
        lift_caption(table);
    }
}

/// Whether the cells of a table are data that belong together.
fn is_data(table: &NodeRef<'_>) -> bool {
    if table.attr("role").is_some_and(|role| matches!(&*role, "presentation" | "none")) {
        return false;
    }
    let has_block = |node: NodeRef<'_>| {
        node.node_name()
            .is_some_and(|name| matches!(&*name, "table" | "pre" | "h1" | "h2" | "h3" | "h4" | "hr" | "blockquote"))
    };
    if table.descendants_it().any(has_block) {
        return false;
    }
    let has_blocks = |node: NodeRef<'_>| node.has_name("td") && has_blocks(&node);
    if !table.descendants_it().any(|node| node.has_name("th")) && table.descendants_it().any(has_blocks) {
        return false;
    }
    let cells = |row: NodeRef<'_>| row.children_it(false).filter(is_cell).count();
    table.descendants_it().filter(|node| node.has_name("tr")).map(cells).max().unwrap_or(0) > 1
}

fn is_cell(node: &NodeRef<'_>) -> bool {
    node.has_name("td") || node.has_name("th")
}

/// Whether a cell has a list, or several paragraphs.
fn has_blocks(cell: &NodeRef<'_>) -> bool {
    let is =
        |names: &[&str]| cell.children_it(false).filter(|child| names.iter().any(|name| child.has_name(name))).count();
    is(&["ul", "ol", "dl"]) > 0 || is(&["p", "div"]) > 1
}

/// Makes a table of layout, but not the tables in it, a row of blocks.
fn unwrap(table: &NodeRef<'_>) {
    let mut parts = vec![*table];
    while let Some(part) = parts.pop() {
        for child in part.element_children() {
            let Some(name) = child.node_name() else { continue };
            match &*name {
                "thead" | "tbody" | "tfoot" | "tr" => parts.push(child),
                "td" | "th" => child.rename("div"),
                "caption" => child.rename("p"),
                "colgroup" | "col" => child.remove_from_parent(),
                _ => {}
            }
        }
        part.rename("div");
    }
}

/// Puts the caption before the table, because Markdown has none.
fn lift_caption(table: &NodeRef<'_>) {
    let Some(caption) = table.children_it(false).find(|child| child.has_name("caption")) else { return };
    caption.rename("p");
    table.insert_before(&caption);
}
