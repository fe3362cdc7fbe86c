//! Why a URL is fetched or not, as JSON.

use serde::Serialize;

/// The answer of `fetchall explain` about one URL.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The version of this form.
    pub v: u32,
    /// The URL, without user name and password.
    pub url: String,
    /// `fetched`, `not_fetched` or `would_fetch`.
    pub verdict: &'static str,
    /// Why it is not fetched, or has no body: a reason of skipped records, or a kind of error.
    pub reason: Option<String>,
    /// The rule behind the reason.
    pub rule: Option<String>,
    /// The form in which URLs are compared.
    pub canonical: String,
    /// `list`, `start`, `in` or `out`.
    pub scope: &'static str,
    /// The rule that keeps it out of scope.
    pub scope_rule: Option<String>,
    /// The rule for traps that it breaks.
    pub trap: Option<String>,
    /// The verdict of robots.txt. Null if none is asked for, or none is known offline.
    pub robots: Option<RobotsRule>,
    /// Another URL that counts in its place: one with the same canonical form, or one that redirects to it.
    pub duplicate_of: Option<String>,
    /// The pages of the state that link to it.
    pub linked_from: LinkedFrom,
    /// The name of its file below the output folder.
    pub file: Option<String>,
    /// The path of the state. Null if there is none.
    pub state_path: Option<String>,
    /// The facts that the state knows. Null if it does not know the URL.
    pub state: Option<StateEntry>,
}

/// The verdict of a robots.txt.
#[derive(Debug, Clone, Serialize)]
pub struct RobotsRule {
    /// Whether it allows the URL.
    pub allowed: bool,
    /// The line that decides, or why there is none.
    pub rule: String,
    /// The agent of the group that decides. Null if no line does.
    pub agent: Option<&'static str>,
    /// The pause that it asks for, in seconds.
    pub crawl_delay_s: Option<f64>,
    /// The age of the copy of the state, in seconds. Null if the file was asked for now.
    pub age_s: Option<u64>,
}

/// Pages with links to a URL.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LinkedFrom {
    /// How many.
    pub count: u64,
    /// The first ones.
    pub pages: Vec<String>,
}

/// The facts that a state knows of a URL.
#[derive(Debug, Clone, Serialize)]
pub struct StateEntry {
    /// The outcome of the last request.
    pub outcome: String,
    /// The kind of its error.
    pub error: Option<String>,
    /// Its status.
    pub status: Option<u16>,
    /// The end of its redirects.
    pub final_url: Option<String>,
    /// When the body was asked for.
    pub started_at: Option<String>,
    /// The size of the body.
    pub bytes: Option<u64>,
    /// The media type.
    pub content_type: Option<String>,
    /// The validators.
    pub etag: Option<String>,
    /// The time of the last change, as the server said it.
    pub last_modified: Option<String>,
    /// The title of the page.
    pub title: Option<String>,
    /// How many links the page has.
    pub links: Option<u64>,
}

impl Explanation {
    /// Writes it as one line.
    ///
    /// # Errors
    /// Never, for text and numbers.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}
