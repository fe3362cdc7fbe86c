//! A queue in an SQLite database.
//!
//! The rows of one host and one priority are neighbours: they are a lane, and the id of a row is that of its lane
//! and then its number. Leases are in memory only: the queue of a killed process has all URLs that were not
//! completed.

mod database;
mod lanes;

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempPath;

use super::{Added, Hosts, LeaseId, LeaseRequest, Leases, QueueError, Queued, Rest, UrlQueue, stored};
use database::{DELETE_URLS, INSERT_SEEN, INSERT_URL, SCHEMA, SELECT_URLS};
use lanes::Lanes;

/// A queue in an SQLite database. Each host takes some memory, and no URL does.
pub struct SqliteQueue {
    database: Connection,
    lanes: Lanes,
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
        let lanes = Lanes::read(&database)?;
        let (leased, list, buffer) = (HashSet::new(), Arc::default(), Vec::new());
        Ok(Self { database, lanes, leased, list, buffer, _name: None })
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

    /// Inserts URLs that were not seen before. Returns their rows.
    fn insert(&mut self, batch: &[Queued]) -> Result<Vec<i64>, QueueError> {
        let Self { database, lanes, buffer, .. } = self;
        let mut rows = Vec::with_capacity(batch.len());
        let transaction = database.transaction()?;
        {
            let mut insert_seen = transaction.prepare_cached(INSERT_SEEN)?;
            let mut insert = transaction.prepare_cached(INSERT_URL)?;
            for url in batch {
                let lane = lanes.find_or_add(url, &transaction)?;
                // 64 bits are enough for the URLs of one host.
                if let Some(key) = url.key
                    && insert_seen.execute((lane.host as i64, key.0 as i64))? == 0
                {
                    continue;
                }
                buffer.clear();
                stored::encode(url, buffer)?;
                insert.execute((lane.next, &*buffer))?;
                rows.push(lane.next);
                // After an error this number has no row, which does no harm.
                lane.next += 1;
            }
        }
        transaction.commit()?;
        Ok(rows)
    }

    /// Leases up to `most` URLs of a host. Returns whether it has more.
    fn lease_of(&mut self, at: usize, most: usize, urls: &mut Vec<(LeaseId, Queued)>) -> Result<bool, QueueError> {
        let mut select = self.database.prepare_cached(SELECT_URLS)?;
        let end = urls.len() + most;
        // A row that this call leases is not read again.
        let may_be_leased = !self.leased.is_empty();
        let Lanes { hosts, lanes, .. } = &mut self.lanes;
        for (_, lane) in &hosts[at].lanes {
            let lane = &mut lanes[*lane];
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
                let Some(at) = self.lanes.waiting(name) else { return Ok(false) };
                let has_more = self.lease_of(at, wanted.per_host.min(wanted.most), urls)?;
                if !has_more {
                    self.lanes.turns.retain(|other| *other != at);
                    self.lanes.hosts[at].has_turn = false;
                }
                Ok(has_more)
            }
            Hosts::AllBut(full) => {
                self.lease_in_turn(wanted, full, urls)?;
                Ok(self.lanes.turns.iter().any(|at| !full.contains(&self.lanes.hosts[*at].name)))
            }
        }
    }

    fn lease_in_turn(
        &mut self,
        wanted: &LeaseRequest<'_>,
        full: &HashSet<Arc<str>>,
        urls: &mut Vec<(LeaseId, Queued)>,
    ) -> Result<(), QueueError> {
        for _ in 0..self.lanes.turns.len() {
            if urls.len() == wanted.most {
                break;
            }
            self.lanes.turns.rotate_left(1);
            let Some(at) = self.lanes.turns.back().copied() else { break };
            if !full.contains(&self.lanes.hosts[at].name)
                && !self.lease_of(at, wanted.per_host.min(wanted.most - urls.len()), urls)?
            {
                self.lanes.turns.pop_back();
                self.lanes.hosts[at].has_turn = false;
            }
        }
        Ok(())
    }
}

impl UrlQueue for SqliteQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        let before = self.lanes.len();
        let rows = match self.insert(batch) {
            Ok(rows) => rows,
            Err(e) => {
                self.lanes.truncate(before);
                return Err(e);
            }
        };
        rows.iter().for_each(|row| self.lanes.offer(*row));
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
        let rest = Rest::of(has_more, self.lanes.turns.is_empty() && self.leased.is_empty());
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
                self.lanes.offer(id.0);
            }
        }
        Ok(())
    }
}
