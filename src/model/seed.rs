//! What a list says: seeds, and the lines that never became one.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::{FetchError, Known};

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

/// A URL that wants to be fetched.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The URL (WHATWG URL), http or https, without user name and password.
    pub url: Url,
    /// A higher priority is handed out first; 0 unless the list says otherwise.
    pub priority: i32,
    /// Where it was read.
    pub origin: Origin,
    /// Which of the lines of the input it is, over all lists, from 0; the run counts them. A source
    /// that leaves lines out says here, from 1, which line of its lists this is, because names follow
    /// from the place in the whole list; 0 leaves that to the run too.
    pub number: u64,
    /// What the list asks for this URL alone.
    pub wants: Option<Box<PerSeed>>,
    /// What an earlier run left behind about it.
    pub known: Option<Box<Known>>,
}

/// A line that never became a URL. It still ends in one record.
#[derive(Debug, Clone)]
pub struct BadLine {
    /// The line's text, cut to a readable length, user name and password removed.
    pub text: String,
    /// Where it was read.
    pub origin: Origin,
    /// As [`Seed::number`].
    pub number: u64,
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
