//! What is known of the lines that were just read.

use std::fs;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _};

use super::row::{self, Found, Shape};
use super::{StateError, failed};
use crate::config::Digest;
use crate::model::{Claimed, Condition, Known, Revision, Seed, Validators};

/// Looks URLs up. It lives on the thread of the source, which may wait for a disk.
pub struct Recall {
    path: PathBuf,
    connection: Connection,
    shape: Shape,
    /// Where bodies are saved; without one nothing has a file.
    folder: Option<PathBuf>,
    /// Wanted of every body: what is known without it is not done.
    digest: Digest,
    /// Whether what is done is asked for again, if it has changed.
    refresh: bool,
    /// Whether what was ok is to be compared with what comes now.
    compare: bool,
}

impl Recall {
    pub(super) fn new(path: PathBuf, connection: Connection, shape: Shape, folder: Option<PathBuf>) -> Self {
        Self { path, connection, shape, folder, digest: Digest::None, refresh: false, compare: false }
    }

    /// What is done must have this digest.
    pub fn wants(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// What is done is to be asked for again, in case it has changed.
    pub fn refreshes(&mut self) {
        self.refresh = true;
    }

    /// What was ok is to be compared with what comes now.
    pub fn compares(&mut self) {
        self.compare = true;
    }

    /// Tells each seed what is known of it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn look_up<'a>(&mut self, seeds: impl Iterator<Item = &'a mut Seed>) -> Result<(), StateError> {
        let look_up = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(row::SELECT)?;
            for seed in seeds {
                let key = [self.shape.key(seed)];
                let found = statement.query_row(key, |row| row::found(row, self.folder.as_deref())).optional()?;
                seed.known = found.map(|found| Box::new(self.known(seed, found)));
            }
            Ok(())
        };
        look_up().map_err(|e| failed(&self.path, e))
    }

    fn known(&self, seed: &Seed, found: Found) -> Known {
        let done = found.ok && self.has_digests(seed, &found) && self.is_there(&found);
        let Found { name, facts, validators, ok, .. } = found;
        let name = name.map(Claimed);
        if done && !self.refresh {
            return Known { name, done: Some(Box::new(facts)), ..Known::default() };
        }
        let before = (self.compare && ok).then(|| Box::new(Revision::of(&facts, validators.clone())));
        if !done {
            return Known { name, before, ..Known::default() };
        }
        let url = facts.final_url.clone().unwrap_or_else(|| seed.url.clone());
        let condition = (validators != Validators::default()).then(|| Box::new(Condition { url, validators, facts }));
        Known { name, done: None, condition, before }
    }

    /// Whether everything that is wanted of the body is known of it, and as the list declares it.
    fn has_digests(&self, seed: &Seed, found: &Found) -> bool {
        let wants = seed.wants.as_deref();
        let agrees = |declared: Option<[u8; 32]>, known: Option<[u8; 32]>| declared.is_none() || declared == known;
        let computed = match self.digest {
            Digest::None => true,
            Digest::Sha256 => found.facts.sha256.is_some(),
            Digest::Blake3 => found.facts.blake3.is_some(),
        };
        computed
            && agrees(wants.and_then(|w| w.sha256), found.facts.sha256)
            && agrees(wants.and_then(|w| w.blake3), found.facts.blake3)
    }

    /// The cheap check: its file is there and as long as it was.
    fn is_there(&self, found: &Found) -> bool {
        if self.folder.is_none() {
            return true;
        }
        let file = found.path.as_ref().and_then(|path| fs::symlink_metadata(path).ok());
        file.is_some_and(|file| file.is_file() && Some(file.len()) == found.facts.bytes)
    }
}
