//! One aligned line a URL, for people.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use super::{Output, Sink, SinkError, TextStyle};
use crate::config::Show;
use crate::model::{ANONYMOUS, Outcome, SkipReason, Verdict};
use crate::policy::naming::name_for_url;
use crate::policy::text::fit::UrlLine;
use crate::policy::text::printable::{duration, printable, size};

/// Writes records as text: status or error kind, size, time, URL, and the error message.
pub struct Text {
    output: Output,
    style: TextStyle,
    line: String,
}

impl Text {
    /// Creates a sink that writes to this output.
    pub fn new(output: Output, style: TextStyle) -> Self {
        Self { output, style, line: String::new() }
    }
}

impl Sink for Text {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        if !is_listed(self.style.show, &outcome.verdict) {
            return Ok(ControlFlow::Continue(()));
        }
        self.line.clear();
        let columns = self.style.columns.and_then(|columns| columns());
        describe(outcome, self.style, columns, &mut self.line);
        self.line.push('\n');
        self.output.write(self.line.as_bytes())
    }
}

/// Whether a result is listed. The summary counts the others.
fn is_listed(show: Show, verdict: &Verdict) -> bool {
    use SkipReason::{Done, Duplicate, Exists, NotModified};
    match show {
        Show::Auto | Show::All => true,
        Show::Changes => {
            !matches!(verdict, Verdict::Cancelled | Verdict::Skipped(Done | NotModified | Exists | Duplicate))
        }
        Show::Failures => matches!(verdict, Verdict::HttpError | Verdict::Failed(_)),
        Show::None => false,
    }
}

/// Returns the path of a body that was not fetched now, or whose name does not follow from its URL.
/// Other paths follow from the URL on the same line, and a line has room for one of the two.
fn shown_path(outcome: &Outcome) -> Option<&str> {
    let path = outcome.facts.path.as_deref()?;
    match outcome.verdict {
        Verdict::Skipped(SkipReason::Exists | SkipReason::Done) => Some(path),
        Verdict::Ok => {
            let seed = outcome.subject.seed()?;
            (!Path::new(path).ends_with(name_for_url(&seed.url))).then_some(path)
        }
        _ => None,
    }
}

/// The width of the columns before the URL.
const FIGURES: usize = 34;

/// The least room for the URL and what follows it, also in a narrow terminal.
const LEAST_ROOM: usize = 20;

/// Appends the line of one outcome, without a newline. It has at most so many columns.
fn describe(outcome: &Outcome, style: TextStyle, columns: Option<usize>, line: &mut String) {
    let facts = &outcome.facts;
    let url = printable(outcome.subject.url());
    let room = |before: usize| columns.map(|columns| columns.saturating_sub(before).max(LEAST_ROOM));
    if outcome.verdict == Verdict::Skipped(SkipReason::DryRun) {
        let before = "would fetch ";
        let path = facts.path.as_deref().map(printable).unwrap_or_default();
        let shown = UrlLine { url, final_url: path, ..UrlLine::default() };
        let _ = write!(line, "{before}{}", shown.render(room(before.len())));
        return;
    }
    let status;
    let (word, sgr) = match &outcome.verdict {
        Verdict::Ok => {
            status = facts.status.unwrap_or_default().to_string();
            (status.as_str(), "32")
        }
        Verdict::HttpError => {
            status = facts.status.unwrap_or_default().to_string();
            (status.as_str(), "31")
        }
        Verdict::Failed(error) => (error.kind.as_str(), "31"),
        Verdict::Skipped(reason) => (reason.as_str(), "2"),
        Verdict::Cancelled => ("cancelled", "33"),
    };
    let shown_size = facts.bytes.map_or_else(|| "-".to_owned(), size);
    let time = outcome.timing.total.map_or_else(|| "-".to_owned(), duration);
    let (on, off) = if style.color { (format!("\x1b[{sgr}m"), "\x1b[0m") } else { (String::new(), "") };
    let _ = write!(line, "{on}{word:<11}{off} {shown_size:>10} {time:>9}  ");
    let final_url = facts.final_url.as_ref().map(|url| printable(url.as_str())).unwrap_or_default();
    let shown = UrlLine { url, final_url, note: note(outcome, style) };
    line.push_str(&shown.render(room(FIGURES)));
}

/// Returns the error of an outcome, what helps against it, the rule that skipped it, or a path that does not follow from its URL.
fn note(outcome: &Outcome, style: TextStyle) -> Cow<'_, str> {
    if let Some(advice) = outcome.credentials_advice().filter(|_| style.advises_credentials) {
        return advice.into();
    }
    match (&outcome.verdict, outcome.wrong_line()) {
        (Verdict::Failed(error), Some(line)) => {
            format!("{}, {}", printable(&error.message), printable(&line.to_string())).into()
        }
        (Verdict::Failed(error), None) => printable(&error.message),
        (Verdict::Skipped(_), _) if outcome.facts.rule.is_some() => {
            outcome.facts.rule.as_deref().map(printable).unwrap_or_default()
        }
        (Verdict::HttpError, _) if outcome.facts.is_anonymous => ANONYMOUS.into(),
        _ => shown_path(outcome).map(printable).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::model::{Seed, SourcePos, Subject, Via};

    #[test]
    fn a_line_of_a_skipped_url_has_its_rule() {
        let via = Via::Link(SourcePos { list: "http://a.test/".into(), line: 1 });
        let seed = Seed::new(Url::parse("http://a.test/x").unwrap(), via);
        let mut outcome = Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Skipped(SkipReason::Robots));
        let mut line = String::new();
        for (rule, end) in [
            (Some("robots.txt:2: Disallow: /x"), "  http://a.test/x  (robots.txt:2: Disallow: /x)"),
            (None, "  http://a.test/x"),
        ] {
            outcome.facts.rule = rule.map(Into::into);
            line.clear();
            describe(&outcome, TextStyle::default(), None, &mut line);
            assert!(line.starts_with("robots ") && line.ends_with(end), "{line}");
        }
    }
}
