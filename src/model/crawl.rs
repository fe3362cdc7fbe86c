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

/// The limits of the rules for traps, which are parts of a site without an end. Refusals show their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapLimits {
    /// The bytes of a URL.
    pub max_url_length: usize,
    /// The segments of a path.
    pub max_path_segments: usize,
    /// How often one segment may be in a path.
    pub max_segment_repeats: usize,
    /// How often one parameter may be in a query.
    pub max_param_repeats: usize,
    /// How often a query may hold the URL or the query that it is part of.
    pub max_query_reflections: usize,
    /// The links of one page that are followed.
    pub max_page_links: usize,
    /// After this number of pages with equal text, each found on the one before, no links are followed.
    pub equal_pages_in_chain: u8,
    /// After this number of queries with equal text the path is closed to queries.
    pub equal_query_variants: u8,
    /// After this number of values that change no text, a parameter or a loop in the path counts no more.
    pub values_without_effect: u8,
    /// After this number of pages with similar text, a pattern of URLs is closed to links with a second sign.
    pub near_equal_pages: u8,
    /// The bits by which the simhashes of similar texts may differ.
    pub near_equal_bits: u32,
    /// The entries of a table of what was learned.
    pub remembered: usize,
}

impl Default for TrapLimits {
    fn default() -> Self {
        Self {
            max_url_length: 2048,
            max_path_segments: 20,
            max_segment_repeats: 3,
            max_param_repeats: 3,
            max_query_reflections: 2,
            max_page_links: 10_000,
            equal_pages_in_chain: 4,
            equal_query_variants: 8,
            values_without_effect: 4,
            near_equal_pages: 20,
            near_equal_bits: 3,
            remembered: 1 << 16,
        }
    }
}

/// What a crawl does with the robots.txt of an origin (RFC 9309).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RobotsMode {
    /// It fetches no URL that a robots.txt disallows.
    Obey,
    /// It does not ask for robots.txt.
    Ignore,
    /// It fetches disallowed URLs too, and their records name the rule.
    Report,
}
