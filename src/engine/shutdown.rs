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

/// The wishes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunControl {
    pub level: StopLevel,
    /// Nothing new is started.
    pub is_paused: bool,
}

/// Stops and pauses a run from outside; clones act on the same run.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<RunControl>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(RunControl { level: StopLevel::Run, is_paused: false })))
    }
}

impl Stop {
    /// The first request drains the run; the second aborts it.
    pub fn escalate(&self) {
        let next = if self.0.borrow().level == StopLevel::Run { StopLevel::Drain } else { StopLevel::Abort };
        self.raise(next);
    }

    /// Stops the run at least this far.
    pub fn raise(&self, level: StopLevel) {
        self.0.send_if_modified(|now| {
            let up = level > now.level;
            now.level = now.level.max(level);
            up
        });
    }

    /// Pauses or resumes the run. A paused run starts no new fetch, and can be stopped.
    pub fn set_paused(&self, is_paused: bool) {
        self.0.send_if_modified(|now| std::mem::replace(&mut now.is_paused, is_paused) != is_paused);
    }

    pub(super) fn watch(&self) -> watch::Receiver<RunControl> {
        let mut receiver = self.0.subscribe();
        // A stop that came before the run is seen all the same.
        receiver.mark_changed();
        receiver
    }
}
