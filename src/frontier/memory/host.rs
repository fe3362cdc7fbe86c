//! One host: what waits for it, what it is doing, and what it is allowed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::super::HoldUntil;
use super::Waiting;
use super::overflow::Behind;
use crate::policy::politeness::Window;

/// The priority of what has none of its own: only what has this one is ever written to a file.
pub(super) const ORDINARY: i32 = 0;

/// The turn of a host among those that are ready: first those that have fewer fetches than they
/// have shown to serve, then by priority, then by how few they have, then by whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// It has as many as it may have beside others.
    pub(super) has_its_share: bool,
    pub(super) priority: Reverse<i32>,
    pub(super) out: u32,
    pub(super) number: u64,
}

/// Where a host is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: nothing waits, or it has all its slots.
    Nowhere,
    /// Among those that are ready.
    Ready(Turn),
    /// Among those that are ready but for their trouble.
    Troubled(Turn),
    /// Among those whose time has not come.
    Timed(Instant),
    /// Among those whose lines are given back unasked, since this turn.
    Refused(u64),
}

/// One host.
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) queue: Queue,
    /// What waits behind that, most of it in a file.
    pub(super) behind: Option<Box<Behind>>,
    pub(super) place: Place,
    pub(super) window: Window,
    /// Handed out and not settled.
    pub(super) out: u32,
    /// How many of those that are out were counted as those of hosts in trouble.
    pub(super) troubled: u32,
    /// The most that may be out, as the user said.
    pub(super) most: u32,
    pub(super) held: Option<HoldUntil>,
    /// The earliest next start, where starts are kept apart.
    pub(super) next: Option<Instant>,
    /// Since when it is in the list of idle hosts that are remembered.
    pub(super) remembered: Option<u64>,
    /// How many of those that wait were counted as parked.
    pub(super) parked: usize,
    /// How many of those in the file were counted as those of a quick host.
    pub(super) of_quick: usize,
}

impl Host {
    /// Where it belongs. `only_again`: what nobody has had is not handed out.
    pub(super) fn belongs(&self, number: u64, only_again: bool) -> Place {
        let priority = if only_again && !self.is_given_up() { self.queue.of_again() } else { self.queue.priority() };
        match (self.held, self.next, priority) {
            (Some(HoldUntil::ForGood), _, None) => Place::Nowhere,
            (Some(HoldUntil::ForGood), _, Some(_)) => Place::Refused(number),
            (Some(HoldUntil::Time(end)), next, _) => Place::Timed(next.map_or(end, |next| next.max(end))),
            _ if self.out >= self.most.min(self.window.slots()) => Place::Nowhere,
            (None, Some(next), _) => Place::Timed(next),
            (None, None, None) => Place::Nowhere,
            (None, None, Some(priority)) => {
                let has_its_share = self.out >= self.window.beside_others();
                let turn = Turn { has_its_share, priority: Reverse(priority), out: self.out, number };
                if self.window.is_troubled() { Place::Troubled(turn) } else { Place::Ready(turn) }
            }
        }
    }

    /// Whether it may have one more under way now, and then whether that is more than its share.
    pub(super) fn may_have_another(&self) -> Option<bool> {
        let free = self.held.is_none() && self.next.is_none() && self.out < self.most.min(self.window.slots());
        free.then(|| self.out >= self.window.beside_others())
    }

    /// Whether nothing of it will be asked again.
    pub(super) fn is_given_up(&self) -> bool {
        self.held == Some(HoldUntil::ForGood)
    }

    /// Whether what waits for it waits for its better days.
    pub(super) fn is_parked(&self) -> bool {
        let waits_for_slots = self.place == Place::Nowhere && self.window.is_marked();
        self.held.is_some() || waits_for_slots || self.window.is_troubled()
    }

    /// Whether it has all that the user lets it have, or waits for its next start.
    pub(super) fn is_capped(&self) -> bool {
        self.out >= self.most || self.next.is_some()
    }

    /// Whether nothing is lost when it is forgotten.
    pub(super) fn is_idle(&self) -> bool {
        self.out == 0 && self.queue.priority().is_none() && self.held.is_none() && self.next.is_none()
    }
}

/// What waits for one host: the highest priority first, oldest first within one. Nearly every list
/// has one priority alone, which needs no tree.
#[derive(Default)]
pub(super) struct Queue {
    /// The priority of those in `main`.
    level: i32,
    main: VecDeque<Waiting>,
    others: BTreeMap<Reverse<i32>, VecDeque<Waiting>>,
    /// Those that were handed out before, which go before the others of their priority.
    again: BTreeMap<Reverse<i32>, VecDeque<Waiting>>,
}

