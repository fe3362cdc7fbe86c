//! What may be fetched next, and whether anything is left.

#[cfg(test)]
mod contract;
mod memory;

use crate::model::{Claimed, Job, JobId, Seed};

pub use memory::MemoryFrontier;

/// What became of a job that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It has its outcome.
    Done,
}

/// The answer to a claim.
#[derive(Debug)]
pub enum Claim {
    /// Fetch this.
    Job(Box<Job>),
    /// Nothing waits, but jobs are out.
    Waiting,
    /// Nothing waits and nothing is out.
    Empty,
}

/// Holds what waits to be fetched.
///
/// It is called from one loop, so it needs no locks; it must not block.
pub trait Frontier: Send {
    /// Notes that this URL was read, and for whom: `url` may carry credentials. True when it was
    /// read before; always false when duplicates are wanted.
    fn seen(&mut self, url: &str) -> bool;

    /// Admits a seed.
    fn push(&mut self, seed: Seed, save_as: Option<Claimed>);

    /// How many more seeds it takes; bounded by their number and by their text.
    fn room(&self) -> usize;

    /// Whether [`Frontier::claim`] would hand out a job.
    fn has_ready(&self) -> bool;

    /// Hands out the waiting seed of the highest priority, of those the one admitted first.
    fn claim(&mut self) -> Claim;

    /// A claimed job is no longer out.
    fn settle(&mut self, job: JobId, how: Settled);

    /// Gives back everything that waits, in the order it would have been handed out, for good.
    fn drain(&mut self) -> Vec<Seed>;
}

/// A kind of frontier, for the tests that all of them must pass.
#[derive(Debug, Clone, Copy)]
pub struct FrontierEntry {
    /// Its name.
    pub name: &'static str,
    /// Makes one; the argument says whether duplicates are noticed.
    pub make: fn(bool) -> Box<dyn Frontier>,
}

/// Every frontier.
pub const FRONTIERS: &[FrontierEntry] =
    &[FrontierEntry { name: "memory", make: |dedup| Box::new(MemoryFrontier::new(dedup)) }];
