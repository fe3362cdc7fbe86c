//! The contents of a list: seeds, and the lines that never became one.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{FetchError, JobId, LeaseNews, PriorRun, SeedLease, http_values};

/// The source of a seed: a list and a line in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePos {
    /// The list as the user named it: a path, `-` for standard input, or `arguments`.
    pub list: Arc<str>,
    /// The line, counted from 1; for `arguments` the position of the argument.
    pub line: u64,
}

impl fmt::Display for SourcePos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.list, self.line)
    }
}

/// The user name and password that stood in a URL (RFC 3986, section 3.2.1).
///
/// The parser removes them from the URL, so that no record, log or Referer can show them. Requests send them as
/// Basic credentials (RFC 7617) to the origin of that URL alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Percent-decoded.
    pub username: String,
    /// Percent-decoded; empty when the URL had none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// The overrides of a list for one URL. Most seeds have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOverrides {
    /// The file name, relative to the output folder, as the list spells it: not yet made safe.
    pub out: Option<String>,
    /// The SHA-256 that the saved bytes must have.
    pub sha256: Option<[u8; 32]>,
    /// The BLAKE3 that the saved bytes must have.
    pub blake3: Option<[u8; 32]>,
    /// Request fields for this URL; they override those of the run.
    #[serde(with = "http_values::fields")]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// User name and password that stood in the URL.
    pub credentials: Option<Credentials>,
}

impl RequestOverrides {
    /// Whether there are no overrides.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The way of a URL into the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A list has it.
    List(SourcePos),
    /// The program added it while the run went on. The line is its place among those added, from 1.
    Added(SourcePos),
    /// It is a start page of a crawl.
    Start(SourcePos),
    /// A page links to it. The list is the URL of that page, the line the number of the link on it, from 1.
    Link(SourcePos),
    /// A sitemap has it. The list is the URL of the sitemap, the line the number of the entry, from 1.
    Sitemap(SourcePos),
}

impl Via {
    /// The name in records. A requisite has its own, although a link leads to it.
    pub const fn name(&self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Via::List(_), _) => "list",
            (Via::Added(_), _) => "added",
            (Via::Start(_), _) => "seed",
            (Via::Link(_), Kind::Requisite) => "requisite",
            (Via::Link(_), Kind::Page | Kind::Robots | Kind::Sitemap | Kind::Check) => "link",
            (Via::Sitemap(_), _) => "sitemap",
        }
    }

    /// The place that records show.
    pub fn origin(&self) -> &SourcePos {
        match self {
            Via::List(origin) | Via::Added(origin) | Via::Start(origin) | Via::Link(origin) | Via::Sitemap(origin) => {
                origin
            }
        }
    }

    /// The same way, with another line of the same list.
    #[must_use]
    pub fn at(&self, line: u64) -> Self {
        let mut via = self.clone();
        match &mut via {
            Via::List(origin) | Via::Added(origin) | Via::Start(origin) | Via::Link(origin) | Via::Sitemap(origin) => {
                origin.line = line;
            }
        }
        via
    }

    /// The URL of the document that has the URL; `None` if none does.
    pub fn parent(&self) -> Option<&Arc<str>> {
        match self {
            Via::List(_) | Via::Added(_) | Via::Start(_) => None,
            Via::Link(origin) | Via::Sitemap(origin) => Some(&origin.list),
        }
    }
}

/// The purpose of a fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The URL itself.
    #[default]
    Page,
    /// A page needs it: a picture, a style sheet.
    Requisite,
    /// The robots.txt of a host (RFC 9309).
    Robots,
    /// A sitemap.
    Sitemap,
    /// The target of a link that is only checked: whether it is there.
    Check,
}

impl Kind {
    /// The name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Page => "page",
            Kind::Requisite => "requisite",
            Kind::Robots => "robots",
            Kind::Sitemap => "sitemap",
            Kind::Check => "check",
        }
    }
}

/// A URL that is to be fetched.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its number. The run assigns it at admission.
    pub id: JobId,
    /// The URL (WHATWG URL), http or https, without user name and password.
    pub url: Url,
    /// Its way into the run.
    pub via: Via,
    /// The number of links from a seed of a list to this URL; 0 for a seed of a list.
    pub depth: u32,
    /// The purpose of the fetch.
    pub kind: Kind,
    /// The priority: the scheduler hands out higher ones first; 0 unless the list sets another.
    pub priority: i32,
    /// Its line among all lines of the lists, from 1, if the source leaves lines out. Names depend on it.
    pub place: Option<NonZeroU64>,
    /// The overrides of the list for this URL.
    pub overrides: Option<Box<RequestOverrides>>,
    /// The results of an earlier run for this URL.
    pub known: Option<Box<PriorRun>>,
    /// Its lease, if it comes from a queue that several workers share.
    pub lease: Option<SeedLease>,
}

impl Seed {
    /// A page at depth 0 without overrides.
    pub fn new(url: Url, via: Via) -> Self {
        Self {
            id: JobId::default(),
            url,
            via,
            depth: 0,
            kind: Kind::Page,
            priority: 0,
            place: None,
            overrides: None,
            known: None,
            lease: None,
        }
    }
}

/// A line that never became a URL. It still ends in one record.
#[derive(Debug, Clone)]
pub struct BadLine {
    /// As [`Seed::id`].
    pub id: JobId,
    /// The line's text, cut to a readable length, user name and password removed.
    pub text: String,
    /// Its way into the run.
    pub via: Via,
    /// The reason and the fix.
    pub error: FetchError,
}

/// One line of a list.
#[derive(Debug, Clone)]
pub enum Entry {
    /// It can be fetched.
    Seed(Seed),
    /// It cannot.
    Bad(BadLine),
    /// It is no part of this run and has no record. It still claims its file name. The other lines therefore
    /// have the same names as in a run of the whole list.
    LeftOut {
        /// The seed that a full run would fetch.
        seed: Seed,
        /// Whether the report that selects the lines has a record of it.
        reported: bool,
    },
}

/// Lines that arrived together, in list order.
#[derive(Debug)]
pub struct Batch {
    /// At most [`Batch::MAX`] lines.
    pub entries: Vec<Entry>,
    /// The place after the last of them, where reading would resume.
    pub next: SourcePos,
    /// Notes for the user about the lists, such as the column that supplies the URLs.
    pub notes: Vec<String>,
    /// The hosts and the scope that came with lines of a queue which several workers share.
    pub leased: Option<Box<LeaseNews>>,
}

impl Batch {
    /// The most entries of one batch.
    pub const MAX: usize = 256;
}
