//! The conditions that end a run before its input does: a pure decision.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::Until;
use crate::model::{StopCause, Verdict};

/// When a run is over although its input is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopConditions {
    /// The condition that completes the run.
    pub until: Until,
    /// After so many failures, error statuses among them. Lines that fail before they are jobs do not count: they
    /// are found while the list is read, so their number says nothing about the servers.
    pub max_failures: Option<NonZeroU32>,
    /// After this time, from its start.
    pub max_duration: Option<Duration>,
    /// After so many bytes of bodies, as they are sent.
    pub quota: Option<u64>,
}

impl Default for StopConditions {
    fn default() -> Self {
        Self { until: Until::All, max_failures: None, max_duration: None, quota: None }
    }
}

impl StopConditions {
    /// Returns the cause if this verdict of a job ends the run; `failures` counts failed jobs, this one included. A
    /// job that was refused without a request may have failed, but is not the first URL completed.
    pub(super) fn after(&self, verdict: &Verdict, asked: bool, failures: u64) -> Option<StopCause> {
        let failed = match verdict {
            Verdict::Ok => false,
            Verdict::HttpError | Verdict::Failed(_) => true,
            // No request was sent, so there is no response.
            Verdict::Skipped(_) | Verdict::Cancelled => return None,
        };
        match self.until {
            Until::FirstCompleted if asked => Some(StopCause::FirstCompleted),
            Until::FirstSuccess if !failed => Some(StopCause::FirstSuccess),
            Until::FirstError if failed => Some(StopCause::FirstError),
            _ => {
                let many = self.max_failures.is_some_and(|most| failures >= u64::from(most.get()));
                (failed && many).then_some(StopCause::MaxFailures)
            }
        }
    }

    /// Returns the cause if a run that has received so many bytes of bodies receives no more.
    pub(super) fn after_bytes(&self, received: u64) -> Option<StopCause> {
        self.quota.is_some_and(|most| received >= most).then_some(StopCause::Quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SkipReason;

    #[test]
    fn each_end_is_met_by_its_verdict_alone() {
        let until = |until| StopConditions { until, ..StopConditions::default() };
        let cases = [
            (until(Until::All), Verdict::HttpError, None),
            (until(Until::FirstCompleted), Verdict::Ok, Some(StopCause::FirstCompleted)),
            (until(Until::FirstCompleted), Verdict::HttpError, Some(StopCause::FirstCompleted)),
            (until(Until::FirstCompleted), Verdict::Skipped(SkipReason::Duplicate), None),
            (until(Until::FirstCompleted), Verdict::Cancelled, None),
            (until(Until::FirstSuccess), Verdict::HttpError, None),
            (until(Until::FirstSuccess), Verdict::Ok, Some(StopCause::FirstSuccess)),
            (until(Until::FirstError), Verdict::Ok, None),
            (until(Until::FirstError), Verdict::HttpError, Some(StopCause::FirstError)),
        ];
        for (ends, verdict, cause) in cases {
            assert_eq!(ends.after(&verdict, true, 1), cause, "{ends:?} {verdict:?}");
        }
        let refused = Verdict::HttpError;
        assert_eq!(until(Until::FirstCompleted).after(&refused, false, 1), None);
        assert_eq!(until(Until::FirstError).after(&refused, false, 1), Some(StopCause::FirstError));
    }

    #[test]
    fn failures_are_counted_to_the_most_that_are_allowed() {
        let ends = StopConditions { max_failures: NonZeroU32::new(3), ..StopConditions::default() };
        assert_eq!(ends.after(&Verdict::HttpError, true, 2), None);
        assert_eq!(ends.after(&Verdict::HttpError, true, 3), Some(StopCause::MaxFailures));
        assert_eq!(ends.after(&Verdict::Ok, true, 3), None);
    }
}
