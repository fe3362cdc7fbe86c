//! Stopping a run: first drain, then abort.

use std::sync::Arc;

use tokio::sync::watch;

/// The stage of a stop. It only ever goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// No stop requested.
    Run,
    /// Start nothing more; let what is under way finish within the grace time.
    Drain,
    /// End what is under way.
    Abort,
}

/// Stops a run from outside; clones stop the same run.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<StopLevel>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(StopLevel::Run)))
    }
}

impl Stop {
    /// The first request drains the run; the second aborts it.
    pub fn escalate(&self) {
        let next = if *self.0.borrow() == StopLevel::Run { StopLevel::Drain } else { StopLevel::Abort };
        self.raise(next);
    }

    /// Stops the run at least this far.
    pub fn raise(&self, level: StopLevel) {
        self.0.send_if_modified(|now| {
            let up = level > *now;
            *now = (*now).max(level);
            up
        });
    }

    pub(super) fn watch(&self) -> watch::Receiver<StopLevel> {
        let mut receiver = self.0.subscribe();
        // A stop that came before the run is seen all the same.
        receiver.mark_changed();
        receiver
    }
}
