//! Removes from a page what is no content: scripts, navigation, banners, forms.
//!
//! Removing too little leaves a line that a reader skips. Removing too much loses content. So only marks count whose
//! meaning is sure, and an element with the main content or a first heading always stays.

use dom_query::{Document, NodeRef};

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

/// Classes and identifiers of elements that are no content.
const NAMES: [&str; 64] = [
    "ad",
    "ads",
    "sidebar",
    "sidenav",
    "sphinxsidebar",
    "sidebar-wrapper",
    "nav",
    "navbar",
    "navigation",
    "navheader",
    "navfooter",
    "nav-links",
    "topnav",
    "bottomnav",
    "site-nav",
    "main-nav",
    "post-navigation",
    "breadcrumb",
    "breadcrumbs",
    "pagination",
    "pager",
    "paginator",
    "prev-next",
    "footer",
    "site-footer",
    "page-footer",
    "site-header",
    "related",
    "related-posts",
    "related-articles",
    "recommended",
    "skip-link",
    "skiplink",
    "skip-nav",
    "skip-to-content",
    "sr-only",
    "visually-hidden",
    "screen-reader-text",
    "share",
    "sharing",
    "sharedaddy",
    "social",
    "social-share",
    "share-buttons",
    "newsletter",
    "newsletter-signup",
    "advert",
    "advertisement",
    "adsbygoogle",
    "ad-slot",
    "headerlink",
    "anchorjs-link",
    "heading-anchor",
    "header-anchor",
    "mw-editsection",
    "mw-jump-link",
    "navbox",
    "linenos",
    "linenodiv",
    "lineno",
    "line-numbers-rows",
    "gutter",
    "noprint",
    "edit-this-page",
];

/// The parts of names of cookie banners: one of each.
const COOKIE: [&str; 4] = ["cookie", "cookies", "consent", "gdpr"];
const BANNER: [&str; 11] =
    ["banner", "notice", "consent", "bar", "popup", "modal", "overlay", "message", "law", "dialog", "sdk"];

/// Words in names of asides that belong to the text.
const NOTES: [&str; 8] = ["note", "footnote", "footnotes", "callout", "admonition", "tip", "warning", "aside"];

/// Removes these elements from a page.
pub(super) fn remove(document: &Document) {
    let is_of_text = |node: &NodeRef<'_>| node.is_element() || node.is_comment();
    let nodes: Vec<_> = document.root().descendants_it().filter(is_of_text).collect();
    for node in &nodes {
        if node.is_comment() || (is_boilerplate(node) && !has_content(node)) {
            node.remove_from_parent();
        }
    }
    remove_header(document);
}

fn is_boilerplate(node: &NodeRef<'_>) -> bool {
    let Some(name) = node.node_name() else { return false };
    match &*name {
        "html" | "head" | "body" | "main" | "article" | "h1" | "p" => return is_hidden(node) && &*name != "body",
        "aside" if !is_note(node) => return true,
        "footer" => return !is_within(node, &["article", "blockquote"]),
        name if NO_TEXT.contains(&name) => return true,
        _ => {}
    }
    if is_hidden(node) || node.attr("role").is_some_and(|role| ROLES.contains(&&*role.trim().to_ascii_lowercase())) {
        return true;
    }
    // The identifier of a section or a term is a word of the text.
    let is_box = matches!(&*name, "div" | "ul" | "ol" | "table") && !node.has_class("section");
    let names = [node.attr("class"), node.attr("id").filter(|_| is_box)];
    names.iter().flatten().flat_map(|names| names.split_ascii_whitespace()).any(is_boilerplate_name)
}

fn is_boilerplate_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if NAMES.contains(&&*name) {
        return true;
    }
    let parts = || name.split(['-', '_']);
    let has = |words: &[&str]| parts().any(|part| words.contains(&part));
    parts().count() > 1 && has(&COOKIE) && has(&BANNER)
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

/// Whether an element holds the main content, whatever its name says.
fn has_content(node: &NodeRef<'_>) -> bool {
    let is_nav = node.node_name().is_some_and(|name| NO_TEXT.contains(&&*name)) || is_hidden(node);
    let holds = |node: NodeRef<'_>| {
        node.node_name().is_some_and(|name| matches!(&*name, "main" | "article" | "h1"))
            || node.attr("role").is_some_and(|role| &*role == "main")
    };
    !is_nav && node.descendants_it().any(holds)
}

fn is_within(node: &NodeRef<'_>, names: &[&str]) -> bool {
    node.ancestors_it(None).any(|above| above.node_name().is_some_and(|name| names.contains(&&*name)))
}

/// Removes headers of the site. One with the only first heading of the page leaves that.
fn remove_header(document: &Document) {
    let headings = document.select("h1").length();
    for header in document.select("header").nodes() {
        if is_within(header, &["main", "article", "section", "blockquote"]) {
            continue;
        }
        let heading = header.descendants_it().find(|node| node.has_name("h1"));
        match heading.filter(|_| headings == 1) {
            Some(heading) => header.replace_with(&heading),
            None => header.remove_from_parent(),
        }
    }
}
