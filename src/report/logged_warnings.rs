//! Warnings in the log, which is all that a scheduled run leaves for people.

use super::Reporter;
use crate::model::Event;
use crate::policy::text::printable::printable;

/// Logs each warning.
#[derive(Debug)]
pub struct LoggedWarnings;

impl Reporter for LoggedWarnings {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            tracing::warn!("{}", printable(text));
        }
    }
}
