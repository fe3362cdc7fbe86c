//! The jobs that wait for one host.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::model::{Job, JobId};

/// The priority of a job without its own. Only jobs of this priority go to the disk.
pub(super) const DEFAULT_PRIORITY: i32 = 0;

/// The priority of jobs for robots.txt. Those of a list have a lower one.
pub(super) const ROBOTS_PRIORITY: i32 = i32::MAX;

type Levels = BTreeMap<Reverse<i32>, VecDeque<Box<Job>>>;

/// The memory that a waiting job takes from the bounds. A new job is little more than its text.
pub(super) fn bytes_of(job: &Job) -> usize {
    if job.handed_out { job.size() } else { job.seed.size() }
}

/// The jobs of one host: the highest priority first, then the oldest. Nearly every list has one
/// priority, which needs no tree.
#[derive(Default)]
pub(super) struct HostQueue {
    /// The priority of the jobs in `main`.
    level: i32,
    main: VecDeque<Box<Job>>,
    others: Levels,
    /// Jobs that came back: redirects, retries, jobs that did not start. They go before new jobs of
    /// their priority.
    returned: Levels,
}

impl HostQueue {
    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        let all = self.others.values().chain(self.returned.values());
        self.main.len() + all.map(VecDeque::len).sum::<usize>()
    }

    /// The highest priority; `None` if the queue is empty.
    pub(super) fn priority(&self) -> Option<i32> {
        highest(&self.returned).max(self.priority_of_new())
    }

    /// The highest priority of the returned jobs.
    pub(super) fn priority_of_returned(&self) -> Option<i32> {
        highest(&self.returned)
    }

    /// The priority of the jobs for robots.txt, if there are any.
    pub(super) fn priority_of_robots(&self) -> Option<i32> {
        self.priority_of_returned().filter(|priority| *priority == ROBOTS_PRIORITY)
    }

    fn priority_of_new(&self) -> Option<i32> {
        let other = highest(&self.others);
        if self.main.is_empty() { other } else { other.max(Some(self.level)) }
    }

    fn new_of_default(&self) -> Option<&VecDeque<Box<Job>>> {
        if self.level == DEFAULT_PRIORITY { Some(&self.main) } else { self.others.get(&Reverse(DEFAULT_PRIORITY)) }
    }

    /// How many new jobs of the default priority wait.
    pub(super) fn len_of_default(&self) -> usize {
        self.new_of_default().map_or(0, VecDeque::len)
    }

    /// When the oldest of them was admitted.
    pub(super) fn oldest(&self) -> Option<Instant> {
        Some(self.new_of_default()?.front()?.admitted)
    }

    /// Takes the new jobs of the default priority, all but the `keep` oldest.
    pub(super) fn take_behind(&mut self, keep: usize) -> VecDeque<Box<Job>> {
        let default = Reverse(DEFAULT_PRIORITY);
        let jobs = if self.level == DEFAULT_PRIORITY { Some(&mut self.main) } else { self.others.get_mut(&default) };
        match jobs {
            Some(jobs) if jobs.len() > keep && keep > 0 => jobs.split_off(keep),
            _ => VecDeque::new(),
        }
    }

    /// Adds a new job behind those of its priority.
    pub(super) fn push(&mut self, job: Box<Job>) {
        let level = job.seed.priority;
        if self.main.is_empty() && self.others.is_empty() {
            self.level = level;
        }
        let jobs = if level == self.level { &mut self.main } else { self.others.entry(Reverse(level)).or_default() };
        jobs.push_back(job);
    }

    /// Adds a returned job, or one for a robots.txt: before all new jobs of its priority, behind those that returned earlier.
    pub(super) fn push_returned(&mut self, job: Box<Job>) {
        self.returned.entry(Reverse(job.seed.priority)).or_default().push_back(job);
    }

    /// Whether the oldest new job is leased from a queue that several workers share.
    pub(super) fn is_leased(&self) -> bool {
        self.new_of_default().and_then(VecDeque::front).is_some_and(|job| job.seed.lease.is_some())
    }

    /// Whether there is such a job.
    pub(super) fn any(&self, is_wanted: impl FnMut(&Job) -> bool) -> bool {
        self.all().any(is_wanted)
    }

    fn all(&self) -> impl Iterator<Item = &Job> {
        let levels = self.returned.values().chain(self.others.values());
        levels.chain([&self.main]).flatten().map(|job| &**job)
    }

    /// Takes the jobs that `chosen` selects.
    pub(super) fn take_where(&mut self, chosen: impl Fn(&Job) -> bool) -> Vec<Box<Job>> {
        let mut taken = Vec::new();
        let levels = self.returned.values_mut().chain(self.others.values_mut()).chain([&mut self.main]);
        for jobs in levels {
            let (out, rest): (VecDeque<_>, VecDeque<_>) = jobs.drain(..).partition(|job| chosen(job));
            *jobs = rest;
            taken.extend(out);
        }
        self.returned.retain(|_, jobs| !jobs.is_empty());
        self.others.retain(|_, jobs| !jobs.is_empty());
        taken
    }

    /// Takes the next job.
    pub(super) fn pop(&mut self) -> Option<Box<Job>> {
        let returned = highest(&self.returned);
        if returned.is_some() && returned >= self.priority_of_new() {
            return self.pop_returned();
        }
        let other = highest(&self.others);
        if other.is_some_and(|other| self.main.is_empty() || other > self.level) {
            return pop_at(&mut self.others, Reverse(other?), 0);
        }
        self.main.pop_front()
    }

    /// Takes the next returned job.
    pub(super) fn pop_returned(&mut self) -> Option<Box<Job>> {
        let level = *self.returned.first_key_value()?.0;
        pop_at(&mut self.returned, level, 0)
    }

    /// Whether the job with this id is here: the first of the new jobs of a priority, or a returned job.
    pub(super) fn has(&self, id: JobId) -> bool {
        self.position(id).is_some()
    }

    /// Takes the job with this id, see [`HostQueue::has`].
    pub(super) fn take(&mut self, id: JobId) -> Option<Box<Job>> {
        match self.position(id)? {
            LanePosition::Main => self.main.pop_front(),
            LanePosition::Other(level) => pop_at(&mut self.others, level, 0),
            LanePosition::Returned(level, at) => pop_at(&mut self.returned, level, at),
        }
    }

    fn position(&self, id: JobId) -> Option<LanePosition> {
        let first_is = |jobs: &VecDeque<Box<Job>>| jobs.front().is_some_and(|job| job.seed.id == id);
        if first_is(&self.main) {
            return Some(LanePosition::Main);
        }
        if let Some((level, _)) = self.others.iter().find(|(_, jobs)| first_is(jobs)) {
            return Some(LanePosition::Other(*level));
        }
        let at = |jobs: &VecDeque<Box<Job>>| jobs.iter().position(|job| job.seed.id == id);
        self.returned.iter().find_map(|(level, jobs)| Some(LanePosition::Returned(*level, at(jobs)?)))
    }
}

/// The position of a job in a queue.
enum LanePosition {
    Main,
    Other(Reverse<i32>),
    Returned(Reverse<i32>, usize),
}

fn highest(levels: &Levels) -> Option<i32> {
    levels.first_key_value().map(|(level, _)| level.0)
}

fn pop_at(levels: &mut Levels, level: Reverse<i32>, at: usize) -> Option<Box<Job>> {
    let jobs = levels.get_mut(&level)?;
    let job = jobs.remove(at);
    if jobs.is_empty() {
        levels.remove(&level);
    }
    job
}
