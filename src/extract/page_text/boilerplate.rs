//! Removes from a page what is no content: scripts, navigation, banners, forms.
//!
//! Removing too little leaves a line that a reader skips. Removing too much loses content. So only marks count whose
//! meaning is sure, and an element with the main content or a first heading always stays. If the boxes that only a
//! class, a role or a style marks have more than half of the text, the largest of them stay.

use std::collections::{BinaryHeap, HashSet};
use std::ops::Range;

use dom_query::{Document, NodeRef};

use super::names::{Naming, naming};
use super::weight::{unlinked_bytes, word_bytes};

/// Elements without a text of the page.
const NO_TEXT: [&str; 25] = [
    "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "canvas", "svg", "audio",
    "video", "map", "dialog", "button", "input", "select", "textarea", "datalist", "progress", "meter", "frameset",
    "nav", "menu", "link",
];

/// Roles of elements that are no content (WAI-ARIA).
const ROLES: [&str; 11] = [
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "complementary",
    "menu",
    "menubar",
    "toolbar",
    "dialog",
    "alertdialog",
    "tablist",
];

/// Words in names of asides that belong to the text.
const NOTES: [&str; 8] = ["note", "footnote", "footnotes", "callout", "admonition", "tip", "warning", "aside"];

/// Removes these elements from a page.
pub(super) fn remove(document: &Document) {
    remove_without_text(document);
    remove_headers(document);
    let Some(body) = document.body() else { return };
    let mut search = BoxSearch { boxes: Vec::new(), panels: panels(document) };
    let all = search.weigh(&body, false).unlinked;
    remove_boxes(&search.boxes, all);
}

/// Removes elements without a text of the page.
fn remove_without_text(document: &Document) {
    keep_buttons(document);
    let is_of_text = |node: &NodeRef<'_>| node.is_element() || node.is_comment();
    let nodes: Vec<_> = document.root().descendants_it().filter(is_of_text).collect();
    for node in &nodes {
        if node.is_comment() || node.node_name().is_some_and(|name| NO_TEXT.contains(&&*name)) {
            node.remove_from_parent();
        }
    }
}

/// Makes buttons text that are all of a heading, or that open a panel.
fn keep_buttons(document: &Document) {
    let letters = |node: &NodeRef<'_>| node.text().chars().filter(|letter| letter.is_alphanumeric()).count();
    for heading in document.select("h1, h2, h3, h4, h5, h6").nodes() {
        let buttons: Vec<_> = heading.descendants_it().filter(|node| node.has_name("button")).collect();
        let [button] = &buttons[..] else { continue };
        if letters(button) == letters(heading) {
            button.rename("span");
        }
    }
    document.select("button[aria-expanded][aria-controls]").rename("span");
}

/// The identifiers of panels that a control of the page shows.
fn panels(document: &Document) -> HashSet<String> {
    let controls = document.select("[aria-expanded][aria-controls], [role=tab][aria-controls]");
    let ids = controls.nodes().iter().filter_map(|control| control.attr("aria-controls"));
    ids.flat_map(|ids| ids.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A box that is no content by its marks.
struct MarkedBox<'a> {
    node: NodeRef<'a>,
    /// The bytes of its text outside of links.
    unlinked: usize,
    /// The index of the first box within it. All from there to its own index are within it.
    first_within: usize,
}

/// The text of an element.
#[derive(Default)]
struct Weight {
    /// Its bytes, and those outside of links.
    all: usize,
    unlinked: usize,
    /// Whether it holds the main content, whatever its name says.
    has_content: bool,
}

/// A search for boxes that are no content.
struct BoxSearch<'a> {
    boxes: Vec<MarkedBox<'a>>,
    panels: HashSet<String>,
}

impl<'a> BoxSearch<'a> {
    /// Returns the text of an element. Removes elements that are surely no content, and notes the boxes.
    fn weigh(&mut self, node: &NodeRef<'a>, is_linked: bool) -> Weight {
        if node.is_text() {
            let all = word_bytes(&node.text());
            return Weight { all, unlinked: if is_linked { 0 } else { all }, has_content: false };
        }
        let Some(name) = node.node_name() else { return Weight::default() };
        let first_within = self.boxes.len();
        let mut weight = Weight::default();
        for child in node.children() {
            let part = self.weigh(&child, is_linked || &*name == "a");
            weight.all += part.all;
            weight.unlinked += part.unlinked;
            weight.has_content |= part.has_content;
        }
        match self.marks(node, &name, &weight) {
            Some(Naming::Sure) => {
                node.remove_from_parent();
                self.boxes.truncate(first_within);
                return Weight::default();
            }
            Some(_) => self.boxes.push(MarkedBox { node: *node, unlinked: weight.unlinked, first_within }),
            None => {}
        }
        weight.has_content |= matches!(&*name, "main" | "h1") || has_role(node, &["main"]);
        weight
    }

