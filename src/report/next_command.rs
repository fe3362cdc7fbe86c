//! The last line of a summary: the command that continues the run, or tries its failures again.

use crate::model::{StopCause, Summary};

/// How a run can be continued. It depends on what the run keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NextCommand {
    /// The summary does not say.
    #[default]
    Unsaid,
    /// The same command continues: the run has a state.
    Same,
    /// The same command continues without this flag.
    Without(&'static str),
    /// The same command continues with these words: the run has a file of records.
    With(String),
    /// The run is a worker of a job, which others go on with.
    Queue,
    /// The run keeps nothing.
    FromStart,
}

impl NextCommand {
    /// Returns the line; `None` if there is nothing to continue or to try again. `selects`: the command has `--only`.
    pub fn text(&self, s: &Summary, selects: bool) -> Option<String> {
        let (left, failed) = (s.counts.cancelled, s.counts.http_error + s.counts.failed);
        // Other ends are those that the user asked for.
        let is_early = matches!(
            s.stopped,
            Some(
                StopCause::Interrupt
                    | StopCause::Broken
                    | StopCause::FirstError
                    | StopCause::MaxFailures
                    | StopCause::MaxDuration
                    | StopCause::Quota
            )
        );
        let continues = is_early && (left > 0 || !s.input_complete);
        if !continues && (failed == 0 || s.stopped == Some(StopCause::OutputClosed)) {
            return None;
        }
        let purpose = if continues { "continue" } else { "try again" };
        let open = [(left, "left"), (failed, "failed")];
        let open: Vec<_> = open.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| format!("{n} {noun}")).collect();
        let open = if open.is_empty() { String::new() } else { format!(" ({})", open.join(", ")) };
        // Failures that last would end the next run at the same place.
        let is_by_failures = matches!(s.stopped, Some(StopCause::FirstError | StopCause::MaxFailures));
        // A crawl has no --only.
        let beyond = if continues && is_by_failures && failed > 0 && !selects && s.crawl.is_none() {
            "; --only cancelled passes over the failed"
        } else {
            ""
        };
        // The next failures may have other causes than those that were selected.
        let (without, and_without) = match !continues && selects {
            true => (" without --only", " and without --only"),
            false => ("", ""),
        };
        let command = match self {
            NextCommand::Unsaid => return None,
            NextCommand::FromStart if s.counts.read <= 1 && s.input_complete => return None,
            NextCommand::Same => format!("the same command{without}{open}{beyond}"),
            NextCommand::Queue if continues => format!("the same command{open}"),
            // The job has an outcome of each URL.
            NextCommand::Queue => return None,
            NextCommand::Without(flag) => format!("the same command without {flag}{open}{beyond}"),
            // The records know nothing of lines that were not read.
            NextCommand::With(words) => match s.next_line.as_ref().filter(|_| !s.input_complete) {
                Some(next) => {
                    format!("the same command with {words}{and_without}{open}{beyond}; then the list from {next} on")
                }
                None => format!("the same command with {words}{and_without}{open}{beyond}"),
            },
            NextCommand::FromStart => format!("the same command from the start{open}; --dir DIR resumes"),
        };
        Some(format!("to {purpose}: {command}"))
    }
}
