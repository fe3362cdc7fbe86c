//! The attributes of HTML that have links: one table for following and for rewriting them.

use crate::model::LinkKind;

use LinkSyntax::{Css, Html, Refresh, Srcset, Url};

/// The grammar of a value that has links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkSyntax {
    /// One URL.
    Url,
    /// URLs with descriptors, separated by commas.
    Srcset,
    /// CSS declarations.
    Css,
    /// A document in HTML.
    Html,
    /// A time and a URL (`meta http-equiv=refresh`).
    Refresh,
}

/// The meaning of a link attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkContext {
    /// A link of this kind.
    Kind(LinkKind),
    /// `link`: the words of `rel` decide.
    Rel,
    /// `meta`: a link with `http-equiv=refresh`.
    MetaRefresh,
    /// `input`: a link with `type=image`.
    ImageButton,
    /// `form`: a link with the method GET.
    FormAction,
    /// An attribute of a script that loads images late: a link if it looks like one.
    Lazy,
    /// `base`: no link, but the base of all links.
    Base,
    /// A URL that is never fetched.
    Never,
}

/// A row of the table: an attribute of some elements.
#[derive(Debug, Clone, Copy)]
pub struct LinkAttribute {
    /// The elements in lower case; none for all other elements.
    pub elements: &'static [&'static str],
    /// The name in lower case. `*` at its end stands for any letters.
    pub attribute: &'static str,
    /// The grammar of the value.
    pub syntax: LinkSyntax,
    /// The meaning of the value.
    pub context: LinkContext,
}

const fn row(
    attribute: &'static str,
    elements: &'static [&'static str],
    syntax: LinkSyntax,
    context: LinkContext,
) -> LinkAttribute {
    LinkAttribute { elements, attribute, syntax, context }
}

const PAGE: LinkContext = LinkContext::Kind(LinkKind::Page);
const FRAME: LinkContext = LinkContext::Kind(LinkKind::Frame);
const NEEDED: LinkContext = LinkContext::Kind(LinkKind::Requisite);
const LAZY: LinkContext = LinkContext::Lazy;
const NEVER: LinkContext = LinkContext::Never;

/// Elements of SVG that show another document.
const SVG: &[&str] = &["image", "use", "feimage", "script"];
const MEDIA: &[&str] = &["img", "script", "source", "video", "audio", "track", "embed", "image"];
const FRAMES: &[&str] = &["iframe", "frame"];

const HREF: &[LinkAttribute] = &[
    row("href", &["a", "area"], Url, PAGE),
    row("href", &["link"], Url, LinkContext::Rel),
    row("href", &["base"], Url, LinkContext::Base),
    row("href", SVG, Url, NEEDED),
    // The processing instruction of XML, see the tokenizer.
    row("href", &["?xml-stylesheet"], Url, NEEDED),
];
const XLINK_HREF: &[LinkAttribute] = &[row("xlink:href", &["a"], Url, PAGE), row("xlink:href", SVG, Url, NEEDED)];
const SRC: &[LinkAttribute] = &[
    row("src", MEDIA, Url, NEEDED),
    row("src", FRAMES, Url, FRAME),
    row("src", &["input"], Url, LinkContext::ImageButton),
];
const SRCSET: &[LinkAttribute] = &[row("srcset", &["img", "source"], Srcset, NEEDED)];
const IMAGESRCSET: &[LinkAttribute] = &[row("imagesrcset", &["link"], Srcset, NEEDED)];
const SRCDOC: &[LinkAttribute] = &[row("srcdoc", &["iframe"], Html, FRAME)];
const POSTER: &[LinkAttribute] = &[row("poster", &["video"], Url, NEEDED)];
const DATA: &[LinkAttribute] = &[row("data", &["object"], Url, NEEDED)];
const BACKGROUND: &[LinkAttribute] = &[row("background", &[], Url, NEEDED)];
const STYLE: &[LinkAttribute] = &[row("style", &[], Css, NEEDED)];
const CONTENT: &[LinkAttribute] = &[row("content", &["meta"], Refresh, LinkContext::MetaRefresh)];
const ACTION: &[LinkAttribute] = &[row("action", &["form"], Url, LinkContext::FormAction)];
const FORMACTION: &[LinkAttribute] = &[row("formaction", &["button", "input"], Url, NEVER)];
const PING: &[LinkAttribute] = &[row("ping", &["a", "area"], Url, NEVER)];
const CITE: &[LinkAttribute] = &[row("cite", &["blockquote", "q", "ins", "del"], Url, NEVER)];
const DATA_SRC: &[LinkAttribute] = &[row("data-src", FRAMES, Url, FRAME), row("data-src", &[], Url, LAZY)];
const DATA_SRCSET: &[LinkAttribute] = &[row("data-srcset", &[], Srcset, LAZY)];
const DATA_ORIGINAL: &[LinkAttribute] = &[row("data-original", &[], Url, LAZY)];
const DATA_LAZY_SRCSET: &[LinkAttribute] = &[row("data-lazy-srcset", &[], Srcset, LAZY)];
const DATA_LAZY: &[LinkAttribute] = &[row("data-lazy*", &[], Url, LAZY)];

