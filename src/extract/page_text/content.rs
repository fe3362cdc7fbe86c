//! The element of a page with its main content.
//!
//! `main` and `role=main` say it themselves, and so does an `article` with half of the text. In other pages with menus
//! a port of Readability finds the text, unless that loses headings, code, tables, or much of the text.

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, ParsePolicy, Readability};
use url::Url;

use super::weight::{text_bytes, unlinked_bytes};

/// Elements that say that they are the main content.
const MAIN: &str = "main, [role=main]";
/// Shorter content is not believed.
const SHORTEST: usize = 25;
/// How much of the text Readability has to keep, and how much of that outside of links, in percent.
const KEPT: usize = 80;
/// Elements of which Readability has to keep each.
const KEPT_ELEMENTS: [&str; 3] = ["h1, h2, h3, h4, h5, h6", "pre", "table"];
/// So many links that stand alone are a menu.
const MENU: usize = 3;

/// A page whose main content is known.
pub(super) struct MainContent {
    document: Document,
    /// The selector of the main content.
    selector: &'static str,
}

impl MainContent {
    /// The element with the main content. `None` for a page without a body.
    pub fn root(&self) -> Option<NodeRef<'_>> {
        match self.selector {
            "" => self.document.body(),
            selector => self.document.select(selector).nodes().iter().find(|node| has_text(node)).cloned(),
        }
    }
}

/// Finds the main content of a page without its boilerplate.
pub(super) fn find(document: Document, url: &Url) -> MainContent {
    let main = document.select(MAIN);
    if main.nodes().iter().any(has_text) {
        return MainContent { document, selector: MAIN };
    }
    if is_one_article(&document) {
        return MainContent { document, selector: "article" };
    }
    let readable = if has_menu(&document) { readable(&document, url) } else { None };
    MainContent { document: readable.unwrap_or(document), selector: "" }
}

/// Whether one article, and no list of them, has half of the text or more.
fn is_one_article(document: &Document) -> bool {
    let articles = document.select("article");
    let mut with_text = articles.nodes().iter().filter(|node| has_text(node));
    let (Some(article), None) = (with_text.next(), with_text.next()) else { return false };
    let all = document.body().as_ref().map_or(0, unlinked_bytes);
    unlinked_bytes(article) * 2 >= all
}

fn has_text(node: &NodeRef<'_>) -> bool {
    node.text().trim().len() >= SHORTEST
}

/// Returns what Readability finds, if that is all but a small part of the text.
fn readable(document: &Document, url: &Url) -> Option<Document> {
    let settings = Config { keep_classes: true, disable_json_ld: true, ..Config::default() };
    let mut reader = Readability::with_document(document.clone(), Some(url.as_str()), Some(settings)).ok()?;
    // One attempt: a milder one finds more than the page without its boilerplate has.
    let found = reader.parse_with_policy(ParsePolicy::Strict).ok()?;
    let found = Document::from(found.content);
    let keeps = |bytes: fn(&Document) -> usize| bytes(&found) * 100 >= bytes(document) * KEPT;
    // Many links are content: a table of contents, a list of articles.
    if !keeps(plain_text_bytes) || !keeps(all_text_bytes) {
        return None;
    }
    restore_heading(document, &found);
    let count = |document: &Document, selector| document.select(selector).length();
    KEPT_ELEMENTS.iter().all(|selector| count(&found, selector) >= count(document, selector)).then_some(found)
}

/// Whether a page has links beside which no other text stands. Without them it has no navigation left.
fn has_menu(document: &Document) -> bool {
    let links = document.select("body a");
    let mut parents: Vec<_> = links.nodes().iter().filter_map(NodeRef::parent).collect();
    parents.dedup_by_key(|parent| parent.id);
    let links_alone = |parent: &NodeRef<'_>| {
        let links: Vec<_> = parent.element_children().into_iter().filter(|child| child.has_name("a")).collect();
        let linked = links.iter().map(text_bytes).sum::<usize>();
        if linked == text_bytes(parent) { links.len() } else { 0 }
    };
    parents.iter().map(links_alone).sum::<usize>() >= MENU
}

/// Restores first headings, which Readability makes second ones, and the one that it takes as the title.
fn restore_heading(document: &Document, found: &Document) {
    let first: Vec<_> = document.select("h1").nodes().iter().map(NodeRef::text).collect();
    found
        .select("h2")
        .nodes()
        .iter()
        .filter(|known| first.contains(&known.text()))
        .for_each(|known| known.rename("h1"));
    let headings = document.select("h1, h2");
    let Some(heading) = headings.nodes().first() else { return };
    let (text, body) = (heading.text(), found.body());
    let is_there = found.select("h1, h2").nodes().iter().any(|known| known.text() == text);
    if let (Some(body), false) = (body, is_there) {
        body.prepend_html(heading.html());
    }
}

/// How many bytes of text are in no link.
fn plain_text_bytes(document: &Document) -> usize {
    all_text_bytes(document).saturating_sub(document.select("body a").nodes().iter().map(text_bytes).sum())
}

fn all_text_bytes(document: &Document) -> usize {
    document.body().as_ref().map_or(0, text_bytes)
}
