//! A queue in an SQLite database.
//!
//! The rows of one host and one priority are neighbours: they are a lane, and the id of a row is that of its lane
//! and then its number. Leases are in memory only: the queue of a killed process has all URLs that were not
//! completed.

mod database;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempPath;

use super::{Added, Hosts, LeaseId, LeaseRequest, Leases, QueueError, Queued, Rest, UrlQueue, stored};
use database::{
    DELETE_URLS, INSERT_HOST, INSERT_LANE, INSERT_SEEN, INSERT_URL, SCHEMA, SELECT_HOSTS, SELECT_LANES, SELECT_URLS,
};

/// The bits of a row id that number the rows of a lane.
const NUMBER_BITS: u32 = 32;

/// A host. Its id is its index.
struct QueuedHost {
    name: Arc<str>,
    /// Its lanes, the highest priority first: the negative priority and the id.
    lanes: Vec<(i64, usize)>,
    /// Whether the host waits for a turn.
    has_turn: bool,
}

/// The URLs of one host and one priority. Its id is its index.
struct Lane {
    host: usize,
    /// Rows before this id are leased or gone.
    from: i64,
    /// The id of the next row.
    next: i64,
}

/// A queue in an SQLite database. Each host takes some memory, and no URL does.
pub struct SqliteQueue {
    database: Connection,
    hosts: Vec<QueuedHost>,
    index: HashMap<Arc<str>, usize>,
    /// The host of the URL that was added last: neighbours are often of one host.
    last: usize,
    lanes: Vec<Lane>,
    /// The hosts with rows that may be leased, in the order of their turns.
    turns: VecDeque<usize>,
    /// The ids of leased rows.
    leased: HashSet<i64>,
    /// The list of the URL that was read last.
    list: Arc<str>,
    buffer: Vec<u8>,
    /// The name of a temporary file, if the system cannot remove it before the file is closed.
    _name: Option<TempPath>,
}

impl SqliteQueue {
    /// The queue in this database, made if it is missing. No URL is leased.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn new(database: Connection) -> Result<Self, QueueError> {
        database.execute_batch(SCHEMA)?;
        let mut queue = Self {
            database,
            hosts: Vec::new(),
            index: HashMap::new(),
            last: 0,
            lanes: Vec::new(),
            turns: VecDeque::new(),
            leased: HashSet::new(),
            list: Arc::default(),
            buffer: Vec::new(),
            _name: None,
        };
        queue.read_hosts()?;
        queue.read_lanes()?;
        Ok(queue)
    }

    /// A queue in a temporary file of at most so many bytes. The file has no name where the system allows
    /// that, and ends with the queue.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn temporary(most: u64) -> Result<Self, QueueError> {
        let (database, name) = database::temporary(most)?;
        Ok(Self { _name: name, ..Self::new(database)? })
    }

    fn read_hosts(&mut self) -> Result<(), QueueError> {
        let mut select = self.database.prepare(SELECT_HOSTS)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let name: Arc<str> = Arc::from(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
            self.index.insert(name.clone(), self.hosts.len());
            self.hosts.push(QueuedHost { name, lanes: Vec::new(), has_turn: false });
        }
        Ok(())
    }

    fn read_lanes(&mut self) -> Result<(), QueueError> {
        let mut select = self.database.prepare(SELECT_LANES)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (at, level): (i64, i64) = (row.get(0)?, row.get(1)?);
            let found = usize::try_from(at).ok().and_then(|at| Some((at, self.hosts.get_mut(at)?)));
            let (at, host) = found.ok_or_else(|| QueueError("a lane of the queue has no host".to_owned()))?;
            let (first, last): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
            let lane = self.lanes.len();
            let next = last.map_or((lane as i64) << NUMBER_BITS, |last| last + 1);
            host.lanes.push((level, lane));
            host.lanes.sort_unstable();
            if first.is_some() && !std::mem::replace(&mut host.has_turn, true) {
                self.turns.push_back(at);
            }
            self.lanes.push(Lane { host: at, from: first.unwrap_or(next), next });
        }
        Ok(())
    }

    fn find_or_add(&mut self, url: &Queued) -> Result<usize, QueueError> {
        let name = url.host();
        if self.hosts.get(self.last).is_none_or(|last| *last.name != *name) {
            self.last = match self.index.get(name) {
                Some(at) => *at,
                None => self.add_host(name)?,
            };
        }
        let (at, level) = (self.last, -i64::from(url.priority));
        let lanes = &self.hosts[at].lanes;
        match lanes.iter().find(|(other, _)| *other == level) {
            Some((_, lane)) => Ok(*lane),
            None => self.add_lane(at, level),
        }
    }

    fn add_host(&mut self, name: &str) -> Result<usize, QueueError> {
        let at = self.hosts.len();
        self.database.prepare_cached(INSERT_HOST)?.execute((at as i64, name))?;
        let name: Arc<str> = Arc::from(name);
        self.index.insert(name.clone(), at);
        self.hosts.push(QueuedHost { name, lanes: Vec::new(), has_turn: false });
        Ok(at)
    }

    fn add_lane(&mut self, host: usize, level: i64) -> Result<usize, QueueError> {
        let lane = self.lanes.len();
        self.database.prepare_cached(INSERT_LANE)?.execute((lane as i64, host as i64, level))?;
        let from = (lane as i64) << NUMBER_BITS;
        self.lanes.push(Lane { host, from, next: from });
        self.hosts[host].lanes.push((level, lane));
        self.hosts[host].lanes.sort_unstable();
        Ok(lane)
    }

    /// Notes that a row may be leased.
    fn offer(&mut self, row: i64) {
        let Some(lane) = self.lanes.get_mut((row >> NUMBER_BITS) as usize) else { return };
        lane.from = lane.from.min(row);
        if !std::mem::replace(&mut self.hosts[lane.host].has_turn, true) {
            self.turns.push_back(lane.host);
        }
    }

    /// Leases up to `most` URLs of a host. Returns whether it has more.
    fn lease_of(&mut self, at: usize, most: usize, urls: &mut Vec<(LeaseId, Queued)>) -> Result<bool, QueueError> {
        let mut select = self.database.prepare_cached(SELECT_URLS)?;
        let end = urls.len() + most;
        // A row that this call leases is not read again.
        let may_be_leased = !self.leased.is_empty();
        for (_, lane) in &self.hosts[at].lanes {
            let lane = &mut self.lanes[*lane];
            let mut rows = select.query((lane.from, lane.next))?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if may_be_leased && self.leased.contains(&id) {
                    continue;
                }
                if urls.len() == end {
                    return Ok(true);
                }
                let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                urls.push((LeaseId(id), stored::decode(bytes, &mut self.list)?));
                self.leased.insert(id);
                lane.from = id + 1;
            }
            lane.from = lane.next;
        }
        Ok(false)
    }

    /// Leases URLs. Returns whether the wanted hosts have more.
    fn lease_wanted(
        &mut self,
        wanted: &LeaseRequest<'_>,
        urls: &mut Vec<(LeaseId, Queued)>,
    ) -> Result<bool, QueueError> {
        match wanted.hosts {
            Hosts::Only(name) => {
                let Some(at) = self.index.get(name).copied().filter(|at| self.hosts[*at].has_turn) else {
                    return Ok(false);
                };
                let has_more = self.lease_of(at, wanted.per_host.min(wanted.most), urls)?;
                if !has_more {
                    self.turns.retain(|other| *other != at);
                    self.hosts[at].has_turn = false;
                }
                Ok(has_more)
            }
            Hosts::AllBut(full) => {
                self.lease_in_turn(wanted, full, urls)?;
                Ok(self.turns.iter().any(|at| !full.contains(&self.hosts[*at].name)))
            }
        }
    }

    fn lease_in_turn(
        &mut self,
        wanted: &LeaseRequest<'_>,
        full: &HashSet<Arc<str>>,
        urls: &mut Vec<(LeaseId, Queued)>,
    ) -> Result<(), QueueError> {
        for _ in 0..self.turns.len() {
            if urls.len() == wanted.most {
                break;
            }
            self.turns.rotate_left(1);
            let Some(at) = self.turns.back().copied() else { break };
            if !full.contains(&self.hosts[at].name)
                && !self.lease_of(at, wanted.per_host.min(wanted.most - urls.len()), urls)?
            {
                self.turns.pop_back();
                self.hosts[at].has_turn = false;
            }
        }
        Ok(())
    }
}

