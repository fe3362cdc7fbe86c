//! `--concurrency auto`: how many may be out at once; the decision is `policy::limits::concurrency`'s.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{AutoConcurrency, ErrorKind, Outcome, Verdict};
use crate::policy::limits::concurrency::{Chosen, ConcurrencyTuner, FetchSample};

/// The limit that is found while the run goes on; without one the backend's own is the only one.
#[derive(Default)]
pub(super) struct AutoTuner(Option<(ConcurrencyTuner, Instant)>);

impl AutoTuner {
    /// Creates a tuner with this maximum; off unless `asked`.
    pub(super) fn new(asked: bool, most: u32) -> Self {
        Self(asked.then(|| (ConcurrencyTuner::new(most), Instant::now())))
    }

    /// Whether another fetch may start beside `out` fetches.
    pub(super) fn allows(&self, out: usize) -> bool {
        self.0.as_ref().is_none_or(|(tuner, _)| out < tuner.limit() as usize)
    }

    /// Returns the current limit, if a tuner varies it.
    pub(super) fn limit(&self) -> Option<u32> {
        self.0.as_ref().map(|(tuner, _)| tuner.limit())
    }

    /// Records a fetch that has ended, one of `in_flight`, and the duration of its last request.
    /// `others_wait`: another job could have used its slot.
    pub(super) fn came_back(&mut self, outcome: &Outcome, took: Option<Duration>, in_flight: usize, others_wait: bool) {
        let Some((tuner, started)) = &mut self.0 else { return };
        // A job without a request took no time of a server.
        let Some(took) = took else { return };
        let busy = others_wait || in_flight >= tuner.limit() as usize;
        let ended = FetchSample { took, turned_away: was_turned_away(outcome), busy };
        tuner.ended(ended, started.elapsed());
    }

    /// Returns the chosen limit, for the summary.
    pub(super) fn chosen(&self) -> Option<AutoConcurrency> {
        let Chosen { limit, why } = self.0.as_ref()?.0.chosen();
        Some(AutoConcurrency { limit, why })
    }
}

/// Whether a server signalled overload.
pub(super) fn was_turned_away(outcome: &Outcome) -> bool {
    match &outcome.verdict {
        Verdict::HttpError => matches!(outcome.facts.status, Some(429 | 503)),
        Verdict::Failed(error) => {
            matches!(error.kind, ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Reset)
        }
        Verdict::Ok | Verdict::Skipped(_) | Verdict::Cancelled => false,
    }
}
