//! What may be fetched next, and whether anything is left.

#[cfg(test)]
mod contract;
mod memory;

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::model::{Claimed, Job, Seed, Subject};
use crate::policy::pacer::{AllManners, SharedPacer};
use crate::policy::politeness::Sign;

pub use memory::MemoryFrontier;

/// What became of a job that was claimed.
#[derive(Debug)]
pub enum Settled<'a> {
    /// It has its outcome. This was its URL.
    Done(&'a Url),
    /// It is handed out again, as the next try and from its own URL, not before this time. It keeps its
    /// number and name.
    RetryAt(Instant, Box<Job>),
    /// It did not begin and waits as before; its number of tries is that of those that did.
    Released(Box<Job>),
}

/// For how long a host is left alone; later ends are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldUntil {
    /// Until then.
    Time(Instant),
    /// As long as the run lasts.
    ForGood,
}

/// What a frontier is to keep.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether URLs that it has seen are noticed.
    pub dedup: bool,
    /// How many fetches the run may have under way at once.
    pub concurrency: u32,
    /// How long, from the first line on, a host that has not answered has no more than its share although
    /// nobody else is there: more may be read any moment, and the first host of a list may be a tarpit.
    pub first_moments: Duration,
    /// What hosts are granted.
    pub manners: AllManners,
    /// Keeps starts apart; `None`: nobody asked for that.
    pub pacer: Option<SharedPacer>,
}

/// The answer to a claim.
#[derive(Debug)]
pub enum Claim {
    /// Fetch this.
    Job(Box<Job>),
    /// This is never handed out: its host is held for good, or it was lost where it waited. It waits no
    /// longer.
    Refused(Box<Subject>),
    /// Something waits, and none of it for anything but this time.
    NotBefore(Instant),
    /// Nothing waits, but jobs are out.
    Waiting,
    /// Nothing waits and nothing is out.
    Empty,
}

/// Holds what waits to be fetched.
///
/// It is called from one loop, so it needs no locks; it must not block. It reads no clock to decide
/// whose time has come: [`Frontier::wake`] says what time it is.
pub trait Frontier: Send {
    /// Notes that this URL was read, and for whom: `url` may carry credentials. True when it was
    /// read before; always false when duplicates are wanted.
    fn seen(&mut self, url: &str) -> bool;

    /// Admits a seed.
    fn push(&mut self, seed: Seed, save_as: Option<Claimed>);

    /// How many more seeds it takes; bounded by their number and by their text, as they are in memory.
    /// What hosts are not done with soon may be put elsewhere, in [`Frontier::wake`].
    fn room(&self) -> usize;

    /// Whether there is something to claim, as far as can be told without a clock.
    fn has_ready(&self) -> bool;

    /// Whether nothing waits, be its time come or not.
    fn is_empty(&self) -> bool;

    /// When [`Frontier::wake`] has something to do next.
    fn next_due(&self) -> Option<Instant>;

    /// It is this late: what waited until then or less can be claimed.
    fn wake(&mut self, now: Instant);

    /// Hands out the highest priority. Of one priority, the host with the fewest jobs out is next,
    /// and then the one that has waited longest for its turn; of one host, what waited for its time
    /// goes before the rest, of which the one admitted first is next. While others are ready, a
    /// host that has as many as it has shown to serve comes after them, and hosts in trouble have a
    /// few slots and turns together. Where what redirects and tries have brought is long, and much of
    /// it waits, nothing new is handed out before it.
    fn claim(&mut self) -> Claim;

    /// Hands out the line of this number, be it the turn of its host or not, if its host may be asked now;
    /// it is the first of the input that is neither out nor done. Whether that changes
    /// [`Frontier::next_due`] or the end of something that is out tells.
    fn claim_first(&mut self, number: u64) -> Claim;

    /// Nothing more will be pushed: slots need not be kept for hosts that nobody knows yet. May be said
    /// again and again.
    fn complete(&mut self);

    /// So many fetches are to be under way at once from now on, where the run finds that out by itself;
    /// no more than [`Rules::concurrency`].
    fn limit(&mut self, at_once: u32);

    /// Whether this host is known to answer: a good answer was the last that was heard of it.
    fn answers(&self, host: &str) -> bool;

    /// A claimed job is no longer out.
    fn settle(&mut self, how: Settled<'_>);

    /// A redirect of a claimed job leads on ([`Job::onward`]). Where the host that it leads to may be
    /// asked now, the job is given back and is out still, now at that host; else it waits there, before
    /// those that have not begun, or for the time that the redirect asks for.
    fn lead_on(&mut self, job: Box<Job>, now: &dyn Fn() -> Instant) -> Option<Box<Job>>;

    /// Notes what the end of a fetch says of the host that was asked last, before that fetch is
    /// settled; the time is asked for only where it matters. True when the host is given up: nothing
    /// of it is handed out any more.
    fn heard(&mut self, host: &str, sign: Sign, now: &dyn Fn() -> Instant) -> bool;

    /// Nothing of this host, as [`crate::policy::origin::host`] tells it, is handed out until then. A
    /// hold is never shortened.
    fn hold_host(&mut self, host: &str, until: HoldUntil);

    /// How many hosts it knows anything of.
    fn hosts(&self) -> usize;

    /// Gives back so many of those that wait, all if there are no more, for good: what is ready in the
    /// order it would have been handed out, and the others, whatever they wait for. Jobs that wait for
    /// another try come with what the last one brought. Nothing is claimed any more then.
    fn drain(&mut self, most: usize) -> Vec<Subject>;
}

/// A kind of frontier, for the tests that all of them must pass.
#[derive(Debug, Clone, Copy)]
pub struct FrontierEntry {
    /// Its name.
    pub name: &'static str,
    /// Makes one.
    pub make: fn(Rules) -> Box<dyn Frontier>,
}

/// Every frontier.
pub const FRONTIERS: &[FrontierEntry] =
    &[FrontierEntry { name: "memory", make: |rules| Box::new(MemoryFrontier::new(rules)) }];