/// All rows, by attribute.
pub const LINK_ATTRIBUTES: &[&[LinkAttribute]] = &[
    HREF,
    XLINK_HREF,
    SRC,
    SRCSET,
    IMAGESRCSET,
    SRCDOC,
    POSTER,
    DATA,
    BACKGROUND,
    STYLE,
    CONTENT,
    ACTION,
    FORMACTION,
    PING,
    CITE,
    DATA_SRC,
    DATA_SRCSET,
    DATA_ORIGINAL,
    DATA_LAZY_SRCSET,
    DATA_LAZY,
];

/// The row of an attribute. Both names are in lower case.
pub(in crate::extract) fn find(element: &[u8], attribute: &[u8]) -> Option<&'static LinkAttribute> {
    let rows = match attribute {
        b"href" => HREF,
        b"src" => SRC,
        b"style" => STYLE,
        b"content" => CONTENT,
        b"srcset" => SRCSET,
        b"xlink:href" => XLINK_HREF,
        b"imagesrcset" => IMAGESRCSET,
        b"srcdoc" => SRCDOC,
        b"poster" => POSTER,
        b"data" => DATA,
        b"background" => BACKGROUND,
        b"action" => ACTION,
        b"formaction" => FORMACTION,
        b"ping" => PING,
        b"cite" => CITE,
        b"data-src" => DATA_SRC,
        b"data-srcset" => DATA_SRCSET,
        b"data-original" => DATA_ORIGINAL,
        b"data-lazy-srcset" => DATA_LAZY_SRCSET,
        _ if attribute.starts_with(b"data-lazy") => DATA_LAZY,
        _ => return None,
    };
    let is_of =
        |row: &&LinkAttribute| row.elements.is_empty() || row.elements.iter().any(|name| name.as_bytes() == element);
    rows.iter().find(is_of)
}

/// Whether an attribute that is no link decides about a link of its element, or is the text in place of a picture.
pub(in crate::extract) fn decides(element: &[u8], attribute: &[u8]) -> bool {
    match attribute {
        b"rel" => matches!(element, b"a" | b"area" | b"link"),
        b"type" => matches!(element, b"link" | b"input"),
        b"hreflang" => element == b"link",
        b"alt" => matches!(element, b"img" | b"area" | b"input"),
        b"method" => element == b"form",
        b"name" | b"http-equiv" | b"charset" => element == b"meta",
        _ => false,
    }
}

/// The kind of a link with these words of `rel`; `None` if it is never fetched.
pub(in crate::extract) fn kind_of_rel(rel: &str, media_type: &str, has_language: bool) -> Option<LinkKind> {
    let has = |word: &str| rel.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word));
    let needed = [
        "stylesheet",
        "icon",
        "apple-touch-icon",
        "apple-touch-icon-precomposed",
        "mask-icon",
        "manifest",
        "preload",
        "modulepreload",
    ];
    if needed.iter().any(|word| has(word)) {
        return Some(LinkKind::Requisite);
    }
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_html = ["text/html", "application/xhtml+xml"].iter().any(|html| media_type.eq_ignore_ascii_case(html));
    if has("next") || has("prev") || has("alternate") && (has_language || is_html) {
        return Some(LinkKind::Page);
    }
    (has("alternate") || has("canonical")).then_some(LinkKind::Hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_table_is_found() {
        for row in LINK_ATTRIBUTES.iter().copied().flatten() {
            let attribute = row.attribute.replace('*', "-src");
            for element in row.elements.iter().chain(row.elements.is_empty().then_some(&"div")) {
                let found = find(element.as_bytes(), attribute.as_bytes()).unwrap();
                assert_eq!((found.attribute, found.context), (row.attribute, row.context), "{element} {attribute}");
            }
        }
    }
}
