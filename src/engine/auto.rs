//! `--concurrency auto`: how many may be out at once; the decision is `policy::concurrency`'s.

use tokio::time::Instant;

use crate::model::{AutoConcurrency, ErrorKind, Outcome, Subject, Verdict};
use crate::policy::concurrency::{Chosen, Ended, Knee};

/// The limit that is found while the run goes on; without one the backend's own is the only one.
#[derive(Default)]
pub(super) struct Auto(Option<(Knee, Instant)>);

impl Auto {
    /// Of at most so many; off unless asked for.
    pub(super) fn new(asked: bool, most: u32) -> Self {
        Self(asked.then(|| (Knee::new(most), Instant::now())))
    }

    /// Whether another one may be out beside so many.
    pub(super) fn allows(&self, out: usize) -> bool {
        self.0.as_ref().is_none_or(|(knee, _)| out < knee.limit() as usize)
    }

    /// How many may be out, where that is not always the same.
    pub(super) fn limit(&self) -> Option<u32> {
        self.0.as_ref().map(|(knee, _)| knee.limit())
    }

    /// One has come back, of so many that were out, while others waited to go or not.
    pub(super) fn came_back(&mut self, outcome: &Outcome, out: usize, others_wait: bool) {
        let Some((knee, started)) = &mut self.0 else { return };
        // What was not asked took nobody's time.
        let Some(all) = outcome.timing.total else { return };
        // Of a chain of redirects only the last hop was out just now.
        let before = match &outcome.subject {
            Subject::Job(job) => job.onward.as_ref().and_then(|onward| onward.timing.total).unwrap_or_default(),
            Subject::Seed(_) | Subject::Bad(_) => return,
        };
        let took = all.saturating_sub(before);
        let busy = others_wait || out >= knee.limit() as usize;
        let ended = Ended { took, turned_away: was_turned_away(outcome), busy };
        knee.ended(ended, started.elapsed());
    }

    /// What was chosen, for the summary.
    pub(super) fn chosen(&self) -> Option<AutoConcurrency> {
        let Chosen { limit, why } = self.0.as_ref()?.0.chosen();
        Some(AutoConcurrency { limit, why })
    }
}

/// Whether a server said, or showed, that this was too much.
pub(super) fn was_turned_away(outcome: &Outcome) -> bool {
    match &outcome.verdict {
        Verdict::HttpError => matches!(outcome.facts.status, Some(429 | 503)),
        Verdict::Failed(error) => {
            matches!(error.kind, ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Reset)
        }
        Verdict::Ok | Verdict::Skipped(_) | Verdict::Cancelled => false,
    }
}
