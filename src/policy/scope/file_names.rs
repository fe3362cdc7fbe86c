//! Filters of file names, as wget's `-A` and `-R` have them.
//!
//! An entry with `*`, `?`, `[` or `]` is a pattern for the whole name, any other one is the end of a name. The
//! query is no part of the name. A page that does not qualify is fetched for its links.

use crate::model::{HIDDEN, shown_pattern};
use crate::policy::text::glob::{Globs, has_wildcards};

/// Accepted and rejected names.
#[derive(Debug, Clone)]
pub(super) struct NameFilter {
    accept: NameList,
    reject: NameList,
    accept_rule: String,
    /// The rule of each entry of `reject`.
    reject_rules: Vec<(String, String)>,
}

/// The verdict of a filter about a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameVerdict<'f> {
    Save,
    LinksOnly,
    Refuse(&'f str),
}

impl NameFilter {
    pub(super) fn new(accept: &[String], reject: &[String]) -> Result<Self, String> {
        let shown = |entry| shown_pattern(entry).unwrap_or(HIDDEN);
        Ok(Self {
            accept: NameList::new("accept", accept)?,
            reject: NameList::new("reject", reject)?,
            accept_rule: format!("accept {}", accept.iter().map(|entry| shown(entry)).collect::<Vec<_>>().join(",")),
            reject_rules: reject.iter().cloned().zip(super::rules("reject", reject)).collect(),
        })
    }

    pub(super) fn judge(&self, path: &str, is_page: bool) -> NameVerdict<'_> {
        // The page of a folder gets this name.
        let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html");
        if let Some(entry) = self.reject.first_match(name) {
            if is_page && is_html(name) {
                return NameVerdict::LinksOnly;
            }
            let rule = self.reject_rules.iter().find(|(known, _)| known == entry);
            return NameVerdict::Refuse(rule.map_or(entry, |(_, rule)| rule));
        }
        if self.accept.is_empty() || self.accept.first_match(name).is_some() {
            NameVerdict::Save
        } else if is_page && (is_html(name) || !name.contains('.')) {
            NameVerdict::LinksOnly
        } else {
            NameVerdict::Refuse(&self.accept_rule)
        }
    }
}

/// Whether a name ends as those of HTML do: `htm`, `html`, and `html` with a letter before it.
fn is_html(name: &str) -> bool {
    let Some((_, end)) = name.rsplit_once('.') else { return false };
    let end = end.to_ascii_lowercase();
    end == "htm" || end == "html" || (end.len() == 5 && end.ends_with("html"))
}

/// Ends of names, and patterns.
#[derive(Debug, Clone)]
struct NameList {
    ends: Vec<String>,
    patterns: Globs,
}

impl NameList {
    fn new(setting: &str, entries: &[String]) -> Result<Self, String> {
        let wrong = |error| format!("{setting} {error}");
        // The error has the number among all entries.
        Globs::new(entries).map_err(wrong)?;
        let (patterns, ends): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| has_wildcards(entry));
        let patterns = Globs::new(&patterns).map_err(wrong)?;
        Ok(Self { ends: ends.into_iter().filter(|end| !end.is_empty()).collect(), patterns })
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.patterns.is_empty()
    }

    fn first_match(&self, name: &str) -> Option<&str> {
        let end = self.ends.iter().find(|end| name.ends_with(end.as_str()));
        end.map(String::as_str).or_else(|| self.patterns.first_match(name))
    }
}