    /// Returns how sure it is that an element is no content.
    fn marks(&self, node: &NodeRef<'_>, name: &str, weight: &Weight) -> Option<Naming> {
        if matches!(name, "html" | "head" | "body") {
            return None;
        }
        let is_menu = weight.unlinked * 2 < weight.all;
        if is_hidden(node) {
            let is_panel =
                has_role(node, &["tabpanel"]) || node.attr("id").is_some_and(|id| self.panels.contains(&*id));
            return (!is_panel || is_menu).then_some(Naming::Box);
        }
        if weight.has_content || matches!(name, "main" | "article" | "h1" | "p") {
            return None;
        }
        match name {
            "aside" if !is_note(node) => return Some(Naming::Sure),
            "footer" => return (!is_within(node, &["article", "blockquote"])).then_some(Naming::Sure),
            _ if has_role(node, &ROLES) => return Some(Naming::Box),
            _ => {}
        }
        naming(node, name).filter(|naming| *naming != Naming::Word || is_menu)
    }
}

/// Removes boxes, except the largest ones if all of them have more than half of the text.
fn remove_boxes(boxes: &[MarkedBox<'_>], all: usize) {
    let with_bytes = |range: Range<usize>| outermost(boxes, range).map(|at| (boxes[at].unlinked, at));
    let mut leaving: BinaryHeap<_> = with_bytes(0..boxes.len()).collect();
    let mut lost: usize = leaving.iter().map(|(bytes, _)| bytes).sum();
    while lost * 2 > all {
        let Some((bytes, kept)) = leaving.pop() else { break };
        lost -= bytes;
        for within in with_bytes(boxes[kept].first_within..kept) {
            lost += within.0;
            leaving.push(within);
        }
    }
    leaving.iter().for_each(|(_, at)| boxes[*at].node.remove_from_parent());
}

/// The boxes of a range that are in no other of it.
fn outermost(boxes: &[MarkedBox<'_>], range: Range<usize>) -> impl Iterator<Item = usize> {
    let before = move |end: usize| (end > range.start).then(|| end - 1);
    std::iter::successors(before(range.end), move |at| before(boxes[*at].first_within))
}

fn has_role(node: &NodeRef<'_>, roles: &[&str]) -> bool {
    node.attr("role").is_some_and(|role| roles.contains(&&*role.trim().to_ascii_lowercase()))
}

fn is_hidden(node: &NodeRef<'_>) -> bool {
    let is = |name: &str, value: &str| node.attr(name).is_some_and(|known| known.trim().eq_ignore_ascii_case(value));
    let has_no_display =
        || node.attr("style").is_some_and(|style| style.replace(' ', "").to_ascii_lowercase().contains("display:none"));
    (node.has_attr("hidden") && !is("hidden", "until-found")) || is("aria-hidden", "true") || has_no_display()
}

/// Whether an aside belongs to the text.
fn is_note(node: &NodeRef<'_>) -> bool {
    let has_note = |names: &str| {
        names.split(|end: char| !end.is_ascii_alphanumeric()).any(|word| NOTES.contains(&&*word.to_ascii_lowercase()))
    };
    [node.attr("class"), node.attr("role")].iter().flatten().any(|names| has_note(names))
}

fn is_within(node: &NodeRef<'_>, names: &[&str]) -> bool {
    node.ancestors_it(None).any(|above| above.node_name().is_some_and(|name| names.contains(&&*name)))
}

fn is_heading(node: &NodeRef<'_>) -> bool {
    node.node_name().is_some_and(|name| matches!(&*name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6"))
}

/// Removes headers of the site. A header that has a heading and no link is one of the text.
fn remove_headers(document: &Document) {
    let first_headings = document.select("h1").length();
    for header in document.select("header").nodes() {
        let is_of_part = is_within(header, &["main", "article", "section", "blockquote"]);
        if is_of_part || header.ancestors_it(None).any(|above| has_role(&above, &["main"])) {
            continue;
        }
        let headings: Vec<_> = header.descendants_it().filter(is_heading).collect();
        if !headings.is_empty() && !header.descendants_it().any(|node| node.has_name("a")) {
            header.rename("div");
            continue;
        }
        // A heading that is a link alone names the site.
        let has_words = |heading: &NodeRef<'_>| unlinked_bytes(heading) > 0 && !is_within(heading, &["a"]);
        let is_only = |heading: &NodeRef<'_>| first_headings == 1 && heading.has_name("h1");
        for heading in headings.iter().filter(|heading| is_only(heading) || has_words(heading)) {
            header.insert_before(heading);
        }
        header.remove_from_parent();
    }
}
