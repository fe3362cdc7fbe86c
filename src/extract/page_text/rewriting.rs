//! Rewrites elements that Markdown has no marks for, and makes links absolute.

use dom_query::{Document, NodeRef};

use super::{SourcePage, breaks, tables};
use crate::model::TextFormat;

/// Signs that stand for a link to a heading.
const ANCHORS: [&str; 6] = ["¶", "#", "§", "🔗", "🔗\u{fe0e}", "\u{f0c1}"];
/// The attributes that HTML text keeps.
const KEPT: [&str; 9] = ["href", "src", "alt", "colspan", "rowspan", "start", "lang", "dir", "data-lang"];
/// How far above its code an element may name the language.
const LANGUAGE_ABOVE: usize = 3;

/// Rewrites the elements of a page.
pub(super) fn rewrite(document: &Document, page: &SourcePage<'_>, format: TextFormat) {
    let Some(body) = document.body() else { return };
    let nodes = body.descendants();
    for node in nodes.iter().filter(|node| node.is_text()) {
        plain_blanks(node);
    }
    for node in nodes.iter().filter(|node| node.is_element()) {
        let Some(name) = node.node_name() else { continue };
        match &*name {
            "ul" | "ol" | "dl" if is_contents(node, page) => node.remove_from_parent(),
            "a" => link(node, page),
            "img" => picture(node, page),
            "pre" => {
                language(node);
                breaks::code_lines(node);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => breaks::single_line(node),
            "table" => tables::rewrite(node, format),
            "dt" | "figcaption" | "summary" | "legend" | "address" if format != TextFormat::Html => node.rename("p"),
            "dl" | "dd" | "center" | "fieldset" | "details" | "figure" | "form" | "aside" | "header" | "footer"
            | "hgroup"
                if format != TextFormat::Html =>
            {
                node.rename("div");
            }
            "tt" | "kbd" | "samp" if format == TextFormat::Markdown => node.rename("code"),
            "wbr" => node.remove_from_parent(),
            _ => {}
        }
    }
}

/// Replaces no-break spaces, which layout needs and text does not. Code keeps them.
fn plain_blanks(text: &NodeRef<'_>) {
    let known = text.text();
    if known.contains('\u{a0}') && !text.ancestors_it(None).any(|above| above.has_name("pre")) {
        text.set_text(known.replace('\u{a0}', " "));
    }
}

/// Whether a list is the table of contents of its page: all its text is links to parts of it.
fn is_contents(list: &NodeRef<'_>, page: &SourcePage<'_>) -> bool {
    let links: Vec<_> = list.descendants_it().filter(|node| node.has_name("a") && node.has_attr("href")).collect();
    let leads_inside = |link: &NodeRef<'_>| {
        let url = link.attr("href").and_then(|href| page.resolver.url_with_fragment(href.trim()));
        url.is_some_and(|url| url.fragment().is_some_and(|part| !part.is_empty()) && is_same_document(&url, page.url))
    };
    let letters = |node: &NodeRef<'_>| node.text().chars().filter(|letter| letter.is_alphabetic()).count();
    links.len() > 1 && links.iter().all(leads_inside) && letters(list) == links.iter().map(letters).sum::<usize>()
}

/// Removes the attributes that say how a page looks.
pub(super) fn strip_attributes(root: &NodeRef<'_>) {
    root.descendants().iter().filter(|node| node.is_element()).for_each(|node| node.retain_attrs(&KEPT));
}

/// Makes a link absolute. A link within the page, or to a script, leaves its text.
fn link(node: &NodeRef<'_>, page: &SourcePage<'_>) {
    let Some(href) = node.attr("href") else { return keep_children(node) };
    breaks::part_blocks(node);
    let text = node.text();
    if ANCHORS.contains(&text.trim()) {
        return node.remove_from_parent();
    }
    let url = page.resolver.url_with_fragment(href.trim());
    let url = url.filter(|url| url.fragment().is_none() || !is_same_document(url, page.url));
    match url {
        Some(url) => {
            node.remove_all_attrs();
            node.set_attr("href", url.as_str());
        }
        None if href.trim_start().to_ascii_lowercase().starts_with("mailto:") => node.retain_attrs(&["href"]),
        None => keep_children(node),
    }
}

/// Replaces an element by its children.
fn keep_children(node: &NodeRef<'_>) {
    for child in node.children() {
        node.insert_before(&child);
    }
    node.remove_from_parent();
}

fn is_same_document(url: &url::Url, page: &url::Url) -> bool {
    let without = |url: &url::Url| url[..url::Position::AfterQuery].to_owned();
    without(url) == without(page)
}

/// Keeps a picture that has a description.
fn picture(node: &NodeRef<'_>, page: &SourcePage<'_>) {
    let alt = node.attr("alt").filter(|alt| !alt.trim().is_empty());
    let source = ["src", "data-src", "data-original"].into_iter().filter_map(|name| node.attr(name));
    let url = source.into_iter().find_map(|source| page.resolver.url_with_fragment(source.trim()));
    match (alt, url) {
        (Some(_), Some(url)) => {
            node.retain_attrs(&["alt"]);
            node.set_attr("src", url.as_str());
        }
        _ => node.remove_from_parent(),
    }
}

/// Notes the language of code, which its element or one above it may name.
fn language(pre: &NodeRef<'_>) {
    let child = pre.first_element_child();
    let above = pre.ancestors_it(Some(LANGUAGE_ABOVE));
    let named = child.into_iter().chain([*pre]).chain(above).find_map(|node| language_of(&node.class()?));
    if let Some(language) = named {
        pre.set_attr("data-lang", &language);
    }
}

fn language_of(classes: &str) -> Option<String> {
    const PREFIXES: [&str; 5] = ["language-", "lang-", "highlight-source-", "highlight-", "brush:"];
    const NONE: [&str; 7] = ["default", "none", "text", "plaintext", "plain", "no-highlight", "notranslate"];
    let named =
        |class: &str| PREFIXES.iter().find_map(|prefix| class.strip_prefix(prefix)).map(str::to_ascii_lowercase);
    let language = classes.split_ascii_whitespace().find_map(named)?;
    // Sphinx names versions of Python.
    let language = language.strip_suffix('3').unwrap_or(&language);
    let is_name = (1..=20).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-#._".contains(&byte));
    (is_name && !NONE.contains(&language)).then(|| language.to_owned())
}
