//! The words for what a crawl follows, and for which URLs it takes for one.

/// How far from its start pages a crawl follows links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScopeKind {
    /// The start pages and their requisites.
    Page,
    /// The origin of a start page, in the folder of its path.
    #[default]
    Prefix,
    /// The host and port of a start page, with http and https.
    Host,
    /// The registrable domain of a start page.
    Domain,
    /// Every URL of http and https.
    Any,
}

impl ScopeKind {
    /// Every kind, from the narrowest to the widest.
    pub const ALL: [ScopeKind; 5] =
        [ScopeKind::Page, ScopeKind::Prefix, ScopeKind::Host, ScopeKind::Domain, ScopeKind::Any];

    /// The name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            ScopeKind::Page => "page",
            ScopeKind::Prefix => "prefix",
            ScopeKind::Host => "host",
            ScopeKind::Domain => "domain",
            ScopeKind::Any => "any",
        }
    }
}

/// A difference between URLs that a crawl may ignore when it compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Normalization {
    /// The order of query parameters with different names.
    SortQuery,
    /// Slashes at the end of the path.
    TrailingSlash,
    /// `index.html` and its like at the end of the path.
    IndexFile,
    /// Repeated slashes in the path.
    DoubleSlash,
    /// Upper and lower case of the path.
    Case,
    /// `www.` before the host.
    Www,
    /// http or https, at the default port of each.
    Scheme,
}

impl Normalization {
    /// Every normalization; the word `aggressive` means them all.
    pub const ALL: [Normalization; 7] = [
        Normalization::SortQuery,
        Normalization::TrailingSlash,
        Normalization::IndexFile,
        Normalization::DoubleSlash,
        Normalization::Case,
        Normalization::Www,
        Normalization::Scheme,
    ];

    /// The name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Normalization::SortQuery => "sort-query",
            Normalization::TrailingSlash => "trailing-slash",
            Normalization::IndexFile => "index-file",
            Normalization::DoubleSlash => "double-slash",
            Normalization::Case => "case",
            Normalization::Www => "www",
            Normalization::Scheme => "scheme",
        }
    }
}
