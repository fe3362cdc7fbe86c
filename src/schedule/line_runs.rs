//! The lines of jobs that are in the queue on disk. Each line has a record, even if the queue loses it.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Job, JobId, Seed, Via};

/// The lines of some jobs, in their order. Neighbours in a list need no more memory than one.
#[derive(Debug, Default)]
pub(super) struct LineRuns(Vec<LineRun>);

/// Lines at even steps.
#[derive(Debug)]
struct LineRun {
    /// The first.
    via: Via,
    id: u64,
    admitted: Instant,
    /// The step from one to the next, in lines and in ids.
    step: (u64, u64),
    count: u64,
}

/// The line of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobLine {
    pub(super) id: JobId,
    pub(super) via: Via,
    pub(super) admitted: Instant,
}

impl LineRuns {
    /// Notes the line of a job.
    pub(super) fn note(&mut self, job: &Job) {
        let Job { seed: Seed { id, via, .. }, admitted, .. } = job;
        if self.0.last_mut().is_some_and(|run| run.extend(via, id.0, *admitted)) {
            return;
        }
        self.0.push(LineRun { via: via.clone(), id: id.0, admitted: *admitted, step: (0, 0), count: 1 });
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|run| run.count as usize).sum()
    }

    /// The lines in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = JobLine> + '_ {
        self.0.iter().flat_map(|run| (0..run.count).map(|n| run.line(n)))
    }
}

impl LineRun {
    fn extend(&mut self, via: &Via, id: u64, admitted: Instant) -> bool {
        let (first, next) = (self.via.origin(), via.origin());
        let is_alike = discriminant(&self.via) == discriminant(via) && Arc::ptr_eq(&first.list, &next.list);
        if !is_alike || self.admitted != admitted {
            return false;
        }
        let last = self.count - 1;
        let (last_line, last_id) = (first.line + self.step.0 * last, self.id + self.step.1 * last);
        let (Some(lines), Some(ids)) = (next.line.checked_sub(last_line), id.checked_sub(last_id)) else {
            return false;
        };
        let fits = self.count == 1 || self.step == (lines, ids);
        if fits {
            (self.step, self.count) = ((lines, ids), self.count + 1);
        }
        fits
    }

    fn line(&self, n: u64) -> JobLine {
        let via = self.via.at(self.via.origin().line + self.step.0 * n);
        JobLine { id: JobId(self.id + self.step.1 * n), via, admitted: self.admitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SourcePos;

    #[test]
    fn lines_are_those_of_the_jobs_and_take_little_memory() {
        let (now, lists) = (Instant::now(), ["a", "b"].map(Arc::<str>::from));
        let jobs: Vec<_> = [(0, 0), (1, 0), (2, 0), (7, 0), (9, 1), (11, 1), (13, 1), (4000, 1), (12, 1)]
            .map(|(n, list)| {
                let via = Via::List(SourcePos { list: lists[list].clone(), line: n * 3 + 1 });
                let url = url::Url::parse("http://h.test/").unwrap();
                Job::new(Seed { id: JobId(n), ..Seed::new(url, via) }, None, now)
            })
            .into();
        let mut runs = LineRuns::default();
        jobs.iter().for_each(|job| runs.note(job));
        let lines = jobs.iter().map(|job| JobLine { id: job.seed.id, via: job.seed.via.clone(), admitted: now });
        assert_eq!(runs.iter().collect::<Vec<_>>(), lines.collect::<Vec<_>>());
        assert_eq!((runs.len(), runs.0.len()), (9, 5));
    }
}
