//! Classes and identifiers of elements that are no content.

use dom_query::NodeRef;

/// Names of boxes that are no content.
const BOXES: [&str; 32] = [
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
    "site-footer",
    "page-footer",
    "site-header",
    "related-posts",
    "related-articles",
    "recommended",
    "social-share",
    "share-buttons",
    "newsletter-signup",
    "ad-slot",
    "navbox",
];

/// Words that sites and texts both use: such a box is no content if most of its text is links.
const WORDS: [&str; 11] = [
    "ad",
    "ads",
    "advert",
    "advertisement",
    "footer",
    "newsletter",
    "noprint",
    "related",
    "share",
    "sharing",
    "social",
];

/// Names of links and notes for navigation, which also stand amid a text.
const MARKS: [&str; 16] = [
    "skip-link",
    "skiplink",
    "skip-nav",
    "skip-to-content",
    "sr-only",
    "visually-hidden",
    "screen-reader-text",
    "sharedaddy",
    "adsbygoogle",
    "headerlink",
    "anchorjs-link",
    "heading-anchor",
    "header-anchor",
    "mw-editsection",
    "mw-jump-link",
    "edit-this-page",
];

/// Names of the numbers beside the lines of code.
const LINE_NUMBERS: [&str; 5] = ["linenos", "linenodiv", "lineno", "line-numbers-rows", "gutter"];

/// Elements that are parts of a text, whatever their class says of their looks.
const TEXT_PARTS: [&str; 36] = [
    "a",
    "abbr",
    "b",
    "bdi",
    "blockquote",
    "caption",
    "cite",
    "code",
    "dd",
    "del",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "i",
    "img",
    "ins",
    "label",
    "li",
    "pre",
    "q",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "time",
    "tr",
    "thead",
    "tbody",
    "tfoot",
];

/// The parts of names of cookie banners: one of each.
const COOKIE: [&str; 4] = ["cookie", "cookies", "consent", "gdpr"];
const BANNER: [&str; 11] =
    ["banner", "notice", "consent", "bar", "popup", "modal", "overlay", "message", "law", "dialog", "sdk"];

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    /// The element goes if most of its text is links.
    Word,
    /// The element goes, unless the page has little else.
    Box,
    /// The element goes.
    Sure,
}

/// Returns the surest meaning of the names of an element.
pub(super) fn naming(node: &NodeRef<'_>, element: &str) -> Option<Naming> {
    // The identifier of a section or a term is a word of the text.
    let is_box = matches!(element, "div" | "ul" | "ol" | "table") && !node.has_class("section");
    let names = [node.attr("class"), node.attr("id").filter(|_| is_box)];
    let names = names.iter().flatten().flat_map(|names| names.split_ascii_whitespace());
    names.filter_map(|name| of_name(&name.to_ascii_lowercase(), node, element)).max()
}

fn of_name(name: &str, node: &NodeRef<'_>, element: &str) -> Option<Naming> {
    if LINE_NUMBERS.contains(&name) {
        let has_letter = |part: NodeRef<'_>| part.is_text() && part.text().chars().any(char::is_alphabetic);
        // The numbers of a table of data have no class for code.
        let is_code = name != "gutter" || !matches!(element, "td" | "th") || node.descendants_it().any(is_pre);
        return (is_code && !node.descendants_it().any(has_letter)).then_some(Naming::Sure);
    }
    if matches!(element, "td" | "th") {
        return None;
    }
    if MARKS.contains(&name) {
        return Some(Naming::Sure);
    }
    if TEXT_PARTS.contains(&element) {
        return None;
    }
    if is_cookie_banner(name) {
        return Some(Naming::Sure);
    }
    match (BOXES.contains(&name), element) {
        (true, "section") => Some(Naming::Word),
        (true, _) => Some(Naming::Box),
        // A site names its footer so; a section of a text has no such identifier.
        (false, "div") if name == "footer" => Some(Naming::Box),
        (false, _) => WORDS.contains(&name).then_some(Naming::Word),
    }
}

fn is_pre(node: NodeRef<'_>) -> bool {
    node.has_name("pre")
}

fn is_cookie_banner(name: &str) -> bool {
    let parts = || name.split(['-', '_']);
    let has = |words: &[&str]| parts().any(|part| words.contains(&part));
    parts().count() > 1 && has(&COOKIE) && has(&BANNER)
}
