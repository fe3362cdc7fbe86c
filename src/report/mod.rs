//! What a person, or a program that watches, sees of a run. Lossy, never slow, cannot fail.
//!
//! ```text
//! engine ──Event──▶ bar      a bar on a terminal
//!                   lines    a line now and then, elsewhere
//!                   events   JSON lines for programs
//!                   failures what failed, where no record tells it
//!                   summary  the account, at the end
//! ```
//!
//! What they write goes through a [`LossyWriter`]: nobody has to read it.
//!
//! To add an event: a variant in `model/event.rs`, one place in `engine/dispatch.rs` that sends
//! it, and an arm in each reporter that cares.

mod bar;
mod events;
mod failures;
mod lines;
mod lossy_writer;
mod summary;

use std::io::Write;

use crate::model::Event;

pub use bar::{Bar, LinesAbove, TextAround};
pub use events::{Events, dropped_event};
pub use failures::Failures;
pub use lines::Lines;
pub use lossy_writer::{LossyWriter, Notice};
pub use summary::SummaryText;

/// Sees every event. It returns nothing, on purpose: a run does not depend on being watched.
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
}

/// Where a reporter writes: standard error, or a test's buffer.
pub type ReportWriter = Box<dyn Write + Send>;
