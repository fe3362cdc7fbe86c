//! Warns of a Last-Modified that is no date: with `--remote-time` the file has another time then.

use crate::model::{Event, Outcome, Verdict};
use crate::policy::message::date;
use crate::policy::text::printable::{cut, printable, text_of_octets};
use crate::report::Reporter;

/// The most characters of a field that a warning shows.
const SHOWN: usize = 60;

/// Passes every event on, and checks the Last-Modified of each saved body.
struct TimeWatch {
    reporters: Vec<Box<dyn Reporter>>,
    /// Whether the warning is out.
    has_warned: bool,
}

/// Wraps reporters: they get one warning, about the first file without the time of its server.
pub(super) fn watched(reporters: Vec<Box<dyn Reporter>>) -> Vec<Box<dyn Reporter>> {
    vec![Box::new(TimeWatch { reporters, has_warned: false })]
}

fn warning(outcome: &Outcome) -> Option<String> {
    let said = outcome.facts.validators.as_ref()?.last_modified.as_deref()?;
    if outcome.verdict != Verdict::Ok || date::parse(said).is_some() {
        return None;
    }
    let (url, said) = (outcome.subject.url(), text_of_octets(said));
    Some(format!(
        "{}: Last-Modified is no date (`{}`); the file has the time of its download. More such files are not told",
        printable(url),
        cut(&printable(&said), SHOWN),
    ))
}

impl Reporter for TimeWatch {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Done(outcome) = event
            && !self.has_warned
            && let Some(text) = warning(outcome)
        {
            self.has_warned = true;
            self.reporters.iter_mut().for_each(|reporter| reporter.event(&Event::Warning(&text)));
        }
        self.reporters.iter_mut().for_each(|reporter| reporter.event(event));
    }

    fn watches_jobs(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_jobs())
    }

    fn watches_progress(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_progress())
    }

    fn watches_hosts(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_hosts())
    }
}
