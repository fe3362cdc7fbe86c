//! One line for each failed URL, by default in runs that write no records.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{ReportWriter, Reporter};
use crate::model::{Event, FailureCause, Verdict};
use crate::policy::text::printable::printable;

/// How often each cause has failed, the most frequent first: `404 ×3`.
pub(super) fn by_cause(failures: &BTreeMap<FailureCause, u64>) -> Vec<String> {
    let mut causes: Vec<_> = failures.iter().collect();
    causes.sort_by_key(|(_, n)| Reverse(**n));
    causes.iter().map(|(cause, n)| format!("{cause} ×{n}")).collect()
}

/// Writes a line for each http_error and each failure.
pub struct Failures {
    writer: ReportWriter,
    advises_credentials: bool,
}

impl Failures {
    /// To this writer. In a run without credentials a 401 says what gives them.
    pub fn new(writer: ReportWriter, advises_credentials: bool) -> Self {
        Self { writer, advises_credentials }
    }
}

impl Reporter for Failures {
    fn event(&mut self, event: &Event<'_>) {
        let Event::Done(outcome) = event else { return };
        let why = match &outcome.verdict {
            Verdict::HttpError => {
                let facts = &outcome.facts;
                let advice = outcome.credentials_advice().filter(|_| self.advises_credentials);
                let advice = advice.map_or_else(String::new, |advice| format!(" ({advice})"));
                format!("the server answered {}{}{advice}", facts.status.unwrap_or_default(), facts.status_note())
            }
            Verdict::Failed(error) => match outcome.wrong_line() {
                Some(line) => format!("{error}, {line}"),
                None => error.to_string(),
            },
            _ => return,
        };
        let line = format!("fetchall: {}: {}\n", printable(outcome.subject.url()), printable(&why));
        // A closed standard error must not fail the run.
        let _ = self.writer.write_all(line.as_bytes());
    }
}
