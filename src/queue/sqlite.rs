//! A queue in an SQLite database.
//!
//! The rows of a host are together, by priority and then by id, so that a lease reads neighbours. Leases are in
//! memory only: the queue of a killed process has all URLs that were not completed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, params};
use tempfile::{NamedTempFile, TempPath};

use super::{Added, LeaseId, Leases, QueueError, Queued, Rest, UrlQueue, Wanted, stored};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS queue_hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS queue_seen (
    host INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (host, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_urls (
    host INTEGER NOT NULL,
    level INTEGER NOT NULL,
    id INTEGER NOT NULL,
    url BLOB NOT NULL,
    PRIMARY KEY (host, level, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_next (id INTEGER NOT NULL);
INSERT INTO queue_next SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM queue_next);
";

const SELECT_HOSTS: &str =
    "SELECT id, name, EXISTS (SELECT 1 FROM queue_urls WHERE host = queue_hosts.id) FROM queue_hosts";
const INSERT_HOST: &str = "INSERT INTO queue_hosts (name) VALUES (?1)";
const INSERT_SEEN: &str = "INSERT OR IGNORE INTO queue_seen VALUES (?1, ?2)";
const INSERT_URL: &str = "INSERT INTO queue_urls VALUES (?1, ?2, ?3, ?4)";
const UPDATE_NEXT: &str = "UPDATE queue_next SET id = ?1";
const SELECT_URLS: &str = "SELECT level, id, url FROM queue_urls
    WHERE host = ?1 AND (level, id) >= (?2, ?3) ORDER BY level, id";
const DELETE_URLS: &str = "DELETE FROM queue_urls WHERE host = ?1 AND level = ?2 AND id BETWEEN ?3 AND ?4";

/// Large pages cost fewer writes: a URL is short, and URLs come and go in batches.
const PAGE: u64 = 16 * 1024;

/// The memory for pages of a temporary file, in KiB.
const CACHE: u32 = 2048;

/// A position among the rows of a host: the negative priority, then the id.
type Position = (i64, i64);

/// The position before all rows.
const FIRST: Position = (i64::MIN, 0);

/// A host with its rows.
struct Host {
    name: Arc<str>,
    row: i64,
    /// All rows before this position are leased.
    from: Position,
    /// Whether the host waits for a turn.
    has_turn: bool,
}

/// The row of a leased URL.
#[derive(Clone, Copy)]
struct Leased {
    host: usize,
    level: i64,
}

/// A queue in an SQLite database. Each host takes some memory, and no URL does.
pub struct SqliteQueue {
    database: Connection,
    hosts: Vec<Host>,
    index: HashMap<Arc<str>, usize>,
    /// The hosts with rows that may be leased, in the order of their turns.
    turns: VecDeque<usize>,
    leased: HashMap<LeaseId, Leased>,
    next: i64,
    /// The list of the URL that was read last.
    list: Arc<str>,
    buffer: Vec<u8>,
    /// The name of a temporary file, if the system cannot remove it before the file is closed.
    _name: Option<TempPath>,
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl SqliteQueue {
    /// The queue in this database, made if it is missing. No URL is leased.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn new(database: Connection) -> Result<Self, QueueError> {
        database.execute_batch(SCHEMA)?;
        let next = database.query_row("SELECT id FROM queue_next", [], |row| row.get(0))?;
        let mut queue = Self {
            database,
            hosts: Vec::new(),
            index: HashMap::new(),
            turns: VecDeque::new(),
            leased: HashMap::new(),
            next,
            list: Arc::default(),
            buffer: Vec::new(),
            _name: None,
        };
        queue.read_hosts()?;
        Ok(queue)
    }

    /// A queue in a temporary file of at most so many bytes. The file has no name where the system allows
    /// that, and ends with the queue.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn temporary(most: u64) -> Result<Self, QueueError> {
        let name = NamedTempFile::new().map_err(|e| QueueError(e.to_string()))?.into_temp_path();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&name, flags)?;
        // Pages are written only when a transaction ends, and the journal is in memory. So a full disk fails
        // one transaction and keeps the rows of earlier ones.
        database.execute_batch(&format!(
            "PRAGMA page_size = {PAGE};
            PRAGMA max_page_count = {};
            PRAGMA cache_size = -{CACHE};
            PRAGMA cache_spill = OFF;
            PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA journal_mode = MEMORY;
            PRAGMA synchronous = OFF;",
            (most / PAGE).max(1)
        ))?;
        let name = match std::fs::remove_file(&name) {
            Ok(()) => {
                // There is no file to delete later. Err: there is nothing to keep.
                let _ = name.keep();
                None
            }
            Err(_) => Some(name),
        };
        Ok(Self { _name: name, ..Self::new(database)? })
    }

    fn read_hosts(&mut self) -> Result<(), QueueError> {
        let mut select = self.database.prepare(SELECT_HOSTS)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let name: Arc<str> = Arc::from(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
            let has_turn = row.get(2)?;
            let at = self.hosts.len();
            self.hosts.push(Host { name: name.clone(), row: row.get(0)?, from: FIRST, has_turn });
            self.index.insert(name, at);
            self.turns.extend(has_turn.then_some(at));
        }
        Ok(())
    }

    fn find_or_add(&mut self, name: &str) -> Result<usize, QueueError> {
        if let Some(at) = self.index.get(name) {
            return Ok(*at);
        }
        self.database.prepare_cached(INSERT_HOST)?.execute([name])?;
        let (name, at): (Arc<str>, _) = (Arc::from(name), self.hosts.len());
        let row = self.database.last_insert_rowid();
        self.hosts.push(Host { name: name.clone(), row, from: FIRST, has_turn: false });
        self.index.insert(name, at);
        Ok(at)
    }

    /// Notes that a row of a host may be leased.
    fn offer(&mut self, at: usize, position: Position) {
        let host = &mut self.hosts[at];
        host.from = host.from.min(position);
        if !std::mem::replace(&mut host.has_turn, true) {
            self.turns.push_back(at);
        }
    }

    /// Leases up to `most` URLs of a host. Returns whether it has more.
    fn lease_of(&mut self, at: usize, most: usize, urls: &mut Vec<(LeaseId, Queued)>) -> Result<bool, QueueError> {
        let host = &mut self.hosts[at];
        let mut select = self.database.prepare_cached(SELECT_URLS)?;
        let mut rows = select.query(params![host.row, host.from.0, host.from.1])?;
        let end = urls.len() + most;
        while let Some(row) = rows.next()? {
            let (level, id): Position = (row.get(0)?, row.get(1)?);
            if self.leased.contains_key(&LeaseId(id)) {
                continue;
            }
            if urls.len() == end {
                return Ok(true);
            }
            let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            urls.push((LeaseId(id), stored::decode(bytes, &mut self.list)?));
            self.leased.insert(LeaseId(id), Leased { host: at, level });
            host.from = (level, id + 1);
        }
        Ok(false)
    }

    fn lease_in_turn(&mut self, wanted: &Wanted<'_>, urls: &mut Vec<(LeaseId, Queued)>) -> Result<(), QueueError> {
        for _ in 0..self.turns.len() {
            if urls.len() == wanted.most {
                break;
            }
            self.turns.rotate_left(1);
            let Some(at) = self.turns.back().copied() else { break };
            if wanted.hosts.covers(&self.hosts[at].name)
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
        let hosts = batch.iter().map(|url| self.find_or_add(url.host())).collect::<Result<Vec<_>, _>>()?;
        let (mut offers, mut seen, mut next) = (Vec::with_capacity(batch.len()), 0, self.next);
        let transaction = self.database.transaction()?;
        {
            let mut insert_seen = transaction.prepare_cached(INSERT_SEEN)?;
            let mut insert = transaction.prepare_cached(INSERT_URL)?;
            for (url, at) in batch.iter().zip(hosts) {
                let host = self.hosts[at].row;
                // 64 bits are enough for the URLs of one host.
                if let Some(key) = url.key
                    && insert_seen.execute((host, key.0 as i64))? == 0
                {
                    seen += 1;
                    continue;
                }
                self.buffer.clear();
                stored::encode(url, &mut self.buffer)?;
                let level = -i64::from(url.priority);
                insert.execute(params![host, level, next, self.buffer])?;
                offers.push((at, (level, next)));
                next += 1;
            }
            transaction.prepare_cached(UPDATE_NEXT)?.execute([next])?;
        }
        transaction.commit()?;
        self.next = next;
        offers.iter().for_each(|(at, position)| self.offer(*at, *position));
        Ok(Added { new: offers.len(), seen })
    }

    fn lease(&mut self, wanted: &Wanted<'_>) -> Result<Leases, QueueError> {
        let mut urls = Vec::new();
        if let Err(e) = self.lease_in_turn(wanted, &mut urls) {
            let leases: Vec<_> = urls.iter().map(|(id, _)| *id).collect();
            self.release(&leases)?;
            return Err(e);
        }
        let rest = match () {
            () if self.turns.iter().any(|at| wanted.hosts.covers(&self.hosts[*at].name)) => Rest::More,
            () if self.turns.is_empty() && self.leased.is_empty() => Rest::Drained,
            () => Rest::Waits,
        };
        Ok(Leases { urls, rest })
    }

    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        let transaction = self.database.transaction()?;
        {
            let mut delete = transaction.prepare_cached(DELETE_URLS)?;
            let rows = leases.iter().filter_map(|id| Some((id.0, *self.leased.get(id)?)));
            let mut rows = rows.peekable();
            while let Some((first, of)) = rows.next() {
                let mut last = first;
                let follows =
                    |last, id, other: &Leased| id == last + 1 && (other.host, other.level) == (of.host, of.level);
                while rows.next_if(|(id, other)| follows(last, *id, other)).is_some() {
                    last += 1;
                }
                delete.execute(params![self.hosts[of.host].row, of.level, first, last])?;
            }
        }
        transaction.commit()?;
        for id in leases {
            self.leased.remove(id);
        }
        Ok(())
    }

    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        for id in leases {
            if let Some(Leased { host, level }) = self.leased.remove(id) {
                self.offer(host, (level, id.0));
            }
        }
        Ok(())
    }
}
