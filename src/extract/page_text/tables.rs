//! Tables: those of data stay, those of layout become blocks.

use dom_query::NodeRef;

use crate::model::TextFormat;

/// The most columns of a table in Markdown, and the most empty cells that all tables of a page get.
const MOST_COLUMNS: usize = 200;
const MOST_ADDED: usize = 100_000;

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
    table.descendants_it().filter(|node| node.has_name("tr")).map(|row| cells(&row).count()).max().unwrap_or(0) > 1
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

/// Gives each row of a table as many cells: those that wide and high cells cover, and those that are missing. Markdown
/// can write no other table. One that needs too many of them becomes blocks.
pub(super) fn complete(table: &NodeRef<'_>, added: &mut usize) {
    let (rows, empty): (Vec<_>, Vec<_>) = table.find(&["tr"]).into_iter().partition(|row| cells(row).next().is_some());
    empty.iter().for_each(NodeRef::remove_from_parent);
    let Some(columns) = columns(&rows) else { return unwrap(table) };
    let width = columns.iter().flatten().max().map_or(0, |last| last + 1);
    *added += columns.iter().map(|columns| width - columns.len()).sum::<usize>();
    if *added > MOST_ADDED {
        return unwrap(table);
    }
    for (row, columns) in rows.iter().zip(columns) {
        let is_head = cells(row).all(|cell| cell.has_name("th"));
        let empty = || row.tree.new_element(if is_head { "th" } else { "td" });
        let mut next = 0;
        for (cell, column) in cells(row).collect::<Vec<_>>().iter().zip(columns) {
            (next..column).for_each(|_| cell.insert_before(&empty()));
            next = column + 1;
        }
        (next..width).for_each(|_| row.append_child(&empty()));
    }
}

/// Returns the columns of the cells of each row. `None` if there are too many.
fn columns(rows: &[NodeRef<'_>]) -> Option<Vec<Vec<usize>>> {
    // In how many of the rows that follow a cell above covers each column.
    let mut covered = [0_usize; MOST_COLUMNS];
    let mut part = None;
    let columns_of = |row: &NodeRef<'_>| {
        let parent = row.parent().map(|parent| parent.id);
        if std::mem::replace(&mut part, parent) != parent {
            covered.fill(0);
        }
        let taken = covered;
        covered.iter_mut().for_each(|rows| *rows = rows.saturating_sub(1));
        let (mut next, mut columns) = (0, Vec::new());
        for cell in cells(row) {
            let column = next + taken.get(next..)?.iter().position(|rows| *rows == 0)?;
            next = MOST_COLUMNS.min(column + span(&cell, "colspan"));
            covered[column..next].fill(span(&cell, "rowspan") - 1);
            columns.push(column);
        }
        Some(columns)
    };
    rows.iter().map(columns_of).collect()
}

fn span(cell: &NodeRef<'_>, name: &str) -> usize {
    cell.attr(name).and_then(|count| count.trim().parse().ok()).unwrap_or(1).max(1)
}

fn cells<'a>(row: &NodeRef<'a>) -> impl Iterator<Item = NodeRef<'a>> {
    row.children_it(false).filter(is_cell)
}
