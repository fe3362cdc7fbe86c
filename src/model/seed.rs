//! What a list says: seeds, and the lines that never became one.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::{FetchError, JobId, Known};

/// Where a seed was read: a list and a line in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The list as the user named it: a path, `-` for standard input, or `arguments`.
    pub list: Arc<str>,
    /// The line, counted from 1; for `arguments` the position of the argument.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.list, self.line)
    }
}

/// The user name and password that stood in a URL (RFC 3986, section 3.2.1).
///
/// They are taken out of the URL where it is read, so that no record, log or Referer can show
/// them, and are sent as Basic credentials (RFC 7617) to the origin of that URL alone.
#[derive(Clone, PartialEq, Eq)]
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

/// What a list asks for one URL alone. Most seeds have none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerSeed {
    /// The file name, relative to the output folder, as the list spells it: not yet made safe.
    pub out: Option<String>,
    /// The SHA-256 that the saved bytes must have.
    pub sha256: Option<[u8; 32]>,
    /// The BLAKE3 that the saved bytes must have.
    pub blake3: Option<[u8; 32]>,
    /// Request fields for this URL; they override those of the run.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// User name and password that stood in the URL.
    pub credentials: Option<Credentials>,
}

impl PerSeed {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a URL came into the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// It stands in a list.
    List(Origin),
    /// The program added it while the run went on. The line is its place among those added, from 1.
    Added(Origin),
}

impl Via {
    /// The place that records tell.
    pub fn origin(&self) -> &Origin {
        match self {
            Via::List(origin) | Via::Added(origin) => origin,
        }
    }
}

/// What a URL is fetched for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// For itself.
    #[default]
    Page,
    /// A page needs it: a picture, a style sheet.
    Requisite,
    /// The robots.txt of a host (RFC 9309).
    Robots,
    /// A sitemap.
    Sitemap,
}

/// A URL that is to be fetched.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its number. The run assigns it at admission.
    pub id: JobId,
    /// The URL (WHATWG URL), http or https, without user name and password.
    pub url: Url,
    /// How it came into the run.
    pub via: Via,
    /// How many links lead to it from a seed of a list; 0 for those.
    pub depth: u32,
    /// What it is fetched for.
    pub kind: Kind,
    /// A higher priority is handed out first; 0 unless the list says otherwise.
    pub priority: i32,
    /// Its line in the whole of the lists, from 1, if the source leaves lines out: names follow from it.
    pub place: Option<NonZeroU64>,
    /// What the list asks for this URL alone.
    pub wants: Option<Box<PerSeed>>,
    /// What an earlier run left behind about it.
    pub known: Option<Box<Known>>,
}

impl Seed {
    /// A page at depth 0 for which nothing else is asked.
    pub fn new(url: Url, via: Via) -> Self {
        Self {
            id: JobId::default(),
            url,
            via,
            depth: 0,
            kind: Kind::Page,
            priority: 0,
            place: None,
            wants: None,
            known: None,
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
    /// How it came into the run.
    pub via: Via,
    /// Why, and what to do about it.
    pub error: FetchError,
}

/// One line of a list.
#[derive(Debug, Clone)]
pub enum Entry {
    /// It can be fetched.
    Seed(Seed),
    /// It cannot.
    Bad(BadLine),
    /// It is no part of this run and has no record. Its file name is still its own, so that the
    /// other lines have the names that they have in a run of the whole list.
    LeftOut {
        /// What would be fetched.
        seed: Seed,
        /// Whether the records that say what is fetched tell of it.
        reported: bool,
    },
}

/// Lines that arrived together, in list order.
#[derive(Debug)]
pub struct Batch {
    /// At most [`Batch::MAX`] lines.
    pub entries: Vec<Entry>,
    /// The place after the last of them: where reading would go on.
    pub next: Origin,
    /// What to tell the user about the lists, such as which column is read.
    pub notes: Vec<String>,
}

impl Batch {
    /// The most entries of one batch.
    pub const MAX: usize = 256;
}
