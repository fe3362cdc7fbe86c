//! A URL that a crawl does not fetch, as JSON.

use serde::Serialize;

use super::line::append_line;
use crate::model::{LeftOut, Outcome, SkipReason, Verdict};

/// One line of `--skipped`.
#[derive(Debug, Serialize)]
pub struct LeftOutRecord<'a> {
    url: &'a str,
    reason: &'static str,
    rule: Option<&'a str>,
    parent: Option<&'a str>,
}

impl<'a> LeftOutRecord<'a> {
    /// The record of a link.
    pub fn of(link: &'a LeftOut) -> Self {
        let LeftOut { url, reason, rule, parent } = link;
        Self { url, reason: reason.as_str(), rule: rule.as_deref(), parent: parent.as_deref() }
    }

    /// The record of a URL that became a seed and was skipped by a rule; `None` for one whose body is there, or would
    /// be fetched by a run that is not dry.
    pub fn of_outcome(outcome: &'a Outcome) -> Option<Self> {
        use SkipReason::{Done, DryRun, Exists, NotModified};
        match outcome.verdict {
            Verdict::Skipped(Done | Exists | NotModified | DryRun) => None,
            Verdict::Skipped(reason) => Some(Self {
                url: outcome.subject.url(),
                reason: reason.as_str(),
                rule: outcome.facts.rule.as_deref(),
                parent: outcome.subject.via().parent().map(|parent| &**parent),
            }),
            Verdict::Ok | Verdict::HttpError | Verdict::Failed(_) | Verdict::Cancelled => None,
        }
    }

    /// Appends the text that two records of one fact have in common.
    pub fn identity(&self, text: &mut String) {
        text.push_str(self.reason);
        text.push(' ');
        text.push_str(self.url);
    }

    /// Appends the record and a newline.
    ///
    /// # Errors
    /// Never, for a record of text.
    pub fn append(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        append_line(self, line)
    }
}
