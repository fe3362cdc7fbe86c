//! The frontier of a list run: in memory, bounded.
//!
//! What waits is with its host, or among those whose time has not come. Hosts are listed where they
//! are looked for: ready, or waiting for a time; one that has all its slots is nowhere until one of
//! them is free. Of the hosts that are ready the one with the fewest fetches under way is next, so
//! that all have the same share; one that is not alone gets no more than it has shown to serve.
//! Those in trouble are listed apart: they share a few slots and have few of the turns.

mod drain;
mod full;
mod host;
mod later;
mod overflow;
mod room;
mod turns;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::{Claim, Frontier, HoldUntil, Rules, Settled};
use crate::model::{BadLine, Claimed, Job, JobId, Seed, Subject};
use crate::policy::fingerprint::FingerprintSet;
use crate::policy::origin;
use crate::policy::pacer::{AllManners, SharedPacer};
use crate::policy::politeness::{Next, Sign, TURNS, Usual, Window};
use host::{Host, ORDINARY, Place, Queue, Turn};
use later::Later;
use overflow::Overflow;
use waiting::Waiting;

/// How many seeds may wait. The source is pulled only while there is room, so this, not the
/// length of the list, bounds the memory of a run.
const ROOM: usize = 10_000;

/// How many seeds may wait when most of them are of hosts that are held or in trouble: those count
/// for themselves, so that the hosts behind them in the list need not wait for them. Beyond that they
/// go to a file.
const ROOM_PARKED: usize = 100_000;

/// How many bytes of text the seeds that wait may hold together: URLs may be long.
const ROOM_BYTES: usize = 32 * 1024 * 1024;

/// How many hosts that have nothing to do are remembered for the trouble they had.
const REMEMBERED: usize = 4096;

/// Whether a run has just begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Early {
    For(Duration),
    Until(Instant),
    Over,
}

/// Queues by host.
pub struct MemoryFrontier {
    seen: Option<FingerprintSet>,
    hosts: Vec<Host>,
    index: HashMap<Arc<str>, usize>,
    /// Places in `hosts` that are free.
    unused: Vec<usize>,
    /// The host that was looked for last: neighbours in a list are often of one host.
    last: usize,
    /// Idle hosts that had trouble, by the turn in which they became idle.
    remembered: BTreeMap<u64, usize>,
    ready: BTreeMap<Turn, usize>,
    /// Hosts that are ready but for their trouble.
    troubled: BTreeMap<Turn, usize>,
    /// How many fetches of hosts in trouble are out, and how many turns others had since one began.
    troubled_out: u32,
    turns_of_others: u32,
    /// Hosts that are given up and for which something waits: none of it needs a request.
    refused: BTreeMap<u64, usize>,
    refused_in_a_row: usize,
    timed: BTreeSet<(Instant, usize)>,
    turns: u64,
    later: Later,
    usual: Usual,
    concurrency: u32,
    /// How many fetches are under way at once: fewer, where the run finds out by itself how many.
    at_once: u32,
    manners: AllManners,
    pacer: Option<SharedPacer>,
    /// The host that was handed out last, and how many of its jobs have ended since another one was.
    only: (usize, u32),
    /// The earliest next start of any host, where there is a rate.
    next: Option<Instant>,
    /// How many wait, wherever.
    waiting: usize,
    /// How many of them are of hosts that are held or in trouble.
    parked: usize,
    /// What waits in a file, and how much of that is of hosts that are quick by now.
    overflow: Overflow,
    of_quick: usize,
    /// Lines that could not be read back from it.
    lost: VecDeque<BadLine>,
    /// [`ROOM`] and [`ROOM_PARKED`].
    room: (usize, usize),
    /// When it is looked for room for more lines.
    room_due: Option<Instant>,
    /// The end of the first moments, in which nobody knows who else is in the list.
    early: Early,
    /// Whether all has been read.
    complete: bool,
    /// How many of those in `hosts` were looked at for what is left, see [`Frontier::drain`].
    drained: usize,
    waiting_bytes: usize,
    /// How many of those are of jobs that were handed out before, with what servers said to them.
    again_bytes: usize,
    /// Whether those are so many that nothing new begins.
    full: bool,
    out: u32,
    next_id: u64,
}

