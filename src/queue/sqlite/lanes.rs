//! The hosts and lanes of a queue: the tables of the database, in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rusqlite::Connection;

use super::database::{INSERT_HOST, INSERT_LANE, SELECT_HOSTS, SELECT_LANES};
use crate::queue::{QueueError, Queued};

/// The bits of a row id that number the rows of a lane.
const NUMBER_BITS: u32 = 32;

/// A host. Its id is its index.
pub(super) struct QueuedHost {
    pub(super) name: Arc<str>,
    /// Its lanes, the highest priority first: the negative priority and the id.
    pub(super) lanes: Vec<(i64, usize)>,
    /// Whether the host waits for a turn.
    pub(super) has_turn: bool,
}

/// The URLs of one host and one priority. Its id is its index.
pub(super) struct Lane {
    pub(super) host: usize,
    /// Rows before this id are leased or gone.
    pub(super) from: i64,
    /// The id of the next row.
    pub(super) next: i64,
}

/// All hosts and lanes.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) hosts: Vec<QueuedHost>,
    index: HashMap<Arc<str>, usize>,
    /// The host of the URL that was added last: neighbours are often of one host.
    last: usize,
    pub(super) lanes: Vec<Lane>,
    /// The hosts with rows that may be leased, in the order of their turns.
    pub(super) turns: VecDeque<usize>,
}

impl Lanes {
    /// The hosts and lanes of a database. No row is leased.
    pub(super) fn read(database: &Connection) -> Result<Self, QueueError> {
        let mut all = Self::default();
        let mut select = database.prepare(SELECT_HOSTS)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            all.push_host(Arc::from(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?));
        }
        let mut select = database.prepare(SELECT_LANES)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (host, level): (i64, i64) = (row.get(0)?, row.get(1)?);
            let host = usize::try_from(host).ok().filter(|at| *at < all.hosts.len());
            let host = host.ok_or_else(|| QueueError("a lane of the queue has no host".to_owned()))?;
            let (first, last): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
            let lane = all.push_lane(host, level);
            lane.next = last.map_or(lane.next, |last| last + 1);
            lane.from = lane.next;
            first.into_iter().for_each(|first| all.offer(first));
        }
        Ok(all)
    }

    /// The lane of a URL. A new one is inserted.
    pub(super) fn find_or_add(&mut self, url: &Queued, database: &Connection) -> Result<&mut Lane, QueueError> {
        let name = url.host();
        if self.hosts.get(self.last).is_none_or(|last| *last.name != *name) {
            self.last = match self.index.get(name) {
                Some(at) => *at,
                None => {
                    database.prepare_cached(INSERT_HOST)?.execute((self.hosts.len() as i64, name))?;
                    self.push_host(Arc::from(name))
                }
            };
        }
        let (at, level) = (self.last, -i64::from(url.priority));
        match self.hosts[at].lanes.iter().find(|(other, _)| *other == level) {
            Some((_, lane)) => Ok(&mut self.lanes[*lane]),
            None => {
                database.prepare_cached(INSERT_LANE)?.execute((self.lanes.len() as i64, at as i64, level))?;
                Ok(self.push_lane(at, level))
            }
        }
    }

    fn push_host(&mut self, name: Arc<str>) -> usize {
        let at = self.hosts.len();
        self.index.insert(name.clone(), at);
        self.hosts.push(QueuedHost { name, lanes: Vec::new(), has_turn: false });
        at
    }

    fn push_lane(&mut self, host: usize, level: i64) -> &mut Lane {
        let lane = self.lanes.len();
        let from = (lane as i64) << NUMBER_BITS;
        self.hosts[host].lanes.push((level, lane));
        self.hosts[host].lanes.sort_unstable();
        self.lanes.push(Lane { host, from, next: from });
        &mut self.lanes[lane]
    }

    /// How many hosts and lanes there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.hosts.len(), self.lanes.len())
    }

    /// Forgets the hosts and lanes that were added since [`Lanes::len`] was so much.
    pub(super) fn truncate(&mut self, (hosts, lanes): (usize, usize)) {
        for lane in self.lanes.drain(lanes..) {
            self.hosts[lane.host].lanes.retain(|(_, id)| *id < lanes);
        }
        for host in self.hosts.drain(hosts..) {
            self.index.remove(&host.name);
        }
    }

    /// Notes that a row may be leased.
    pub(super) fn offer(&mut self, row: i64) {
        let Some(lane) = self.lanes.get_mut((row >> NUMBER_BITS) as usize) else { return };
        lane.from = lane.from.min(row);
        if !std::mem::replace(&mut self.hosts[lane.host].has_turn, true) {
            self.turns.push_back(lane.host);
        }
    }

    /// The host with this name, if it waits for a turn.
    pub(super) fn waiting(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied().filter(|at| self.hosts[*at].has_turn)
    }
}
