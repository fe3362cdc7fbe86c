//! Selects the records of an earlier run that deserve another try.

use crate::model::{ErrorKind, refused_value};

/// The fields of a record that decide.
#[derive(Debug, Clone, Copy)]
pub struct RecordedOutcome<'a> {
    /// Its outcome, such as `http_error`.
    pub outcome: &'a str,
    /// Its error kind, if it has one.
    pub kind: Option<&'a str>,
    /// Its status, if there was one.
    pub status: Option<u16>,
}

/// Outcomes that are worth another try.
const OUTCOMES: [&str; 3] = ["http_error", "failed", "cancelled"];

/// Outcomes that need none.
const SETTLED: [&str; 2] = ["ok", "skipped"];

/// The set of records to retry, among those that are neither ok nor skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<SelectionWord>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelectionWord {
    Outcome(&'static str),
    Kind(ErrorKind),
    Status(u16),
    /// The first digit of the status.
    Class(u16),
}

impl Selection {
    /// Selects all records that are neither ok nor skipped.
    pub fn all() -> Self {
        Self::default()
    }

    /// Parses a selection from words: outcomes, error kinds, statuses such as `404` and classes such as `5xx`.
    ///
    /// # Errors
    /// Names the unknown word and lists the valid ones.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        words.into_iter().map(word).collect::<Result<_, _>>().map(Self)
    }

    /// Whether to retry this record. Without words, every record that is neither ok nor skipped qualifies.
    pub fn takes(&self, ended: RecordedOutcome<'_>) -> bool {
        let named = |word: &SelectionWord| match *word {
            SelectionWord::Outcome(outcome) => ended.outcome == outcome,
            SelectionWord::Kind(kind) => ended.kind == Some(kind.as_str()),
            SelectionWord::Status(status) => ended.status == Some(status),
            SelectionWord::Class(class) => ended.status.is_some_and(|status| status / 100 == class),
        };
        !SETTLED.contains(&ended.outcome) && (self.0.is_empty() || self.0.iter().any(named))
    }
}

/// Whether a record can have this outcome.
pub fn is_outcome(word: &str) -> bool {
    OUTCOMES.contains(&word) || SETTLED.contains(&word)
}

fn word(text: &str) -> Result<SelectionWord, String> {
    let outcome = OUTCOMES.into_iter().find(|outcome| outcome.eq_ignore_ascii_case(text)).map(SelectionWord::Outcome);
    let kind = || {
        ErrorKind::ALL
            .iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .map(|kind| SelectionWord::Kind(*kind))
    };
    outcome.or_else(kind).or_else(|| status(text)).ok_or_else(|| {
        let kinds: Vec<_> =
            ErrorKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| *kind != "cancelled").collect();
        let (outcomes, kinds) = (OUTCOMES.join(", "), kinds.join(", "));
        format!(
            "{} is none of the outcomes {outcomes}, none of the error kinds {kinds}, \
             no status such as 404 and no class such as 5xx",
            refused_value(text)
        )
    })
}

fn status(text: &str) -> Option<SelectionWord> {
    if let Some(class) = text.to_ascii_lowercase().strip_suffix("xx") {
        return class.parse().ok().filter(|class| (1..=9).contains(class)).map(SelectionWord::Class);
    }
    text.parse().ok().filter(|status| (100..=999).contains(status)).map(SelectionWord::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(words: &[&str], outcome: &str, kind: Option<&str>, status: Option<u16>) -> bool {
        Selection::of(words.iter().copied()).unwrap().takes(RecordedOutcome { outcome, kind, status })
    }

    #[test]
    fn without_words_all_that_is_not_settled() {
        for (outcome, expected) in
            [("ok", false), ("skipped", false), ("http_error", true), ("failed", true), ("cancelled", true)]
        {
            assert_eq!(takes(&[], outcome, None, None), expected, "{outcome}");
        }
    }

    #[test]
    fn any_of_the_words_is_enough() {
        let timeout = ("failed", Some("timeout"), None);
        let busy = ("http_error", Some("http_status"), Some(503));
        for (words, on_timeout, on_busy) in [
            (&["timeout"][..], true, false),
            (&["5xx"], false, true),
            (&["5XX", "timeout"], true, true),
            (&["503"], false, true),
            (&["404", "4xx"], false, false),
            (&["failed"], true, false),
            (&["http_error"], false, true),
            (&["http_status"], false, true),
            (&["cancelled"], false, false),
        ] {
            let of = |(outcome, kind, status)| takes(words, outcome, kind, status);
            assert_eq!((of(timeout), of(busy)), (on_timeout, on_busy), "{words:?}");
        }
        assert!(!takes(&["2xx"], "ok", None, Some(200)), "what is ok is never tried again");
        assert!(takes(&["2xx"], "failed", Some("truncated"), Some(200)));
    }

    #[test]
    fn other_words_are_refused_with_those_that_would_do() {
        for text in ["", "ok", "0xx", "xx", "99", "1000", "5x", "-404", "55xx"] {
            let why = Selection::of([text]).unwrap_err();
            assert!(why.starts_with(&format!("`{text}` is none of")), "{why}");
            assert!(["http_error", "timeout", "404", "5xx"].iter().all(|good| why.contains(good)), "{why}");
        }
        for kind in ErrorKind::ALL {
            assert!(Selection::of([kind.as_str()]).is_ok(), "{}", kind.as_str());
        }
    }
}