impl UrlQueue for SqliteQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        let lanes = batch.iter().map(|url| self.find_or_add(url)).collect::<Result<Vec<_>, _>>()?;
        let mut rows = Vec::with_capacity(batch.len());
        let transaction = self.database.transaction()?;
        {
            let mut insert_seen = transaction.prepare_cached(INSERT_SEEN)?;
            let mut insert = transaction.prepare_cached(INSERT_URL)?;
            for (url, lane) in batch.iter().zip(lanes) {
                let lane = &mut self.lanes[lane];
                // 64 bits are enough for the URLs of one host.
                if let Some(key) = url.key
                    && insert_seen.execute((lane.host as i64, key.0 as i64))? == 0
                {
                    continue;
                }
                self.buffer.clear();
                stored::encode(url, &mut self.buffer)?;
                insert.execute((lane.next, &self.buffer))?;
                rows.push(lane.next);
                // After an error this number has no row, which does no harm.
                lane.next += 1;
            }
        }
        transaction.commit()?;
        rows.iter().for_each(|row| self.offer(*row));
        Ok(Added { new: rows.len(), seen: batch.len() - rows.len() })
    }

    fn lease(&mut self, wanted: &LeaseRequest<'_>) -> Result<Leases, QueueError> {
        let mut urls = Vec::new();
        let has_more = match self.lease_wanted(wanted, &mut urls) {
            Ok(has_more) => has_more,
            Err(e) => {
                let leases: Vec<_> = urls.iter().map(|(id, _)| *id).collect();
                self.release(&leases)?;
                return Err(e);
            }
        };
        let rest = Rest::of(has_more, self.turns.is_empty() && self.leased.is_empty());
        Ok(Leases { urls, rest })
    }

    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        let transaction = self.database.transaction()?;
        {
            let mut delete = transaction.prepare_cached(DELETE_URLS)?;
            let mut rows = leases.iter().map(|id| id.0).filter(|row| self.leased.contains(row)).peekable();
            while let Some(first) = rows.next() {
                let mut last = first;
                while rows.next_if_eq(&(last + 1)).is_some() {
                    last += 1;
                }
                delete.execute((first, last))?;
            }
        }
        transaction.commit()?;
        for id in leases {
            self.leased.remove(&id.0);
        }
        Ok(())
    }

    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        for id in leases {
            if self.leased.remove(&id.0) {
                self.offer(id.0);
            }
        }
        Ok(())
    }
}
