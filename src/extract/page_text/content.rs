//! The element of a page with its main content.
//!
//! `main`, `role=main` and an `article` say it themselves. In other pages the text is what a port of Readability finds,
//! unless that loses text that is no link: tables, lists and short pages are content too.

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};
use url::Url;

/// Shorter content is not believed.
const SHORTEST: usize = 25;
/// How much of the text outside of links Readability has to keep, in percent.
const KEPT: usize = 80;

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
    for selector in ["main, [role=main]", "article"] {
        let found = document.select(selector);
        let mut with_text = found.nodes().iter().filter(|node| has_text(node));
        let first = with_text.next();
        // Several articles are a list of them.
        if first.is_some() && (selector != "article" || with_text.next().is_none()) {
            return MainContent { document, selector };
        }
    }
    let readable = readable(&document, url);
    MainContent { document: readable.unwrap_or(document), selector: "" }
}

fn has_text(node: &NodeRef<'_>) -> bool {
    node.text().trim().len() >= SHORTEST
}

/// Returns what Readability finds, if that is all but a small part of the text.
fn readable(document: &Document, url: &Url) -> Option<Document> {
    let settings = Config { keep_classes: true, disable_json_ld: true, ..Config::default() };
    let found = Readability::with_document(document.clone(), Some(url.as_str()), Some(settings)).ok()?.parse().ok()?;
    let found = Document::from(found.content);
    let (all, kept) = (plain_text_bytes(document), plain_text_bytes(&found));
    if kept * 100 < all * KEPT {
        return None;
    }
    restore_heading(document, &found);
    Some(found)
}

/// Puts the first heading of the page before the content if Readability has taken it as the title.
fn restore_heading(document: &Document, found: &Document) {
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
    let Some(body) = document.body() else { return 0 };
    let bytes = |node: NodeRef<'_>| {
        let is_linked = || node.ancestors_it(None).any(|above| above.has_name("a"));
        if node.is_text() && !is_linked() { node.text().split_whitespace().map(|word| word.len()).sum() } else { 0 }
    };
    body.descendants_it().map(bytes).sum()
}