impl Queue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let all = self.others.values().chain(self.again.values());
        self.main.len() + all.map(VecDeque::len).sum::<usize>()
    }

    /// The highest priority; `None` where nothing waits.
    pub(super) fn priority(&self) -> Option<i32> {
        highest(&self.again).max(self.of_new())
    }

    /// The highest priority of those that were handed out before.
    pub(super) fn of_again(&self) -> Option<i32> {
        highest(&self.again)
    }

    fn of_new(&self) -> Option<i32> {
        let other = highest(&self.others);
        if self.main.is_empty() { other } else { other.max(Some(self.level)) }
    }

    fn ordinary_ones(&self) -> Option<&VecDeque<Waiting>> {
        if self.level == ORDINARY { Some(&self.main) } else { self.others.get(&Reverse(ORDINARY)) }
    }

    /// How many of the ordinary priority wait.
    pub(super) fn ordinary(&self) -> usize {
        self.ordinary_ones().map_or(0, VecDeque::len)
    }

    /// When the oldest of them that was never tried was admitted.
    pub(super) fn oldest(&self) -> Option<std::time::Instant> {
        self.ordinary_ones()?.iter().find_map(|waiting| match waiting {
            Waiting::New { admitted, .. } => Some(*admitted),
            Waiting::Again(_) => None,
        })
    }

    /// Takes those of the ordinary priority but so many of the oldest.
    pub(super) fn take_behind(&mut self, so_many: usize) -> VecDeque<Waiting> {
        let ones = if self.level == ORDINARY { Some(&mut self.main) } else { self.others.get_mut(&Reverse(ORDINARY)) };
        match ones {
            Some(ones) if ones.len() > so_many && so_many > 0 => ones.split_off(so_many),
            _ => VecDeque::new(),
        }
    }

    fn of(&mut self, level: i32) -> &mut VecDeque<Waiting> {
        if self.main.is_empty() && self.others.is_empty() {
            self.level = level;
        }
        if level == self.level { &mut self.main } else { self.others.entry(Reverse(level)).or_default() }
    }

    pub(super) fn push_back(&mut self, waiting: Waiting) {
        self.of(waiting.seed().priority).push_back(waiting);
    }

    /// Before all of its priority that nobody has had, and after those that wait like this.
    pub(super) fn push_again(&mut self, waiting: Waiting) {
        self.again.entry(Reverse(waiting.seed().priority)).or_default().push_back(waiting);
    }

    pub(super) fn pop_again(&mut self) -> Option<Waiting> {
        pop_highest(&mut self.again)
    }

    /// Takes out the line of this number, which is the first of the input that is not done: if nobody has
    /// had it, it is the oldest of its priority.
    pub(super) fn take(&mut self, number: u64) -> Option<Waiting> {
        let is_it = |waiting: &Waiting| waiting.seed().number == number;
        if self.main.front().is_some_and(is_it) {
            return self.main.pop_front();
        }
        if let Some(level) = self.others.iter().find(|(_, ones)| ones.front().is_some_and(is_it)).map(|it| *it.0) {
            return pop_of(&mut self.others, level, 0);
        }
        let found = self.again.iter().find_map(|(level, ones)| Some((*level, ones.iter().position(is_it)?)));
        let (level, at) = found?;
        pop_of(&mut self.again, level, at)
    }

    /// Puts back what was taken.
    pub(super) fn put_first(&mut self, waiting: Waiting) {
        let level = waiting.seed().priority;
        match waiting {
            Waiting::New { .. } => self.of(level).push_front(waiting),
            Waiting::Again(_) => self.again.entry(Reverse(level)).or_default().push_front(waiting),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let again = highest(&self.again);
        if again.is_some() && again >= self.of_new() {
            return pop_highest(&mut self.again);
        }
        let other = highest(&self.others);
        if other.is_some_and(|other| self.main.is_empty() || other > self.level) {
            return pop_highest(&mut self.others);
        }
        self.main.pop_front()
    }
}

fn highest(levels: &BTreeMap<Reverse<i32>, VecDeque<Waiting>>) -> Option<i32> {
    levels.first_key_value().map(|(level, _)| level.0)
}

fn pop_highest(levels: &mut BTreeMap<Reverse<i32>, VecDeque<Waiting>>) -> Option<Waiting> {
    let level = *levels.first_key_value()?.0;
    pop_of(levels, level, 0)
}

fn pop_of(levels: &mut BTreeMap<Reverse<i32>, VecDeque<Waiting>>, level: Reverse<i32>, at: usize) -> Option<Waiting> {
    let ones = levels.get_mut(&level)?;
    let next = ones.remove(at);
    if ones.is_empty() {
        levels.remove(&level);
    }
    next
}
