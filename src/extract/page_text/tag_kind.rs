//! How the parser of HTML treats elements, as far as it matters for the depth of its tree.

/// Elements that have no content.
pub(super) const VOID: [&[u8]; 14] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param", b"source",
    b"track", b"wbr",
];

/// How the parser of HTML treats an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    /// It is opened again where a block has ended it.
    Formatting,
    /// Formatting outside of it stays outside, and that in it ends with it.
    Cell,
    /// It has cells, or keeps lists and blocks outside of it open.
    Container,
    /// A following one of the same kind ends it.
    Item,
    /// Another block, which no end tag of an inline element ends.
    Block,
    Inline,
}

impl TagKind {
    /// That of the elements of this name.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"a" | b"b" | b"big" | b"code" | b"em" | b"font" | b"i" | b"nobr" | b"s" | b"small" | b"strike"
            | b"strong" | b"tt" | b"u" => Self::Formatting,
            b"td" | b"th" | b"caption" | b"object" | b"applet" | b"marquee" | b"template" => Self::Cell,
            b"ul" | b"ol" | b"dl" | b"table" | b"select" | b"div" | b"blockquote" => Self::Container,
            b"p" | b"li" | b"dt" | b"dd" | b"tr" | b"thead" | b"tbody" | b"tfoot" | b"option" | b"optgroup" | b"rt" => {
                Self::Item
            }
            b"address" | b"article" | b"aside" | b"body" | b"button" | b"center" | b"details" | b"dir"
            | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5"
            | b"h6" | b"head" | b"header" | b"hgroup" | b"html" | b"iframe" | b"listing" | b"main" | b"menu"
            | b"nav" | b"noscript" | b"pre" | b"script" | b"search" | b"section" | b"style" | b"summary"
            | b"textarea" | b"title" => Self::Block,
            _ => Self::Inline,
        }
    }

    /// Whether no end tag of it ends a block.
    pub fn is_inline(self) -> bool {
        matches!(self, Self::Formatting | Self::Inline)
    }

    /// Whether an end tag ends the cell that it is in, too.
    pub fn is_around_cells(self, name: &[u8]) -> bool {
        self == Self::Cell || matches!(name, b"table" | b"tr" | b"thead" | b"tbody" | b"tfoot")
    }
}