impl MemoryFrontier {
    /// An empty frontier.
    pub fn new(rules: Rules) -> Self {
        Self {
            seen: rules.dedup.then(FingerprintSet::new),
            hosts: Vec::new(),
            index: HashMap::new(),
            unused: Vec::new(),
            last: 0,
            remembered: BTreeMap::new(),
            ready: BTreeMap::new(),
            troubled: BTreeMap::new(),
            troubled_out: 0,
            turns_of_others: TURNS,
            refused: BTreeMap::new(),
            refused_in_a_row: 0,
            timed: BTreeSet::new(),
            turns: 0,
            later: Later::default(),
            usual: Usual::default(),
            concurrency: rules.concurrency,
            at_once: rules.concurrency,
            manners: rules.manners,
            pacer: rules.pacer,
            only: (0, 0),
            next: None,
            waiting: 0,
            parked: 0,
            overflow: Overflow::new(),
            of_quick: 0,
            lost: VecDeque::new(),
            room: (ROOM, ROOM_PARKED),
            room_due: None,
            early: if rules.first_moments.is_zero() { Early::Over } else { Early::For(rules.first_moments) },
            complete: false,
            drained: 0,
            waiting_bytes: 0,
            again_bytes: 0,
            full: false,
            out: 0,
            next_id: 0,
        }
    }

    /// The host of this name, if it is known.
    fn find(&mut self, name: &str) -> Option<usize> {
        if self.hosts.get(self.last).is_some_and(|host| *host.name == *name) {
            return Some(self.last);
        }
        let at = *self.index.get(name)?;
        self.last = at;
        Some(at)
    }

    fn find_or_add(&mut self, name: &str) -> usize {
        if let Some(at) = self.find(name) {
            return at;
        }
        let name: Arc<str> = Arc::from(name);
        let host = Host {
            name: name.clone(),
            queue: Queue::default(),
            behind: None,
            place: Place::Nowhere,
            window: Window::new(),
            out: 0,
            troubled: 0,
            most: self.manners.of(&name).per_host.unwrap_or(u32::MAX),
            held: None,
            next: None,
            remembered: None,
            parked: 0,
            of_quick: 0,
        };
        let at = match self.unused.pop() {
            Some(at) => {
                // A queue that is empty keeps its memory.
                let old = std::mem::replace(&mut self.hosts[at], host);
                self.hosts[at].queue = old.queue;
                at
            }
            None => {
                self.hosts.push(host);
                self.hosts.len() - 1
            }
        };
        self.index.insert(name, at);
        self.last = at;
        at
    }

    /// Counts what is out at a host in trouble.
    fn count_troubled(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let now = if host.window.is_troubled() { host.out } else { 0 };
        self.troubled_out = self.troubled_out - std::mem::replace(&mut host.troubled, now) + now;
    }

    /// Counts what waits for a host that is held or in trouble.
    fn count_parked(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let parked = host.is_parked();
        let mut now = if parked { host.queue.len() } else { 0 };
        let mut of_quick = 0;
        if let Some(behind) = &host.behind {
            now += if parked { behind.in_memory() } else { 0 };
            of_quick = if parked { 0 } else { behind.of_quick() };
        }
        self.parked = self.parked - std::mem::replace(&mut host.parked, now) + now;
        self.of_quick = self.of_quick - std::mem::replace(&mut host.of_quick, of_quick) + of_quick;
    }

    /// Lists a host where it belongs now; forgets one that has nothing to do.
    fn list(&mut self, at: usize) {
        self.list_anew(at);
        self.count_troubled(at);
        self.count_parked(at);
    }

    fn list_anew(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        match host.place {
            Place::Nowhere => {}
            Place::Ready(turn) => drop(self.ready.remove(&turn)),
            Place::Troubled(turn) => drop(self.troubled.remove(&turn)),
            Place::Timed(time) => drop(self.timed.remove(&(time, at))),
            Place::Refused(number) => drop(self.refused.remove(&number)),
        }
        self.turns += 1;
        host.place = host.belongs(self.turns, self.full);
        match host.place {
            Place::Nowhere if host.is_idle() => self.retire(at),
            Place::Nowhere => {}
            Place::Ready(turn) => drop(self.ready.insert(turn, at)),
            Place::Troubled(turn) => drop(self.troubled.insert(turn, at)),
            Place::Timed(time) => drop(self.timed.insert((time, at))),
            Place::Refused(number) => drop(self.refused.insert(number, at)),
        }
    }

