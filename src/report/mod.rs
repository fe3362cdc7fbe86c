//! Progress output of a run for people and programs. Lossy, never slow, cannot fail.
//!
//! ```text
//! engine ──Event──▶ bar      a bar on a terminal
//!                   lines    a line now and then, elsewhere
//!                   events   JSON lines for programs
//!                   warnings into the log
//!                   failures what failed, where no record tells it
//!                   summary  the account, at the end
//! ```
//!
//! They write through a [`LossyWriter`], so a slow reader does not hold up the run.
//!
//! To add an event: a variant in `model/event.rs`, one place in `engine/dispatch.rs` that sends
//! it, and an arm in each reporter that cares.

mod bar;
mod crawl_counts;
mod events;
mod failures;
mod lines;
mod live;
mod logged_warnings;
mod lossy_writer;
mod next_command;
mod summary;
mod waits;

use std::io::Write;

use crate::model::Event;

pub use bar::{Bar, LinesAbove, TextAround, stderr_columns, stdout_columns};
pub use events::{Events, dropped_event};
pub use failures::Failures;
pub use lines::Lines;
pub use live::{LiveView, PauseSwitch};
pub use logged_warnings::LoggedWarnings;
pub use lossy_writer::{LossyWriter, Notice};
pub use next_command::NextCommand;
pub use summary::{SavedBodies, SummaryOptions, SummaryText};

/// Receives every event. It returns no result, on purpose: a run does not depend on its reporters.
pub trait Reporter: Send {
    /// One event.
    fn event(&mut self, event: &Event<'_>);

    /// Whether it looks at [`Event::HandedOut`] and the slowest URLs of [`Event::Tick`], which
    /// cost a table entry for each URL.
    fn watches_jobs(&self) -> bool {
        false
    }

    /// Whether it looks at [`Event::Tick`].
    fn watches_progress(&self) -> bool {
        false
    }

    /// Whether it looks at [`Event::Hosts`], which costs a look at each host. They come with ticks only.
    fn watches_hosts(&self) -> bool {
        false
    }
}

/// The output of a reporter: standard error, or a test's buffer.
pub type ReportWriter = Box<dyn Write + Send>;
