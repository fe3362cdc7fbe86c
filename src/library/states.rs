//! The state of each URL of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Event, Outcome, Verdict};
use crate::report::Reporter;

/// The state of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobState {
    /// Not begun, perhaps not even read.
    #[default]
    Pending,
    /// A backend has it.
    Running,
    /// It has its outcome.
    Done,
    /// The run was stopped first.
    Cancelled,
}

impl JobState {
    pub(super) fn of(outcome: &Outcome) -> Self {
        if outcome.verdict == Verdict::Cancelled { JobState::Cancelled } else { JobState::Done }
    }
}

/// The states of a run, by number: one byte a URL.
#[derive(Clone, Default)]
pub(super) struct States(Arc<Mutex<Vec<JobState>>>);

impl States {
    pub(super) fn of(&self, number: u64) -> JobState {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.locked().get(at).copied()).unwrap_or_default()
    }

    fn set(&self, number: u64, state: JobState) {
        let Ok(at) = usize::try_from(number) else { return };
        let mut states = self.locked();
        if states.len() <= at {
            states.resize(at + 1, JobState::Pending);
        }
        states[at] = state;
    }

    fn locked(&self) -> MutexGuard<'_, Vec<JobState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for States {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::HandedOut(job) => self.set(job.seed.id.0, JobState::Running),
            Event::Done(outcome) => self.set(outcome.subject.id().0, JobState::of(outcome)),
            _ => {}
        }
    }

    fn watches_jobs(&self) -> bool {
        true
    }
}
