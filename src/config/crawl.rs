//! The settings of a crawl.

use std::path::PathBuf;

use jiff::Timestamp;
use url::Url;

use crate::model::{HostPattern, Normalization, RobotsMode, ScopeKind, TrapLimits};

/// The sitemaps that a crawl reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sitemaps {
    /// Those that a robots.txt names, and `/sitemap.xml`. Links are followed too.
    Auto,
    /// The same, and no links are followed.
    Only,
    /// None.
    Off,
    /// These alone. Links are followed too.
    Urls(Vec<Url>),
}

/// The settings of a crawl. A list run uses few of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrawlConfig {
    /// Whether the links of pages are followed: the run is a crawl.
    pub follow: bool,
    /// Whether only the URLs of the pages are wanted: the records are a list of the pages that the crawl got.
    pub maps: bool,
    /// The most links from a start page to a page.
    pub depth: Option<u32>,
    /// How far from the start pages.
    pub scope: ScopeKind,
    /// Regular expressions on the canonical URL, of which a page has to match one, if there are any.
    pub include: Vec<String>,
    /// Regular expressions on the canonical URL, of which no URL may match any.
    pub exclude: Vec<String>,
    /// Ends of file names, or patterns with wildcards, which alone are saved.
    pub accept: Vec<String>,
    /// Ends of file names, or patterns with wildcards, which are not saved.
    pub reject: Vec<String>,
    /// More hosts in scope.
    pub span_hosts: Vec<HostPattern>,
    /// The most pages.
    pub max_pages: Option<u64>,
    /// Whether what pages need is fetched too: images, scripts, style sheets.
    pub requisites: bool,
    /// Whether files get the ending of their media type, as `.html`.
    pub adjust_extension: bool,
    /// Whether the links of saved pages lead to saved files, or are absolute.
    pub convert_links: bool,
    /// Whether the output folder gets a start page with a link to each host.
    pub mirror_index: bool,
    /// The sitemaps that are read.
    pub sitemap: Sitemaps,
    /// Entries of sitemaps that were not changed since then are left out.
    pub since: Option<Timestamp>,
    /// Patterns of parameters that do not count when URLs are compared.
    pub strip_param: Vec<String>,
    /// Differences that do not count when URLs are compared.
    pub canonical: Vec<Normalization>,
    /// Whether links are followed although a page forbids it.
    pub ignore_nofollow: bool,
    /// The use of robots.txt.
    pub robots: RobotsMode,
    /// Whether the targets of forms with the method GET are links.
    pub forms: bool,
    /// The file of the links of all documents.
    pub links_out: Option<PathBuf>,
    /// The file of a sitemap of the pages of the crawl.
    pub sitemap_out: Option<PathBuf>,
    /// Whether the links of the crawl are checked: those that are not followed are asked for too, and the result is a
    /// report of broken links.
    pub check: bool,
    /// Whether a check tests the fragments of links into pages of the crawl too.
    pub check_fragments: bool,
    /// Media types of pages that are saved, if there are any; `*` stands for the rest of a type.
    pub page_types: Vec<String>,
    /// The limits of the rules for traps; `None` switches the rules off.
    pub traps: Option<TrapLimits>,
}

impl Default for CrawlConfig {
    fn default() -> Self {
        Self {
            follow: false,
            maps: false,
            depth: None,
            scope: ScopeKind::default(),
            include: Vec::new(),
            exclude: Vec::new(),
            accept: Vec::new(),
            reject: Vec::new(),
            span_hosts: Vec::new(),
            max_pages: None,
            requisites: false,
            adjust_extension: false,
            convert_links: false,
            mirror_index: false,
            sitemap: Sitemaps::Off,
            since: None,
            strip_param: Vec::new(),
            canonical: Vec::new(),
            ignore_nofollow: false,
            robots: RobotsMode::Ignore,
            forms: false,
            links_out: None,
            sitemap_out: None,
            check: false,
            check_fragments: true,
            page_types: Vec::new(),
            traps: Some(TrapLimits::default()),
        }
    }
}

impl CrawlConfig {
    /// The defaults of the command `crawl`.
    pub fn following() -> Self {
        Self { follow: true, sitemap: Sitemaps::Auto, robots: RobotsMode::Obey, ..Self::default() }
    }

    /// The defaults of the command `mirror`.
    pub fn mirroring() -> Self {
        Self { requisites: true, adjust_extension: true, convert_links: true, ..Self::following() }
    }

    /// The defaults of the command `map`.
    pub fn mapping() -> Self {
        Self { maps: true, ..Self::following() }
    }
}