    /// A host has nothing to do. Those that had trouble are remembered, as many as may be.
    fn retire(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        if !host.window.is_marked() {
            return self.forget(at);
        }
        // The turn is its own: nobody else was listed in it.
        if let Some(before) = host.remembered.replace(self.turns) {
            self.remembered.remove(&before);
        }
        self.remembered.insert(self.turns, at);
        while self.remembered.len() > REMEMBERED {
            let Some((_, oldest)) = self.remembered.pop_first() else { return };
            self.hosts[oldest].remembered = None;
            if self.hosts[oldest].is_idle() {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        self.index.remove(&host.name);
        if let Some(turn) = host.remembered.take() {
            self.remembered.remove(&turn);
        }
        host.name = Arc::default();
        self.unused.push(at);
    }

    /// Where starts are kept apart: whether this host may start one now. It is set down for its next.
    fn may_start(&mut self, at: usize) -> bool {
        let Some(pacer) = &self.pacer else { return true };
        let (pacer, now) = (pacer.lock(), Instant::now());
        let later = |due: Option<std::time::Instant>| due.map(Instant::from_std).filter(|due| *due > now);
        let host = &mut self.hosts[at];
        let (own, any) = (later(pacer.due(&host.name)), later(pacer.any_due()));
        if own.is_some() || any.is_some() {
            // Others have started something since: redirects are requests too.
            (host.next, self.next) = (own, any);
            return false;
        }
        host.next = Some(now + pacer.least_gap(&host.name)).filter(|next| *next > now);
        self.next = Some(now + pacer.gap()).filter(|next| *next > now);
        true
    }

    /// Nothing of a host will be asked again, and nobody need wait for it.
    fn give_up(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        host.held = Some(HoldUntil::ForGood);
        let name = host.name.clone();
        let refused = self.later.take_where(|job| *origin::host(job.url()) == *name);
        refused.into_iter().for_each(|waiting| self.hosts[at].queue.push_again(waiting));
    }

    /// A host has one more under way.
    fn goes_out(&mut self, at: usize) {
        self.refused_in_a_row = 0;
        self.hosts[at].out += 1;
        self.out += 1;
        let troubled = self.hosts[at].window.is_troubled();
        self.turns_of_others = if troubled { 0 } else { self.turns_of_others.saturating_add(1) };
        if self.only.0 != at {
            self.only = (at, 0);
        }
        self.list(at);
    }

    /// One is no longer under way; the host that was asked, which is to be listed anew.
    fn comes_back(&mut self, url: &Url) -> Option<usize> {
        self.out = self.out.saturating_sub(1);
        let at = self.find(origin::host(url))?;
        self.hosts[at].out = self.hosts[at].out.saturating_sub(1);
        if self.only.0 == at {
            self.only.1 = self.only.1.saturating_add(1);
        }
        Some(at)
    }

    /// The oldest of those of the highest priority that wait for this host.
    fn pop(&mut self, at: usize) -> Option<Waiting> {
        let host = &mut self.hosts[at];
        let next = if self.full && !host.is_given_up() { host.queue.pop_again() } else { host.queue.pop() };
        if self.hosts[at].behind.is_some() {
            self.refill(at);
        }
        next
    }

    /// It waits no longer.
    fn leaves(&mut self, waiting: &Waiting) {
        self.waiting -= 1;
        let bytes = waiting.text();
        self.waiting_bytes -= bytes;
        if let Waiting::Again(_) = waiting {
            self.again_bytes -= bytes;
        }
    }

    fn waits_again(&mut self, job: &Job) {
        self.waiting += 1;
        self.waiting_bytes += job.size();
        self.again_bytes += job.size();
    }

    fn push_again(&mut self, waiting: Waiting) {
        let at = self.find_or_add(origin::host(waiting.url()));
        self.hosts[at].queue.push_again(waiting);
        self.list(at);
    }

    fn claim_next(&mut self) -> Claim {
        if let Some(lost) = self.lost.pop_front() {
            self.waiting -= 1;
            return Claim::Refused(Box::new(Subject::Bad(Box::new(lost))));
        }
        while let Some(at) = self.next_host() {
            if self.hosts[at].is_given_up() {
                let Some(next) = self.pop(at) else { break };
                self.list(at);
                self.leaves(&next);
                self.refused_in_a_row += 1;
                return Claim::Refused(Box::new(next.into_subject()));
            }
            if self.may_start(at) {
                let Some(next) = self.pop(at) else { break };
                self.goes_out(at);
                self.leaves(&next);
                return self.hand_out(next);
            }
            self.list(at);
        }
        match self.next_due() {
            Some(due) if self.waiting > 0 => Claim::NotBefore(due),
            _ if self.out > 0 || self.waiting > 0 => Claim::Waiting,
            _ => Claim::Empty,
        }
    }

    fn comes_to_rest(&mut self, how: Settled<'_>) {
        let url = match &how {
            Settled::Done(url) => url,
            Settled::RetryAt(_, job) | Settled::Released(job) => job.url(),
        };
        let at = self.comes_back(url);
        let given_up = at.is_some_and(|at| self.hosts[at].is_given_up());
        match how {
            Settled::Done(_) => {}
            Settled::RetryAt(due, mut job) if !given_up => {
                job.onward = None;
                self.waits_again(&job);
                self.later.push(due, job);
            }
            // Nobody need wait for what will not be asked again.
            Settled::RetryAt(_, job) | Settled::Released(job) => {
                self.waits_again(&job);
                return self.push_again(Waiting::Again(job));
            }
        }
        if let Some(at) = at {
            self.list(at);
        }
    }

    fn goes_on(&mut self, job: Box<Job>, now: &dyn Fn() -> Instant) -> Option<Box<Job>> {
        let from = self.comes_back(job.asked());
        let at = self.find_or_add(origin::host(job.url()));
        if let Some(from) = from.filter(|from| *from != at) {
            self.list(from);
        }
        let wait = job.onward.as_ref().map_or(Duration::ZERO, |onward| onward.wait);
        if !wait.is_zero() && !self.hosts[at].is_given_up() {
            self.waits_again(&job);
            self.later.push(now() + wait, job);
            self.list(at);
            return None;
        }
        let may = match self.hosts[at].may_have_another() {
            None => false,
            // Somebody who was handed out a moment ago may have had the next start of all.
            Some(_) if self.next.is_some() => false,
            Some(beyond_its_share) => (!beyond_its_share || !self.others_are_ready(at)) && self.may_start(at),
        };
        if may {
            self.goes_out(at);
            return Some(job);
        }
        self.waits_again(&job);
        self.push_again(Waiting::Again(job));
        None
    }

    fn hand_out(&mut self, waiting: Waiting) -> Claim {
        let job = match waiting {
            Waiting::New { seed, save_as, admitted } => {
                let id = JobId(self.next_id);
                self.next_id += 1;
                Box::new(Job::new(id, seed, save_as, admitted))
            }
            Waiting::Again(mut job) => {
                // A redirect goes on with the same try.
                job.attempt += u32::from(job.onward.is_none());
                job
            }
        };
        Claim::Job(job)
    }
}

impl Frontier for MemoryFrontier {
    fn seen(&mut self, url: &str) -> bool {
        self.seen.as_mut().is_some_and(|seen| !seen.insert(url))
    }

    fn push(&mut self, seed: Seed, save_as: Option<Claimed>) {
        self.waiting_bytes += seed.size();
        self.waiting += 1;
        let at = self.find_or_add(origin::host(&seed.url));
        let (admitted, priority) = (std::time::Instant::now(), seed.priority);
        if let Early::For(moments) = self.early {
            self.early = Early::Until(Instant::from_std(admitted) + moments);
        }
        let mut new = Some(Waiting::New { seed, save_as, admitted });
        if self.hosts[at].behind.is_some() && priority == ORDINARY {
            new = new.and_then(|new| self.push_behind(at, new));
        }
        if let Some(new) = new {
            let host = &mut self.hosts[at];
            let before = host.queue.priority();
            host.queue.push_back(new);
            // Else it is listed already, and its turn is what it was.
            if before.is_none_or(|before| before < priority) {
                self.list(at);
            } else if self.hosts[at].is_parked() {
                self.count_parked(at);
            }
        }
        if self.room_due.is_none() && !self.has_room() {
            self.room_due = Some(Instant::from_std(admitted));
        }
    }

    fn room(&self) -> usize {
        if self.waiting_bytes >= ROOM_BYTES {
            return 0;
        }
        let in_memory = self.waiting - self.overflow.lines();
        let others = self.room.0.saturating_sub(in_memory - self.parked + self.of_quick);
        others.min(self.room.1.saturating_sub(in_memory))
    }

    fn has_ready(&self) -> bool {
        !self.lost.is_empty() || self.next_host().is_some()
    }

    fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    fn next_due(&self) -> Option<Instant> {
        let first = self.timed.first().map(|(time, _)| *time);
        let early = if let Early::Until(end) = self.early { Some(end) } else { None };
        let times = [self.later.next(), first, self.next, self.room_due, early];
        times.into_iter().flatten().min()
    }

    fn wake(&mut self, now: Instant) {
        self.next = self.next.filter(|next| *next > now);
        if matches!(self.early, Early::Until(end) if end <= now) {
            self.early = Early::Over;
        }
        if self.room_due.is_some_and(|due| due <= now) {
            self.look_for_room(now);
        }
        let due = self.later.take_due(now);
        due.into_iter().for_each(|waiting| self.push_again(waiting));
        while let Some((_, at)) = self.timed.first().copied().filter(|(time, _)| *time <= now) {
            let host = &mut self.hosts[at];
            host.held = host.held.filter(|end| *end > HoldUntil::Time(now));
            host.next = host.next.filter(|next| *next > now);
            self.list(at);
        }
    }

    fn claim(&mut self) -> Claim {
        let claim = self.claim_next();
        self.look_whether_full();
        claim
    }

    fn claim_first(&mut self, number: u64) -> Claim {
        let claim = self.claim_number(number);
        self.look_whether_full();
        claim
    }

    fn complete(&mut self) {
        (self.complete, self.early) = (true, Early::Over);
    }

    fn limit(&mut self, at_once: u32) {
        self.at_once = at_once.min(self.concurrency);
    }

    fn answers(&self, host: &str) -> bool {
        self.index.get(host).is_some_and(|at| self.hosts[*at].window.answers())
    }

    fn settle(&mut self, how: Settled<'_>) {
        self.comes_to_rest(how);
        self.look_whether_full();
    }

    fn lead_on(&mut self, job: Box<Job>, now: &dyn Fn() -> Instant) -> Option<Box<Job>> {
        let goes_on = self.goes_on(job, now);
        self.look_whether_full();
        goes_on
    }

    fn heard(&mut self, host: &str, sign: Sign, now: &dyn Fn() -> Instant) -> bool {
        let at = self.find_or_add(host);
        let (host, concurrency) = (&mut self.hosts[at], self.concurrency);
        let next = match sign {
            Sign::Well(took) => {
                let slow = took.is_some_and(|took| self.usual.is_slow(took));
                host.window.well(slow, concurrency);
                Next::GoOn
            }
            Sign::Busy => host.window.trouble(None, host.out, now().into_std()),
            Sign::Silent(took) => {
                let now = now().into_std();
                let since = took.and_then(|took| now.checked_sub(took)).unwrap_or(now);
                host.window.trouble(Some(since), host.out, now)
            }
        };
        match next {
            Next::GoOn => {}
            Next::Probe(end) => host.held = host.held.max(Some(HoldUntil::Time(Instant::from_std(end)))),
            Next::GiveUp => self.give_up(at),
        }
        // After a good answer it is listed anew when that is settled, where it was one of its own.
        if self.hosts[at].out == 0 || !matches!(sign, Sign::Well(_)) {
            self.list(at);
        }
        next == Next::GiveUp
    }

    fn hold_host(&mut self, host: &str, until: HoldUntil) {
        let at = self.find_or_add(host);
        match until {
            HoldUntil::ForGood => self.give_up(at),
            until => self.hosts[at].held = self.hosts[at].held.max(Some(until)),
        }
        self.list(at);
    }

    fn hosts(&self) -> usize {
        self.index.len()
    }

    fn drain(&mut self, most: usize) -> Vec<Subject> {
        if self.full {
            self.set_full(false);
        }
        std::iter::from_fn(|| self.let_go()).take(most).collect()
    }
}
